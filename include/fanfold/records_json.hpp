#pragma once

#include <fanfold/records.hpp>

namespace fanfold {

/// Records as JSON, with the stored names (`pKey`, `startedAt`, `consumtion_count`, `completedTasks`, …), the stored
/// words for type and status, and times as ISO 8601. Thread-safe; no I/O. This is the one place that maps those names.
[[nodiscard]] Json to_json(const MessageRecord<Json, Json>& record);
[[nodiscard]] Json to_json(const MessageClusterRecord<Json, Json>& record);

}  // namespace fanfold
