#pragma once

#include "worker/active_chunk.hpp"
#include "worker/intake.hpp"

namespace fanfold::worker {

struct HeartbeatOptions {
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds lease_total_max{};
};

/// Keeps what is in hand: extends leases first, then visibilities, each at a third of its time; what only waits in
/// memory has its visibility extended. A lost lease sets its handler's stop token. Frees what dead processes held. Used
/// by one thread.
class Heartbeat {
 public:
  /// All borrowed.
  Heartbeat(engine::Store& store, Intake& intake, ActiveChunks& active, HeartbeatOptions options)
      : store_(store), intake_(intake), active_(active), options_(options) {}

  /// Beats until `stop` is requested.
  void run(std::stop_token stop);
  /// Once. Blocks for the store.
  void beat();

 private:
  struct Entry {
    std::shared_ptr<ActiveChunk> chunk;
    ActiveChunk::Held held;
  };
  using Entries = std::vector<Entry>;

  void free_dead_holders(Time now);
  void extend_leases(Time now);
  void extend(Time now, Time lease_end, Entries& entries);
  void extend_visibilities(Time now, Time lease_end, const Entries& entries);
  void extend_waiting(Time now);
  void lose(const std::shared_ptr<ActiveChunk>& chunk, std::span<const std::size_t> positions);

  engine::Store& store_;
  Intake& intake_;
  ActiveChunks& active_;
  HeartbeatOptions options_;
};

}  // namespace fanfold::worker
