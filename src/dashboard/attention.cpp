#include "dashboard/attention.hpp"

namespace fanfold::dashboard {

namespace {

constexpr std::chrono::minutes finish_patience{1};

std::string tasks(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " task" : " tasks"); }

}  // namespace

std::string attention(const ClusterHeader& header, const Progress& progress, Time now) {
  if (header.tombstone) return {};
  if (progress.finish_failed) return "its finish handler has failed for good";
  if (header.moving()) return "is being moved to another store, or that was cut off";
  if (!header.moved_to.empty()) return {};
  if (progress.finished) {
    const bool waits =
        !progress.finish_handled && header.finish_sent_at && now - *header.finish_sent_at > finish_patience;
    return waits ? "its finish message waits: is there a worker with a finish handler?" : "";
  }
  if (header.deadline && *header.deadline <= now) return "its deadline has passed";
  if (progress.paused) return {};
  if (progress.abandoned_count > 0 && progress.in_progress_count == 0)
    return tasks(progress.abandoned_count) + " held by a worker that died, and no other works on it";
  const std::uint64_t ended = progress.done_count + progress.failed_count;
  if (ended < progress.total_count && progress.in_progress_count == 0) return "no task is running: is there a worker?";
  if (!progress.sealed && ended == progress.total_count) return "waits for more tasks, or to be sealed";
  return {};
}

}  // namespace fanfold::dashboard
