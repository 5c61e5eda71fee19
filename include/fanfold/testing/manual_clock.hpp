#pragma once

#include <fanfold/ports/clock.hpp>

#include <atomic>

namespace fanfold::testing {

/// Time that moves only when it is told to. Thread-safe; nothing blocks.
class ManualClock final : public Clock {
 public:
  static constexpr Time start_default = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};

  explicit ManualClock(Time start = start_default) : now_(start.time_since_epoch().count()), latest_(now_.load()) {}

  [[nodiscard]] Time now() override;
  /// Moves the time on to `time` at once, so that whoever sleeps on this clock does not wait. Does nothing where `time`
  /// is past or `stop` was requested.
  void sleep_until(Time time, std::stop_token stop) override;

  /// Moves the time; by a negative duration also back, as a host's clock may jump.
  void advance(std::chrono::milliseconds by);

  /// The latest time that it ever showed: what was over then has been over, wherever the time jumped back to.
  [[nodiscard]] Time latest() const;

 private:
  void note(std::chrono::milliseconds::rep time);

  std::atomic<std::chrono::milliseconds::rep> now_;
  std::atomic<std::chrono::milliseconds::rep> latest_;
};

}  // namespace fanfold::testing
