#pragma once

#include "metrics/prometheus_text.hpp"

#include <fanfold/worker.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>

namespace fanfold::metrics {

/// What a handler is called for.
enum class Work : std::uint8_t { task, message, finish };
inline constexpr std::size_t work_count = 3;
/// "task", "message", "finish".
[[nodiscard]] std::string_view to_string(Work work) noexcept;
/// Of an event about one of them.
[[nodiscard]] Work work_of(const WorkerEvent& event) noexcept;

/// Counts what workers of this process do, from their events and from their handlers' beginnings and ends. Thread-safe;
/// nothing here waits or allocates but `write`. The numbers only grow, but for those that `write` calls gauges; they
/// are read one by one, so that two of one answer may be some events apart.
class WorkerCounters {
 public:
  /// Upper bounds of the durations' buckets, in seconds: 1 ms to 1 h.
  static constexpr std::array<double, 15> duration_bounds{0.001, 0.005, 0.01, 0.05, 0.1, 0.5,  1,   5,
                                                          10,    30,    60,   300,  600, 1800, 3600};

  /// For WorkerOptions::on_event, or called by one's own.
  void see(const WorkerEvent& event) noexcept;

  /// While it lives, a handler runs. Borrows the counters.
  class Running {
   public:
    Running(WorkerCounters& counters, Work work) noexcept;
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    WorkerCounters& counters_;
    const Work work_;
    const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  };
  /// A handler has run so long; for `Running`, and for tests.
  void observe(Work work, std::chrono::nanoseconds took) noexcept;

  /// All of them, with zeros for what never happened.
  void write(PrometheusText& text) const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  enum class Ended : std::uint8_t { done, retried, failed, crashed };
  static constexpr std::size_t ended_count = 4;
  static constexpr std::size_t error_kind_count = static_cast<std::size_t>(ErrorCode::internal) + 1;
  static constexpr std::size_t cache_line_bytes = 64;
  static constexpr std::size_t shard_count = 16;

  /// Threads count in different ones, so that they do not take the line of memory from each other.
  struct alignas(cache_line_bytes) Shard {
    std::array<std::array<Counter, ended_count>, work_count> ended{};
    std::array<std::array<Counter, duration_bounds.size() + 1>, work_count> durations{};
    std::array<Counter, work_count> duration_nanoseconds{};
    std::array<Counter, work_count> running{};
    Counter received{};
    Counter claimed{};
    Counter duplicate{};
    Counter in_progress{};
    Counter lease_lost{};
    Counter returned{};
    Counter swept{};
    Counter refused{};  // Events `error` without an Error.
    std::array<Counter, error_kind_count> errors{};
  };

  [[nodiscard]] Shard& own_shard() noexcept;
  template <class Pick>
  [[nodiscard]] std::uint64_t sum(Pick&& pick) const;
  void write_ended(PrometheusText& text) const;
  void write_handlers(PrometheusText& text) const;
  void write_messages(PrometheusText& text) const;
  void write_errors(PrometheusText& text) const;

  std::array<Shard, shard_count> shards_{};
  std::atomic<bool> is_draining_ = false;
};

}  // namespace fanfold::metrics
