#include "worker/active_chunk.hpp"

#include <algorithm>

namespace fanfold::worker {

std::size_t ActiveChunk::started() const noexcept {
  return rest_taken_ ? started_count_ : std::min(next_.load(std::memory_order_acquire), size_);
}

std::shared_ptr<ActiveChunk> ActiveChunk::split_rest() {
  if (rest_taken_ || closed_) return nullptr;
  started_count_ = std::min(next_.exchange(taken_away, std::memory_order_acq_rel), size_);
  rest_taken_ = true;
  if (started_count_ == size_) return nullptr;
  engine::Chunk rest = chunk_.split(started_count_);
  for (engine::Assignment& assignment : rest.assignments) assignment.lease_end = lease_end_;
  return std::make_shared<ActiveChunk>(std::move(rest), source_, claimed_at_, lease_end_);
}

ActiveChunk::Taken ActiveChunk::take_rest() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return {};
  Taken taken;
  taken.rest = split_rest();
  const std::size_t ran_count = started_count_ > 0 ? started_count_ - 1 : 0;  // The last one may still run.
  taken.finish_first = finished_;
  taken.finish_last = std::max(finished_, ran_count);
  finished_ = taken.finish_last;
  return taken;
}

ActiveChunk::Standing ActiveChunk::standing() {
  const std::scoped_lock lock(mutex_);
  const std::size_t count = started();
  if (closed_ || count == 0) return {};
  const bool rest_waits = !rest_taken_ && count < size_;
  return {.started_count = count, .others_wait = rest_waits || count - 1 > finished_};
}

std::optional<ActiveChunk::Times> ActiveChunk::times() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return std::nullopt;
  return Times{claimed_at_, lease_end_};
}

std::vector<ActiveChunk::Held> ActiveChunk::held() {
  std::vector<Held> held;
  const std::scoped_lock lock(mutex_);
  if (closed_) return held;
  const std::size_t count = started();
  const std::size_t last = rest_taken_ ? started_count_ : size_;
  for (std::size_t i = count > 0 ? count - 1 : 0; i < last; ++i) {
    const EndRequest& end = chunk_.ends[i];
    const auto* token = std::get_if<std::uint64_t>(&end.condition);
    if (token == nullptr) continue;  // The cheap mode holds nothing.
    held.push_back({i, {end.ref, *token}, chunk_.deliveries[i].receipt_handle});
  }
  return held;
}

void ActiveChunk::set_lease_end(Time lease_end) {
  const std::scoped_lock lock(mutex_);
  lease_end_ = lease_end;
}

std::shared_ptr<ActiveChunk> ActiveChunk::lose(std::span<const std::size_t> positions) {
  std::shared_ptr<ActiveChunk> rest;
  bool running_is_lost = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return nullptr;
    rest = split_rest();
    running_is_lost = started_count_ > 0 && std::ranges::find(positions, started_count_ - 1) != positions.end();
    if (rest) {
      engine::Chunk kept{.url = chunk_.url, .deliveries = {}, .ends = {}, .assignments = {}};
      engine::Chunk& all = rest->chunk_;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (std::ranges::find(positions, started_count_ + i) != positions.end()) continue;
        kept.deliveries.push_back(std::move(all.deliveries[i]));
        kept.ends.push_back(std::move(all.ends[i]));
        kept.assignments.push_back(std::move(all.assignments[i]));
      }
      rest = kept.empty() ? nullptr : std::make_shared<ActiveChunk>(std::move(kept), source_, claimed_at_, lease_end_);
    }
  }
  if (running_is_lost) stop_.request_stop();  // Outside the lock: it may run a callback of the handler's.
  return rest;
}

void ActiveChunks::add(std::shared_ptr<ActiveChunk> chunk) {
  const bool is_long = chunk->size() > 1;
  {
    const std::scoped_lock lock(mutex_);
    chunks_.push_back(std::move(chunk));
    if (!is_long || ++long_count_ > 1) return;
  }
  changed_.notify_all();
}

void ActiveChunks::remove(const std::shared_ptr<ActiveChunk>& chunk) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(chunks_, chunk);
  if (found == chunks_.end()) return;
  if (chunk->size() > 1) --long_count_;
  *found = std::move(chunks_.back());
  chunks_.pop_back();
}

std::vector<std::shared_ptr<ActiveChunk>> ActiveChunks::all() const {
  const std::scoped_lock lock(mutex_);
  return chunks_;
}

void ActiveChunks::wait_for_long_ones(std::chrono::milliseconds pause, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, pause, [] { return false; });
  changed_.wait(lock, stop, [&] { return long_count_ > 0; });
}

}  // namespace fanfold::worker
