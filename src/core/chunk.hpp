#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace fanfold::core {

/// A chunk of tasks that one thread takes at once should keep it busy for so long: long enough to make calls of the
/// store rare, short enough for nobody to notice waiting behind it.
inline constexpr std::chrono::microseconds chunk_time{2'000};
/// Where claiming and ending a chunk take long (a disk that syncs), they are to take at most a share of a chunk's time,
/// up to a chunk of this length: what is handled and not yet recorded when a process is killed is handled again.
inline constexpr std::chrono::microseconds chunk_time_max{20'000};
inline constexpr int chunk_times_calls = 16;
/// Where tasks have one attempt, what was handled and not yet recorded has failed: no more than this is at stake.
inline constexpr std::chrono::microseconds chunk_time_max_at_stake{2'000};
/// Less work than this is not worth sharing between threads: each share costs calls of the store.
inline constexpr std::chrono::microseconds chunk_time_min{200};
/// A chunk grows by at most this factor over the one before, since one fast task says little.
inline constexpr std::size_t chunk_growth_max = 8;

/// How many tasks to start together: one where handlers are slow or not yet known, many where they are fast.
/// Not thread-safe.
class ChunkSizer {
 public:
  explicit ChunkSizer(std::size_t count_max) noexcept : count_max_(count_max) {}

  /// For the next chunk, when `ready_count` wait and `jobs` threads share them: idle threads get their part, of what is
  /// worth sharing.
  [[nodiscard]] std::size_t next(std::size_t ready_count, std::size_t jobs) const noexcept;
  /// What the handlers of one chunk took in all.
  void took(std::size_t count, std::chrono::nanoseconds time) noexcept;
  /// How long it took to claim one chunk.
  void claimed(std::chrono::nanoseconds time) noexcept;
  /// How long it took to end one, deletion included.
  void ended(std::chrono::nanoseconds time) noexcept;
  /// From now on a chunk takes no longer than this.
  void limit_time(std::chrono::microseconds time) noexcept { time_max_ = std::min(time_max_, time); }
  /// Without regard to how many are ready.
  [[nodiscard]] std::size_t target() const noexcept;
  /// Empty until the first chunk was measured.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> time_per_task() const noexcept;

 private:
  [[nodiscard]] std::size_t fitting(std::chrono::microseconds time) const noexcept;

  std::size_t count_max_;
  std::chrono::microseconds time_max_ = chunk_time_max;
  std::size_t largest_ = 1;  // The growth limit: what the last chunk allows for the next one.
  double nanoseconds_per_claim_ = 0;
  double nanoseconds_per_end_ = 0;
  double nanoseconds_per_task_ = 0;  // 0 until the first chunk was measured.
};

}  // namespace fanfold::core
