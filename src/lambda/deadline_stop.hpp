#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace fanfold::lambda {

/// A stop token that is set at a time of the steady clock, or as soon as another token is.
class DeadlineStop {
 public:
  DeadlineStop(std::chrono::steady_clock::time_point at, const std::stop_token& earlier)
      : earlier_(earlier, [this] { source_.request_stop(); }), timer_([this, at](const std::stop_token& over) {
          std::mutex mutex;
          std::condition_variable_any condition;
          std::unique_lock lock(mutex);
          condition.wait_until(lock, over, at, [] { return false; });
          if (!over.stop_requested()) source_.request_stop();
        }) {}

  [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> earlier_;
  std::jthread timer_;  // Last: it ends first.
};

}  // namespace fanfold::lambda
