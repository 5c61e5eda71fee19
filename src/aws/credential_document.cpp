#include "aws/credential_document.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

Error bad_document(std::string_view member, std::string_view reason) {
  return {ErrorCode::bad_input, std::string(member) + ": " + std::string(reason), {}};
}

/// Empty where the member is missing or null.
Result<std::string> member_text(detail::JsonValue object, std::string_view member) {
  const std::optional<detail::JsonValue> value = object.find(member);
  if (!value || value->is_null()) return std::string();
  if (value->kind() != detail::JsonKind::string) return bad_document(member, "expected a string");
  return std::string(value->string());
}

}  // namespace

Result<Time> parse_expiration(std::string_view text) {
  constexpr std::size_t seconds_size = 19;  // "2026-11-24T09:30:00"
  const Error error = bad_document("Expiration", "expected a time such as 2026-11-24T09:30:00Z");
  if (text.size() <= seconds_size) return error;
  const Result<Time> whole = parse_iso8601(std::string(text.substr(0, seconds_size)) + "Z");
  if (!whole.has_value()) return error;
  std::string_view rest = text.substr(seconds_size);
  if (rest.front() == '.') {
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  }
  if (rest == "Z") return *whole;
  // "+01:00"
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return error;
  for (const std::size_t digit : {1U, 2U, 4U, 5U}) {
    if (rest[digit] < '0' || rest[digit] > '9') return error;
  }
  const std::chrono::minutes offset = std::chrono::hours((rest[1] - '0') * 10 + rest[2] - '0') +
                                      std::chrono::minutes((rest[4] - '0') * 10 + rest[5] - '0');
  return rest[0] == '+' ? *whole - offset : *whole + offset;
}

Result<Credentials> read_credentials(detail::JsonValue object, const CredentialNames& names) {
  if (object.kind() != detail::JsonKind::object) return Error{ErrorCode::bad_input, "expected an object", {}};
  Credentials credentials;
  std::string secret;
  std::string token;
  std::string expiration;
  struct Field {
    std::string_view name;
    std::string& text;
    bool is_required;
  };
  for (const Field& member :
       {Field{names.access_key_id, credentials.access_key_id, true}, Field{names.secret_access_key, secret, true},
        Field{names.session_token, token, names.has_to_end}, Field{names.expiration, expiration, false}}) {
    const std::optional<detail::JsonValue> value = object.find(member.name);
    if (value && value->kind() == detail::JsonKind::integer && member.name == names.expiration) continue;
    Result<std::string> text = member_text(object, member.name);
    if (!text.has_value()) return std::move(text).error();
    if (text->empty() && member.is_required) return bad_document(member.name, "missing");
    member.text = std::move(*text);
  }
  credentials.secret_access_key = net::Secret(std::move(secret));
  credentials.session_token = net::Secret(std::move(token));
  if (!expiration.empty()) {
    Result<Time> end = parse_expiration(expiration);
    if (!end.has_value()) return std::move(end).error();
    credentials.expires_at = *end;
  } else if (const std::optional<detail::JsonValue> value = object.find(names.expiration); value && value->int64()) {
    credentials.expires_at = Time(std::chrono::milliseconds(*value->int64()));
  } else if (names.has_to_end) {
    return bad_document(names.expiration, "missing");
  }
  return credentials;
}

}  // namespace fanfold::aws
