#pragma once

#include "testing/memory_state.hpp"

namespace fanfold::testing::memory {

/// Clusters or tasks of one answer, at most.
inline constexpr std::size_t page_count_max = 1'000;

/// The Ledger over State. Its functions are spread over memory_claims.cpp, memory_clusters.cpp and memory_records.cpp.
class MemoryLedger final : public Ledger {
 public:
  explicit MemoryLedger(std::shared_ptr<State> state);
  ~MemoryLedger() override;

  [[nodiscard]] std::uint64_t process() const noexcept { return process_; }

  std::uint64_t new_token() override;
  bool notes_begins() override { return state_->options.notes_begins; }
  std::optional<std::uint64_t> new_noted_token() override;
  bool begin_noted(std::uint64_t token) override;
  void note_done(std::uint64_t token) override;
  void forget_noted(std::uint64_t token) override;
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
  Result<void> update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                  Time now) override;

 private:
  std::shared_ptr<State> state_;  // Shared with the store and its other ports.
  std::uint64_t process_;
};

// What more than one of its files needs. The caller holds the state's mutex.

/// With a header; null where there is none. A tombstone is returned.
[[nodiscard]] ClusterEntry* find_cluster(State& state, std::string_view id);
/// Cell of a task by place. Null where no such position is known, or only a tombstone is left.
[[nodiscard]] Cell* find_task_cell(ClusterEntry& cluster, std::uint32_t round, std::uint64_t position);
/// Null where there is no such record.
[[nodiscard]] Cell* find_cell(State& state, const RecordRef& ref);
/// Errors, result, outputs of a record. Null where there is no such record.
[[nodiscard]] Data* find_data(State& state, const RecordRef& ref, std::uint64_t index);
[[nodiscard]] std::uint64_t position_count(const ClusterEntry& cluster, std::uint32_t round);
/// The task's cell in the latest round that it takes part in.
[[nodiscard]] const Cell& latest_cell(const ClusterEntry& cluster, std::uint64_t index);
/// Finishes the cluster where its sealed round has only ended tasks.
void finish_where_full(ClusterEntry& cluster, Time now);
/// Finished, and what follows from it is not all done.
[[nodiscard]] bool has_open_end(const ClusterHeader& header);
[[nodiscard]] Error no_cluster(std::string_view id);
[[nodiscard]] Error only_tombstone(std::string_view id);

}  // namespace fanfold::testing::memory
