#pragma once

#include "cli/terminal.hpp"

#include <fanfold/records.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <string>

namespace fanfold::cli {

/// How fast tasks end, and from that how long the rest may take. Fed with counts and the time they were seen at.
class RateEstimate {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::uint64_t ended_count, Clock::time_point at);

  /// Tasks per second over the last seconds; empty before there is anything to tell from.
  [[nodiscard]] std::optional<double> rate() const;

  struct Range {
    std::chrono::seconds shortest;
    std::chrono::seconds longest;
  };
  /// From the fastest and slowest stretch of what was seen. Empty before there are two stretches with progress.
  [[nodiscard]] std::optional<Range> time_left(std::uint64_t open_count) const;

 private:
  static constexpr std::size_t sample_count_max = 64;
  static constexpr std::chrono::milliseconds sample_interval{500};
  static constexpr std::chrono::seconds window{10};
  struct Sample {
    std::uint64_t count;
    Clock::time_point at;
  };
  std::deque<Sample> samples_;
  std::optional<Sample> newest_;
};

/// One moment of a cluster, as people see it.
struct ProgressMoment {
  std::string name;
  Progress progress;
  std::optional<double> rate;
  std::optional<RateEstimate::Range> left;
  std::string waiting{};  ///< What is waited for where no task ends, in place of rate and time left. Empty: nothing.
};

/// A bar with counts, rate and a range for the time left, in at most `terminal.columns` - 1 columns; what does not fit
/// is left out from the least important on. No line break, no cursor movement.
[[nodiscard]] std::string bar_line(const ProgressMoment& moment, const Terminal& terminal);

/// The same in words, for logs.
[[nodiscard]] std::string plain_line(const ProgressMoment& moment);

}  // namespace fanfold::cli
