#pragma once

#include <fanfold/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fanfold::aws {

/// A small file's content; empty where there is no such file. Errors: permission_denied, unavailable, too_large.
[[nodiscard]] Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t bytes_max);

/// A token is longer in no service.
inline constexpr std::size_t token_bytes_max = std::size_t{64} << 10U;

/// Without the white space around it.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace fanfold::aws
