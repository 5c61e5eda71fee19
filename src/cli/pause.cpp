#include "cli/pause.hpp"

#include <condition_variable>
#include <mutex>

namespace fanfold::cli {

void pause_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace fanfold::cli
