#pragma once

#include <fanfold/testing/memory_store.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "core/cell.hpp"

namespace fanfold::testing::memory {

/// The claimable part of a record, with whom it waits for.
struct Cell : core::Cell {
  std::string child_id{};
};

/// What a record holds besides its cell.
struct Data {
  std::string body{};
  std::optional<Json> meta{};
  std::uint64_t meta_version = 1;
  std::vector<ErrorEntry> errors{};
  std::optional<Json> result{};
  std::vector<AttemptOutput> outputs{};
  Time updated_at{};
};

struct SingleRecord {
  NewMessage created{};
  Cell cell{};
  Data data{};
};

struct TaskEntry {
  TaskData created{};  ///< As given, to tell the same tasks from different ones.
  Data data{};
};

/// One tree of the protocol: a cell per position.
struct Round {
  std::vector<std::uint64_t>
      indexes{};  ///< Of its positions; round 0 has none, there they are the positions themselves.
  std::map<std::uint64_t, Cell> cells{};
};

struct Add {
  std::uint64_t first_index = 0;
  std::uint64_t count = 0;
};

struct ClusterEntry {
  std::optional<ClusterHeader> header{};  ///< Payloads may be stored before it.
  std::map<std::uint64_t, TaskEntry> tasks{};
  std::map<std::uint32_t, Round> rounds{};
  std::map<std::string, Add, std::less<>> adds{};
};

struct QueuedMessage {
  std::string id{};
  OutgoingMessage message{};
  Time sent_at{};
  Time visible_at{};
  std::uint32_t receive_count = 0;
  std::string receipt{};  ///< Of the newest delivery.
  std::string source{};   ///< In a dead-letter queue: where it came from.
};

struct QueueEntry {
  QueueAttributes attributes{};
  std::deque<QueuedMessage> messages{};  ///< Oldest first.
  struct Deduplication {
    Time until{};
    std::string message_id{};
  };
  std::map<std::string, Deduplication> deduplications{};
  std::uint64_t expired_count = 0;  ///< Single messages that nobody handled within the retention.
};

struct Process {
  bool alive = true;
  int signal = 0;
};

struct State {
  explicit State(MemoryOptions from);

  MemoryOptions options;
  std::shared_ptr<Clock> clock;  // Shared with every backend's clock port.

  std::mutex mutex;                          // Guards all that follows.
  std::condition_variable_any message_came;  // With `change_count`: whoever polls looks again.
  std::uint64_t change_count = 0;
  std::map<std::string, ClusterEntry, std::less<>> clusters;
  std::map<std::string, SingleRecord, std::less<>> records;
  std::map<std::string, QueueEntry, std::less<>> queues;
  std::map<std::string, StoredGlobals, std::less<>> globals;
  std::optional<Time> sweep_noted_at;
  std::map<std::uint64_t, Process> processes;
  std::map<std::uint64_t, core::ClaimFate> noted_tokens;  // What is begun and not done has no note.
  std::uint64_t process_count = 0;
  std::uint64_t token_count = 0;
  std::uint64_t message_count = 0;
  std::uint64_t receipt_count = 0;
  std::uint64_t globals_version = 0;
};

/// Deletes by receipt; a stale one deletes nothing. Whoever polls looks again. The caller holds the mutex.
void remove_message(State& state, QueueEntry& queue, std::string_view receipt_handle);

/// Where a record of this reference is kept: finish and first-failure messages share the ids of single messages.
[[nodiscard]] std::string record_id(const RecordRef& ref);

[[nodiscard]] std::unique_ptr<Queue> make_queue(std::shared_ptr<State> state);
[[nodiscard]] std::unique_ptr<Ledger> make_ledger(std::shared_ptr<State> state);
[[nodiscard]] std::unique_ptr<GlobalStore> make_global_store(std::shared_ptr<State> state);

}  // namespace fanfold::testing::memory
