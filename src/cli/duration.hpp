#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// Reads "250ms", "30s", "5m", "12h", "4d", or several of them from large to small: "1h30m". "0" is zero.
/// Errors: bad_input names the place. At most ten years.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact text that parse_duration reads: "1h30m", "250ms", "0s".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace fanfold::cli
