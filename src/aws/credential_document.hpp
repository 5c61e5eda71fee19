#pragma once

#include "aws/credentials.hpp"

#include <fanfold/detail/json_reader.hpp>

#include <string_view>

namespace fanfold::aws {

/// What the members are called where the document comes from.
struct CredentialNames {
  std::string_view access_key_id = "AccessKeyId";
  std::string_view secret_access_key = "SecretAccessKey";
  std::string_view session_token = "Token";
  std::string_view expiration = "Expiration";
  bool has_to_end = false;  ///< Token and expiration have to be there.
};

/// Credentials as JSON. Errors: bad_input, which name the member and never its value.
[[nodiscard]] Result<Credentials> read_credentials(detail::JsonValue object, const CredentialNames& names);

/// "2026-11-24T09:30:00Z", with a fraction or an offset too. Errors: bad_input.
[[nodiscard]] Result<Time> parse_expiration(std::string_view text);

}  // namespace fanfold::aws
