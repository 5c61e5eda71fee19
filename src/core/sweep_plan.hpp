#pragma once

#include <fanfold/cluster_header.hpp>

namespace fanfold::core {

/// An open cluster that got no tasks for so long is reported.
inline constexpr std::chrono::hours add_pause_max{24};

/// What the sweep has to know of a cluster's queues.
struct SweepFacts {
  Time now{};
  std::chrono::milliseconds repair_pause{
      30'000};                            ///< One visibility timeout: what was begun so long ago and is not done died.
  std::chrono::milliseconds retention{};  ///< Messages of tasks are gone after it.
  std::chrono::milliseconds finish_retention{};  ///< The same for the finish message.
};

/// What is due on one cluster. Steps that only report change nothing.
struct SweepPlan {
  bool seal = false;               ///< Its size is not marked everywhere.
  bool resend = false;             ///< Something begun was cut off, or messages were lost to retention.
  bool stop = false;               ///< Its deadline is over, and it asked to be stopped then.
  bool note_deadline = false;      ///< Its deadline is over: to be said once.
  bool follow_finish = false;      ///< The parent's task is not ended, or the finish message not sent.
  bool send_finish_again = false;  ///< The finish message is older than its queue keeps messages.
  bool follow_failures =
      false;  ///< A first failure, if there is one, has consequences that may be missing. Needs no lease.
  bool report_idle = false;     ///< Open, without adds for a day.
  bool report_expired = false;  ///< Its life is over, and it is not finished.

  /// Whether the sweeper's lease is needed.
  [[nodiscard]] bool writes() const noexcept {
    return seal || resend || stop || note_deadline || follow_finish || send_finish_again;
  }
};

[[nodiscard]] SweepPlan plan_sweep(const ClusterHeader& header, const SweepFacts& facts) noexcept;

}  // namespace fanfold::core
