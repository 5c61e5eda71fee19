#include "support/fork_count.hpp"

#include <atomic>

#include <pthread.h>

namespace fanfold::support {

std::uint64_t fork_count() noexcept {
  static std::atomic<std::uint64_t> count{0};
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return count.load(std::memory_order_relaxed);
}

}  // namespace fanfold::support
