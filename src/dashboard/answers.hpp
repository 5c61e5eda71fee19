#pragma once

#include "serve/http_server.hpp"

#include <fanfold/codec.hpp>

namespace fanfold::dashboard {

/// What one request is answered with: JSON, or why there is none.
using Reply = Result<Json>;

[[nodiscard]] serve::Answer answer_with(Reply reply);
/// {"error":{"code":"not_found","message":"…"}} with the status that belongs to it.
[[nodiscard]] serve::Answer error_answer(const Error& error);
[[nodiscard]] serve::Answer error_answer(int status, const Error& error);
[[nodiscard]] Json error_json(const Error& error);

/// The parameter as a number of at most `max`, `missing` where it is not given. Errors: invalid_argument.
[[nodiscard]] Result<std::uint64_t> number_parameter(const serve::Request& request, const std::string& name,
                                                     std::uint64_t missing, std::uint64_t max);
/// Digits alone. Errors: invalid_argument, with `name`.
[[nodiscard]] Result<std::uint64_t> read_number(std::string_view text, std::string_view name, std::uint64_t max);

/// A JSON array of what `write` makes of each.
template <class Range, class Write>
[[nodiscard]] Json array_of(const Range& range, const Write& write) {
  std::string text = "[";
  for (const auto& item : range) {
    if (text.size() > 1) text += ',';
    text += write(item);
  }
  return Json::from_valid_text(text + "]");
}

}  // namespace fanfold::dashboard
