#pragma once

#include "cli/run_job.hpp"

namespace fanfold::cli {

/// What one start of `fanfold run` found.
struct RunExplanation {
  const Client& client;
  MessageKey key;     ///< Of the list's cluster.
  std::string label;  ///< The job's name, for people.
  const Progress& before;
  const CompletedElsewhere& elsewhere;
  std::uint64_t task_count = 0;
  bool is_new = false;  ///< The cluster was made by this start.
};

/// Says on standard error what is skipped and what runs; with `each_task` of every task, and why. Errors: those of the
/// store.
[[nodiscard]] Result<void> explain_run(const RunExplanation& run, bool each_task);

}  // namespace fanfold::cli
