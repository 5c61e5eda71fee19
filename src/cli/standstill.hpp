#pragma once

#include <fanfold/ports/ledger.hpp>

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
  static constexpr std::chrono::seconds look_interval{2};          ///< Where looks cost, doubles each time,
  static constexpr std::chrono::seconds look_interval_on_aws{60};  ///< up to this.

  explicit StandstillClock(std::chrono::seconds look_interval_max) : interval_max_(look_interval_max) {}

  /// To be told of each look at the progress. `is_busy`: we run tasks of it ourselves, which is what is waited for. A
  /// pause is no standstill: nothing else is waited for then.
  void see(const Progress& progress, bool is_busy, Moment at);
  [[nodiscard]] bool is_standing() const noexcept { return is_standing_; }
  /// Whether to look at the tasks (again). Counts as that look. `is_outdated`: the last one left something open, or
  /// what it found is over by now.
  [[nodiscard]] bool take_look(bool is_outdated, Moment at);

 private:
  const std::chrono::seconds interval_max_;
  std::optional<std::uint64_t> ended_count_;
  Moment since_{};
  std::optional<Moment> looked_at_;
  std::chrono::seconds interval_{look_interval};
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
  bool has_more = false;              ///< There may be more tasks in progress than were counted.
  bool deaths_are_known = false;      ///< Whoever holds a task and is not known to be dead lives: as on a file.
  std::optional<Time> held_until{};   ///< The last of their leases.
  std::optional<Time> again_at{};     ///< The first of the next attempts.

  friend bool operator==(const Standstill&, const Standstill&) = default;
};

/// Counts tasks of a cluster that are in progress. The rest of the answer is for the caller to say.
[[nodiscard]] Standstill understand(const std::vector<TaskState>& in_progress, Time now);

/// Finds what a cluster waits for, page by page. A page may be empty and not be the last: on AWS it covers a few
/// thousand tasks, in progress or not. Does no I/O. Not thread-safe.
class StandstillSearch {
 public:
  static constexpr std::size_t page_count_max = 100;  ///< More are not counted: what is waited for is seen by some.

  /// Where the next page of tasks in progress begins: at the first that was in progress before, since tasks are begun
  /// in the order of their indexes, more or less.
  [[nodiscard]] std::uint64_t first_index() const noexcept { return next_; }
  /// Takes that page. One that is empty says nothing of the cluster before all its tasks were looked at.
  void take(const TaskPage& page, Time now);
  /// Pages are still to be read.
  [[nodiscard]] bool is_under_way() const noexcept { return is_under_way_; }
  /// More than was found is to be expected by now: pages are still to be read, or a time that was found has come.
  [[nodiscard]] bool is_outdated(Time now) const;
  /// What was found last; empty where that is over and nothing else was found yet.
  [[nodiscard]] const std::optional<Standstill>& found() const noexcept { return found_; }
  /// Forgets it: a task has ended.
  void clear();

 private:
  void settle(Standstill standstill, std::uint64_t from);

  std::uint64_t from_ = 0;  // No task before it was in progress at the last look.
  std::uint64_t next_ = 0;
  bool is_under_way_ = false;
  bool has_wrapped_ = false;  // The pages from from_ on were empty; those before it follow.
  std::optional<Standstill> found_;
  std::optional<Time> holds_until_;
};

/// In few words, for the bar: "3 held by workers, leases end in 12 s".
[[nodiscard]] std::string short_text(const Standstill& standstill, Time now);
/// For a line of its own: "waiting for 3 tasks of workers that run or died, their leases end in 12 s".
[[nodiscard]] std::string long_text(const Standstill& standstill, Time now);

}  // namespace fanfold::cli
