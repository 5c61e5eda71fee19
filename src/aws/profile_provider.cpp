// Credentials of a profile in ~/.aws/config and ~/.aws/credentials.
#include "aws/credential_chain.hpp"
#include "aws/credential_process.hpp"
#include "aws/sso.hpp"
#include "aws/sts.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::aws {
namespace {

using Found = Result<std::optional<Credentials>>;

const IniValue* find(const IniSection& profile, std::string_view key) {
  const auto found = profile.find(key);
  return found == profile.end() || found->second.text.empty() ? nullptr : &found->second;
}

std::string setting_of(const IniSection& profile, std::string_view key) {
  const IniValue* value = find(profile, key);
  return value == nullptr ? std::string() : value->text;
}

Error bad_profile(const IniValue& where, const std::string& reason) {
  return {ErrorCode::invalid_argument, where.place() + ": " + reason, {}};
}

Found found(Result<Credentials> credentials) {
  if (!credentials.has_value()) return std::move(credentials).error();
  return std::optional<Credentials>(std::move(*credentials));
}

bool has_keys(const IniSection& profile) {
  return find(profile, "aws_access_key_id") != nullptr || find(profile, "aws_secret_access_key") != nullptr;
}

Found keys_of(const IniSection& profile) {
  const IniValue* key_id = find(profile, "aws_access_key_id");
  const IniValue* secret = find(profile, "aws_secret_access_key");
  if (key_id == nullptr) return bad_profile(*secret, "aws_secret_access_key without aws_access_key_id");
  if (secret == nullptr) return bad_profile(*key_id, "aws_access_key_id without aws_secret_access_key");
  return std::optional<Credentials>(Credentials{
      key_id->text, net::Secret(secret->text), net::Secret(setting_of(profile, "aws_session_token")), {}, false});
}

class ProfileProvider final : public CredentialProvider {
 public:
  ProfileProvider(const ProviderContext& context, std::string profile)
      : context_(context), profile_(std::move(profile)) {}

  std::string name() const override { return "profile '" + profile_ + "'"; }

  Found fetch(const net::RunOptions& options) override {
    const IniSection* profile = context_.config.find_profile(profile_);
    if (profile == nullptr) return std::optional<Credentials>();
    std::vector<std::string> visited{profile_};
    if (find(*profile, "role_arn") != nullptr) return by_role(*profile, visited, options);
    return without_role(*profile, options);
  }

 private:
  Found without_role(const IniSection& profile, const net::RunOptions& options) {
    if (find(profile, "sso_account_id") != nullptr || find(profile, "sso_role_name") != nullptr)
      return by_sso(profile, options);
    if (has_keys(profile)) return keys_of(profile);
    if (const IniValue* command = find(profile, "credential_process"); command != nullptr)
      return found(run_credential_process(command->text, options, slow_notice(context_, name())));
    return std::optional<Credentials>();
  }

  Found by_role(const IniSection& profile, std::vector<std::string>& visited, const net::RunOptions& options) {
    Result<Role> role = role_of(profile);
    if (!role.has_value()) return std::move(role).error();
    if (const IniValue* token_file = find(profile, "web_identity_token_file"); token_file != nullptr) {
      return found(assume_role_with_web_identity(context_, *role, token_file->text, options));
    }
    Found source = source_of(profile, visited, options);
    if (!source.has_value()) return source;
    return found(assume_role(context_, *role, std::move(**source), options));
  }

  static Result<Role> role_of(const IniSection& profile) {
    Role role{.arn = setting_of(profile, "role_arn"),
              .session_name = setting_of(profile, "role_session_name"),
              .external_id = setting_of(profile, "external_id"),
              .duration_seconds = {}};
    if (const IniValue* serial = find(profile, "mfa_serial"); serial != nullptr) {
      return bad_profile(*serial,
                         "mfa_serial needs a person to type a code: use a profile that does not, or credentials that "
                         "the AWS command line made");
    }
    if (const IniValue* duration = find(profile, "duration_seconds"); duration != nullptr) {
      std::uint32_t seconds = 0;
      const char* end = duration->text.data() + duration->text.size();
      const auto [stop, error] = std::from_chars(duration->text.data(), end, seconds);
      if (error != std::errc() || stop != end) return bad_profile(*duration, "duration_seconds: expected a number");
      role.duration_seconds = seconds;
    }
    return role;
  }

