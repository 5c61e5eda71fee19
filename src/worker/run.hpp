#pragma once

#include "engine/engine.hpp"
#include "worker/crash_note.hpp"
#include "worker/gathered_deletions.hpp"
#include "worker/heartbeat.hpp"
#include "worker/watchdog.hpp"

#include <atomic>
#include <condition_variable>
#include <semaphore>
#include <set>
#include <thread>

namespace fanfold::worker {

/// What runs of one worker came to. Thread-safe.
class Sums {
 public:
  void add(const WorkerReport& counts);
  void add_cut_off(std::size_t count);
  void reset();
  [[nodiscard]] WorkerReport get() const;

 private:
  mutable std::mutex mutex_;
  WorkerReport sums_;  // Guarded by mutex_.
};

/// One run of a worker: its threads, from start to drained. Used once.
class Run {
 public:
  /// All borrowed but `engine`. Options have been checked, `jobs` is not 0.
  Run(std::shared_ptr<engine::Engine> engine, const Handlers& handlers, const WorkerOptions& options,
      std::vector<SourceOptions> sources, Sums& sums);

  enum class Over : std::uint8_t { no, yes };
  enum class Look : std::uint8_t {
    regular,         ///< What is known of the cluster may be as old as it may be elsewhere.
    finish_handled,  ///< A finish message was handled here right now.
  };
  /// Asked now and then, and after each finish message, whether the run is over. An error ends the run too.
  using IsOver = std::function<Result<Over>(Look)>;

  /// Until `stop` is requested, `is_over` (where given) says so, or the store fails for good; then drains.
  Result<void> run(std::stop_token stop, const IsOver& is_over);

 private:
  Result<void> start_threads();
  void emplace_threads();
  Result<void> wait(std::stop_token stop, const IsOver& is_over);
  void drain();
  void cut_off();
  void await_last_polls();

  using SteadyTime = std::chrono::steady_clock::time_point;
  void receive(std::size_t source, bool extra);
  void receive_once(std::size_t source, std::size_t asked, std::uint32_t& empty_count, std::uint32_t& error_count);
  [[nodiscard]] Result<std::vector<Delivery>> poll(std::size_t source, std::size_t asked);
  void return_unstarted(std::size_t source, std::vector<Delivery> deliveries);
  void work();
  class Slot;
  void begin(Job& job, Slot& slot, engine::Tally& tally);
  void run_chunk(const std::shared_ptr<ActiveChunk>& chunk, bool alone, Slot& slot, engine::Tally& tally);
  void release_lonely(engine::Chunk& chunk, engine::Tally& tally);
  void sweep(std::stop_token stop);

  void absorb(engine::Tally& tally);
  void fail(const Error& error);
  void note_error(const Error& error);
  void back_off(std::uint32_t error_count, std::stop_token stop);
  void emit(WorkerEvent::Kind kind, std::string_view detail = {}, const Error* error = nullptr) const;

  std::shared_ptr<engine::Engine> engine_;  // Shared with the Client that the worker was made with.
  engine::Store& store_;
  const WorkerOptions& options_;
  Sums& sums_;
  const bool receives_few_;  // Per call: requests are what such a store costs.
  GatheredDeletions deletions_;
  engine::Dispatcher dispatcher_;
  Intake intake_;
  ActiveChunks active_;
  Heartbeat heartbeat_;
  Watchdog watchdog_;

  CrashNote crash_note_;
  std::stop_source receiving_;  // Stopped: no poll begins any more.
  std::stop_source polling_;    // Stopped: polls end at once.
  std::stop_source helping_;
  std::counting_semaphore<> slots_;  // One per job: held from taking a chunk until its last handler has returned.
  std::vector<std::thread> receivers_;
  std::vector<std::thread> pool_;
  std::vector<std::thread> helpers_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Error> fatal_;           // Guarded by mutex_, as all below.
  std::size_t working_count_ = 0;        // Threads of the pool that have not returned.
  bool finish_handled_ = false;          // Since the last look.
  std::multiset<SteadyTime> poll_ends_;  // When the polls that are out end by themselves.
};

}  // namespace fanfold::worker
