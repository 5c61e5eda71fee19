#pragma once

#include <fanfold/envelope.hpp>

namespace fanfold {

/// A task somewhere that ends when this cluster does.
struct ParentTask {
  std::string cluster_id{};
  std::string queue_url{};
  std::uint32_t round = 0;
  std::uint64_t position = 0;
  std::uint64_t index = 0;
  bool fails_with_child = true;  ///< False: the parent's task is done whatever became of the child.
  friend bool operator==(const ParentTask&, const ParentTask&) = default;
};

/// Something begun on a cluster that the sweep repeats until it is done.
struct DueMark {
  enum class Kind : std::uint8_t { creation, add, resend, round };
  Kind kind = Kind::resend;
  std::string id{};         ///< Unique within the cluster: a fresh id, or the add key.
  std::uint32_t round = 0;  ///< Removed only on condition of it.
  Time since{};
  friend bool operator==(const DueMark&, const DueMark&) = default;
};

enum class DeadlineAction : std::uint8_t { report, stop };

/// With this `moved_to` begins while a cluster is on its way.
inline constexpr std::string_view moving_word = "moving";

/// All that a cluster's one header item says: policy, state and the marks by which interrupted work is repeated.
/// Changed by compare-and-swap on `version`; the completion of its last task changes `status` by condition on `round`.
struct ClusterHeader {
  // Identity and policy: fixed at creation.
  std::string id{};
  std::string name{};
  std::string queue_url{};
  std::string finish_queue_url{};
  std::optional<BucketParams> bucket_params{};
  std::optional<ParentTask> parent{};
  bool finish_handler_required = false;  ///< A worker without a finish handler returns the finish message.
  bool first_failure_wanted = false;     ///< One early message when the first task fails for good.
  bool fail_fast = false;                ///< The first failure for good stops the cluster.
  std::uint64_t failures_allowed_count = 0;
  double failures_allowed_percent = 0;          ///< 0 to 100; the larger of the two allowances counts.
  std::optional<std::uint32_t> attempts_max{};  ///< Overrides the worker's.
  std::optional<Time> deadline{};
  DeadlineAction deadline_action = DeadlineAction::report;
  Time created_at{};
  std::string creation_key{};  ///< The idempotency key's hash, empty without one.
  TraceContext trace{};        ///< Of whoever created it: every message of the cluster carries it.

  // State.
  std::uint32_t round = 0;
  std::uint64_t task_count = 0;               ///< Tasks known so far: the next index.
  std::optional<std::uint64_t> round_size{};  ///< Positions in this round's tree; set by seal.
  bool marked = false;                        ///< The tree's right edge carries the size.
  std::string round_hash{};                   ///< Of the sorted indexes of this round, empty in round 0.
  std::string round_key{};                    ///< Idempotency keys of the latest calls of retry_failed, hashed.
  std::uint64_t failed_carried_count = 0;     ///< Failures of earlier rounds that this round does not retry.
  std::uint64_t failed_count = 0;             ///< Of this round; final once finished.
  Status status = Status::in_progress;
  StatusCode status_code = StatusCode::in_progress;
  bool paused = false;
  std::string moved_to{};  ///< Set by push: "moving to <store>" on the way, then the store that it went to.
  std::optional<Json> meta{};
  std::vector<ErrorEntry> error{};
  Time updated_at{};
  std::optional<Time> completed_at{};
  Time expires_at{};

  // Marks.
  std::vector<DueMark> due{};
  std::string sender{};  ///< Who sends now, empty for nobody.
  Time sender_until{};
  Time sent_at{};  ///< Of the last re-send; the guard of the next.
  std::string sweeper{};
  Time sweeper_until{};
  Time last_add_at{};
  bool deadline_reported = false;
  bool first_failure_sent = false;
  bool parent_ended = false;  ///< Always true without a parent.
  std::optional<Time> finish_sent_at{};
  bool finish_done = false;  ///< The finish message has ended, failed included.
  bool tombstone = false;    ///< Deleted: only the outcome is kept, until expiry.

  std::uint64_t version = 0;  ///< Compare-and-swap; set by the ledger.

  [[nodiscard]] bool sealed() const noexcept { return round_size.has_value(); }
  [[nodiscard]] bool finished() const noexcept { return status == Status::complete || status == Status::error; }
  /// Something of it is still to come: tasks, the finish handler, or the news to its parent.
  [[nodiscard]] bool unfinished() const noexcept {
    return !tombstone && (!finished() || !finish_done || !parent_ended);
  }
  /// Nothing of it is to come here: it may be removed.
  [[nodiscard]] bool is_over() const noexcept {
    const bool is_elsewhere = !moved_to.empty() && !moving();
    return is_elsewhere || !unfinished();
  }
  [[nodiscard]] bool moving() const noexcept { return moved_to.starts_with(moving_word); }
  [[nodiscard]] bool stopped() const noexcept { return status_code == StatusCode::stopped; }
  [[nodiscard]] std::uint64_t failed_total_count() const noexcept { return failed_carried_count + failed_count; }
  /// COMPLETE where the failures are within the allowance, else ERROR. Judged once, at finish.
  [[nodiscard]] Status outcome() const noexcept {
    // In hundredths of a task, with room for what a double cannot hold exactly: 29 of 100 are no more than 29 %.
    constexpr double rounding = 1e-3;
    const double failed_by_percent = 100.0 * static_cast<double>(failed_total_count());
    const double allowed_by_percent = failures_allowed_percent * static_cast<double>(task_count);
    const bool within =
        failed_total_count() <= failures_allowed_count || failed_by_percent <= allowed_by_percent + rounding;
    return within ? Status::complete : Status::error;
  }
  friend bool operator==(const ClusterHeader&, const ClusterHeader&) = default;
};

}  // namespace fanfold
