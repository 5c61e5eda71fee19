#include "aws/sts.hpp"

#include "aws/call.hpp"
#include "aws/credential_document.hpp"
#include "aws/files.hpp"
#include "aws/xml.hpp"
#include "support/identifier.hpp"

namespace fanfold::aws {
namespace {

constexpr std::size_t sts_answer_bytes_max = std::size_t{64} << 10U;

class StsCall final : public Call {
 public:
  StsCall(Service& service, std::string action, net::QueryParameters parameters)
      : Call(service, request(action, std::move(parameters))) {}

  void hide_token(const std::string& token) { hide(net::Secret(token)); }
  [[nodiscard]] Credentials take() { return std::move(credentials_); }

 private:
  static ServiceRequest request(const std::string& action, net::QueryParameters parameters) {
    ServiceRequest request;
    request.operation = action;
    request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    parameters.emplace_back("Action", action);
    parameters.emplace_back("Version", "2011-06-15");
    request.body = net::query_text(parameters);
    request.timeout = std::chrono::seconds(10);
    request.response_bytes_max = sts_answer_bytes_max;
    return request;
  }

  Result<void> decode(const net::HttpResponse& response) override {
    Result<XmlDocument> document = XmlDocument::parse(response.body);
    if (!document.has_value()) return std::move(document).error();
    const auto text = [&](std::string_view name) { return std::string(document->find(name).value_or("")); };
    for (const std::string_view name : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
      if (text(name).empty()) return Error{ErrorCode::bad_input, std::string(name) + ": missing", {}};
    }
    Result<Time> end = parse_expiration(text("Expiration"));
    if (!end.has_value()) return std::move(end).error();
    credentials_ = {text("AccessKeyId"), net::Secret(text("SecretAccessKey")), net::Secret(text("SessionToken")), *end,
                    false};
    return {};
  }

  Credentials credentials_;
};

/// Hands out what it was given.
class FixedProvider final : public CredentialProvider {
 public:
  explicit FixedProvider(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string name() const override { return "source"; }
  Result<std::optional<Credentials>> fetch(const net::RunOptions&) override {
    return std::optional<Credentials>(credentials_);
  }

 private:
  Credentials credentials_;
};

net::QueryParameters parameters_of(const Role& role) {
  net::QueryParameters parameters;
  parameters.emplace_back("RoleArn", role.arn);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  parameters.emplace_back("RoleSessionName",
                          role.session_name.empty() ? "fanfold-" + make_identifier(now) : role.session_name);
  if (!role.external_id.empty()) parameters.emplace_back("ExternalId", role.external_id);
  if (role.duration_seconds) parameters.emplace_back("DurationSeconds", std::to_string(*role.duration_seconds));
  return parameters;
}

Result<Service::Options> sts_options(const ProviderContext& context) {
  Result<std::string> region = context.config.region();
  if (!region.has_value()) return std::move(region).error();
  Result<Endpoint> endpoint = find_endpoint(context.config, "sts", *region);
  if (!endpoint.has_value()) return std::move(endpoint).error();
  Service::Options options{
      .name = "sts", .protocol = Protocol::xml, .endpoint = std::move(*endpoint), .retry = {}, .warn = context.warn};
  options.retry.attempt_count_max = context.config.attempt_count_max();
  return options;
}

Result<Credentials> credentials_of(StsCall& call) {
  if (call.answer().error) return *call.answer().error;
  return call.take();
}

}  // namespace

Result<Credentials> assume_role(const ProviderContext& context, const Role& role, Credentials source,
                                const net::RunOptions& options) {
  Result<Service::Options> service_options = sts_options(context);
  if (!service_options.has_value()) return std::move(service_options).error();
  std::vector<std::unique_ptr<CredentialProvider>> providers;
  providers.push_back(std::make_unique<FixedProvider>(std::move(source)));
  CredentialSource credentials(std::move(providers), [&] { return context.time.now(); });
  Service sts(std::move(*service_options), context.http, context.time, &credentials);
  StsCall call(sts, "AssumeRole", parameters_of(role));
  sts.run(call, options);
  return credentials_of(call);
}

Result<Credentials> assume_role_with_web_identity(const ProviderContext& context, const Role& role,
                                                  const std::string& token_file, const net::RunOptions& options) {
  Result<std::optional<std::string>> token = read_small_file(token_file, token_bytes_max);
  if (!token.has_value()) return std::move(token).error();
  if (!*token) return Error{ErrorCode::invalid_argument, "the token file '" + token_file + "' does not exist", {}};
  Result<Service::Options> service_options = sts_options(context);
  if (!service_options.has_value()) return std::move(service_options).error();
  Service sts(std::move(*service_options), context.http, context.time, nullptr);
  net::QueryParameters parameters = parameters_of(role);
  parameters.emplace_back("WebIdentityToken", trimmed(**token));
  StsCall call(sts, "AssumeRoleWithWebIdentity", std::move(parameters));
  call.hide_token(std::string(trimmed(**token)));
  sts.run(call, options);
  return credentials_of(call);
}

}  // namespace fanfold::aws
