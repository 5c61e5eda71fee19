#include "worker/gathered_deletions.hpp"

#include <algorithm>
#include <utility>

namespace fanfold::worker {

Result<void> GatheredDeletions::add(std::string_view url, std::vector<std::string> receipt_handles) {
  std::vector<std::string> full;
  bool begins_to_wait = false;
  {
    const std::scoped_lock lock(mutex_);
    begins_to_wait = waiting_.empty();
    Waiting& waiting = waiting_.try_emplace(std::string(url)).first->second;
    std::vector<std::string>& all = waiting.receipt_handles;
    if (all.empty()) waiting.since = Clock::now();
    std::ranges::move(receipt_handles, std::back_inserter(all));
    // The oldest go first; what is left has waited no longer than the clock says.
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(all.size() / batch_count_ * batch_count_);
    full.assign(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
    all.erase(all.begin(), end);
    if (!full.empty()) waiting.since = Clock::now();
    if (all.empty()) waiting_.erase(waiting_.find(url));
  }
  if (begins_to_wait) changed_.notify_all();
  if (full.empty()) return take_error();
  auto removed = remove({{std::string(url), std::move(full)}});
  auto earlier = take_error();
  return removed ? earlier : removed;
}

void GatheredDeletions::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    Batches batches;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return !waiting_.empty(); });
      if (stop.stop_requested()) return;
      const auto oldest = std::ranges::min_element(waiting_, {}, [](const auto& entry) { return entry.second.since; });
      changed_.wait_until(lock, stop, oldest->second.since + wait_max_, [] { return false; });
    }
    if (stop.stop_requested()) return;
    batches = take_older_than(Clock::now() - wait_max_);
    if (auto removed = remove(batches); !removed) {
      const std::scoped_lock lock(mutex_);
      if (!error_) error_ = std::move(removed).error();
    }
  }
}

Result<void> GatheredDeletions::flush() {
  auto removed = remove(take_older_than(Clock::time_point::max()));
  auto earlier = take_error();
  return removed ? earlier : removed;
}

GatheredDeletions::Batches GatheredDeletions::take_older_than(Clock::time_point since) {
  Batches batches;
  const std::scoped_lock lock(mutex_);
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    if (entry->second.since > since) {
      ++entry;
      continue;
    }
    batches.emplace_back(entry->first, std::move(entry->second.receipt_handles));
    entry = waiting_.erase(entry);
  }
  return batches;
}

Result<void> GatheredDeletions::remove(const Batches& batches) {
  Result<void> first;
  for (const auto& batch : batches) {
    auto removed = engine::with_patience(store_, [&] { return store_.queue().remove(batch.first, batch.second); });
    if (!removed) {
      if (first) first = std::move(removed).error();
      continue;
    }
    const auto failed = std::ranges::find_if(*removed, [](const Result<void>& one) { return !one; });
    if (failed != removed->end() && first) first = failed->error();
  }
  return first;
}

Result<void> GatheredDeletions::take_error() {
  const std::scoped_lock lock(mutex_);
  if (const auto error = std::exchange(error_, std::nullopt)) return *error;
  return {};
}

}  // namespace fanfold::worker
