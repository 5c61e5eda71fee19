#pragma once

#include <fanfold/claims.hpp>
#include <fanfold/cluster_header.hpp>
#include <fanfold/records.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace fanfold {

/// One task's payload.
struct TaskData {
  std::string body{};  ///< JSON text.
  std::string meta{};  ///< JSON text, empty for none.
};

struct EndAnswers {
  std::vector<EndOutcome> outcomes{};     ///< One per request, in order.
  std::vector<ClusterHeader> finished{};  ///< Clusters that these ends finished, as they now are.
  std::vector<bool> deleted{};  ///< Per request: its message was deleted with the record's end. Empty where none was.

  [[nodiscard]] bool is_deleted(std::size_t request) const { return request < deleted.size() && deleted[request]; }
};

struct AddedTasks {
  std::uint64_t first_index = 0;
  std::uint64_t count = 0;
  bool existed = false;  ///< The add key was used before; nothing was added.
};

struct ClusterQuery {
  bool unfinished_only = false;  ///< Through the sparse index: never a scan. Finished clusters whose finish is not done
                                 ///< count as unfinished.
  std::string name{};            ///< Empty matches all.
  std::string cursor{};          ///< From the page before; empty for the first.
  std::size_t count_max = 100;   ///< 1 to 1,000.
};
struct ClusterPage {
  std::vector<ClusterHeader> clusters{};  ///< Newest first.
  std::string next_cursor{};              ///< Empty where there are no more; of a name, the next page may be empty.
};

struct TaskQuery {
  std::string cluster_id{};
  TaskFilter filter{};
  std::uint64_t first_index = 0;
  std::size_t count_max = 100;  ///< 1 to 1,000; a page may hold fewer, or none, and still not be the last.
  TaskParts parts = TaskParts::whole;
};
struct TaskPage {
  std::vector<TaskState> tasks{};             ///< Ascending by index.
  std::optional<std::uint64_t> next_index{};  ///< Empty on the last page.
};

struct FailedMessageQuery {
  std::string url{};            ///< Of the queue that they were sent to.
  std::string cursor{};         ///< From the page before; empty for the first.
  std::size_t count_max = 100;  ///< 1 to 1,000.
};
struct FailedMessagePage {
  std::vector<MessageRecord<Json, Json>> messages{};  ///< The newest first.
  std::string next_cursor{};                          ///< Empty on the last page.
};

struct ResultPage {
  std::vector<TaskResult<Json>> results{};  ///< Done tasks that returned something, ascending by index.
  std::optional<std::uint64_t> next_index{};
};

/// Counted from the tasks' records themselves, never from a counter.
struct Recount {
  std::uint64_t free_count = 0;  ///< Never claimed, or between attempts.
  std::uint64_t leased_count = 0;
  std::uint64_t waiting_count = 0;
  std::uint64_t done_count = 0;
  std::uint64_t failed_count = 0;
  std::uint64_t attempt_count = 0;  ///< Sum over all tasks, this round.
};

struct AttemptOutput {
  std::uint32_t attempt = 0;  ///< From 1 in each round.
  Time at{};
  std::string output{};
  std::optional<std::uint32_t> round{};  ///< Of the cluster. Empty where an older fanfold kept it in a file.
};

/// Records, claims and completion. Thread-safe; calls block. Every write may fail with unavailable or throttled
/// and may have been applied all the same; each is idempotent, so that repeating it is always right.
/// `now` is passed in where it decides, so that one clock rules.
class Ledger {
 public:
  virtual ~Ledger() = default;

  // Claims.

  /// Random, never 0; on the embedded engine it also names this process, so that the next one can free what a dead one
  /// held.
  [[nodiscard]] virtual std::uint64_t new_token() = 0;

  // Noted claims: those whose attempt counts from the moment when their handler begins. Where the process of such a
  // claim is found dead, or its lease is over, and no handler was begun, the attempt is given back: the record is free
  // and as it was before. Where the handler has said that it is done, the record is done. A power cut voids the notes;
  // then the claim has counted, and that is all that is known.

