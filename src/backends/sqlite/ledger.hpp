#pragma once

#include "backends/sqlite/store.hpp"

#include <fanfold/ports/ledger.hpp>

#include <functional>

namespace fanfold::sqlite {

/// The Ledger on one file. Its functions are spread over ledger_*.cpp.
class SqliteLedger final : public Ledger {
 public:
  explicit SqliteLedger(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  std::uint64_t new_token() override;
  bool notes_begins() override;
  std::optional<std::uint64_t> new_noted_token() override;
  bool begin_noted(std::uint64_t token) override;
  void note_done(std::uint64_t token) override;
  void forget_noted(std::uint64_t token) override;
  Result<std::vector<ClaimAnswer>> claim(std::span<const ClaimRequest> requests, Time now) override;
  Result<std::vector<Result<void>>> extend(std::span<const Lease> leases, Time lease_end) override;
  Result<EndAnswers> end(std::span<const EndRequest> requests, Time now) override;
  Result<EndAnswers> propagate(std::span<const RecordRef> ended, Time now) override;
  Result<std::uint64_t> release_dead_holders(Time now) override;
  bool is_dead_holder(std::uint64_t token) override;
  int crash_record_descriptor() const noexcept override;

  Result<ClusterHeader> create_cluster(const ClusterHeader& header) override;
  Result<ClusterHeader> read_cluster(std::string_view id, Consistency consistency) override;
  Result<ClusterHeader> update_cluster(const ClusterHeader& header) override;
  Result<ClusterPage> list_clusters(const ClusterQuery& query) override;
  Result<Progress> progress(std::string_view id) override;
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
  Result<FailedMessagePage> list_failed_messages(const FailedMessageQuery& query) override;
  Result<void> update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                  Time now) override;

 private:
  std::shared_ptr<Store> store_;  // Shared with the other ports of this store.
};

/// Where finish and first-failure messages have their records: among the single messages.
[[nodiscard]] std::string record_id(const RecordRef& ref);

[[nodiscard]] Error no_cluster(std::string_view id);
[[nodiscard]] Error only_tombstone(std::string_view id);

/// The row of a cluster that has a header, a tombstone included.
[[nodiscard]] Result<ClusterRow> find_cluster_row(Connection& connection, std::string_view id);
/// The same of one that is not a tombstone. Errors: not_found, deleted.
[[nodiscard]] Result<ClusterRow> find_live_cluster_row(Connection& connection, std::string_view id);

// Claims and ends: what single records and tasks have in common.

/// A single record's row, as far as claims need it.
struct RecordRow {
  Number number = 0;
  Cell cell{};
  std::string child{};
};
[[nodiscard]] std::optional<RecordRow> find_record_row(Connection& connection, std::string_view id);
void write_record_row(Connection& connection, const RecordRow& row, Time now);
void insert_record(Connection& connection, const NewMessage& message);

/// Where a task's state is.
struct TaskPlace {
  ClusterRow* cluster = nullptr;
  std::uint32_t round = 0;
  std::uint64_t position = 0;
  Number tree = 0;
  StatePage* page = nullptr;
  std::size_t slot = 0;
};
/// Empty where there is no such task, or only a tombstone of its cluster.
[[nodiscard]] std::optional<TaskPlace> find_task(Transaction& transaction, const RecordRef& ref);
[[nodiscard]] std::string child_of(Connection& connection, Number tree, std::uint64_t position);
/// Stores a task's new state and counts the change.
void put_task_cell(Transaction& transaction, const TaskPlace& place, const Cell& before, const Cell& after);

/// Finishes the cluster where its sealed round has only ended tasks.
void finish_where_full(Transaction& transaction, ClusterRow& row, Time now);
/// Finished, and what follows from it is not all done.
[[nodiscard]] bool has_open_end(const ClusterHeader& header);

// Payloads and rounds.

/// Refuses other tasks under indexes that are taken; answers the ranges that are not stored yet, as offsets into
/// `tasks`.
struct TaskRun {
  std::size_t begin = 0;
  std::size_t end = 0;
};
[[nodiscard]] Result<std::vector<TaskRun>> find_absent(Connection& connection, const ClusterRow& row,
                                                       std::uint64_t first_index, std::span<const TaskData> tasks);
void insert_payloads(Connection& connection, const ClusterRow& row, std::uint64_t first_index,
                     std::span<const TaskData> tasks);
/// Calls `see(index, entry)` for each task that is stored, in ascending order, until it answers false.
void visit_payloads(Connection& connection, Number cluster, std::uint64_t first_index, std::uint64_t end_index,
                    const std::function<bool(std::uint64_t, std::string_view body, std::string_view meta)>& see);
/// Task indexes of the positions [first, first + count) that are known, by the list of a round after the first.
[[nodiscard]] std::vector<std::uint64_t> read_round_indexes(Connection& connection, Number tree, std::uint64_t first,
                                                            std::size_t count);

[[nodiscard]] std::vector<ErrorEntry> read_errors(Connection& connection, Number owner);

}  // namespace fanfold::sqlite
