#include "aws/sso.hpp"

#include "aws/call.hpp"
#include "aws/credential_document.hpp"
#include "aws/files.hpp"
#include "support/hash.hpp"

namespace fanfold::aws {
namespace {

constexpr std::size_t cache_bytes_max = std::size_t{64} << 10U;

std::string sha1_hexadecimal(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hexadecimal;
  for (const std::uint8_t byte : sha1_bytes(text)) {
    hexadecimal += digits[byte >> 4U];
    hexadecimal += digits[byte & 15U];
  }
  return hexadecimal;
}

Error needs_login(const std::string& reason) {
  return {ErrorCode::permission_denied, reason + "; run: aws sso login", {}};
}

/// GetRoleCredentials of the portal. Its token goes in a header and is the only proof: nothing is signed.
class GetRoleCredentials final : public Call {
 public:
  GetRoleCredentials(Service& portal, const SsoRole& role, const std::string& token)
      : Call(portal, request(role, token)) {
    hide(net::Secret(token));
  }
  [[nodiscard]] Credentials take() { return std::move(credentials_); }

 private:
  static ServiceRequest request(const SsoRole& role, const std::string& token) {
    ServiceRequest request;
    request.operation = "GetRoleCredentials";
    request.method = "GET";
    request.path = "/federation/credentials";
    request.query = net::query_text({{"role_name", role.role_name}, {"account_id", role.account_id}});
    request.headers.add("x-amz-sso_bearer_token", token);
    request.timeout = std::chrono::seconds(10);
    request.response_bytes_max = cache_bytes_max;
    return request;
  }

  Result<void> decode(const net::HttpResponse& response) override {
    detail::JsonDocument document;
    if (Result<void> read = document.read(response.body); !read.has_value()) return read;
    if (document.root().kind() != detail::JsonKind::object)
      return Error{ErrorCode::bad_input, "expected an object", {}};
    const auto member = document.root().find("roleCredentials");
    if (!member) return Error{ErrorCode::bad_input, "roleCredentials: missing", {}};
    Result<Credentials> read =
        read_credentials(*member, {"accessKeyId", "secretAccessKey", "sessionToken", "expiration", true});
    if (!read.has_value()) return std::move(read).error();
    credentials_ = std::move(*read);
    return {};
  }

  Credentials credentials_;
};

Result<std::string> read_token(const ProviderContext& context, const SsoRole& role) {
  const std::string file = context.config.directory() + "/sso/cache/" + sha1_hexadecimal(role.cache_key) + ".json";
  Result<std::optional<std::string>> content = read_small_file(file, cache_bytes_max);
  if (!content.has_value()) return std::move(content).error();
  if (!*content) return needs_login("there is no SSO token for '" + role.cache_key + "'");
  const auto text_of = [&](const detail::JsonDocument& document, std::string_view name) -> Result<std::string> {
    const auto member = document.root().kind() == detail::JsonKind::object ? document.root().find(name) : std::nullopt;
    if (!member || member->kind() != detail::JsonKind::string)
      return Error{ErrorCode::bad_input, "'" + file + "': " + std::string(name) + ": missing", {}};
    return std::string(member->string());
  };
  detail::JsonDocument document;
  if (Result<void> read = document.read(**content); !read.has_value())
    return Error{ErrorCode::bad_input, "'" + file + "': " + read.error().message, {}};
  Result<std::string> token = text_of(document, "accessToken");
  if (!token.has_value()) return token;
  Result<std::string> expires_at = text_of(document, "expiresAt");
  if (!expires_at.has_value()) return expires_at;
  const Result<Time> end = parse_expiration(*expires_at);
  if (!end.has_value())
    return Error{ErrorCode::bad_input, "'" + file + "': expiresAt: expected a time such as 2026-11-24T09:30:00Z", {}};
  if (*end <= context.time.now()) return needs_login("the SSO token for '" + role.cache_key + "' has ended");
  return token;
}

}  // namespace

Result<Credentials> fetch_sso_credentials(const ProviderContext& context, const SsoRole& role,
                                          const net::RunOptions& options) {
  Result<std::string> token = read_token(context, role);
  if (!token.has_value()) return std::move(token).error();
  Result<Endpoint> endpoint = find_endpoint(context.config, "sso", role.region);
  if (!endpoint.has_value()) return std::move(endpoint).error();
  Service::Options service_options{
      .name = "sso", .protocol = Protocol::json, .endpoint = std::move(*endpoint), .retry = {}, .warn = context.warn};
  service_options.retry.attempt_count_max = context.config.attempt_count_max();
  Service portal(std::move(service_options), context.http, context.time, nullptr);
  GetRoleCredentials call(portal, role, *token);
  portal.run(call, options);
  if (call.answer().service_code == "UnauthorizedException")
    return needs_login("the SSO token for '" + role.cache_key + "' is refused");
  if (call.answer().error) return *call.answer().error;
  return call.take();
}

}  // namespace fanfold::aws
