#pragma once

#include "aws/config.hpp"
#include "support/test_directory.hpp"

#include <map>
#include <string>

namespace fanfold::aws {

/// An environment made of a map.
inline Variables variables_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    if (found == values.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };
}

/// The environment in which everything is at one server, with credentials.
inline Variables variables_of_server(const std::string& url) {
  return variables_of({{"AWS_REGION", "eu-west-1"},
                       {"AWS_ACCESS_KEY_ID", "AKID"},
                       {"AWS_SECRET_ACCESS_KEY", "the-secret-key"},
                       {"AWS_ENDPOINT_URL", url}});
}

using support::TestDirectory;

}  // namespace fanfold::aws
