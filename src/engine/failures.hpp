#pragma once

#include "engine/store.hpp"

namespace fanfold::engine {

/// Ends records outside of a delivery's dispatch, and does what follows: the first-failure notice, fail_fast, finished
/// clusters. Idempotent. Answers the outcomes, in order.
Result<std::vector<EndOutcome>> end_and_follow(Store& store, std::span<const EndRequest> requests);

}  // namespace fanfold::engine
