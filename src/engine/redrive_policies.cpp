#include "engine/redrive_policies.hpp"

namespace fanfold::engine {

namespace {

constexpr std::chrono::milliseconds policy_age_max{60'000};
/// Queues whose policy is remembered; beyond, all are forgotten and asked again.
constexpr std::size_t policy_count_max = 1'024;

}  // namespace

std::optional<std::uint32_t> RedrivePolicies::receive_count_max(Queue& queue, const std::string& url, Time now) {
  {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(url);
    if (entry != entries_.end() && now >= entry->second.read_at && now - entry->second.read_at < policy_age_max)
      return entry->second.receive_count_max;
  }
  const auto attributes = queue.attributes(url);
  std::optional<std::uint32_t> most;
  if (attributes && attributes->redrive) most = attributes->redrive->receive_count_max;
  const std::scoped_lock lock(mutex_);
  if (entries_.size() >= policy_count_max) entries_.clear();
  entries_.insert_or_assign(url, Entry{most, now});
  return most;
}

}  // namespace fanfold::engine
