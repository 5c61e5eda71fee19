#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace fanfold::net {

/// How one attempt ended, as far as trying again is concerned.
enum class AttemptEnd : std::uint8_t {
  success,
  throttled,  ///< The service works and asks for less: waiting is enough, it is no sign of failure.
  transient,  ///< No connection, no answer, cut, 5xx: may be gone with the next attempt.
  final       ///< Trying again changes nothing.
};

struct RetryPolicy {
  std::uint32_t attempt_count_max = 3;             ///< Of attempts that fail, the first one included; 1 never retries.
  std::uint32_t throttled_attempt_count_max = 10;  ///< Of attempts that are throttled, counted apart.
  std::chrono::milliseconds delay_base{50};        ///< The first delay is between nothing and this; then it doubles,
  std::chrono::milliseconds throttled_delay_base{250};
  std::chrono::milliseconds delay_max{20'000};  ///< up to this.
};

/// Tokens that retries of failures cost, shared by all calls to a service: where most calls fail, retries stop
/// before they multiply the load. Throttling takes none, since it is the service's own way to limit the load.
/// Thread-safe.
class RetryBudget {
 public:
  static constexpr std::uint32_t capacity = 500;
  static constexpr std::uint32_t retry_cost = 5;
  static constexpr std::uint32_t success_refund = 1;

  /// False, and nothing taken, where too few are left.
  [[nodiscard]] bool take();
  void refund(std::uint32_t count);
  [[nodiscard]] std::uint32_t left() const;

 private:
  mutable std::mutex mutex_;
  std::uint32_t left_ = capacity;  // guarded by mutex_
};

/// The decisions about one call's attempts; does neither I/O nor waiting. Not thread-safe.
class Retry {
 public:
  /// `policy` and `budget` outlive this object.
  Retry(const RetryPolicy& policy, RetryBudget& budget) noexcept : policy_(policy), budget_(budget) {}

  struct Circumstances {
    double random_unit = 0;                                  ///< In [0, 1): jitter.
    std::optional<std::chrono::milliseconds> asked_delay{};  ///< What the service asked for (Retry-After).
    std::optional<std::chrono::milliseconds> time_left{};    ///< Until the caller's deadline.
  };

  /// To be told of every attempt's end. The delay before the next attempt, full jitter; empty where the call ends here:
  /// it succeeded, no attempt or no token is left, or the delay would outlast the deadline.
  [[nodiscard]] std::optional<std::chrono::milliseconds> after(AttemptEnd end, const Circumstances& circumstances);

  [[nodiscard]] std::uint32_t attempt_count() const noexcept {
    return failed_count_ + throttled_count_ + succeeded_count_;
  }

 private:
  [[nodiscard]] std::optional<std::chrono::milliseconds> delay(std::chrono::milliseconds base, std::uint32_t count,
                                                               const Circumstances& circumstances) const;

  const RetryPolicy& policy_;
  RetryBudget& budget_;
  std::uint32_t failed_count_ = 0;
  std::uint32_t throttled_count_ = 0;
  std::uint32_t succeeded_count_ = 0;
  std::uint32_t taken_tokens_ = 0;
};

}  // namespace fanfold::net
