#pragma once

#include "core/chunk.hpp"
#include "core/weighted_choice.hpp"
#include "engine/dispatch.hpp"
#include "worker/active_chunk.hpp"
#include "worker/delivery_queue.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace fanfold::worker {

/// Deliveries that wait in memory at most where the worker chooses by itself.
inline constexpr std::size_t prefetch_count_max = 16'384;
/// For so long after a process was found dead, redelivered messages are claimed one at a time in this process: each may
/// be the culprit.
inline constexpr std::chrono::seconds suspicion_time{60};

/// What one thread of the pool does next.
struct Job {
  std::size_t source = 0;                  ///< Index of the queue.
  std::vector<Delivery> deliveries{};      ///< Not begun yet, or
  std::shared_ptr<ActiveChunk> claimed{};  ///< claimed, and taken from a thread that was too slow.
  std::string group_id{};                  ///< FIFO: whose group waits for this.
  bool is_in_order = false;
  bool is_suspect = false;  ///< No other suspect is claimed until `clear_suspect`.
};

struct SourceOptions {
  std::string url{};
  std::uint32_t weight = 1;
  bool fifo = false;
};

/// Deliveries on their way from receivers to the pool: bounded, shared fairly, FIFO groups in order, and nothing beside
/// what has to run alone. Thread-safe. Calls no port.
class Intake {
 public:
  /// `receive_count`: where not 0, each receive costs money and brings so many at most, so that more is taken at once.
  Intake(std::vector<SourceOptions> sources, std::size_t jobs, std::size_t prefetch, std::size_t chunk_count_max,
         std::size_t receive_count = 0);

  // For receivers.

  /// How many to receive now; blocks until there is room. 0 once closed. `extra` receivers wait until
  /// one call is not enough.
  [[nodiscard]] std::size_t wait_for_room(std::size_t source, bool extra, std::size_t count_max);
  /// What came in answer to `asked`. Answers it again where it came after `close`, to be returned untouched.
  [[nodiscard]] std::vector<Delivery> offer(std::size_t source, std::size_t asked, std::vector<Delivery> deliveries);

  // For the pool.

  /// Blocks for the next job; empty once closed and nothing claimed is left. Each job is answered by one `done`.
  [[nodiscard]] std::optional<Job> take();
  /// The job has ended. Answers what is left of its FIFO group after a failure, to be returned untouched.
  [[nodiscard]] std::vector<Delivery> done(const Job& job, bool failed);
  /// The claim of a suspect was answered, and it need not run alone.
  void clear_suspect(Job& job);
  /// Waits until nothing else is in hand and lets nothing else begin until `done`.
  void begin_alone();
  void took(std::size_t source, std::size_t count, std::chrono::nanoseconds time);
  /// How long claiming a chunk took: the slower, the larger chunks are worth it.
  void claimed(std::size_t source, std::chrono::nanoseconds time);
  /// How long ending one took.
  void ended(std::size_t source, std::chrono::nanoseconds time);

  // For the watchdog and the heartbeat.

  /// Claimed work to be run by whoever is free first.
  void push_claimed(std::size_t source, std::shared_ptr<ActiveChunk> chunk);
  /// Counts as one more job in hand until `done` with an empty Job: for who finishes a part of another's.
  void hold();
  /// From now on every job of this source is one delivery.
  void claim_singly(std::size_t source);
  /// From now on the chunks of this source take no longer than this.
  void limit_time(std::size_t source, std::chrono::microseconds time);
  /// Somebody's process died lately.
  void suspect();
  /// Receipts of waiting deliveries whose visibility is to be extended, which the caller does; they count as extended.
  [[nodiscard]] std::vector<std::string> extend_waiting(std::size_t source, Time now,
                                                        std::chrono::milliseconds visibility);

  // For the end.

  /// Takes no more, gives receivers no more room, and wakes them; answers per source, in order, what had not been
  /// started.
  [[nodiscard]] std::vector<std::vector<Delivery>> close();
  [[nodiscard]] std::vector<std::shared_ptr<ActiveChunk>> take_claimed();

  [[nodiscard]] const std::string& url(std::size_t source) const { return sources_[source].options.url; }
  [[nodiscard]] std::size_t source_count() const noexcept { return sources_.size(); }

 private:
  struct Lane {
    DeliveryQueue waiting{};
    bool busy = false;
  };
  struct Source {
    Source(SourceOptions of, std::size_t chunk_count_max) : options(std::move(of)), sizer(chunk_count_max) {}
    SourceOptions options;
    core::ChunkSizer sizer;
    DeliveryQueue first{};                             // Delivered for the first time: may be claimed together.
    DeliveryQueue again{};                             // Delivered before: claimed singly.
    std::map<std::string, Lane, std::less<>> lanes{};  // FIFO, by group.
    std::deque<std::string> open_lanes{};              // Groups that wait and are not busy.
    std::size_t waiting_count = 0;                     // In all of these.
    std::size_t blocked_count = 0;                     // Of these, in groups that are busy.
    std::size_t asked_count = 0;                       // Of receivers that are out.
    bool overflows = false;                            // The last receive brought all that was asked for.
    bool takes_again = true;                           // Turns between first and again.
    bool is_single = false;
  };

  [[nodiscard]] std::size_t limit(const Source& source) const;
  [[nodiscard]] std::size_t worth_receiving(std::chrono::nanoseconds time_per_task) const;
  [[nodiscard]] std::size_t room(const Source& source) const;
  [[nodiscard]] bool has_job(const Source& source) const;
  [[nodiscard]] bool is_suspicious() const;
  [[nodiscard]] Job next_job(std::size_t index);
  void take_in_order(Source& source, Job& job);
  void offer_in_order(Source& source, std::vector<Delivery> deliveries);
  [[nodiscard]] std::optional<Job> try_take();

  const std::size_t jobs_;
  const std::size_t prefetch_;
  const std::size_t receive_count_;
  std::mutex mutex_;
  std::condition_variable room_;  // Receivers wait here.
  std::condition_variable work_;  // The pool waits here.
  // All below is guarded by mutex_.
  std::vector<Source> sources_;  // The urls do not change and are read without it.
  core::WeightedChoice choice_;
  std::deque<Job> claimed_;        // In hand already.
  std::size_t idle_count_ = 0;     // Threads in take().
  std::size_t in_hand_count_ = 0;  // Jobs given out or claimed, and not done.
  std::size_t alone_waiting_count_ = 0;
  bool alone_runs_ = false;
  bool suspect_out_ = false;
  std::chrono::steady_clock::time_point suspicious_until_{};
  bool closed_ = false;
};

}  // namespace fanfold::worker
