#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

namespace fanfold::engine {

inline constexpr std::size_t cluster_name_bytes_max = 200;
inline constexpr std::size_t idempotency_key_bytes_max = 1'024;  ///< Of clusters, adds and retries.
inline constexpr std::size_t cluster_meta_bytes_max = 64 * 1024;
inline constexpr std::size_t task_bytes_max =
    json_size_bytes_max;  ///< Body, and meta, of one task; queues may allow less.
inline constexpr std::uint64_t task_count_max = 1'000'000'000;
inline constexpr std::uint32_t attempts_limit = 1'000;
/// Tasks and bytes of one `add`, which is one transaction.
inline constexpr std::size_t add_count_max = 100'000;
inline constexpr std::size_t add_bytes_max = 64 * 1024 * 1024;
/// A cluster outlives the messages of its queue by so much.
inline constexpr std::chrono::hours expiry_margin{48};

/// The id that a key means for a queue: always the same one.
[[nodiscard]] std::string cluster_id_of(std::string_view queue_url, std::string_view idempotency_key);
/// The id of the cluster that a task creates: one per task and round.
[[nodiscard]] std::string child_id_of(const ParentTask& parent);

/// Stores the payloads, then the header, then sends; open ones only get their header. Called again with the same
/// idempotency key it goes on where the last call was cut off. Memory does not grow with the number of tasks.
Result<MessageKey> create_cluster(Store& store, const detail::NewCluster& cluster, const detail::TaskSource& source);

Result<AddedTasks> add_tasks(Store& store, const std::string& cluster_id, const std::string& add_key,
                             const detail::TaskSource& source);

Result<void> seal_cluster(Store& store, const std::string& cluster_id);

}  // namespace fanfold::engine
