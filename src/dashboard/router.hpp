#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::dashboard {

/// What stands for the `*` of a pattern, in order; empty where the path is another one. "/api/clusters/*/why" has one
/// segment for each, which is never empty.
[[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path);

}  // namespace fanfold::dashboard
