#include "engine/engine.hpp"

#include "engine/completion.hpp"
#include "engine/creation.hpp"
#include "engine/globals.hpp"
#include "engine/inspection.hpp"
#include "engine/records.hpp"
#include "engine/resend.hpp"
#include "engine/send.hpp"
#include "engine/steering.hpp"
#include "engine/sweep.hpp"
#include "support/assert.hpp"
#include "wire/envelope_text.hpp"

namespace fanfold::engine {

namespace {

constexpr std::size_t list_page_count_max = 1'000;
constexpr std::chrono::milliseconds receive_wait_max{20'000};
constexpr std::chrono::milliseconds receive_visibility_max{std::chrono::hours{12}};

/// The cluster that a key means: its own, or that of a task's key.
Result<std::string> cluster_of(const MessageKey& key) {
  return parse_key(key).transform([](KeyParts parts) { return std::move(parts.id); });
}

Result<void> check_page(std::size_t count_max) {
  if (count_max >= 1 && count_max <= list_page_count_max) return {};
  return invalid("count_max goes from 1 to " + std::to_string(list_page_count_max));
}

}  // namespace

Engine::Engine(Backend backend)
    : store_(std::move(backend)), globals_updater_(std::make_unique<GlobalsUpdater>(store_)) {
  FANFOLD_ASSERT(store_.backend.queue && store_.backend.ledger && store_.backend.globals && store_.backend.clock,
                 "a backend has all four ports");
  FANFOLD_ASSERT(store_.backend.batch_count_max > 0, "a batch holds at least one task");
}

Engine::~Engine() = default;

std::shared_ptr<Engine> Engine::of(const Client& client) { return std::dynamic_pointer_cast<Engine>(client.core()); }

Result<Delivery> Engine::read_record(const SqsRecord& record) const {
  auto delivery = wire::delivery_of(record);
  if (!delivery || !delivery->is_pointer) return delivery;
  if (auto fetched = fetch_payload(store_, *delivery); !fetched) return std::move(fetched).error();
  auto content = wire::content_of(*delivery);
  if (!content) return std::move(content).error();
  delivery->content = std::move(*content);
  return delivery;
}

Result<std::vector<SqsRecord>> Engine::receive(const std::string& queue, const ReceiveOptions& options,
                                               std::stop_token stop) {
  const std::size_t count_max = store_.queue().receive_count_max();
  if (options.count_max < 1 || options.count_max > count_max)
    return invalid("count_max goes from 1 to " + std::to_string(count_max));
  if (options.wait < options.wait.zero() || options.wait > receive_wait_max) return invalid("wait goes from 0 to 20 s");
  if (options.visibility < options.visibility.zero() || options.visibility > receive_visibility_max)
    return invalid("visibility goes from 0 to 12 h");
  auto url = with_patience(store_, [&] { return store_.queue().resolve(queue); });
  if (!url) return std::move(url).error();
  store_.queues_known.note(*url);
  auto deliveries = store_.queue().receive(*url, options, std::move(stop));
  if (!deliveries) return std::move(deliveries).error();
  std::vector<SqsRecord> records;
  records.reserve(deliveries->size());
  std::optional<Error> unread;
  for (Delivery& delivery : *deliveries) {
    auto fetched = fetch_payload(store_, delivery);
    if (fetched)
      records.push_back(wire::record_of(delivery, *url));
    else
      unread = std::move(fetched).error();
  }
  if (records.empty() && unread) return *std::move(unread);
  return records;
}

Result<MessageRecord<Json, Json>> Engine::message_record(const MessageKey& key, Consistency consistency) {
  auto parts = parse_key(key);
  if (!parts) return std::move(parts).error();
  return read_message_record(store_, *parts, consistency);
}

Result<MessageClusterRecord<Json, Json>> Engine::cluster_record(const MessageKey& key, Consistency consistency,
                                                                bool with_task_lists) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return read_cluster_record(store_, *id, consistency, with_task_lists);
}

Result<Json> Engine::globals(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return read_globals(store_, store_.globals().location(*id));
}

Result<Json> Engine::globals_at(const BucketParams& where) { return read_globals(store_, where); }

Result<GlobalsUpdate> Engine::update_globals(const MessageKey& key, const detail::JsonFunction& function) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  auto version = globals_updater_->update(*id, function);
  if (!version) return std::move(version).error();
  return GlobalsUpdate{.key = MessageKey::of_message(*id), .version = std::move(*version)};
}

Result<void> Engine::update_message_record(
    const MessageKey& key,
    const std::function<Result<MessageRecord<Json, Json>>(const MessageRecord<Json, Json>&)>& function) {
  auto parts = parse_key(key);
  if (!parts) return std::move(parts).error();
  return engine::update_message_record(store_, *parts, function);
}

Result<void> Engine::update_cluster_record(
    const MessageKey& key,
    const std::function<Result<MessageClusterRecord<Json, Json>>(const MessageClusterRecord<Json, Json>&)>& function) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::update_cluster_record(store_, *id, function);
}

