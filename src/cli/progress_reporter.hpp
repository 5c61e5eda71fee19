#pragma once

#include "cli/output.hpp"
#include "cli/progress_view.hpp"
#include "cli/standstill.hpp"

#include <fanfold/client.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace fanfold::cli {

struct ProgressReporterOptions {
  MessageKey cluster{};
  std::string name{};
  bool is_on_aws = false;           ///< There each look costs reads: they are fewer.
  std::function<bool()> is_busy{};  ///< Whether this process runs tasks of it now, which is what is waited for then.
};

/// Shows how a cluster goes on standard error: a bar that is redrawn on a terminal, a line now and then elsewhere;
/// where no task of it ends, also what is waited for and until when. Lines of `note` stand above it. Shows until it is
/// destroyed or told to end; the bar is removed then. Thread-safe.
class ProgressReporter {
 public:
  ProgressReporter(Client client, ProgressReporterOptions options);
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  /// Stops showing and removes the bar. Idempotent.
  void end();

 private:
  void say(std::string_view line);
  void show(std::stop_token stop);
  void look();
  void look_at_standstill();
  [[nodiscard]] bool is_standstill_news(std::chrono::steady_clock::time_point now) const;
  void draw(const Progress& progress, std::unique_lock<std::mutex>& lock);

  const Client client_;
  const ProgressReporterOptions options_;
  // Of the showing thread alone:
  RateEstimate estimate_;
  std::optional<Progress> progress_;  // As it was last known.
  std::string_view trouble_;          // Why the last look knows nothing.
  std::chrono::steady_clock::time_point next_look_;
  StandstillClock standstill_clock_;
  StandstillSearch standstill_search_;
  std::optional<Standstill> standstill_;
  std::chrono::steady_clock::time_point next_line_;
  std::chrono::steady_clock::time_point last_line_;
  bool is_standstill_told_ = false;  // By the last line.
  std::uint64_t lines_ = 0;

  std::mutex mutex_;  // Guards what standard error shows, and bar_shown_.
  bool bar_shown_ = false;
  std::condition_variable_any changed_;
  std::optional<NoteRoute> route_;
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace fanfold::cli
