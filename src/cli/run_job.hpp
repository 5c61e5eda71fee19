#pragma once

#include "cli/content_hash.hpp"
#include "cli/task_input.hpp"

#include <fanfold/client.hpp>

#include <atomic>
#include <mutex>

namespace fanfold::cli {

/// What makes two starts of `fanfold run` the same job: the name and the program with its arguments.
struct RunJob {
  std::string name;
  std::vector<std::string> command;
  bool has_on_finish = false;  ///< Of this start alone: a cluster that it makes does not end without such a command.
  /// Of what makes it the same.
  [[nodiscard]] std::string hash() const;
};

/// The list of tasks of this start: how many, and the hash of them all in their order.
struct RunList {
  std::uint64_t count = 0;
  std::string hash;
};
/// Reads the whole list once; errors in it show here, before anything runs.
[[nodiscard]] Result<RunList> read_list(TaskInput& input);

/// The job's clusters. Each holds a whole list, also what was complete before, so that a task's index in it is its
/// place in the list and the cluster's results are those of the list. What was before the newest start with --again
/// does not count any more.
struct JobClusters {
  std::optional<ClusterHeader> same_list;  ///< The newest one of this very list that can go on.
  std::vector<ClusterHeader> others;       ///< Of other lists (and ended ones of this), the newest first.
  std::uint64_t generation = 0;            ///< Of the cluster to go on with or to make: each of one list has its own.
  bool has_other_program = false;          ///< There are jobs of the same name that ran another program.
  std::optional<ClusterHeader> left_open;  ///< With `again`: what would have gone on without, and is not finished.
};
/// `again`: none of this list can go on, but one that such a start began to create and in which nothing can have run.
[[nodiscard]] Result<JobClusters> find_job(const Client& client, const RunJob& job, const RunList& list, bool again);

/// Tasks that were completed in other clusters of the job, by their index in the list. By content and occurrence: of
/// three equal lines the first is one task, the second another.
class CompletedElsewhere {
 public:
  /// Reads those of `sources` that have completed tasks, and then the list. Blocks.
  [[nodiscard]] Result<void> read(const Client& client, const std::vector<ClusterHeader>& sources, TaskInput& input);

  [[nodiscard]] std::uint64_t count() const noexcept { return tasks_.size(); }
  /// The cluster and index where this task was completed; empty where it was not.
  struct Where {
    MessageKey cluster;
    std::uint64_t index;
  };
  [[nodiscard]] std::optional<Where> find(std::uint64_t index) const;

  /// The outcome of such a task: done, with the result it had there. Empty where it was not completed elsewhere.
  /// Thread-safe.
  [[nodiscard]] std::optional<Outcome> settle(const Client& client, std::uint64_t index) const;
  /// How many were settled so.
  [[nodiscard]] std::uint64_t settled_count() const noexcept { return settled_count_; }

 private:
  struct Task {
    std::uint64_t index;
    std::uint64_t source_index;
    std::size_t source;
  };
  struct Source {
    MessageKey cluster;
    // Indexes [gap_begin, gap_end) are known to have no result. Guarded by mutex_.
    std::uint64_t gap_begin = 0;
    std::uint64_t gap_end = 0;
  };
  [[nodiscard]] Result<void> read_source(const Client& client, std::size_t source, ContentMap& done);
  [[nodiscard]] const Task* task_at(std::uint64_t index) const;
  [[nodiscard]] Result<std::optional<Json>> result_of_task(const Client& client, const Task& task) const;

  std::vector<Task> tasks_;  // Ascending by index.
  mutable std::vector<Source> sources_;
  mutable std::mutex mutex_;
  mutable std::atomic<std::uint64_t> settled_count_ = 0;
};

/// Whether `fanfold run` made it: its queue is for that one job, and nobody else would work on it.
[[nodiscard]] bool is_of_run(const ClusterHeader& header);
/// What is open of a list that was moved is done elsewhere: another run here would do it twice.
[[nodiscard]] Error error_of_moved(const ClusterHeader& header);
/// Whether a start with --again made it.
[[nodiscard]] bool is_made_anew(const ClusterHeader& header);
/// Whether its creation is under way or was cut off: no `run` has begun to work on it.
[[nodiscard]] bool is_being_created(const ClusterHeader& header);

/// Creates the list's cluster, or ends its creation where that was cut off: the same list and generation is the same
/// cluster. `anew`: by a start with --again. Errors: those of creating; different_tasks where the list changed while it
/// was read; cancelled.
[[nodiscard]] Result<MessageKey> create_run_cluster(const Client& client, const RunJob& job, const RunList& list,
                                                    std::uint64_t generation, bool anew, TaskInput& input,
                                                    const std::stop_token& stop);

}  // namespace fanfold::cli
