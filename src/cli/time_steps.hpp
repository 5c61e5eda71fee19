#pragma once

#include <fanfold/types.hpp>

#include <cstddef>
#include <cstdint>
#include <map>

namespace fanfold::cli {

/// What happened to tasks in some time.
struct TaskCounts {
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;           ///< For good, as far as its round went.
  std::uint64_t tried_again = 0;      ///< Had failed, and was taken up by a later round.
  std::uint64_t failed_attempts = 0;  ///< Those that were the last are among them.

  [[nodiscard]] std::uint64_t ended() const noexcept { return complete + failed; }
  TaskCounts& operator+=(const TaskCounts& more) noexcept;
  friend bool operator==(const TaskCounts&, const TaskCounts&) = default;
};

/// What happened when, in steps of time that double their width whenever there are too many of them: memory is bounded
/// however much happened and however long it took. Times in which nothing happened are no steps. Not thread-safe.
class TimeSteps {
 public:
  struct Step {
    Time last{};  ///< Of what is counted.
    TaskCounts counts{};
  };
  /// At most so many steps.
  explicit TimeSteps(std::size_t step_count_max) : step_count_max_(step_count_max) {}

  void add(Time at, const TaskCounts& counts);
  /// Makes the steps at least so wide.
  void widen(std::chrono::milliseconds width_least);

  [[nodiscard]] std::chrono::milliseconds width() const noexcept { return width_; }
  /// Ascending; the key counts widths since the epoch.
  [[nodiscard]] const std::map<std::int64_t, Step>& steps() const noexcept { return steps_; }
  [[nodiscard]] Time begin_of(std::int64_t step) const noexcept { return Time(width_ * step); }

 private:
  void add_to(std::map<std::int64_t, Step>& steps, Time at, const TaskCounts& counts) const;
  void double_width();

  std::size_t step_count_max_;
  std::chrono::milliseconds width_{1};
  std::map<std::int64_t, Step> steps_;
};

}  // namespace fanfold::cli
