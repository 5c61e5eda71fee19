#pragma once

#include "aws/credential_chain.hpp"

#include <optional>
#include <string>

namespace fanfold::aws {

/// A role to take on, as profiles and the environment name it.
struct Role {
  std::string arn{};
  std::string session_name{};  ///< Empty: one is made up.
  std::string external_id{};
  std::optional<std::uint32_t> duration_seconds{};
};

/// sts:AssumeRole, signed with `source`. Errors: those of a call, bad_input.
[[nodiscard]] Result<Credentials> assume_role(const ProviderContext& context, const Role& role, Credentials source,
                                              const net::RunOptions& options);
/// sts:AssumeRoleWithWebIdentity with the token in that file, which is read each time since others renew it. Unsigned.
[[nodiscard]] Result<Credentials> assume_role_with_web_identity(const ProviderContext& context, const Role& role,
                                                                const std::string& token_file,
                                                                const net::RunOptions& options);

}  // namespace fanfold::aws
