#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace fanfold::cli {

/// While it lives, people are told now and then that a cluster is still being created: of many tasks, or, under a key
/// that another command used a moment ago, since it is waited for.
class CreationNotice {
 public:
  struct Options {
    bool has_key = false;
    std::chrono::milliseconds first{3'000};
    std::chrono::milliseconds interval{30'000};
    std::function<void(const std::string& line)> say{};  ///< Standard error where it is empty.
  };
  /// `read_count` counts the tasks that were read, and outlives this.
  CreationNotice(const std::atomic<std::uint64_t>& read_count, Options options);

 private:
  void tell() const;

  const std::atomic<std::uint64_t>& read_count_;
  const Options options_;
  std::jthread thread_;  // Last: it uses the others. None where there can be no further one.
};

}  // namespace fanfold::cli
