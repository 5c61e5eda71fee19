#pragma once

#include "engine/store.hpp"

#include <fanfold/client.hpp>

namespace fanfold::engine {

class GlobalsUpdater;

/// The operations of a Client performed on the ports: a facade that checks keys and forwards to the use cases beside
/// it. Thread-safe; calls block. Always owned by a shared pointer, so that handlers can be given Clients.
class Engine final : public detail::ClientCore, public std::enable_shared_from_this<Engine> {
 public:
  explicit Engine(Backend backend);
  ~Engine() override;

  /// The engine behind a Client of `make_client`; null behind another implementation.
  [[nodiscard]] static std::shared_ptr<Engine> of(const Client& client);
  [[nodiscard]] Store& store() noexcept { return store_; }

  Result<Delivery> read_record(const SqsRecord& record) const override;
  Result<std::vector<SqsRecord>> receive(const std::string& queue, const ReceiveOptions& options,
                                         std::stop_token stop) override;

  Result<MessageRecord<Json, Json>> message_record(const MessageKey& key, Consistency consistency) override;
  Result<MessageClusterRecord<Json, Json>> cluster_record(const MessageKey& key, Consistency consistency,
                                                          bool with_task_lists) override;
  Result<Json> globals(const MessageKey& key) override;
  Result<Json> globals_at(const BucketParams& where) override;
  Result<GlobalsUpdate> update_globals(const MessageKey& key, const detail::JsonFunction& function) override;
  Result<void> update_message_record(
      const MessageKey& key,
      const std::function<Result<MessageRecord<Json, Json>>(const MessageRecord<Json, Json>&)>& function) override;
  Result<void> update_cluster_record(
      const MessageKey& key,
      const std::function<Result<MessageClusterRecord<Json, Json>>(const MessageClusterRecord<Json, Json>&)>& function)
      override;

  Result<std::vector<Result<MessageKey>>> send(const std::string& queue,
                                               std::span<const detail::OutgoingBody> messages) override;

  Result<MessageKey> create_cluster(const detail::NewCluster& cluster, const detail::TaskSource& source) override;
  Result<AddedTasks> add(const MessageKey& cluster, const std::string& add_key,
                         const detail::TaskSource& source) override;
  Result<void> seal(const MessageKey& cluster) override;

  // These four are defined with the dispatcher, in dispatch_calls.cpp.
  Result<detail::ClaimReply> is_complete(const SqsRecord& record, const AttemptOptions& options) override;
  Result<void> mark_complete(const detail::ClaimTicket& ticket, const std::optional<Json>& result) override;
  Result<void> mark_failed(const detail::ClaimTicket& ticket, const std::string& reason) override;
  Result<BatchResponse> process_batch(const SqsEvent& event, const Handlers& handlers,
                                      const BatchOptions& options) override;

  Result<void> stop_cluster(const MessageKey& key, const std::string& reason) override;
  Result<void> pause_cluster(const MessageKey& key) override;
  Result<std::uint64_t> resume_cluster(const MessageKey& key) override;
  Result<std::uint64_t> retry_failed(const MessageKey& key, const RetryOptions& options) override;
  Result<void> retry_finish(const MessageKey& key) override;
  Result<void> delete_cluster(const MessageKey& key, const DeleteOptions& options) override;
  Result<void> fail_task(const MessageKey& task, const std::string& reason) override;

  Result<Progress> progress(const MessageKey& key) override;
  Result<TaskPage> list_tasks(const MessageKey& key, const TaskFilter& filter, std::uint64_t first_index,
                              std::size_t count_max, TaskParts parts) override;
  Result<ResultPage> results(const MessageKey& key, std::uint64_t first_index, std::size_t count_max) override;
  Result<std::vector<AttemptOutput>> outputs(const MessageKey& task) override;
  Result<FailedMessagePage> failed_messages(const std::string& queue, const std::string& cursor,
                                            std::size_t count_max) override;
  Result<ClusterPage> list_clusters(const ClusterQuery& query) override;
  Result<ClusterHeader> cluster_header(const MessageKey& key) override;
  Result<std::vector<ErrorGroup>> errors(const MessageKey& key) override;
  Result<std::vector<OpenReason>> why(const MessageKey& key) override;
  Result<Verification> verify(const MessageKey& key) override;
  Result<SweepReport> sweep() override;
  /// Begins nothing more after `deadline`; the next sweep goes on from there.
  Result<SweepReport> sweep_until(Time deadline);
  /// For those of whom there may be many: dead letters, and all unfinished clusters unless another process began to
  /// sweep those within so long before. Without effect on stores that keep no note of that.
  Result<SweepReport> sweep_in_turn(std::chrono::milliseconds within);

  Queue& queue() override { return store_.queue(); }

 private:
  Store store_;
  std::unique_ptr<GlobalsUpdater> globals_updater_;
};

}  // namespace fanfold::engine
