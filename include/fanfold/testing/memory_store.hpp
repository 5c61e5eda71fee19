#pragma once

#include <fanfold/ports/backend.hpp>
#include <fanfold/testing/manual_clock.hpp>

#include <functional>

namespace fanfold::testing {

struct MemoryOptions {
  /// The time of everything in the store: claims, visibility, retention. Without one it is the system's, and a long
  /// poll waits.
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  /// With a manual clock an empty long poll returns at once; true moves the clock on by the poll's wait as well.
  bool empty_poll_advances = false;
  std::chrono::milliseconds header_age_max{5'000};
  bool queue_knows_payloads = false;  ///< True: send_tasks takes bodies from the ledger, as the embedded engine does.
  std::size_t batch_count_max = 10;
  std::size_t receive_count_max = 10;
  bool queues_made_at_use = true;  ///< False: a queue that nobody created is not_found.
  bool frees_dead_holders =
      false;  ///< True: release_dead_holders frees what destroyed backends held, as the embedded engine does.
  bool notes_begins = false;  ///< True: claims of one attempt are noted, as the embedded engine's.
  /// Deliveries carry this text in place of decoded content, as from SQS.
  std::function<std::string(const Envelope&)> encode{};
};

namespace memory {
struct State;
}

/// The ports over maps in memory behind one mutex: for tests, and as the contract of the ports in its shortest form.
/// What the store holds lives as long as the MemoryStore or any of its backends: processes come and go over it.
/// Copies share it. Thread-safe.
class MemoryStore {
 public:
  explicit MemoryStore(MemoryOptions options = {});

  /// The store as one more process sees it. Destroying its ledger is that process's death.
  [[nodiscard]] Backend backend() const;

  /// The manual clock of the options; invalid to call with the system's time.
  [[nodiscard]] ManualClock& clock() const;

  /// When the next hidden message of any queue will be visible; empty where none is hidden.
  [[nodiscard]] std::optional<Time> next_message_at() const;

  /// As if the process that owns this ledger (one of `backend()`) died by a signal. What it held answers
  /// `crashed` (where it held only that) or `alone` once another process calls release_dead_holders.
  void crash_process(const Ledger& ledger, int signal) const;

 private:
  std::shared_ptr<memory::State> state_;  // Shared with every backend made from it.
};

}  // namespace fanfold::testing
