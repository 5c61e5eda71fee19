#include "backends/sqlite/file_clock.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

/// A step back of less is followed: it makes nobody wait noticeably longer.
constexpr std::int64_t step_tolerated = 1'000;
/// How exactly the latest time is known to others: writing it at each look would make all processes wait for each
/// other.
constexpr std::int64_t latest_precision = 100;
/// While the file's clock is ahead, it shows a tenth less time than passes.
constexpr std::int64_t slowness = 10;

std::int64_t lead_of(std::int64_t agrees_at, std::int64_t machine) noexcept {
  return std::max<std::int64_t>((agrees_at - machine) / slowness, 0);
}

}  // namespace

Time FileClock::now() {
  while (true) {
    // In this order: what others have shown or agreed upon after we look at the machine's clock says nothing about it.
    const std::int64_t latest = words_->latest.load();
    std::int64_t agrees_at = words_->agrees_at.load();
    const std::int64_t machine = machine_->now().time_since_epoch().count();
    const std::int64_t time = machine + lead_of(agrees_at, machine);
    if (time + step_tolerated < latest) {
      words_->agrees_at.compare_exchange_strong(agrees_at, machine + slowness * (latest - machine));
      continue;
    }
    if (time > latest + latest_precision) remember(Time(Time::duration(time)));
    return Time(Time::duration(time));
  }
}

void FileClock::sleep_until(Time time, std::stop_token stop) {
  // As the file's clock may be slower than the machine's, one sleep may end too early.
  for (Time shown = now(); shown < time && !stop.stop_requested(); shown = now())
    machine_->sleep_until(machine_->now() + (time - shown), stop);
}

void FileClock::remember(Time shown) {
  const std::int64_t time = shown.time_since_epoch().count();
  std::int64_t latest = words_->latest.load();
  while (latest < time && !words_->latest.compare_exchange_weak(latest, time)) {
  }
}

}  // namespace fanfold::sqlite
