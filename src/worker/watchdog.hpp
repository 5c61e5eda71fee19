#pragma once

#include "worker/active_chunk.hpp"
#include "worker/intake.hpp"

namespace fanfold::worker {

/// A handler that takes longer than this gets its thread for itself: nothing waits behind it.
inline constexpr std::chrono::milliseconds overrun{50};

/// Looks after chunks of several tasks: where one handler overruns, the tasks behind it go to other threads, and what
/// ended before it is flushed. Used by one thread.
class Watchdog {
 public:
  /// All borrowed; `absorb` is told what the flushes came to.
  Watchdog(engine::Dispatcher& dispatcher, Intake& intake, ActiveChunks& active,
           std::function<void(engine::Tally&)> absorb)
      : dispatcher_(dispatcher), intake_(intake), active_(active), absorb_(std::move(absorb)) {}

  /// Watches until `stop` is requested. Sleeps while there is nothing to watch.
  void run(std::stop_token stop);
  /// Once.
  void watch(std::chrono::steady_clock::time_point now);

 private:
  void relieve(const std::shared_ptr<ActiveChunk>& chunk);

  engine::Dispatcher& dispatcher_;
  Intake& intake_;
  ActiveChunks& active_;
  std::function<void(engine::Tally&)> absorb_;
};

}  // namespace fanfold::worker
