#pragma once

#include <fanfold/cluster_header.hpp>

#include <stop_token>

namespace fanfold {

/// What a new cluster is like. Everything has a default.
struct ClusterOptions {
  std::string name{};  ///< For people, and to pick handlers by; at most 200 bytes.
  std::string
      idempotency_key{};       ///< The same key (for the same queue) is the same cluster, however often it is created.
  Encoded globals{};           ///< Shared by all tasks.
  Encoded meta{};              ///< Small data on the cluster's record.
  std::string finish_queue{};  ///< Where the finish message goes; the cluster's own queue by default.
  bool finish_handler_required = false;  ///< A worker without a finish handler returns the finish message to the queue.
  bool first_failure_notice = false;     ///< Runs on_first_failure when the first task fails for good.
  bool fail_fast = false;                ///< The first failure for good stops the cluster.
  std::uint64_t failures_allowed_count = 0;             ///< Up to so many, the cluster still ends COMPLETE.
  double failures_allowed_percent = 0;                  ///< 0 to 100.
  std::optional<std::uint32_t> attempts_max{};          ///< Attempts per task, 1 to 1,000; the worker's by default.
  std::optional<std::chrono::milliseconds> deadline{};  ///< From creation; past it the cluster is reported, or stopped.
  DeadlineAction deadline_action = DeadlineAction::report;
  std::chrono::hours expires_after{
      24 * 30};  ///< Records and globals are kept so long; at least the queue's retention + 2 days.
  bool parent_fails_with_child =
      true;  ///< Child clusters: false ends the parent's task as done whatever became of the child.
  /// Carried by every message of the cluster, in all rounds. A child's is its task's unless one is given. Called again
  /// with the same key, the first one stays.
  TraceContext trace{};
};

struct SendOptions {
  Encoded meta{};
  std::chrono::milliseconds delay{0};  ///< 0 to 15 min.
  std::string group_id{};              ///< FIFO queues.
  std::string deduplication_id{};      ///< FIFO queues; a fresh one by default, whatever the queue is set to, so that
                                       ///< each message is delivered. A second message with one within 5 minutes is
                                       ///< swallowed as on SQS: its record stays PRE FLIGHT until it expires.
  std::chrono::hours expires_after{24 * 30};
  TraceContext trace{};  ///< Carried by the message.
};

/// Retrying and time limits of one consumer.
struct AttemptOptions {
  std::uint32_t attempts_max = 3;  ///< 1 to 1,000.
  std::chrono::milliseconds lease{
      30'000};  ///< A claim lasts so long unless extended; 1 s to 12 h. The visibility is a second longer.
  std::chrono::milliseconds backoff_initial{
      1'000};  ///< Before the second attempt, at most; doubled for each further one, full jitter.
  std::chrono::milliseconds backoff_max{15 * 60'000};
};

struct BatchOptions {
  bool deduplicate =
      true;  ///< False: no claim; a task's completion is conditional on "not ended yet". Cheaper, runs duplicates, and
             ///< counts a message's deliveries as attempts, those too that no handler saw.
  AttemptOptions attempts{};
  std::optional<Time> deadline{};  ///< Nothing is started after it; what was not started stays in the queue.
  std::stop_token stop{};          ///< Nothing is started once it was requested, and handlers are told.
};

struct DeleteOptions {
  /// Also a finished or stopped cluster whose finish message nobody has handled yet: its finish handler never runs.
  /// One that runs at this moment, or waits to be tried again, is not taken away.
  bool without_finish_handler = false;
};

/// Which failed tasks to send again, all by default.
struct RetryOptions {
  std::string fingerprint{};  ///< A prefix of the error's fingerprint.
  std::string contains{};     ///< Part of the last error's message.
  /// Calling again with it (a lost answer) is not a second round, also where others were begun since. A cluster knows
  /// its latest eight.
  std::string idempotency_key{};
};

}  // namespace fanfold
