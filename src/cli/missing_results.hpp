#pragma once

#include "cli/result_files.hpp"
#include "cli/run_job.hpp"

#include <cstdint>
#include <filesystem>

namespace fanfold::cli {

/// Where the results of a job's former list belong in its list of so many tasks: those of tasks that are complete
/// there. `former_list` is the key of one of `others`, or of none, as where it was deleted. Reads `input` once. Errors:
/// those of the store and of the list.
[[nodiscard]] Result<std::vector<ResultFolder::Move>> moves_from(const Client& client,
                                                                 const std::vector<ClusterHeader>& others,
                                                                 const std::string& former_list, TaskInput& input,
                                                                 std::uint64_t task_count);

/// Writes into a folder of results those of a cluster's tasks whose files are not there, from what was kept. Of the
/// first `complete_count` tasks, which are all complete, those that returned nothing get an empty file. The answer
/// counts the results that were too long to be kept. Blocks. Errors: those of the store and of the file system.
[[nodiscard]] Result<std::uint64_t> restore_missing_results(const Client& client, const MessageKey& cluster,
                                                            ResultFolder& folder, std::uint64_t complete_count);

/// After a power cut: writes anew the files of a cluster's complete tasks that are not there, or shorter than what was
/// printed, where that was kept. Where it was not, the file was on the disk before the task was complete. Tasks may end
/// meanwhile. Nothing is done where the cluster was deleted. Blocks. Errors: those of the store and of the file system.
[[nodiscard]] Result<void> repair_results(const Client& client, const MessageKey& cluster,
                                          const std::filesystem::path& folder);

}  // namespace fanfold::cli
