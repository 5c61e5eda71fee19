#pragma once

#include <fanfold/result.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace fanfold::aws {

/// A small file's content; empty where there is no such file. Errors: permission_denied, unavailable, too_large.
[[nodiscard]] Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t bytes_max);

}  // namespace fanfold::aws
