#pragma once

#include "cli/invocation.hpp"

#include <fanfold/worker.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace fanfold::cli {

/// Watches a worker of the command: stops it by the first signal, or where its store can take nothing more (a full
/// disk, …), shows its errors without repeating itself, and counts what still ended after it was told to stop. Must
/// outlive the worker. Thread-safe.
class WorkerWatch {
 public:
  using Say = std::function<void(const std::string& line)>;
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  struct Options {
    Say say{};  ///< Prints a line to people.
    /// Whether the store has lately told them by itself that it is not reached or throttled; empty where it never does.
    /// What the worker meets of that is left to the store then, for a while at first and as long as it tells.
    std::function<bool()> has_store_told{};
    Now now = [] { return std::chrono::steady_clock::now(); };
  };
  explicit WorkerWatch(Options options);
  WorkerWatch(const WorkerWatch&) = delete;
  WorkerWatch& operator=(const WorkerWatch&) = delete;

  /// For WorkerOptions::on_event, or called by one's own.
  void see(const WorkerEvent& event);
  /// Set by a signal, by `stop`, and by an error of the store that does not pass.
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  void stop() { source_.request_stop(); }
  /// Stops since no program can be started.
  void give_up(Error error);

  /// Why the store could take nothing more; empty where it could.
  [[nodiscard]] std::optional<Error> store_error() const;
  /// What `give_up` was told; empty where it was not called.
  [[nodiscard]] std::optional<Error> start_error() const;
  [[nodiscard]] std::uint64_t drained_count() const;

 private:
  void see_error(const WorkerEvent& event);
  [[nodiscard]] bool is_left_to_store(const Error* error) const;
  [[nodiscard]] bool is_news(std::string_view text, bool may_be_told_by_store);

  const Options options_;
  std::stop_source source_;
  std::stop_callback<std::function<void()>> forward_;
  mutable std::mutex mutex_;  // Guards what follows.
  bool draining_ = false;
  std::uint64_t drained_count_ = 0;
  std::optional<Error> store_error_;
  std::optional<Error> start_error_;
  struct Said {
    std::chrono::steady_clock::time_point at;
    std::chrono::seconds pause;  // Until it is said again.
  };
  std::map<std::string, Said, std::less<>> said_;
};

/// Those of `run` and `work`: lines go to standard error.
[[nodiscard]] WorkerWatch::Options watch_options(const CommonOptions& options);

}  // namespace fanfold::cli
