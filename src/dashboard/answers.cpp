#include "dashboard/answers.hpp"

#include "views/json_object.hpp"

#include <charconv>

namespace fanfold::dashboard {

namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::bad_input:
    case ErrorCode::too_large: return 400;
    case ErrorCode::permission_denied:
    case ErrorCode::read_only: return 403;
    case ErrorCode::not_found:
    case ErrorCode::deleted:
    case ErrorCode::expired: return 404;
    case ErrorCode::already_exists:
    case ErrorCode::different_tasks:
    case ErrorCode::conflict:
    case ErrorCode::lease_lost:
    case ErrorCode::sealed:
    case ErrorCode::not_finished:
    case ErrorCode::stopped: return 409;
    case ErrorCode::throttled:
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::outcome_unknown: return 503;
    default: return 500;
  }
}

}  // namespace

serve::Answer answer_with(Reply reply) {
  if (!reply) return error_answer(reply.error());
  return {.body = std::move(*reply).text()};
}

serve::Answer error_answer(const Error& error) { return error_answer(status_of(error.code), error); }

serve::Answer error_answer(int status, const Error& error) {
  return {.status = status, .body = views::JsonObject().json("error", error_json(error)).line()};
}

Json error_json(const Error& error) {
  views::JsonObject object;
  object.text("code", to_string(error.code)).text("message", error.message);
  if (!error.remote_detail.empty()) object.text("detail", error.remote_detail);
  return Json::from_valid_text(object.line());
}

Result<std::uint64_t> read_number(std::string_view text, std::string_view name, const NumberRule& rule) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = code == std::errc{} && end == text.data() + text.size();
  if (!is_number || number < rule.least || number > rule.most) {
    return Error{ErrorCode::invalid_argument,
                 std::string(name) + ": expected a whole number from " + std::to_string(rule.least) + " to " +
                     std::to_string(rule.most),
                 {}};
  }
  return number;
}

Result<std::uint64_t> number_parameter(const serve::Request& request, const std::string& name, const NumberRule& rule) {
  const std::string text = request.parameter(name);
  return text.empty() ? Result<std::uint64_t>(rule.missing) : read_number(text, name, rule);
}

}  // namespace fanfold::dashboard
