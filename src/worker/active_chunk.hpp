#pragma once

#include "engine/dispatch.hpp"

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>

namespace fanfold::worker {

/// A claimed chunk while it runs. Its thread takes one element after the other by counting `next_` up; whoever finds it
/// too slow, or its lease lost, takes the rest away by setting `next_` beyond the end. Neither costs the thread a lock
/// per task.
class ActiveChunk {
 public:
  ActiveChunk(engine::Chunk chunk, std::size_t source, Time claimed_at, Time lease_end)
      : chunk_(std::move(chunk)),
        source_(source),
        size_(chunk_.size()),
        claimed_at_(claimed_at),
        lease_end_(lease_end) {}

  // For the thread that runs it.

  /// The element to run now; empty when there is none, any more.
  [[nodiscard]] std::optional<std::size_t> next() {
    const std::size_t position = next_.fetch_add(1, std::memory_order_acq_rel);
    if (position >= size_) return std::nullopt;
    return position;
  }
  [[nodiscard]] engine::Chunk& chunk() noexcept { return chunk_; }
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  /// From now on nobody else touches it. Answers the first element that was not finished by others.
  [[nodiscard]] std::size_t begin_finish() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    return finished_;
  }
  [[nodiscard]] std::size_t source() const noexcept { return source_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // For others.

  struct Taken {
    std::size_t finish_first = 0;  ///< Elements [first, last) have been run and are the caller's to finish.
    std::size_t finish_last = 0;
    std::shared_ptr<ActiveChunk> rest{};  ///< Claimed and not started; null where there is none.
  };
  /// Takes away what is not running now.
  [[nodiscard]] Taken take_rest();

  /// Whether there is something to take from a thread that is still at the element it was at when this was last asked.
  struct Standing {
    std::size_t started_count = 0;
    bool others_wait = false;
  };
  [[nodiscard]] Standing standing();

  struct Times {
    Time claimed_at{};
    Time lease_end{};
  };
  /// Empty once it is being finished.
  [[nodiscard]] std::optional<Times> times();
  struct Held {
    std::size_t position = 0;
    Lease lease{};
    std::string receipt_handle{};
  };
  /// What is running or waits to be run; nothing once it is being finished.
  [[nodiscard]] std::vector<Held> held();
  void set_lease_end(Time lease_end);
  /// These leases are lost: sets the running handler's stop token where it is one of them. Answers what is left of the
  /// others.
  [[nodiscard]] std::shared_ptr<ActiveChunk> lose(std::span<const std::size_t> positions);
  /// Sets the running handler's stop token. Only after `take_rest`, since the token is the chunk's.
  void request_stop() { stop_.request_stop(); }

  // For the watchdog alone.
  std::size_t seen_started_count = 0;
  std::chrono::steady_clock::time_point seen_at{};

 private:
  static constexpr std::size_t taken_away = std::numeric_limits<std::size_t>::max() / 2;

  [[nodiscard]] std::size_t started() const noexcept;       // Under mutex_.
  [[nodiscard]] std::shared_ptr<ActiveChunk> split_rest();  // Under mutex_.

  engine::Chunk chunk_;
  const std::size_t source_;
  const std::size_t size_;  // At the start; elements beyond may have been taken since.
  std::atomic<std::size_t> next_{0};
  std::stop_source stop_;
  std::mutex mutex_;
  std::size_t started_count_ = 0;  // Once the rest was taken. Guarded by mutex_, as all below.
  bool rest_taken_ = false;
  bool closed_ = false;
  std::size_t finished_ = 0;  // Elements before it were finished, or are being finished by others.
  Time claimed_at_;
  Time lease_end_;
};

/// The chunks in hand. Thread-safe.
class ActiveChunks {
 public:
  void add(std::shared_ptr<ActiveChunk> chunk);
  void remove(const std::shared_ptr<ActiveChunk>& chunk);
  [[nodiscard]] std::vector<std::shared_ptr<ActiveChunk>> all() const;
  /// Sleeps `pause`, and on for as long as no chunk has more than one element. Returns at once when `stop` is
  /// requested.
  void wait_for_long_ones(std::chrono::milliseconds pause, std::stop_token stop);

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::shared_ptr<ActiveChunk>> chunks_;  // Shared with the thread that runs each. Guarded by mutex_.
  std::size_t long_count_ = 0;                        // Of chunks with more than one element. Guarded by mutex_.
};

}  // namespace fanfold::worker
