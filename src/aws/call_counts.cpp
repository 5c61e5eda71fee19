#include "aws/call_counts.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace fanfold::aws {
namespace {

/// Operations are those of our own code, so that there are some tens. A lock costs nothing beside a request.
class Counts {
 public:
  void count(std::string_view service, std::string_view operation, CallEnd end, EndCounts CallCount::*ends) {
    const std::scoped_lock lock(mutex_);
    auto& operations = services_.try_emplace(std::string(service)).first->second;
    auto found = operations.find(operation);
    if (found == operations.end()) found = operations.emplace(operation, CallCount{}).first;
    ++(found->second.*ends)[static_cast<std::size_t>(end)];
  }
  [[nodiscard]] std::vector<CallCount> all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<CallCount> all;
    for (const auto& [service, operations] : services_) {
      for (const auto& [operation, count] : operations) {
        CallCount& copied = all.emplace_back(count);
        copied.service = service;
        copied.operation = operation;
      }
    }
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, CallCount, std::less<>>, std::less<>> services_;  // guarded by mutex_
};

/// Never destroyed: calls may end while the process does.
Counts& counts() {
  static Counts& own = *new Counts();
  return own;
}

}  // namespace

std::string_view to_string(CallEnd end) noexcept {
  switch (end) {
    case CallEnd::ok: return "ok";
    case CallEnd::refused: return "refused";
    case CallEnd::throttled: return "throttled";
    case CallEnd::failed: return "failed";
    case CallEnd::cancelled: break;
  }
  return "cancelled";
}

void count_attempt(std::string_view service, std::string_view operation, CallEnd end) {
  counts().count(service, operation, end, &CallCount::attempts);
}

void count_call(std::string_view service, std::string_view operation, CallEnd end) {
  counts().count(service, operation, end, &CallCount::calls);
}

std::vector<CallCount> call_counts() { return counts().all(); }

}  // namespace fanfold::aws
