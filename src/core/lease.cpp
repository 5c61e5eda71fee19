#include "core/lease.hpp"

#include <algorithm>

namespace fanfold::core {

std::chrono::milliseconds visibility_for(std::chrono::milliseconds lease) noexcept {
  return std::min(lease + lease_margin, visibility_max);
}

Time first_lease_end(Time now, std::chrono::milliseconds lease, Time visible_at) noexcept {
  const Time whole = now + lease;
  if (visible_at == Time{}) return whole;
  // A delivery about to show up again still gets a moment: a lease that is over at once would never run.
  const Time shortest = now + std::min(lease, lease_margin);
  return std::clamp(visible_at - lease_margin, shortest, whole);
}

LeaseStep next_lease_step(Time now, Time claimed_at, Time lease_end, std::chrono::milliseconds lease,
                          std::chrono::milliseconds total_max) noexcept {
  const Time cap = claimed_at + total_max;
  if (lease_end >= cap) return {now >= lease_end ? LeaseStep::Kind::let_go : LeaseStep::Kind::wait, lease_end};
  const Time due = lease_end - lease + lease / 3;
  if (now < due) return {LeaseStep::Kind::wait, due};
  return {LeaseStep::Kind::extend, std::min(now + lease, cap)};
}

bool visibility_is_due(Time now, Time visible_at, std::chrono::milliseconds visibility) noexcept {
  return now >= visible_at - visibility + visibility / 3;
}

}  // namespace fanfold::core
