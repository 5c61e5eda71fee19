#pragma once

#include <fanfold/client.hpp>

namespace fanfold {

/// One of several queues that a worker takes from; a queue of weight 3 is polled three times as often as one of
/// weight 1.
struct WeightedQueue {
  std::string name{};
  std::uint32_t weight = 1;  ///< 1 to 1,000.
};

/// Something that happened in a worker, for logs and counters. Never holds a payload. Views and pointers live as long
/// as the call.
struct WorkerEvent {
  enum class Kind : std::uint8_t {
    started,         ///< The worker begins to receive.
    received,        ///< `detail` says how many messages.
    claimed,         ///< A handler is about to run.
    done,            ///< A task or message ended complete, or a task waits for its child cluster from now on.
    retried,         ///< An attempt failed, `detail` says why; another one follows.
    failed,          ///< It failed for good, `detail` says why.
    duplicate,       ///< A further delivery of what has ended, or is gone; its message is deleted.
    in_progress,     ///< Somebody else has it; its message comes again when that lease has run out.
    lease_lost,      ///< Somebody else took it over meanwhile: this outcome counts for nothing.
    returned,        ///< Its message was put back without an attempt, `detail` says why.
    finish_handled,  ///< The finish message of a cluster ended complete.
    crashed_before,  ///< It failed for good since the attempt before ended with its process.
    error,           ///< `detail` says it to people; a passing fault is tried again.
    swept,           ///< A sweep is over; `detail` names, the first time, queues of others that it may not look after.
    draining,        ///< Stop was requested: nothing new begins.
    stopped          ///< The last event.
  };
  Kind kind = Kind::started;
  std::string_view cluster_id{};
  std::optional<std::uint64_t> task{};
  std::string_view message_id{};  ///< The queue's.
  std::string_view
      record_id{};  ///< Of the cluster, or of the message that belongs to none: `SQSMessage$` + it is its key.
  std::uint32_t attempt = 0;
  std::chrono::microseconds took{0};
  std::string_view detail{};
  const TraceContext* trace = nullptr;  ///< Of its message; null where it has none.
  const Error* error = nullptr;         ///< Of a call that failed, with the event `error`; `detail` is its text.
};

struct WorkerOptions {
  std::string queue{};                  ///< The queue to work on, or
  std::vector<WeightedQueue> queues{};  ///< several.
  std::size_t jobs = 0;                 ///< Handlers at a time, 1 to 1,024; 0 means one per processor.
  std::size_t prefetch = 0;  ///< Received and not yet started, at most; 0 lets the worker choose (twice the jobs, more
                             ///< for very short tasks).
  AttemptOptions attempts{};
  std::chrono::milliseconds lease_total_max{
      12 * 3'600'000};  ///< A handler's lease is extended at a third of it, up to this in all; then it is lost.
  std::chrono::milliseconds poll{20'000};  ///< Long poll, 0 to 20 s. `run_until` asks SQS for at most 1 s.
  std::chrono::milliseconds poll_drain_max{
      1'000};  ///< SQS: after stop was requested, a long poll that ends within this time is awaited and what it brings
               ///< is returned to the queue; for a longer one the service may hide messages for the lease that nobody
               ///< gets.
  std::chrono::milliseconds sweep_interval{60'000};  ///< Zero: this worker never sweeps.
  std::chrono::milliseconds drain_max{
      30'000};  ///< After stop was requested, running handlers may take so long; then their stop token is set.
  bool deduplicate = true;                             ///< False: the cheap mode of process_batch.
  std::function<void(const WorkerEvent&)> on_event{};  ///< Called from many threads; must be quick and must not throw.
};

struct WorkerReport {
  std::uint64_t done_count = 0;
  std::uint64_t retried_count = 0;
  std::uint64_t failed_count = 0;
  std::uint64_t duplicate_count = 0;  ///< Deliveries of ended records: deleted, never run.
  std::uint64_t lease_lost_count = 0;
  std::uint64_t returned_count = 0;  ///< Not started when the worker drained.
  std::uint64_t cut_off_count = 0;   ///< Still running when drain_max was over.
  std::uint64_t finish_handled_count = 0;
};

/// Receives, claims, handles, completes, deletes, on a bounded pool of threads, until it is told to stop.
/// One Worker runs once at a time; its functions are not thread-safe but for the stop token.
class Worker {
 public:
  Worker(const Client& client, Handlers handlers, WorkerOptions options);
  ~Worker();
  Worker(Worker&&) noexcept;
  Worker& operator=(Worker&&) noexcept;

  /// Runs until `stop` is requested, then drains: stops polling, returns what has not started, lets finish what runs.
  /// Where nothing runs that takes less than `poll_drain_max` and a second.
  /// Errors: invalid_argument names the option; those of the store that no retry mends.
  Result<WorkerReport> run(std::stop_token stop);

  /// Runs until the cluster is finished and its finish message is done. Refused in a handler (it would wait for
  /// itself); on a cluster that nobody seals it ends by the cluster's deadline or stop, or by `stop`.
  /// Errors: also invalid_argument where neither the cluster's tasks nor its finish message are on a queue of this
  /// worker's, or tasks are and there is no `on_message`.
  Result<Progress> run_until(const MessageKey& cluster, std::stop_token stop = {});

  /// Of the run that is going on or was the last one. Thread-safe.
  [[nodiscard]] WorkerReport report() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A token that the first SIGTERM, SIGINT or SIGHUP (unless that is ignored) sets; a later one ends the process at once
/// with 128 + its number. Those that come within 250 ms of the first are taken for the same one, since timeout(1) and
/// sudo(8) send each signal twice. Installs the handlers at its first call; thread-safe.
[[nodiscard]] std::stop_token stop_on_signals();

}  // namespace fanfold
