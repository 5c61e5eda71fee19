#include "testing/faulty_process.hpp"

#include <algorithm>

namespace fanfold::testing {

namespace {

constexpr std::chrono::milliseconds replica_lag_max{1'000};

class FaultyLedger final : public Ledger {
 public:
  FaultyLedger(std::unique_ptr<Ledger> ledger, std::shared_ptr<FaultyProcess> process, std::function<Time()> now)
      : ledger_(std::move(ledger)), process_(std::move(process)), now_(std::move(now)) {}

  std::uint64_t new_token() override { return ledger_->new_token(); }
  bool notes_begins() override { return ledger_->notes_begins(); }
  std::optional<std::uint64_t> new_noted_token() override { return ledger_->new_noted_token(); }
  bool begin_noted(std::uint64_t token) override { return ledger_->begin_noted(token); }
  void note_done(std::uint64_t token) override { ledger_->note_done(token); }
  void forget_noted(std::uint64_t token) override { ledger_->forget_noted(token); }
  int crash_record_descriptor() const noexcept override { return ledger_->crash_record_descriptor(); }

  Result<std::vector<ClaimAnswer>> claim(std::span<const ClaimRequest> requests, Time now) override {
    return process_->call_in_part("ledger.claim", requests,
                                  [&](std::span<const ClaimRequest> some) { return ledger_->claim(some, now); });
  }
  Result<std::vector<Result<void>>> extend(std::span<const Lease> leases, Time lease_end) override {
    return process_->call_entries<Lease, void>(
        "ledger.extend", leases, [&](std::span<const Lease> some) { return ledger_->extend(some, lease_end); });
  }
  Result<EndAnswers> end(std::span<const EndRequest> requests, Time now) override {
    std::vector<EndRequest> apart;
    if (std::ranges::any_of(requests, [](const EndRequest& request) { return request.message.has_value(); }) &&
        process_->plan().below(2) == 0) {
      apart.assign(requests.begin(), requests.end());  // As of a store that keeps its messages elsewhere.
      for (EndRequest& request : apart) request.message.reset();
      requests = apart;
    }
    return process_->call_in_part("ledger.end", requests,
                                  [&](std::span<const EndRequest> some) { return ledger_->end(some, now); });
  }
  Result<EndAnswers> propagate(std::span<const RecordRef> ended, Time now) override {
    return process_->call_in_part("ledger.propagate", ended,
                                  [&](std::span<const RecordRef> some) { return ledger_->propagate(some, now); });
  }
  Result<std::uint64_t> release_dead_holders(Time now) override {
    return process_->call("ledger.release_dead_holders", [&] { return ledger_->release_dead_holders(now); });
  }

  Result<ClusterHeader> create_cluster(const ClusterHeader& header) override {
    return process_->call("ledger.create_cluster", [&] { return ledger_->create_cluster(header); });
  }
  Result<ClusterHeader> read_cluster(std::string_view id, Consistency consistency) override {
    constexpr std::string_view name = "ledger.read_cluster";
    return process_->call(name, [&]() -> Result<ClusterHeader> {
      const std::scoped_lock lock(mutex_);
      const auto known = read_.find(id);
      const bool is_recent =
          known != read_.end() && now_() - known->second.at <= replica_lag_max && now_() >= known->second.at;
      if (consistency == Consistency::eventual && is_recent && process_->plan().strikes(Fault::stale_read, name))
        return known->second.header;
      auto header = ledger_->read_cluster(id, consistency);
      if (header) read_.insert_or_assign(std::string(id), Read{*header, now_()});
      return header;
    });
  }
  Result<ClusterHeader> update_cluster(const ClusterHeader& header) override {
    return process_->call("ledger.update_cluster", [&] { return ledger_->update_cluster(header); });
  }
  Result<ClusterPage> list_clusters(const ClusterQuery& query) override {
    return process_->call("ledger.list_clusters", [&] { return ledger_->list_clusters(query); });
  }
  Result<std::optional<Time>> noted_sweep() override {
    return process_->call("ledger.noted_sweep", [&] { return ledger_->noted_sweep(); });
  }
  Result<void> note_sweep(Time began_at) override {
    return process_->call("ledger.note_sweep", [&] { return ledger_->note_sweep(began_at); });
  }
  Result<Progress> progress(std::string_view id) override {
    return process_->call("ledger.progress", [&] { return ledger_->progress(id); });
  }
  Result<Recount> recount(std::string_view id, Time now) override {
    return process_->call("ledger.recount", [&] { return ledger_->recount(id, now); });
  }
  Result<void> remove_cluster(std::string_view id, Time now) override {
    return process_->call("ledger.remove_cluster", [&] { return ledger_->remove_cluster(id, now); });
  }

  Result<void> put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                         std::span<const TaskData> tasks) override {
    return process_->call_in_part("ledger.put_tasks", tasks, [&](std::span<const TaskData> some) {
      return ledger_->put_tasks(cluster_id, first_index, some);
    });
  }
  Result<AddedTasks> add_tasks(std::string_view cluster_id, std::string_view add_key, std::span<const TaskData> tasks,
                               Time now) override {
    return process_->call("ledger.add_tasks", [&] { return ledger_->add_tasks(cluster_id, add_key, tasks, now); });
  }
  Result<EndAnswers> seal(std::string_view cluster_id, Time now) override {
    return process_->call("ledger.seal", [&] { return ledger_->seal(cluster_id, now); });
  }
  Result<std::vector<TaskData>> read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                           std::size_t count) override {
    return process_->call("ledger.read_tasks", [&] { return ledger_->read_tasks(cluster_id, first_index, count); });
  }
  Result<ClusterHeader> start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) override {
    return process_->call("ledger.start_round", [&] { return ledger_->start_round(header, indexes); });
  }
  Result<std::vector<std::uint64_t>> read_round(std::string_view cluster_id, std::uint32_t round, std::uint64_t first,
                                                std::size_t count) override {
    return process_->call("ledger.read_round", [&] { return ledger_->read_round(cluster_id, round, first, count); });
  }
  Result<OpenTaskPage> list_open_tasks(std::string_view cluster_id, std::uint64_t first_position, std::size_t count_max,
                                       Time now) override {
    return process_->call("ledger.list_open_tasks",
                          [&] { return ledger_->list_open_tasks(cluster_id, first_position, count_max, now); });
  }
  Result<TaskPage> list_tasks(const TaskQuery& query) override {
    return process_->call("ledger.list_tasks", [&] { return ledger_->list_tasks(query); });
  }
  Result<ResultPage> read_results(std::string_view cluster_id, std::uint64_t first_index,
                                  std::size_t count_max) override {
    return process_->call("ledger.read_results",
                          [&] { return ledger_->read_results(cluster_id, first_index, count_max); });
  }
  Result<std::vector<AttemptOutput>> read_outputs(const RecordRef& ref, std::uint64_t index) override {
    return process_->call("ledger.read_outputs", [&] { return ledger_->read_outputs(ref, index); });
  }

