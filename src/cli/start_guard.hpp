#pragma once

#include <fanfold/error.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

namespace fanfold::cli {

/// Watches whether programs can be started at all. The system may refuse for a while (too many files or processes, too
/// little memory), which passes when other programs end; where none of ours runs whose end would help and every start
/// is refused for long, the user has to help. Thread-safe.
class StartGuard {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::function<void(const std::string& line)> say{};  ///< Once, of the first refusal.
    std::function<void(Error)> give_up{};                ///< Once; unavailable, with the system's reason.
    std::stop_token stop{};                              ///< Nothing more is to be started.
    std::chrono::milliseconds patience{10'000};
  };
  explicit StartGuard(Options options) : options_(std::move(options)) {}

  void started();
  void ended();
  /// The system refused by errno `number`. Whether to try again.
  [[nodiscard]] bool refused(int number, Clock::time_point now);

 private:
  const Options options_;
  std::mutex mutex_;  // Guards what follows.
  std::size_t running_count_ = 0;
  bool is_refusing_ = false;
  Clock::time_point refusing_since_;  // Since then nothing was started and nothing ended.
  bool said_ = false;
  bool gave_up_ = false;
};

}  // namespace fanfold::cli
