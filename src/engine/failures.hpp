#pragma once

#include "engine/store.hpp"

namespace fanfold::engine {

/// The entry of a record's error list that says why it failed for good. `attempt` is 0 where none was made.
[[nodiscard]] ErrorEntry final_error(const Error& error, std::uint32_t attempt, Time at);

/// Ends records (failures, mostly) outside of a dispatched delivery, and does what follows from it: finished clusters, fail_fast, the
/// first-failure notice. Idempotent. Answers the outcomes, in order.
Result<std::vector<EndOutcome>> end_and_settle(Store& store, std::span<const EndRequest> requests);

}  // namespace fanfold::engine
