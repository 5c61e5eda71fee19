#pragma once

#include "dashboard/answers.hpp"

#include <fanfold/client.hpp>

namespace fanfold::dashboard {

/// The answers to what is asked of tasks. Payloads only where they are asked for. Thread-safe; calls block for as long
/// as the store does.
class TaskReads {
 public:
  explicit TaskReads(Client client) : client_(std::move(client)) {}

  [[nodiscard]] Reply tasks(const std::string& cluster, const serve::Request& request) const;
  [[nodiscard]] Reply task(const std::string& cluster, std::uint64_t index) const;
  [[nodiscard]] Reply payload(const std::string& cluster, std::uint64_t index) const;
  /// What its attempts printed, the last 64 KiB of each.
  [[nodiscard]] Reply output(const std::string& cluster, std::uint64_t index) const;
  /// What the attempts of its finish handler printed, likewise; none where it never ran.
  [[nodiscard]] Reply finish_output(const std::string& cluster) const;

 private:
  [[nodiscard]] static Reply newest_of(Result<std::vector<AttemptOutput>> outputs);
  [[nodiscard]] Result<TaskState> find(const std::string& cluster, std::uint64_t index, TaskParts parts) const;

  const Client client_;
};

}  // namespace fanfold::dashboard
