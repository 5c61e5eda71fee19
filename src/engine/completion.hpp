#pragma once

#include "engine/store.hpp"

#include <span>

namespace fanfold::engine {

/// How many clusters one call follows up from child to parent before it leaves the rest to the sweep.
inline constexpr std::size_t completion_chain_max = 10'000;

/// The record ids of a cluster's own messages; they share one id space with single messages.
[[nodiscard]] std::string finish_record_id(std::string_view cluster_id, std::uint32_t round);
[[nodiscard]] std::string first_failure_record_id(std::string_view cluster_id, std::uint32_t round);

/// The record of one of the cluster's own messages, if absent. It stands before its message is sent, so that whoever
/// receives that finds it.
Result<void> put_cluster_record(Store& store, const ClusterHeader& header, bool first_failure);

/// What follows when clusters finished, in this order: the parent's task is ended and propagated (which may finish the
/// parent, and so on), then the finish message is sent, its tracked record first. Each step is marked on the header on
/// condition of the round. Idempotent: used after end, propagate, seal, stop, and by the sweep, which repeats what
/// failed here. Goes on with the others after an error and answers the first. What is not finished, or deleted, is
/// passed over.
Result<void> complete_finished(Store& store, std::span<const ClusterHeader> finished);

/// Tasks of this cluster failed for good in this round.
struct FailedRound {
  std::string cluster_id{};
  std::uint32_t round = 0;
  auto operator<=>(const FailedRound&) const = default;  // NOLINT(modernize-use-nullptr): sees a 0 in it.
};

enum class EndedAs : std::uint8_t { failed, other };
/// What became of a record that was to be ended as failed, with this outcome. One that had ended before is looked at:
/// it may have failed by the same call, whose first answer was lost, or be done by another holder.
[[nodiscard]] Result<EndedAs> ended_as(Store& store, const RecordRef& ref, EndOutcome outcome);

/// What follows when tasks failed for good: the first-failure notice and fail_fast, where the cluster wants them and is
/// still in that round, and then what follows where that finished it. Idempotent; duplicates are harmless.
Result<void> follow_failures(Store& store, std::span<const FailedRound> rounds);

/// Notes on the header that this round's finish message has ended, failed included. Idempotent.
Result<void> mark_finish_done(Store& store, std::string_view cluster_id, std::uint32_t round);

/// Ends a task that waits for a child cluster, if that is finished (or gone for good). Whoever writes `waiting`, or
/// meets it, calls this: the child may have finished before the task began to wait, and then nobody else would end it.
/// Idempotent.
enum class ChildState : std::uint8_t { running, finished };
Result<ChildState> end_if_child_finished(Store& store, const RecordRef& task, std::uint64_t index,
                                         const std::string& child_id);

/// Why a cluster is stopped, as its error list says it.
struct StopCause {
  std::string_view code{};
  std::string_view reason{};
  std::optional<std::uint32_t> round{};  ///< Of this round alone; any where there is none.
  /// By hand: final, whatever stopped the cluster before.
  [[nodiscard]] bool is_for_good() const noexcept { return !round; }
};

/// Stops a cluster that is not finished: status ERROR with code stopped and this entry in its errors. Answers the
/// header as it now is; `complete_finished` has to follow. A cluster that is finished already, or in another round than
/// the cause, is left as it is; one that fail_fast stopped is not to be retried after a stop by hand. Errors:
/// not_found, deleted.
Result<ClusterHeader> stop_header(Store& store, std::string_view cluster_id, const StopCause& cause);
/// The code in the error list of a cluster that fail_fast stopped: such a one may be retried, one stopped by hand may
/// not.
inline constexpr std::string_view fail_fast_code = "fail_fast";

/// A cluster that fail_fast stopped may go on, since its first failure is what is to be retried; every other stop is
/// final.
[[nodiscard]] bool is_stopped_for_good(const ClusterHeader& header);

/// Adds to the cluster's errors, of which the first and the newest are kept.
void add_error(ClusterHeader& header, ErrorEntry entry);

}  // namespace fanfold::engine
