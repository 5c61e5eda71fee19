#pragma once

#include "backends/aws/headers.hpp"
#include "backends/aws/leaf_writer.hpp"
#include "backends/aws/pages.hpp"
#include "backends/aws/rounds.hpp"
#include "backends/aws/tree.hpp"

#include <fanfold/ports/ledger.hpp>

#include <set>
#include <unordered_map>

namespace fanfold::aws {

/// Claims that this process holds, so that its next write on them needs no look. Thread-safe.
class HeldLeases {
 public:
  struct Held {
    Cell cell{};
    std::uint64_t ttl = 0;  ///< Of the record.
  };
  void remember(std::uint64_t token, const Held& held);
  void forget(std::uint64_t token);
  [[nodiscard]] std::optional<Held> find(std::uint64_t token) const;

 private:
  static constexpr std::size_t count_max = 100'000;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Held> held_;  // Guarded by mutex_.
};

/// The Ledger on a DynamoDB table: completion trees of radix 32 (tree.hpp), headers, payloads. Its functions are spread
/// over ledger_claims.cpp, ledger_clusters.cpp, ledger_counts.cpp, ledger_tasks.cpp, ledger_listing.cpp and
/// ledger_records.cpp.
class AwsLedger : public Ledger {
 public:
  /// All three outlive this object.
  AwsLedger(Table& table, Blobs& blobs, Clock& clock, Combining combining = Combining::threads);

  std::uint64_t new_token() override;
  Result<std::vector<ClaimAnswer>> claim(std::span<const ClaimRequest> requests, Time now) override;
  Result<std::vector<Result<void>>> extend(std::span<const Lease> leases, Time lease_end) override;
  Result<EndAnswers> end(std::span<const EndRequest> requests, Time now) override;
  Result<EndAnswers> propagate(std::span<const RecordRef> ended, Time now) override;
  Result<std::uint64_t> release_dead_holders(Time now) override;

  Result<ClusterHeader> create_cluster(const ClusterHeader& header) override;
  Result<ClusterHeader> read_cluster(std::string_view id, Consistency consistency) override;
  Result<ClusterHeader> update_cluster(const ClusterHeader& header) override;
  Result<ClusterPage> list_clusters(const ClusterQuery& query) override;
  Result<std::optional<Time>> noted_sweep() override;
  Result<void> note_sweep(Time began_at) override;
  /// Exact where the round is finished, and where at most `counted_count_max` leaves are partly done (always up to
  /// 3,200 tasks); beyond, what lies below the nodes that are not looked at is estimated from as many of the same
  /// level, spread evenly. Costs at most 50 read units a level of the tree, of which a million tasks have four.
  Result<Progress> progress(std::string_view id) override;
  /// Reads every leaf: a read unit for each 32 tasks.
  Result<Recount> recount(std::string_view id, Time now) override;
  Result<void> remove_cluster(std::string_view id, Time now) override;

