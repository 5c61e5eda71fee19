#pragma once

#include <fanfold/client.hpp>

#include <cstdint>
#include <filesystem>

namespace fanfold::cli {

/// Writes into a folder of results those of a cluster's tasks whose files are not there, from what was kept. Of the
/// first `complete_count` tasks, which are all complete, those that returned nothing get an empty file. The answer
/// counts the results that were too long to be kept. Blocks. Errors: those of the store and of the file system.
[[nodiscard]] Result<std::uint64_t> restore_missing_results(const Client& client, const MessageKey& cluster,
                                                            const std::filesystem::path& folder,
                                                            std::uint64_t complete_count);

}  // namespace fanfold::cli
