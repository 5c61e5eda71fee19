#include "net/retry.hpp"

#include <algorithm>

namespace fanfold::net {

bool RetryBudget::take() {
  const std::lock_guard lock(mutex_);
  if (left_ < retry_cost) return false;
  left_ -= retry_cost;
  return true;
}

void RetryBudget::refund(std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  left_ = std::min(capacity, left_ + count);
}

std::uint32_t RetryBudget::left() const {
  const std::lock_guard lock(mutex_);
  return left_;
}

std::optional<std::chrono::milliseconds> Retry::after(AttemptEnd end, const Circumstances& circumstances) {
  switch (end) {
    case AttemptEnd::success:
      ++succeeded_count_;
      budget_.refund(std::max(taken_tokens_, RetryBudget::success_refund));
      return std::nullopt;
    case AttemptEnd::final: ++failed_count_; return std::nullopt;
    case AttemptEnd::throttled: {
      ++throttled_count_;
      if (policy_.attempt_count_max <= 1 || throttled_count_ >= policy_.throttled_attempt_count_max)
        return std::nullopt;
      return delay(policy_.throttled_delay_base, throttled_count_, circumstances);
    }
    case AttemptEnd::transient: {
      ++failed_count_;
      if (failed_count_ >= policy_.attempt_count_max) return std::nullopt;
      const std::optional<std::chrono::milliseconds> wait = delay(policy_.delay_base, failed_count_, circumstances);
      if (!wait || !budget_.take()) return std::nullopt;
      taken_tokens_ = RetryBudget::retry_cost;
      return wait;
    }
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Retry::delay(std::chrono::milliseconds base, std::uint32_t count,
                                                      const Circumstances& circumstances) const {
  constexpr std::uint32_t doubling_count_max = 16;
  const std::chrono::milliseconds ceiling =
      std::min(policy_.delay_max, base * (std::int64_t{1} << std::min(count - 1, doubling_count_max)));
  std::chrono::milliseconds wait(
      static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * circumstances.random_unit));
  if (circumstances.asked_delay) wait = std::max(wait, std::min(*circumstances.asked_delay, policy_.delay_max));
  if (circumstances.time_left && wait >= *circumstances.time_left) return std::nullopt;
  return wait;
}

}  // namespace fanfold::net