  /// Whether this ledger can tell what became of a claim whose holder is gone. Elsewhere every claim counts at once.
  [[nodiscard]] virtual bool notes_begins() { return false; }
  /// As `new_token`, for a noted claim. Empty where there are too many of them that have not begun, or none at all.
  [[nodiscard]] virtual std::optional<std::uint64_t> new_noted_token() { return std::nullopt; }
  /// The handler of this noted claim begins. False where it must not, since the claim was given back. Asked once per
  /// claim; costs no call of a service or system.
  [[nodiscard]] virtual bool begin_noted(std::uint64_t token) {
    static_cast<void>(token);
    return false;
  }
  /// The handler of this noted claim, which was begun, is done, and there is nothing to be kept of it: no result, no
  /// output. Of a single message, or of a task of the first round. Costs no call of a service or system.
  virtual void note_done(std::uint64_t token) { static_cast<void>(token); }
  /// Nothing is claimed by this noted token any more, as its owner knows from the ledger's answers.
  virtual void forget_noted(std::uint64_t token) { static_cast<void>(token); }

  /// One conditional write per record, answered per record in order. Asked again with the same token it answers
  /// `claimed` again.
  virtual Result<std::vector<ClaimAnswer>> claim(std::span<const ClaimRequest> requests, Time now) = 0;
  /// Moves the lease's end while the token holds. Per lease: nothing, or lease_lost.
  virtual Result<std::vector<Result<void>>> extend(std::span<const Lease> leases, Time lease_end) = 0;
  /// Ends attempts, propagates what ended to the cluster and finishes it when it was the last. Idempotent. A cluster
  /// with `moved_to` is not finished: it does that where it went. A backend that keeps messages too may delete the
  /// `message` of a request whose outcome is `ended`, in the same write and as `Queue::remove` does (a stale receipt
  /// deletes nothing); with any other outcome no message is touched.
  virtual Result<EndAnswers> end(std::span<const EndRequest> requests, Time now) = 0;
  /// Repeats the propagation of ended tasks (a crash came between). `finished` holds each of their clusters that is
  /// finished and has its parent's end, finish message or its end still open.
  virtual Result<EndAnswers> propagate(std::span<const RecordRef> ended, Time now) = 0;
  /// Frees at once what processes that are gone held; the embedded engine knows by their lock files. The answer counts
  /// records.
  virtual Result<std::uint64_t> release_dead_holders(Time now) = 0;
  /// True where the process that got `token` from `new_token` is known to be gone: what it held as sender or sweeper of
  /// a cluster is then taken over at once. False where nobody can tell.
  [[nodiscard]] virtual bool is_dead_holder(std::uint64_t token) {
    static_cast<void>(token);
    return false;
  }
  /// A descriptor into which a crashing process writes its signal as one byte (async-signal-safe), or -1.
  [[nodiscard]] virtual int crash_record_descriptor() const noexcept { return -1; }

  // Clusters.

  /// If absent. Where one is there: `already_exists`; read it to see whether it is the same. Errors: deleted
  /// (tombstone).
  virtual Result<ClusterHeader> create_cluster(const ClusterHeader& header) = 0;
  /// Errors: not_found. A tombstone is returned as it is.
  virtual Result<ClusterHeader> read_cluster(std::string_view id, Consistency consistency) = 0;
  /// Compare-and-swap on `header.version`; the answer has the new version. Errors: conflict, not_found. A backend that
  /// keeps messages too may remove, with the write that sets `finish_done`, those that this round left behind: copies
  /// of its finish message, and messages of its ended tasks. Whoever received one would only delete it.
  virtual Result<ClusterHeader> update_cluster(const ClusterHeader& header) = 0;
  virtual Result<ClusterPage> list_clusters(const ClusterQuery& query) = 0;
  /// When the latest sweep noted here began; maybe not the very latest. Empty where none is, or where this store keeps
  /// no note, since a sweep costs little.
  virtual Result<std::optional<Time>> noted_sweep() { return std::optional<Time>{}; }
  /// Notes that a sweep that began then has been over all unfinished clusters.
  virtual Result<void> note_sweep(Time began_at) {
    static_cast<void>(began_at);
    return {};
  }
  virtual Result<Progress> progress(std::string_view id) = 0;
  virtual Result<Recount> recount(std::string_view id, Time now) = 0;
  /// Removes all but the header, which becomes a tombstone first, on condition that the cluster `is_over`. Idempotent;
  /// called again it goes on where a call was cut off. Errors: not_found; not_finished.
  virtual Result<void> remove_cluster(std::string_view id, Time now) = 0;

