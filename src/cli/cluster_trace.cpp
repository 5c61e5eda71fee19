#include "cli/cluster_trace.hpp"

#include "views/task_state.hpp"

#include <algorithm>

namespace fanfold::cli {

ClusterTrace::ClusterTrace(Options options)
    : options_(std::move(options)), rounds_(options_.cluster, options_.finishes) {}

template <class Item>
void ClusterTrace::Latest<Item>::add(Item item, std::size_t shown_max) {
  ++count;
  if (shown_max == 0) return;
  items.push_back(std::move(item));
  if (items.size() >= 2 * shown_max) cut(shown_max);
}

template <class Item>
void ClusterTrace::Latest<Item>::cut(std::size_t shown_max) {
  if (items.size() <= shown_max) return;
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(shown_max);
  std::ranges::nth_element(items, end, std::greater{}, &Item::at);
  items.erase(end, items.end());
}

void ClusterTrace::add(const TaskState& task) {
  ++task_count_;
  add_failures(task);
  if (task.completed_at) {
    const bool failed = task.status == Status::error;
    ++(failed ? counts_.failed : counts_.complete);
    ends_.add({*task.completed_at, task.index, task.attempt_count, failed}, options_.shown_max);
    return;
  }
  const bool is_moved = !options_.cluster.moved_to.empty();  // What is open of it is in the other store.
  if (task.status == Status::pre_flight || is_moved) return;
  ++open_count_;
  if (open_.size() < options_.shown_max)
    open_.push_back({task.index, task.attempt_count, views::state_word(task), !task.backing_off, task.lease_end});
}

/// What failed for good and came to another end later was tried again by the round of that end, or by the latest where
/// there is none yet.
void ClusterTrace::add_failures(const TaskState& task) {
  if (task.error.size() >= error_count_max) ++partly_kept_count_;
  std::optional<std::size_t> failed_in;
  const auto end = [&](std::size_t round, Time at, TaskCounts counts) {
    if (failed_in && *failed_in < round)
      rounds_.add_tried_again(round);
    else if (failed_in)
      counts.tried_again = 1;  // Of a clock that was wrong.
    count(round, at, counts);
  };
  // The entry of the failure that the task's end is.
  const bool has_last = task.status == Status::error && !task.error.empty() && task.error.back().final;
  for (const ErrorEntry& entry : task.error) {
    const std::size_t round = rounds_.find(entry.at);
    TaskCounts counts{.failed_attempts = entry.attempt > 0 ? std::uint64_t{1} : 0};
    counts_.failed_attempts += counts.failed_attempts;
    failures_.add({entry.at, task.index, entry}, options_.shown_max);
    if (entry.final && !(has_last && &entry == &task.error.back())) {
      counts.failed = 1;
      end(round, entry.at, counts);
      failed_in = round;
    } else {
      count(round, entry.at, counts);
    }
  }
  if (task.completed_at) {
    const bool failed = task.status == Status::error;
    end(rounds_.find(*task.completed_at), *task.completed_at,
        failed ? TaskCounts{.failed = 1} : TaskCounts{.complete = 1});
  } else if (failed_in) {
    rounds_.add_tried_again(rounds_.spans().size() - 1);
  }
}

void ClusterTrace::count(std::size_t round, Time at, const TaskCounts& counts) {
  if (counts == TaskCounts{}) return;
  rounds_.add(round, at, counts);
  steps_.add(at, counts);
}

/// Once all is there.
void ClusterTrace::settle() {
  ends_.cut(options_.shown_max);
  failures_.cut(options_.shown_max);
  std::ranges::sort(ends_.items, {}, &End::at);
  std::ranges::sort(failures_.items, {}, &Failure::at);
  for (std::size_t round = 0; round < rounds_.spans().size(); ++round) {
    const std::uint64_t tried_again = rounds_.spans()[round].counts.tried_again;
    if (tried_again > 0) steps_.add(rounds_.begin_of(round).at, {.tried_again = tried_again});
  }
}

void ClusterTrace::add_child(const ClusterHeader& child) {
  ++child_count_;
  if (children_.size() < options_.shown_max) children_.push_back(child);
}

void ClusterTrace::add_parent(const ClusterHeader& parent) { parents_.push_back(parent); }

std::uint64_t ClusterTrace::left_out_count() const noexcept {
  const auto beyond = [&](std::uint64_t count) { return count - std::min<std::uint64_t>(count, options_.shown_max); };
  return beyond(ends_.count) + beyond(failures_.count) + beyond(open_count_) + beyond(child_count_);
}

}  // namespace fanfold::cli
