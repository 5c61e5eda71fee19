#pragma once

#include "engine/store.hpp"

#include <fanfold/options.hpp>

namespace fanfold::engine {

/// Most tasks that one retry_failed sends again.
inline constexpr std::size_t round_count_max = 10'000'000;
inline constexpr std::size_t reason_bytes_max = 4'096;

Result<void> stop_cluster(Store& store, const std::string& id, const std::string& reason);
Result<void> pause_cluster(Store& store, const std::string& id);
Result<std::uint64_t> retry_failed(Store& store, const std::string& id, const RetryOptions& options);
/// ADR 0096. `progress` is the cluster's as it is now.
Result<void> retry_finish(Store& store, const std::string& id, const Progress& progress);
Result<void> delete_cluster(Store& store, const std::string& id, const DeleteOptions& options = {});
Result<void> fail_task(Store& store, const std::string& id, std::uint64_t index, const std::string& reason);

/// Why nothing of a finished cluster can be steered any more.
[[nodiscard]] Error is_finished(std::string_view id);

/// The position of a task in the cluster's round that goes on; empty where it is not part of it.
Result<std::optional<std::uint64_t>> position_in_round(Store& store, const ClusterHeader& header, std::uint64_t index);

}  // namespace fanfold::engine
