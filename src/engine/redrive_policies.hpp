#pragma once

#include <fanfold/ports/queue.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace fanfold::engine {

/// Redrive policies of queues, looked up once a minute. Thread-safe; blocks at the first use of a queue.
class RedrivePolicies {
 public:
  /// Empty without a policy, and where the queue cannot be asked.
  std::optional<std::uint32_t> receive_count_max(Queue& queue, const std::string& url, Time now);

 private:
  struct Entry {
    std::optional<std::uint32_t> receive_count_max{};
    Time read_at{};
  };
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // Guarded by mutex_.
};

}  // namespace fanfold::engine
