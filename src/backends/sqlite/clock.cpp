#include "backends/sqlite/store.hpp"

namespace fanfold::sqlite {

Time SystemClock::now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

void SystemClock::sleep_until(Time time, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  // By the monotonic clock, so that a step of the system's time does not stretch the sleep.
  changed.wait_for(lock, stop, time - now(), [] { return false; });
}

}  // namespace fanfold::sqlite