  Result<std::vector<Result<void>>> put_messages(std::span<const NewMessage> messages) override {
    return process_->call_entries<NewMessage, void>(
        "ledger.put_messages", messages, [&](std::span<const NewMessage> some) { return ledger_->put_messages(some); });
  }
  Result<VersionedRecord> read_record(const KeyParts& key, Consistency consistency) override {
    return process_->call("ledger.read_record", [&] { return ledger_->read_record(key, consistency); });
  }
  Result<FailedMessagePage> list_failed_messages(const FailedMessageQuery& query) override {
    return process_->call("ledger.list_failed_messages", [&] { return ledger_->list_failed_messages(query); });
  }
  Result<void> update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                  Time now) override {
    return process_->call("ledger.update_record_meta",
                          [&] { return ledger_->update_record_meta(key, meta, version, now); });
  }

 private:
  struct Read {
    ClusterHeader header{};
    Time at{};
  };

  std::unique_ptr<Ledger> ledger_;
  std::shared_ptr<FaultyProcess> process_;  // Shared by the ports of one process.
  std::function<Time()> now_;
  std::mutex mutex_;
  std::map<std::string, Read, std::less<>> read_;  // Guarded by mutex_.
};

}  // namespace

std::unique_ptr<Ledger> make_faulty_ledger(std::unique_ptr<Ledger> ledger, std::shared_ptr<FaultyProcess> process,
                                           std::function<Time()> now) {
  return std::make_unique<FaultyLedger>(std::move(ledger), std::move(process), std::move(now));
}

}  // namespace fanfold::testing