Result<std::vector<Result<MessageKey>>> Engine::send(const std::string& queue,
                                                     std::span<const detail::OutgoingBody> messages) {
  return send_messages(store_, queue, messages);
}

Result<MessageKey> Engine::create_cluster(const detail::NewCluster& cluster, const detail::TaskSource& source) {
  return engine::create_cluster(store_, cluster, source);
}

Result<AddedTasks> Engine::add(const MessageKey& cluster, const std::string& add_key,
                               const detail::TaskSource& source) {
  auto id = cluster_of(cluster);
  if (!id) return std::move(id).error();
  return add_tasks(store_, *id, add_key, source);
}

Result<void> Engine::seal(const MessageKey& cluster) {
  auto id = cluster_of(cluster);
  if (!id) return std::move(id).error();
  return seal_cluster(store_, *id);
}

Result<void> Engine::stop_cluster(const MessageKey& key, const std::string& reason) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::stop_cluster(store_, *id, reason);
}

Result<void> Engine::pause_cluster(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::pause_cluster(store_, *id);
}

Result<std::uint64_t> Engine::resume_cluster(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return resend(store_, *id, ResendReason::resume);
}

Result<std::uint64_t> Engine::retry_failed(const MessageKey& key, const RetryOptions& options) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::retry_failed(store_, *id, options);
}

Result<void> Engine::retry_finish(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  auto now = progress(key);
  if (!now) return std::move(now).error();
  return engine::retry_finish(store_, *id, *now);
}

Result<void> Engine::delete_cluster(const MessageKey& key, const DeleteOptions& options) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::delete_cluster(store_, *id, options);
}

Result<void> Engine::fail_task(const MessageKey& task, const std::string& reason) {
  auto parts = parse_key(task);
  if (!parts) return std::move(parts).error();
  if (!parts->index) return invalid("the key names no task: expected SQSMessage$<cluster id>#<index>");
  return engine::fail_task(store_, parts->id, *parts->index, reason);
}

Result<Progress> Engine::progress(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  auto progress = with_patience(store_, [&] { return store_.ledger().progress(*id); });
  if (!progress || !progress->finished || !progress->finish_handled) return progress;
  const KeyParts finish{.id = finish_record_id(*id, progress->round), .index = std::nullopt};
  auto record = with_patience(store_, [&] { return store_.ledger().read_record(finish, Consistency::strong); });
  if (!record && record.error().code != ErrorCode::not_found) return std::move(record).error();
  progress->finish_failed = record && record->record.status == Status::error;
  return progress;
}

Result<TaskPage> Engine::list_tasks(const MessageKey& key, const TaskFilter& filter, std::uint64_t first_index,
                                    std::size_t count_max, TaskParts parts) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  if (auto checked = check_page(count_max); !checked) return std::move(checked).error();
  const TaskQuery query{.cluster_id = std::move(*id),
                        .filter = filter,
                        .first_index = first_index,
                        .count_max = count_max,
                        .parts = parts};
  return with_patience(store_, [&] { return store_.ledger().list_tasks(query); });
}

Result<ResultPage> Engine::results(const MessageKey& key, std::uint64_t first_index, std::size_t count_max) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  if (auto checked = check_page(count_max); !checked) return std::move(checked).error();
  return with_patience(store_, [&] { return store_.ledger().read_results(*id, first_index, count_max); });
}

Result<std::vector<AttemptOutput>> Engine::outputs(const MessageKey& task) {
  auto parts = parse_key(task);
  if (!parts) return std::move(parts).error();
  return read_outputs(store_, *parts);
}

Result<FailedMessagePage> Engine::failed_messages(const std::string& queue, const std::string& cursor,
                                                  std::size_t count_max) {
  if (auto checked = check_page(count_max); !checked) return std::move(checked).error();
  auto url = with_patience(store_, [&] { return store_.queue().resolve(queue); });
  if (!url) return std::move(url).error();
  const FailedMessageQuery query{.url = std::move(*url), .cursor = cursor, .count_max = count_max};
  return with_patience(store_, [&] { return store_.ledger().list_failed_messages(query); });
}

Result<ClusterPage> Engine::list_clusters(const ClusterQuery& query) {
  if (auto checked = check_page(query.count_max); !checked) return std::move(checked).error();
  return with_patience(store_, [&] { return store_.ledger().list_clusters(query); });
}

Result<ClusterHeader> Engine::cluster_header(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return store_.header_strong(*id);
}

Result<std::vector<ErrorGroup>> Engine::errors(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return group_errors(store_, *id);
}

Result<std::vector<OpenReason>> Engine::why(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::why(store_, *id);
}

Result<Verification> Engine::verify(const MessageKey& key) {
  auto id = cluster_of(key);
  if (!id) return std::move(id).error();
  return engine::verify(store_, *id);
}

Result<SweepReport> Engine::sweep() { return engine::sweep(store_); }
Result<SweepReport> Engine::sweep_until(Time deadline) { return engine::sweep(store_, {.deadline = deadline}); }
Result<SweepReport> Engine::sweep_in_turn(std::chrono::milliseconds within) {
  return engine::sweep(store_, {.shared_within = within});
}

}  // namespace fanfold::engine
