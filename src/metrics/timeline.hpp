#pragma once

#include "metrics/worker_counters.hpp"

#include <fanfold/worker.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace fanfold::metrics {

/// One run of a handler.
struct Attempt {
  Work work = Work::task;
  std::string record_id{};  ///< Of the cluster, or of the message that belongs to none, as WorkerEvent has it.
  std::optional<std::uint64_t> task{};
  std::uint32_t number = 1;

  friend bool operator==(const Attempt&, const Attempt&) = default;
};

/// What workers of this process did when, as events of Chrome's JSON trace format: for each attempt a span in a lane,
/// with what came of it; instants for what else happened; how many handlers ran. A lane is one of the handlers that run
/// at the same time, the lowest that was free, so that the spans of a lane never overlap. Times are microseconds of the
/// system's clock as it was at the start, counted on by a steady one, so that timelines of several processes fit
/// together. Payloads are in none of it. Thread-safe; memory is bounded by what has run and is not recorded yet.
class Timeline {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  struct Options {
    /// Takes one JSON object, an event. Called from many threads, without a lock.
    std::function<void(std::string_view event)> write{};
    std::string process_name{};
    std::int64_t process_id = 0;
    std::chrono::sys_time<std::chrono::microseconds> started_at{};  ///< What the clock below said was then.
    std::function<Steady()> now = [] { return std::chrono::steady_clock::now(); };
  };
  /// Ended attempts whose outcome is not told yet; beyond these all of them are written as "not recorded".
  static constexpr std::size_t waiting_max = 65'536;
  /// Between two counts of running handlers, so that they are not most of what is written.
  static constexpr std::chrono::milliseconds count_interval{10};

  /// Writes the first event.
  explicit Timeline(Options options);
  /// Writes what waits.
  ~Timeline();
  /// Attempts whose outcome was not told, and the last count. For the end of a run: what comes later is written too.
  void write_waiting();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// While it lives, the attempt's handler runs. Borrows the timeline.
  class Running {
   public:
    Running(Timeline& timeline, Attempt attempt);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Timeline& timeline_;
    Attempt attempt_;
    std::size_t lane_;
    Steady begun_;
  };

  /// For WorkerOptions::on_event, or called by one's own. `event.detail` is UTF-8.
  void see(const WorkerEvent& event);

 private:
  struct Span {
    std::size_t lane = 0;
    Steady begun{};
    Steady ended{};
  };
  struct AttemptHash {
    std::size_t operator()(const Attempt& attempt) const noexcept;
  };
  using Waiting = std::unordered_map<Attempt, Span, AttemptHash>;

  struct Begun {
    std::size_t lane = 0;
    Steady at{};
  };
  [[nodiscard]] Begun begin();
  void end(Attempt attempt, Span span);
  [[nodiscard]] std::optional<Span> take(const Attempt& attempt);
  struct Count {
    std::size_t running = 0;
    Steady at{};
  };
  [[nodiscard]] std::optional<Count> note_count(Steady now);
  void write_lane(std::size_t lane) const;
  void write_count(const Count& count) const;
  void write_span(const Attempt& attempt, const Span& span, std::string_view outcome, std::string_view reason) const;
  void write_instant(std::string_view name, const WorkerEvent& event) const;
  [[nodiscard]] std::int64_t microseconds(Steady at) const;

  const Options options_;
  const Steady started_;
  std::mutex mutex_;
  Waiting waiting_;          // guarded by mutex_, as all below
  std::vector<bool> lanes_;  // Which are taken.
  std::size_t running_count_ = 0;
  std::optional<Count> last_count_;   // Not written yet.
  std::optional<Steady> counted_at_;  // Of the count that was written last.
};

}  // namespace fanfold::metrics
