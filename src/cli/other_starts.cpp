#include "cli/other_starts.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/pause.hpp"

#include <algorithm>
#include <utility>

namespace fanfold::cli {
namespace {

constexpr std::size_t unended_page_tasks = 1000;
/// Between the end of one task and the begin of the next, a start that lives looks like none: for as long as the disk
/// takes to write the end down, and the system to start a program. One that was seen running is given longer.
constexpr int quiet_look_count = 6;
constexpr int quiet_look_count_after_running = 30;
constexpr std::chrono::milliseconds quiet_interval{50};

enum class Activity : std::uint8_t { none, running, over };

/// One cluster that other starts may be working on.
class Watched {
 public:
  explicit Watched(const ClusterHeader& header) : header_(&header) {}
  [[nodiscard]] const ClusterHeader& header() const noexcept { return *header_; }

  /// Whether a task of it is run now by somebody who lives, or has ended since the look before. Tasks are begun in the
  /// order of their indexes, more or less, so that it is looked at from the last that ran.
  [[nodiscard]] Result<Activity> look(const Client& client) {
    auto progress = client.progress(key_of(*header_));
    if (!progress) return std::move(progress).error();
    if (progress->finished) return Activity::over;
    const std::uint64_t ended_count = progress->done_count + progress->failed_count;
    const bool has_moved = std::exchange(ended_count_, ended_count).value_or(ended_count) != ended_count;
    if (has_moved) return Activity::running;
    if (progress->in_progress_count <= progress->abandoned_count) return Activity::none;
    auto found = find_running(client, from_);
    if (!found || *found == Activity::running || from_ == 0) return found;
    return find_running(client, 0);
  }

 private:
  [[nodiscard]] Result<Activity> find_running(const Client& client, std::uint64_t first_index) {
    std::optional<std::uint64_t> next = first_index;
    while (next) {
      auto page = client.list_task_states(key_of(*header_), {.status = Status::in_progress}, *next, unended_page_tasks);
      if (!page) return std::move(page).error();
      const auto running = std::ranges::find_if(page->tasks, [at = now()](const TaskState& task) {
        return !task.abandoned && !task.backing_off && !task.waiting_for_child && task.lease_end &&
               *task.lease_end > at;
      });
      if (running != page->tasks.end()) {
        from_ = running->index;
        return Activity::running;
      }
      next = page->next_index;
    }
    return Activity::none;
  }

  const ClusterHeader* header_;
  std::uint64_t from_ = 0;
  std::optional<std::uint64_t> ended_count_;
};

/// The first that is running now; null where none is. What is over is watched no longer.
Result<const Watched*> first_running(const Client& client, std::vector<Watched>& all) {
  for (auto one = all.begin(); one != all.end();) {
    auto activity = one->look(client);
    if (!activity) return std::move(activity).error();
    if (*activity == Activity::running) return &*one;
    one = *activity == Activity::over ? all.erase(one) : one + 1;
  }
  return nullptr;
}

}  // namespace

Result<void> wait_for_other_starts(const Client& client, const std::vector<ClusterHeader>& clusters,
                                   std::chrono::milliseconds interval,
                                   const std::function<void(const ClusterHeader&)>& say, const std::stop_token& stop) {
  std::vector<Watched> watched;
  for (const ClusterHeader& header : clusters) {
    if (!header.finished() && !header.stopped() && header.moved_to.empty()) watched.emplace_back(header);
  }
  bool said = false;
  for (int quiet_count = 0;;) {
    auto running = first_running(client, watched);
    if (!running) return std::move(running).error();
    if (watched.empty()) return {};
    if (*running == nullptr) {
      if (++quiet_count >= (said ? quiet_look_count_after_running : quiet_look_count)) return {};
      pause_for(quiet_interval, stop);
    } else {
      quiet_count = 0;
      if (!said) say((*running)->header());
      said = true;
      pause_for(interval, stop);
    }
    if (stop.stop_requested())
      return Error{ErrorCode::cancelled, "interrupted before anything ran; the same command starts again", {}};
  }
}

}  // namespace fanfold::cli
