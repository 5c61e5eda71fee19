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
  return (has_more ? "at least " : "") + counted(count, "task", "tasks");
}

/// When what is told of it is over.
std::optional<Time> end_of(const Standstill& standstill, Time now) {
  if (standstill.held_until) return standstill.held_until;
  return standstill.again_at && *standstill.again_at > now ? standstill.again_at : std::nullopt;
}

}  // namespace

void StandstillClock::see(const Progress& progress, bool is_busy, Moment at) {
  const std::uint64_t ended_count = progress.done_count + progress.failed_count;
  if (ended_count_ != ended_count || ended_count >= progress.total_count || progress.paused || is_busy) {
    ended_count_ = ended_count;
    since_ = at;
    looked_at_.reset();
    interval_ = look_interval;
  }
  is_standing_ = at - since_ >= quiet;
}

bool StandstillClock::take_look(bool is_outdated, Moment at) {
  if (!is_standing_ || (looked_at_ && at - *looked_at_ < (is_outdated ? look_interval : interval_))) return false;
  if (looked_at_ && !is_outdated) interval_ = std::min(interval_ * 2, interval_max_);
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

void StandstillSearch::take(const TaskPage& page, Time now) {
  if (!page.tasks.empty()) {
    settle(understand(page.tasks, now), page.tasks.front().index);
    found_->has_more = page.next_index.has_value();
    holds_until_ = end_of(*found_, now);
    return;
  }
  if (!has_wrapped_ && !page.next_index && from_ > 0) {
    has_wrapped_ = true;
    next_ = 0;
  } else if (!page.next_index || (has_wrapped_ && *page.next_index >= from_)) {
    settle({}, 0);
    return;
  } else {
    next_ = *page.next_index;
  }
  is_under_way_ = true;
  if (found_ != Standstill{}) found_.reset();
}

void StandstillSearch::settle(Standstill standstill, std::uint64_t from) {
  found_ = std::move(standstill);
  from_ = next_ = from;
  is_under_way_ = has_wrapped_ = false;
  holds_until_.reset();
}

bool StandstillSearch::is_outdated(Time now) const { return is_under_way_ || (holds_until_ && *holds_until_ <= now); }

void StandstillSearch::clear() {
  found_.reset();
  next_ = from_;
  is_under_way_ = has_wrapped_ = false;
  holds_until_.reset();
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
