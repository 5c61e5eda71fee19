#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

namespace fanfold::engine {

/// Clusters that one sweep looks at; the next one of the same client goes on behind them.
inline constexpr std::size_t sweep_cluster_count_max = 10'000;
/// Messages that one sweep takes from one dead-letter queue.
inline constexpr std::size_t dead_letter_count_max = 1'000;
/// Messages that one sweep leaves alone in one dead-letter queue, and by then looks no further: each ten cost a receive
/// and a change of visibility.
inline constexpr std::size_t left_count_most = 500;
/// The same of a worker that leaves the clusters to another's sweep: as many as one receive brings.
inline constexpr std::size_t left_count_out_of_turn = 10;
/// Lines of `SweepReport::reports`.
inline constexpr std::size_t sweep_report_count_max = 1'000;

struct SweepLimits {
  std::size_t cluster_count_max = sweep_cluster_count_max;
  /// Nothing more is begun from then on, and a re-send leaves off within a page of tasks; the next sweep goes on.
  std::optional<Time> deadline{};
  /// Looks at no cluster where another process began a sweep over all of them within so long before. Zero: looks.
  std::chrono::milliseconds shared_within{0};
};

/// The reconciler: repeats on every unfinished cluster what was cut off, and deals with what its queues gave up. One
/// sweeper at a time per cluster; every step is idempotent. An error of one cluster is reported and does not keep the
/// others from their turn.
Result<SweepReport> sweep(Store& store, const SweepLimits& limits = {});

struct DeadLetterLimits {
  std::size_t left_count_max = left_count_most;
  /// Messages that this store has no record of are hidden for ten minutes where there are more than this looks at, all
  /// but the last ones, so that the next look goes on behind them.
  bool rests = true;
  /// Takes no more from then on.
  std::optional<Time> deadline{};
};

/// Deals with the messages that `url`'s dead-letter queue holds: looks at each record without claiming it, sends the
/// message again where attempts are left, and fails its record where not, on condition of the value seen. What is
/// leased is left alone, as is what nobody knows: it is hidden while the look goes on (a minute where the process dies
/// meanwhile) and then given back.
Result<void> sweep_dead_letters(Store& store, std::string_view url, SweepReport& report,
                                const DeadLetterLimits& limits = {});

void add_report(SweepReport& report, std::string line);

}  // namespace fanfold::engine
