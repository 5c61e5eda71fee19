#pragma once

#include <fanfold/ports/ledger.hpp>

#include <cstdint>
#include <vector>

namespace fanfold::cli {

/// A retry of a failed task counts its attempts from 1 again. The answer says for each output, in the order they were
/// printed, in which round of the cluster that was. Where an older fanfold did not keep it, it is how often the task
/// had been retried by then, as far as its outputs and errors tell.
[[nodiscard]] std::vector<std::uint32_t> rounds_of(const std::vector<AttemptOutput>& outputs,
                                                   const std::vector<ErrorEntry>& errors);

}  // namespace fanfold::cli