  Result<void> put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                         std::span<const TaskData> tasks) override;
  Result<AddedTasks> add_tasks(std::string_view cluster_id, std::string_view add_key, std::span<const TaskData> tasks,
                               Time now) override;
  Result<EndAnswers> seal(std::string_view cluster_id, Time now) override;
  Result<std::vector<TaskData>> read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                           std::size_t count) override;
  Result<ClusterHeader> start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) override;
  Result<std::vector<std::uint64_t>> read_round(std::string_view cluster_id, std::uint32_t round, std::uint64_t first,
                                                std::size_t count) override;
  Result<OpenTaskPage> list_open_tasks(std::string_view cluster_id, std::uint64_t first_position, std::size_t count_max,
                                       Time now) override;
  Result<TaskPage> list_tasks(const TaskQuery& query) override;
  Result<ResultPage> read_results(std::string_view cluster_id, std::uint64_t first_index,
                                  std::size_t count_max) override;
  Result<std::vector<AttemptOutput>> read_outputs(const RecordRef& ref, std::uint64_t index) override;

  Result<std::vector<Result<void>>> put_messages(std::span<const NewMessage> messages) override;
  Result<VersionedRecord> read_record(const KeyParts& key, Consistency consistency) override;
  Result<void> update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                  Time now) override;

  /// Leaves of which one call of `progress` looks at a level.
  static constexpr std::size_t counted_count_max = 100;
  /// Leaves that one call of the listings reads.
  static constexpr std::size_t listed_leaf_count_max = 100;
  /// Payloads are written before anybody knows how long their cluster lives: in the table they stay so long.
  static constexpr std::chrono::days payload_life{400};

 private:
  /// One operation and where its cell is.
  struct Placed {
    LeafTarget target{};
    CellOperation operation{};
    bool missing = false;  ///< There is no such record for sure.
  };
  /// One task as it was in the latest round that it took part in.
  struct LatestTask {
    std::uint64_t index = 0;
    std::vector<RecordRef> refs{};  ///< In all rounds that it took part in, oldest first.
    Cell cell{};
    std::string child_id{};
  };
  /// Meta that somebody changed after creation.
  struct ChangedMeta {
    std::optional<Json> meta{};
    std::uint64_t version = 1;
    Time at{};
  };

  Result<Placed> place(const RecordRef& ref, Time now);
  /// Runs the operations, those of one leaf together, and answers the clusters that they finished.
  Result<std::vector<ClusterHeader>> run(std::vector<Placed>& placed);
  /// Makes the records that claims bring along where there are none; answers which claims may be tried again.
  Result<std::vector<std::size_t>> create_records(std::span<const ClaimRequest> requests,
                                                  const std::vector<Placed>& placed);
  Result<std::vector<PutRequest>> attempt_items(std::vector<Placed>& placed, Time now);
  Result<void> look_before_data(std::vector<Placed>& placed, std::vector<bool>& wanted, Time now);

  Result<ClusterHeader> live_header(std::string_view id);
  Result<std::vector<Leaf>> read_leaves(std::string_view cluster_id, std::uint32_t round, std::uint64_t first_leaf,
                                        std::size_t count, Consistency consistency);
  Result<std::vector<LatestTask>> latest_tasks(const ClusterHeader& header, std::uint64_t first_index,
                                               std::uint64_t count);
  /// Of each task, over all its rounds: the first and the newest.
  Result<std::vector<std::vector<ErrorEntry>>> read_errors(std::span<const LatestTask> tasks);
  Result<std::vector<std::optional<ChangedMeta>>> read_changed_meta(std::string_view cluster_id,
                                                                    std::span<const LatestTask> tasks);
  Result<void> fill_payloads(std::string_view cluster_id, std::span<const LatestTask> tasks, TaskPage& page);
  static Error payloads_missing(std::string_view cluster_id, std::uint64_t index);
  Result<std::vector<TaskData>> read_payloads(std::string_view cluster_id, std::uint64_t first_index,
                                              std::size_t count);
  struct AddEntry {
    std::uint64_t first_index = 0;
    std::uint64_t count = 0;
    std::string digest{};
  };
  Result<std::optional<AddEntry>> find_add(std::string_view cluster_id, std::uint64_t index);
  Result<std::optional<AddedTasks>> find_add_by_key(std::string_view cluster_id, std::string_view add_key);
  Result<TransactAnswer> write_add(ClusterHeader header, std::string_view add_key, const std::string& digest,
                                   const AddedTasks& added, Time now);
  /// Makes the header a tombstone, unless it is one.
  Result<ClusterHeader> bury(std::string_view id, Time now);
  Result<void> remove_adds(std::string_view cluster_id);
  Result<void> remove_leaves(const ClusterHeader& header, std::uint32_t round, std::uint64_t position_count);
  Result<void> remove_messages(const ClusterHeader& header);
  Result<EndAnswers> finish_seal(const ClusterHeader& header, Time now);
  Result<ClusterHeader> note_marked(const ClusterHeader& header, Time now);

  Result<VersionedRecord> read_task_record(const KeyParts& key);
  Result<VersionedRecord> read_message_record(const KeyParts& key, Consistency consistency);
  /// Errors: damaged.
  Result<std::vector<std::optional<Json>>> read_results_of(std::span<const LatestTask> tasks);
  /// Items of one kind of all attempts on these records, by the records' order.
  Result<std::vector<std::vector<Item>>> read_data(std::span<const RecordRef> refs, DataKind kind);

  static constexpr std::size_t added_count_max = 1'024;

  Table& table_;
  Blobs& blobs_;
  Clock& clock_;
  Headers headers_;
  Tree tree_;
  LeafWriter writer_;
  Pages pages_;
  Rounds rounds_;
  HeldLeases held_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> added_to_;  // Clusters known to have adds. Guarded by mutex_.
};

}  // namespace fanfold::aws