  /// Never empty.
  Found source_of(const IniSection& profile, std::vector<std::string>& visited, const net::RunOptions& options) {
    const IniValue* source_profile = find(profile, "source_profile");
    const IniValue* credential_source = find(profile, "credential_source");
    const IniValue& role_arn = *find(profile, "role_arn");
    if (source_profile != nullptr && credential_source != nullptr)
      return bad_profile(role_arn, "both source_profile and credential_source");
    if (source_profile == nullptr && credential_source == nullptr)
      return bad_profile(role_arn, "role_arn without source_profile or credential_source");
    const IniValue& where = source_profile != nullptr ? *source_profile : *credential_source;
    Found source =
        source_profile != nullptr ? by_source_profile(where, visited, options) : by_credential_source(where, options);
    if (source.has_value() && !*source) return bad_profile(where, "'" + where.text + "' has no credentials");
    return source;
  }

  Found by_source_profile(const IniValue& where, std::vector<std::string>& visited, const net::RunOptions& options) {
    const IniSection* source = context_.config.find_profile(where.text);
    if (source == nullptr) return bad_profile(where, "there is no profile '" + where.text + "'");
    // Keys go first, so that a profile can name itself.
    if (has_keys(*source)) return keys_of(*source);
    if (std::find(visited.begin(), visited.end(), where.text) != visited.end())
      return bad_profile(where, "the profiles name each other in a circle");
    visited.push_back(where.text);
    return find(*source, "role_arn") != nullptr ? by_role(*source, visited, options) : without_role(*source, options);
  }

  Found by_credential_source(const IniValue& where, const net::RunOptions& options) {
    if (where.text == "Environment") return make_environment_provider(context_)->fetch(options);
    if (where.text == "EcsContainer") return make_container_provider(context_)->fetch(options);
    if (where.text == "Ec2InstanceMetadata") return make_instance_metadata_provider(context_)->fetch(options);
    return bad_profile(where, "credential_source: expected Environment, EcsContainer or Ec2InstanceMetadata");
  }

  Found by_sso(const IniSection& profile, const net::RunOptions& options) {
    const IniValue& where =
        find(profile, "sso_account_id") != nullptr ? *find(profile, "sso_account_id") : *find(profile, "sso_role_name");
    const IniSection* session = &profile;
    SsoRole role{.account_id = setting_of(profile, "sso_account_id"),
                 .role_name = setting_of(profile, "sso_role_name"),
                 .region = {},
                 .cache_key = {}};
    if (const IniValue* name = find(profile, "sso_session"); name != nullptr) {
      session = context_.config.find_sso_session(name->text);
      if (session == nullptr) return bad_profile(*name, "there is no section [sso-session " + name->text + "]");
      role.cache_key = name->text;
    } else {
      role.cache_key = setting_of(profile, "sso_start_url");
    }
    role.region = setting_of(*session, "sso_region");
    if (role.account_id.empty() || role.role_name.empty() || role.region.empty() || role.cache_key.empty()) {
      return bad_profile(
          where,
          "SSO needs sso_account_id, sso_role_name, and sso_region with sso_start_url, here or in an sso-session");
    }
    return found(fetch_sso_credentials(context_, role, options));
  }

  ProviderContext context_;
  std::string profile_;
};

}  // namespace

std::unique_ptr<CredentialProvider> make_profile_provider(const ProviderContext& context, std::string profile) {
  return std::make_unique<ProfileProvider>(context, std::move(profile));
}

}  // namespace fanfold::aws
