#pragma once

#include "worker/active_chunk.hpp"
#include "worker/intake.hpp"

#include <chrono>
#include <mutex>
#include <optional>

namespace fanfold::worker {

struct HeartbeatOptions {
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds lease_total_max{};
};

/// Keeps what is in hand: extends leases first, then visibilities, each at a third of its time; what only waits in
/// memory has its visibility extended. A lost lease sets its handler's stop token. Frees what dead processes held.
/// Beats on one thread; a second one watches that thread, since the store may take longer to answer than a lease lasts.
class Heartbeat {
 public:
  /// All borrowed.
  Heartbeat(engine::Store& store, Intake& intake, ActiveChunks& active, HeartbeatOptions options)
      : store_(store), intake_(intake), active_(active), options_(options) {}

  /// Beats until `stop` is requested.
  void run(std::stop_token stop);
  /// Once. Blocks for the store.
  void beat();

  /// Watches the beats until `stop` is requested. Never blocks for the store.
  void watch(std::stop_token stop);
  /// Once: where a beat is held up, leases that end before anybody would look again are lost.
  void look_at_beat(std::chrono::steady_clock::time_point now);

 private:
  class BeatScope;

  struct Entry {
    std::shared_ptr<ActiveChunk> chunk;
    ActiveChunk::Held held;
  };
  using Entries = std::vector<Entry>;

  void free_dead_holders(Time now);
  [[nodiscard]] std::chrono::milliseconds tick() const;
  void extend_leases(Time now);
  void extend(Time now, Time lease_end, Entries& entries);
  void extend_visibilities(Time now, Time lease_end, const Entries& entries);
  void extend_waiting(Time now);
  void lose_ended(const Entries& entries);
  void lose(const std::shared_ptr<ActiveChunk>& chunk, std::span<const std::size_t> positions);

  engine::Store& store_;
  Intake& intake_;
  ActiveChunks& active_;
  HeartbeatOptions options_;
  std::mutex beat_mutex_;
  std::optional<std::chrono::steady_clock::time_point> beating_since_;  // Guarded by beat_mutex_.
};

}  // namespace fanfold::worker
