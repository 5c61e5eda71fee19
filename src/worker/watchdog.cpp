#include "worker/watchdog.hpp"

namespace fanfold::worker {

namespace {

constexpr std::chrono::milliseconds look_every{20};

}  // namespace

void Watchdog::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    active_.wait_for_long_ones(look_every, stop);
    watch(std::chrono::steady_clock::now());
  }
}

void Watchdog::watch(std::chrono::steady_clock::time_point now) {
  for (const auto& chunk : active_.all()) {
    const ActiveChunk::Standing standing = chunk->standing();
    if (!standing.others_wait) continue;
    if (standing.started_count != chunk->seen_started_count) {
      chunk->seen_started_count = standing.started_count;
      chunk->seen_at = now;
    } else if (now - chunk->seen_at >= overrun) {
      relieve(chunk);
    }
  }
}

void Watchdog::relieve(const std::shared_ptr<ActiveChunk>& chunk) {
  intake_.hold();  // What is flushed here stays in hand, also when the chunk's thread is done before us.
  ActiveChunk::Taken taken = chunk->take_rest();
  if (taken.rest) {
    active_.add(taken.rest);
    intake_.push_claimed(chunk->source(), std::move(taken.rest));
  }
  engine::Tally tally;
  dispatcher_.finish(chunk->chunk(), taken.finish_first, taken.finish_last, tally);
  static_cast<void>(intake_.done(Job{}, false));
  absorb_(tally);
}

}  // namespace fanfold::worker
