#pragma once

#include <fanfold/error.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace fanfold::aws {

/// Tells people of a service that throttles or does not answer while calls to it go on trying, which may take a minute
/// and is silent else: first when that has lasted some seconds, then ever more seldom. Thread-safe.
class OutageNotice {
 public:
  using Warn = std::function<void(const std::string&)>;
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds patience{3};
  static constexpr std::chrono::seconds slow_after{5};       ///< An attempt without an answer for so long is slow.
  static constexpr std::chrono::seconds repeat_initial{30};  ///< Doubles each time,
  static constexpr std::chrono::seconds repeat_max{600};     ///< up to this.

  /// Without `warn` nothing is told.
  explicit OutageNotice(Warn warn) : warn_(std::move(warn)) {}

  /// An attempt of a call that began to fail at `call_since` has failed at `now`, by what trying again may mend.
  void failed(const Error& error, Moment call_since, Moment now);
  /// An attempt goes on without an answer since `slow_after`.
  void slow(const std::string& message, Moment now);
  /// The service has done what a call asked, or refused it: what failed before is over, but for calls that go on
  /// failing.
  void answered() {
    if (is_out_.load(std::memory_order_relaxed)) end();
  }

 private:
  [[nodiscard]] bool is_due(Moment call_since, Moment now);
  void end();

  const Warn warn_;
  std::atomic<bool> is_out_ = false;  // So that an answer costs no lock.
  std::mutex mutex_;
  std::optional<Moment> since_;                  // guarded by mutex_; of the first failure since the last answer
  std::optional<Moment> told_at_;                // guarded by mutex_
  std::chrono::seconds repeat_{repeat_initial};  // guarded by mutex_
};

}  // namespace fanfold::aws
