#include "aws/credential_chain.hpp"

#include "aws/credential_document.hpp"
#include "aws/sts.hpp"

namespace fanfold::aws {
namespace {

class EnvironmentProvider final : public CredentialProvider {
 public:
  explicit EnvironmentProvider(const ProviderContext& context) : context_(context) {}

  std::string name() const override { return "environment"; }

  Result<std::optional<Credentials>> fetch(const net::RunOptions&) override {
    const Config& config = context_.config;
    const auto key_id = config.variable("AWS_ACCESS_KEY_ID");
    const auto secret = config.variable("AWS_SECRET_ACCESS_KEY");
    if (!key_id && !secret) return std::optional<Credentials>();
    if (!key_id)
      return Error{ErrorCode::invalid_argument, "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not", {}};
    if (!secret)
      return Error{ErrorCode::invalid_argument, "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not", {}};
    Credentials credentials{
        *key_id, net::Secret(*secret), net::Secret(config.variable("AWS_SESSION_TOKEN").value_or("")), {}, false};
    if (const auto expiration = config.variable("AWS_CREDENTIAL_EXPIRATION")) {
      Result<Time> end = parse_expiration(*expiration);
      if (!end.has_value())
        return Error{
            ErrorCode::invalid_argument, "AWS_CREDENTIAL_EXPIRATION: expected a time such as 2026-11-24T09:30:00Z", {}};
      credentials.expires_at = *end;
    }
    return std::optional<Credentials>(std::move(credentials));
  }

 private:
  ProviderContext context_;
};

class WebIdentityProvider final : public CredentialProvider {
 public:
  explicit WebIdentityProvider(const ProviderContext& context) : context_(context) {}

  std::string name() const override { return "web identity"; }

  Result<std::optional<Credentials>> fetch(const net::RunOptions& options) override {
    const Config& config = context_.config;
    const auto token_file = config.variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!token_file) return std::optional<Credentials>();
    const auto role_arn = config.variable("AWS_ROLE_ARN");
    if (!role_arn)
      return Error{ErrorCode::invalid_argument, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not", {}};
    const Role role{.arn = *role_arn,
                    .session_name = config.variable("AWS_ROLE_SESSION_NAME").value_or(""),
                    .external_id = {},
                    .duration_seconds = {}};
    Result<Credentials> credentials = assume_role_with_web_identity(context_, role, *token_file, options);
    if (!credentials.has_value()) return std::move(credentials).error();
    return std::optional<Credentials>(std::move(*credentials));
  }

 private:
  ProviderContext context_;
};

}  // namespace

std::function<void()> slow_notice(const ProviderContext& context, const std::string& place) {
  if (!context.warn) return {};
  return [warn = context.warn, place] {
    warn("credentials from " + place + ": no answer for " + std::to_string(OutageNotice::patience.count()) +
         " s; still waiting");
  };
}

std::unique_ptr<CredentialProvider> make_environment_provider(const ProviderContext& context) {
  return std::make_unique<EnvironmentProvider>(context);
}
std::unique_ptr<CredentialProvider> make_web_identity_provider(const ProviderContext& context) {
  return std::make_unique<WebIdentityProvider>(context);
}

std::vector<std::unique_ptr<CredentialProvider>> make_credential_chain(const ProviderContext& context) {
  std::vector<std::unique_ptr<CredentialProvider>> chain;
  if (!context.config.is_profile_of_caller()) {
    chain.push_back(make_environment_provider(context));
    chain.push_back(make_web_identity_provider(context));
  }
  chain.push_back(make_profile_provider(context, context.config.profile_name()));
  if (!context.config.is_profile_of_caller()) {
    chain.push_back(make_container_provider(context));
    chain.push_back(make_instance_metadata_provider(context));
  }
  return chain;
}

}  // namespace fanfold::aws
