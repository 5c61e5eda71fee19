#pragma once

#include "cli/invocation.hpp"

#include <filesystem>
#include <functional>
#include <optional>

namespace fanfold::cli {

/// Says which store the commands work on that are started in its folder.
inline constexpr const char* config_file_name = "fanfold.toml";

/// A variable of the environment, or nothing.
using FindVariable = std::function<std::optional<std::string>(const char* name)>;

/// Reads store, durability, table, bucket, region and prices from a file of `key = "value"` lines into `options`, which
/// the environment and the command line may change afterwards. A file that is not there says nothing. The region stays
/// empty where AWS_REGION or AWS_DEFAULT_REGION is set. Errors: bad_input with line and key; unavailable where it
/// cannot be read.
[[nodiscard]] Result<void> read_config_file(const std::filesystem::path& file, const FindVariable& variable,
                                            CommonOptions& options);

}  // namespace fanfold::cli