  // Tasks of a cluster.

  /// Stores payloads before the header exists or is sealed. If absent, each: the same again is fine, other ones are
  /// `different_tasks`.
  virtual Result<void> put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                 std::span<const TaskData> tasks) = 0;
  /// Payloads and the reservation of their indexes, once per add key, with a due mark of kind add.
  /// Errors: sealed, stopped, deleted, different_tasks (same key, other tasks).
  virtual Result<AddedTasks> add_tasks(std::string_view cluster_id, std::string_view add_key,
                                       std::span<const TaskData> tasks, Time now) = 0;
  /// No more tasks: fixes the size, marks the tree, finishes the cluster where all had ended already (or there are
  /// none). Idempotent; also repeats a marking that was interrupted.
  virtual Result<EndAnswers> seal(std::string_view cluster_id, Time now) = 0;
  virtual Result<std::vector<TaskData>> read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                                   std::size_t count) = 0;

  /// Begins round `header.round` (already counted up, not sealed) over these task indexes, sorted: stores them, then
  /// compare-and-swaps the header.
  virtual Result<ClusterHeader> start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) = 0;
  /// Task indexes of this round's positions [first, first + count). In round 0 they are the positions themselves.
  virtual Result<std::vector<std::uint64_t>> read_round(std::string_view cluster_id, std::uint32_t round,
                                                        std::uint64_t first, std::size_t count) = 0;
  /// For the re-send: positions of this round, at or after `first`, that are not ended, with the end of their lease (or
  /// `now`).
  struct OpenTask {
    std::uint64_t position = 0;
    std::uint64_t index = 0;
    Time not_before{};
    bool waiting = false;
    std::string child_id;
    bool abandoned = false;  ///< As in TaskState.
  };
  struct OpenTaskPage {
    std::vector<OpenTask> tasks;
    std::optional<std::uint64_t> next_position;
  };
  virtual Result<OpenTaskPage> list_open_tasks(std::string_view cluster_id, std::uint64_t first_position,
                                               std::size_t count_max, Time now) = 0;

  virtual Result<TaskPage> list_tasks(const TaskQuery& query) = 0;
  virtual Result<ResultPage> read_results(std::string_view cluster_id, std::uint64_t first_index,
                                          std::size_t count_max) = 0;
  virtual Result<std::vector<AttemptOutput>> read_outputs(const RecordRef& ref, std::uint64_t index) = 0;

  // Single records.

  /// If absent, each. The answers: already_exists is not an error here.
  virtual Result<std::vector<Result<void>>> put_messages(std::span<const NewMessage> messages) = 0;
  struct VersionedRecord {
    MessageRecord<Json, Json> record;
    std::uint64_t version = 0;
    std::optional<Json> result;
  };
  /// A message, a finish message, or a task (by `index`, in its latest round). Errors: not_found.
  virtual Result<VersionedRecord> read_record(const KeyParts& key, Consistency consistency) = 0;
  /// Single messages of one queue that have failed for good. Errors: invalid_argument where the store finds records by
  /// their keys alone, and would have to read all of them.
  virtual Result<FailedMessagePage> list_failed_messages(const FailedMessageQuery& query) {
    static_cast<void>(query);
    return Error{ErrorCode::invalid_argument, "this store finds single messages by their keys alone", {}};
  }
  /// Changes meta (and only meta) by compare-and-swap on `version`. Errors: conflict, not_found.
  virtual Result<void> update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                          Time now) = 0;
};

}  // namespace fanfold
