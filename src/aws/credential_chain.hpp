#pragma once

#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/outage_notice.hpp"
#include "aws/service_time.hpp"
#include "net/http_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace fanfold::aws {

/// What providers work with; all of it outlives them.
struct ProviderContext {
  const Config& config;
  net::HttpClient& http;
  ServiceTime& time;
  OutageNotice::Warn warn{};  ///< Told of a place that does not answer while it is waited for.
};

/// To be called once where `place` has not answered for OutageNotice::patience; empty where nobody is to be told.
[[nodiscard]] std::function<void()> slow_notice(const ProviderContext& context, const std::string& place);

/// The providers in their order: environment, web identity, profile (role, web identity, SSO, keys, process), container
/// endpoint, instance metadata. Where the caller named the profile, the profile alone.
[[nodiscard]] std::vector<std::unique_ptr<CredentialProvider>> make_credential_chain(const ProviderContext& context);

[[nodiscard]] std::unique_ptr<CredentialProvider> make_environment_provider(const ProviderContext& context);
[[nodiscard]] std::unique_ptr<CredentialProvider> make_web_identity_provider(const ProviderContext& context);
[[nodiscard]] std::unique_ptr<CredentialProvider> make_profile_provider(const ProviderContext& context,
                                                                        std::string profile);
[[nodiscard]] std::unique_ptr<CredentialProvider> make_container_provider(const ProviderContext& context);
[[nodiscard]] std::unique_ptr<CredentialProvider> make_instance_metadata_provider(const ProviderContext& context);

}  // namespace fanfold::aws
