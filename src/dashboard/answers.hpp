#pragma once

#include "serve/http_server.hpp"

#include <fanfold/codec.hpp>

#include <limits>

namespace fanfold::dashboard {

/// What one request is answered with: JSON, or why there is none.
using Reply = Result<Json>;

[[nodiscard]] serve::Answer answer_with(Reply reply);
/// {"error":{"code":"not_found","message":"…"}} with the status that belongs to it.
[[nodiscard]] serve::Answer error_answer(const Error& error);
[[nodiscard]] serve::Answer error_answer(int status, const Error& error);
[[nodiscard]] Json error_json(const Error& error);

struct NumberRule {
  std::uint64_t missing = 0;  ///< What a parameter is that is not given.
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};
/// The parameter as a number. Errors: invalid_argument.
[[nodiscard]] Result<std::uint64_t> number_parameter(const serve::Request& request, const std::string& name,
                                                     const NumberRule& rule);
/// Digits alone. Errors: invalid_argument, with `name`.
[[nodiscard]] Result<std::uint64_t> read_number(std::string_view text, std::string_view name, const NumberRule& rule);

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
