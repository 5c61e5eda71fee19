#pragma once

#include <fanfold/options.hpp>

namespace fanfold::core {

/// The visibility outlives the lease by this much, so that a message never shows up while its lease still holds.
inline constexpr std::chrono::milliseconds lease_margin{1'000};
/// Longest time for which SQS hides a message.
inline constexpr std::chrono::milliseconds visibility_max{std::chrono::hours{12}};

/// How long to hide what is received for handlers whose lease is this long.
[[nodiscard]] std::chrono::milliseconds visibility_for(std::chrono::milliseconds lease) noexcept;

/// When a lease that is claimed now ends: before the delivery shows up again, where that time is known (not zero).
[[nodiscard]] Time first_lease_end(Time now, std::chrono::milliseconds lease, Time visible_at) noexcept;

/// What a heartbeat does about one lease.
struct LeaseStep {
  enum class Kind : std::uint8_t {
    wait,    ///< Nothing before `at`.
    extend,  ///< Move the lease's end to `at`, then the visibility behind it.
    let_go   ///< The cap is reached: the lease is not extended any more and counts as lost at `at`.
  };
  Kind kind = Kind::wait;
  Time at{};
  friend bool operator==(const LeaseStep&, const LeaseStep&) = default;
};

/// Extends once a third of the lease is over, until `claimed_at + total_max`.
[[nodiscard]] LeaseStep next_lease_step(Time now, Time claimed_at, Time lease_end, std::chrono::milliseconds lease,
                                        std::chrono::milliseconds total_max) noexcept;

/// Whether what waits in memory has to be hidden for longer now: a third of its time is over.
[[nodiscard]] bool visibility_is_due(Time now, Time visible_at, std::chrono::milliseconds visibility) noexcept;

}  // namespace fanfold::core
