#pragma once

#include "aws/credential_chain.hpp"

namespace fanfold::aws {

/// A role of IAM Identity Center, as profiles name it.
struct SsoRole {
  std::string account_id{};
  std::string role_name{};
  std::string region{};
  std::string cache_key{};  ///< The name of the sso-session, or the start URL of older profiles.
};

/// Credentials for the token that `aws sso login` left in ~/.aws/sso/cache. Errors: permission_denied where there is no
/// token or it has ended, bad_input, those of a call.
[[nodiscard]] Result<Credentials> fetch_sso_credentials(const ProviderContext& context, const SsoRole& role,
                                                        const net::RunOptions& options);

}  // namespace fanfold::aws
