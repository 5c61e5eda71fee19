#include "cli/standstill.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

/// Whole seconds, rounded up, so that what is told is not over yet.
std::string in_time(Time time, Time now) {
  const auto left = std::max(std::chrono::ceil<std::chrono::seconds>(time - now), std::chrono::seconds(0));
  return left < std::chrono::minutes(1) ? fmt::format("in {} s", left.count()) : "in " + spoken(left);
}

std::string counted_tasks(std::uint64_t count, bool has_more) {
  const std::string number = (has_more ? "more than " : "") + with_thousands(count);
  return number + (count == 1 && !has_more ? " task" : " tasks");
}

}  // namespace

void StandstillClock::see(std::uint64_t ended_count, std::uint64_t open_count, bool is_busy, Moment at) {
  if (ended_count_ != ended_count || open_count == 0 || is_busy) {
    ended_count_ = ended_count;
    since_ = at;
    looked_at_.reset();
  }
  is_standing_ = at - since_ >= quiet;
}

bool StandstillClock::take_look(Moment at) {
  if (!is_standing_ || (looked_at_ && at - *looked_at_ < look_interval)) return false;
  looked_at_ = at;
  return true;
}

Standstill understand(const std::vector<TaskState>& in_progress, Time now) {
  Standstill found;
  for (const TaskState& task : in_progress) {
    if (task.waiting_for_child) {
      ++found.child_count;
    } else if (task.abandoned) {
      ++found.abandoned_count;
    } else if (task.backing_off || !task.lease_end) {
      ++found.again_count;
      if (task.lease_end) found.again_at = std::min(found.again_at.value_or(*task.lease_end), *task.lease_end);
    } else if (*task.lease_end <= now) {
      ++found.overdue_count;
    } else {
      ++found.held_count;
      found.held_until = std::max(found.held_until.value_or(*task.lease_end), *task.lease_end);
    }
  }
  return found;
}

std::string short_text(const Standstill& standstill, Time now) {
  const auto count = [&](std::uint64_t value) { return with_thousands(value) + (standstill.has_more ? "+" : ""); };
  if (standstill.held_count > 0 && standstill.deaths_are_known)
    return fmt::format("{} running", count(standstill.held_count));
  if (standstill.held_count > 0 && *standstill.held_until > now)
    return fmt::format("{} held by workers, {} {}", count(standstill.held_count),
                       standstill.held_count == 1 ? "lease ends" : "leases end", in_time(*standstill.held_until, now));
  if (const std::uint64_t overdue = standstill.overdue_count + standstill.held_count; overdue > 0)
    return fmt::format("{} to come again", count(overdue));
  if (standstill.abandoned_count > 0) return fmt::format("{} abandoned", count(standstill.abandoned_count));
  if (standstill.again_count > 0) {
    const bool is_later = standstill.again_at && *standstill.again_at > now;
    return fmt::format("{} to be tried again{}", count(standstill.again_count),
                       is_later ? " " + in_time(*standstill.again_at, now) : "");
  }
  if (standstill.child_count > 0)
    return fmt::format("{} {} for child clusters", count(standstill.child_count),
                       standstill.child_count == 1 ? "waits" : "wait");
  return fmt::format("{} open, none runs", with_thousands(standstill.open_count));
}

std::string long_text(const Standstill& standstill, Time now) {
  const auto waiting = [&](std::uint64_t count, std::string_view what) {
    return fmt::format("waiting for {} {}", counted_tasks(count, standstill.has_more), what);
  };
  if (standstill.held_count > 0 && standstill.deaths_are_known)
    return waiting(standstill.held_count, "that workers run");
  if (standstill.held_count > 0 && *standstill.held_until > now)
    return waiting(standstill.held_count,
                   fmt::format("of workers that run or died: {} {}",
                               standstill.held_count == 1 ? "its lease ends" : "their leases end",
                               in_time(*standstill.held_until, now)));
  if (const std::uint64_t overdue = standstill.overdue_count + standstill.held_count; overdue > 0)
    return waiting(overdue,
                   fmt::format("of workers that died: {} messages are to come again", overdue == 1 ? "its" : "their"));
  if (standstill.abandoned_count > 0)
    return waiting(standstill.abandoned_count, "of workers that died: the next worker goes on at once");
  if (standstill.again_count > 0) {
    const bool is_later = standstill.again_at && *standstill.again_at > now;
    return waiting(standstill.again_count, is_later
                                               ? "to be tried again, the first " + in_time(*standstill.again_at, now)
                                               : "to be tried again");
  }
  if (standstill.child_count > 0)
    return waiting(standstill.child_count, standstill.child_count == 1 ? "that waits for its child cluster"
                                                                       : "that wait for their child clusters");
  return fmt::format("no worker has any of the {} that {} open", counted_tasks(standstill.open_count, false),
                     standstill.open_count == 1 ? "is" : "are");
}

}  // namespace fanfold::cli
