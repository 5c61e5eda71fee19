#include <fanfold/testing/manual_clock.hpp>

namespace fanfold::testing {

Time ManualClock::now() { return Time(std::chrono::milliseconds(now_.load())); }

void ManualClock::sleep_until(Time time, std::stop_token stop) {
  if (stop.stop_requested()) return;
  const auto target = time.time_since_epoch().count();
  auto seen = now_.load();
  while (seen < target && !now_.compare_exchange_weak(seen, target)) {
  }
  note(now_.load());
}

void ManualClock::advance(std::chrono::milliseconds by) { note(now_.fetch_add(by.count()) + by.count()); }

Time ManualClock::latest() const { return Time(std::chrono::milliseconds(latest_.load())); }

void ManualClock::note(std::chrono::milliseconds::rep time) {
  auto seen = latest_.load();
  while (seen < time && !latest_.compare_exchange_weak(seen, time)) {
  }
}

}  // namespace fanfold::testing
