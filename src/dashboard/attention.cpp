#include "dashboard/attention.hpp"

namespace fanfold::dashboard {

namespace {

std::string tasks(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " task" : " tasks"); }

}  // namespace

std::string attention(const ClusterHeader& header, const Progress& progress, Time now) {
  if (header.tombstone) return {};
  if (progress.finish_failed) return "its finish handler has failed for good";
  if (header.moving()) return "is being moved to another store, or that was cut off";
  if (!header.moved_to.empty()) return {};
  if (header.stopped()) return {};
  if (progress.finished) return progress.failed_count > 0 ? tasks(progress.failed_count) + " failed" : "";
  if (header.deadline && *header.deadline <= now) return "its deadline has passed";
  if (progress.paused) return "is paused";
  if (progress.abandoned_count > 0 && progress.in_progress_count == 0)
    return tasks(progress.abandoned_count) + " held by a worker that died, and no other works on it";
  const std::uint64_t ended = progress.done_count + progress.failed_count;
  if (ended < progress.total_count && progress.in_progress_count == 0) return "no task is running: is there a worker?";
  if (!progress.sealed && ended == progress.total_count) return "waits for more tasks, or to be sealed";
  return {};
}

}  // namespace fanfold::dashboard
