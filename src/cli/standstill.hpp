#pragma once

#include <fanfold/records.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fanfold::cli {

/// When to ask what a cluster waits for: after some seconds in which no task of it ended, and then now and then. Does
/// no I/O. Not thread-safe.
class StandstillClock {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds quiet{3};  ///< Tasks that end more seldom are no news: the bar tells enough.
  static constexpr std::chrono::seconds look_interval{2};

  /// To be told of each look at the progress. `is_busy`: we run tasks of it ourselves, which is what is waited for.
  void see(std::uint64_t ended_count, std::uint64_t open_count, bool is_busy, Moment at);
  [[nodiscard]] bool is_standing() const noexcept { return is_standing_; }
  /// Whether to look at the tasks (again). Counts as that look.
  [[nodiscard]] bool take_look(Moment at);

 private:
  std::optional<std::uint64_t> ended_count_;
  Moment since_{};
  std::optional<Moment> looked_at_;
  bool is_standing_ = false;
};

/// What a cluster waits for in which no task ends. Counted from some of its tasks.
struct Standstill {
  std::uint64_t held_count = 0;       ///< Leased by workers that run, or died where nobody can tell.
  std::uint64_t overdue_count = 0;    ///< Their leases ended: they run again when their messages come.
  std::uint64_t abandoned_count = 0;  ///< Of workers that are known to be dead.
  std::uint64_t again_count = 0;      ///< Between two attempts.
  std::uint64_t child_count = 0;      ///< Waiting for their child clusters.
  std::uint64_t open_count = 0;       ///< Of the cluster: all that have not ended.
  bool has_more = false;              ///< Not all tasks in progress were counted.
  bool deaths_are_known = false;      ///< Whoever holds a task and is not known to be dead lives: as on a file.
  std::optional<Time> held_until{};   ///< The last of their leases.
  std::optional<Time> again_at{};     ///< The first of the next attempts.

  friend bool operator==(const Standstill&, const Standstill&) = default;
};

/// Counts tasks of a cluster that are in progress. The rest of the answer is for the caller to say.
[[nodiscard]] Standstill understand(const std::vector<TaskState>& in_progress, Time now);

/// In few words, for the bar: "3 held by workers, leases end in 12 s".
[[nodiscard]] std::string short_text(const Standstill& standstill, Time now);
/// For a line of its own: "waiting for 3 tasks of workers that run or died, their leases end in 12 s".
[[nodiscard]] std::string long_text(const Standstill& standstill, Time now);

}  // namespace fanfold::cli
