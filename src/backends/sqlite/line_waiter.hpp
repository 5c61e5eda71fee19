#pragma once

#include "backends/sqlite/file_lock.hpp"
#include "support/fork_count.hpp"

#include <fanfold/result.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace fanfold::sqlite {

/// Waits in line at the turnstile for a store whose leader found the lock taken: flock knows no time limit, so it is a
/// thread of its own that blocks in it. Begun at first need. Thread-safe.
class LineWaiter {
 public:
  /// `arrived` runs in the waiter's thread, with the lock held, or with the error that kept it from it; it unlocks.
  LineWaiter(std::shared_ptr<Turnstile> turnstile, std::function<void(Result<void> locked)> arrived);
  LineWaiter(const LineWaiter&) = delete;
  LineWaiter& operator=(const LineWaiter&) = delete;
  /// Does not wait for a lock that another process keeps: then the thread ends by itself once it gets it.
  ~LineWaiter();

  /// Errors: unavailable where the system has no thread for it; then nobody is in line.
  [[nodiscard]] Result<void> queue_up();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_wanted = false;  // Guarded by mutex, as are the next two.
    bool is_in_line = false;
    bool is_closing = false;
  };
  static void run(const std::shared_ptr<State>& state, const std::shared_ptr<Turnstile>& turnstile,
                  const std::function<void(Result<void>)>& arrived);

  const std::uint64_t fork_count_ = support::fork_count();  // In a child of fork() there is no thread to wait for.
  std::shared_ptr<Turnstile> turnstile_;                    // Shared with the thread, which may outlive this.
  std::function<void(Result<void>)> arrived_;
  std::shared_ptr<State> state_ = std::make_shared<State>();  // Shared as well.
  std::thread thread_;
};

}  // namespace fanfold::sqlite
