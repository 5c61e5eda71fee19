#include <fanfold/testing/manual_clock.hpp>

namespace fanfold::testing {

Time ManualClock::now() { return Time(std::chrono::milliseconds(now_.load())); }

void ManualClock::sleep_until(Time time, std::stop_token stop) {
  if (stop.stop_requested()) return;
  const auto target = time.time_since_epoch().count();
  auto seen = now_.load();
  while (seen < target && !now_.compare_exchange_weak(seen, target)) {
  }
}

void ManualClock::advance(std::chrono::milliseconds by) { now_.fetch_add(by.count()); }

}  // namespace fanfold::testing
