#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

namespace fanfold::engine {

/// Most tasks of a cluster whose record is returned with whole task lists.
inline constexpr std::uint64_t task_list_max = 10'000;
inline constexpr std::size_t record_meta_bytes_max = 64 * 1024;

using MessageUpdate = std::function<Result<MessageRecord<Json, Json>>(const MessageRecord<Json, Json>&)>;
using ClusterUpdate = std::function<Result<MessageClusterRecord<Json, Json>>(const MessageClusterRecord<Json, Json>&)>;

/// "Not found" counts only after a strong read.
Result<MessageRecord<Json, Json>> read_message_record(Store& store, const KeyParts& key, Consistency consistency);
/// Errors: too_large with task lists of more than `task_list_max` tasks.
Result<MessageClusterRecord<Json, Json>> read_cluster_record(Store& store, const std::string& id,
                                                             Consistency consistency, bool with_task_lists);

/// Changes meta through a function, applied exactly once in effect. Errors: invalid_argument (another field was
/// changed; the message names the operation that changes it), too_large, conflict, outcome_unknown (an answer was lost
/// and the record has changed since).
Result<void> update_message_record(Store& store, const KeyParts& key, const MessageUpdate& function);
Result<void> update_cluster_record(Store& store, const std::string& id, const ClusterUpdate& function);

/// The record as API and JSON show it, without task lists.
[[nodiscard]] MessageClusterRecord<Json, Json> record_of(const ClusterHeader& header);

}  // namespace fanfold::engine
