#pragma once

#include "cli/progress_view.hpp"

#include <fanfold/client.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace fanfold::cli {

/// Shows how a cluster goes on standard error: a bar that is redrawn on a terminal, a line now and then elsewhere.
/// Shows until it is destroyed or told to end; the bar is removed then. Thread-safe.
class ProgressReporter {
 public:
  ProgressReporter(Client client, MessageKey cluster, std::string name);
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  /// Prints a line above the bar.
  void say(const std::string& line);
  /// Stops showing and removes the bar. Idempotent.
  void end();

 private:
  void show(std::stop_token stop);
  void draw(const Progress& progress, std::unique_lock<std::mutex>& lock);

  const Client client_;
  const MessageKey cluster_;
  const std::string name_;
  RateEstimate estimate_;  // Of the showing thread alone.
  std::chrono::steady_clock::time_point next_line_;
  std::uint64_t lines_ = 0;

  std::mutex mutex_;  // Guards what standard error shows, and bar_shown_.
  bool bar_shown_ = false;
  std::condition_variable_any changed_;
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace fanfold::cli
