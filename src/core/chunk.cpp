#include "core/chunk.hpp"

#include <algorithm>

namespace fanfold::core {

namespace {

/// Weight of the newest chunk where it was faster; a slower one counts whole at once, so that nobody waits for us to
/// learn.
constexpr double newest_weight = 0.25;

}  // namespace

std::size_t ChunkSizer::fitting(std::chrono::microseconds time) const noexcept {
  if (nanoseconds_per_task_ <= 0) return 1;
  const double count = std::chrono::duration<double, std::nano>(time).count() / nanoseconds_per_task_;
  const double limit = static_cast<double>(std::min(largest_, count_max_));
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::min(count, limit)));
}

std::size_t ChunkSizer::target() const noexcept {
  const double calls = nanoseconds_per_claim_ + nanoseconds_per_end_;
  const std::chrono::microseconds worth_the_calls(static_cast<std::int64_t>(calls * chunk_times_calls / 1'000));
  return fitting(std::min(std::clamp(worth_the_calls, chunk_time, chunk_time_max), time_max_));
}

void ChunkSizer::claimed(std::chrono::nanoseconds time) noexcept {
  nanoseconds_per_claim_ += newest_weight * (static_cast<double>(time.count()) - nanoseconds_per_claim_);
}

void ChunkSizer::ended(std::chrono::nanoseconds time) noexcept {
  nanoseconds_per_end_ += newest_weight * (static_cast<double>(time.count()) - nanoseconds_per_end_);
}

std::size_t ChunkSizer::next(std::size_t ready_count, std::size_t jobs) const noexcept {
  const std::size_t fair = (ready_count + jobs - 1) / std::max<std::size_t>(1, jobs);
  const std::size_t worth_it = std::max(fair, fitting(chunk_time_min));
  return std::clamp<std::size_t>(std::min(worth_it, target()), 1, std::max<std::size_t>(1, ready_count));
}

std::optional<std::chrono::nanoseconds> ChunkSizer::time_per_task() const noexcept {
  if (nanoseconds_per_task_ <= 0) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds_per_task_));
}

void ChunkSizer::took(std::size_t count, std::chrono::nanoseconds time) noexcept {
  if (count == 0) return;
  const double measured = std::max(1.0, static_cast<double>(time.count()) / static_cast<double>(count));
  const bool slower = nanoseconds_per_task_ <= 0 || measured > nanoseconds_per_task_;
  nanoseconds_per_task_ =
      slower ? measured : nanoseconds_per_task_ + newest_weight * (measured - nanoseconds_per_task_);
  largest_ = std::min(count_max_, std::max(count, std::min(largest_, target())) * chunk_growth_max);
}

}  // namespace fanfold::core
