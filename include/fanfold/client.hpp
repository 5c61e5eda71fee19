#pragma once

#include <fanfold/handlers.hpp>
#include <fanfold/ports/backend.hpp>

namespace fanfold {

class Client;

/// A cluster that was created or opened. Copyable; thread-safe; converts to its key wherever one is taken.
class Cluster {
 public:
  MessageKey key;

  operator const MessageKey&() const { return key; }  // NOLINT(google-explicit-constructor)

  /// Adds tasks to an open cluster and sends them; with the same `add_key` once, however often it is called.
  /// Errors: sealed, stopped, deleted, different_tasks (same key, other tasks), too_large. Blocks until all are sent.
  template <class Tasks>
  Result<AddedTasks> add(const std::string& add_key, Tasks&& tasks) const {
    return core_->add(key, add_key, detail::task_source(std::forward<Tasks>(tasks)));
  }

  /// No more tasks will come: from now on the cluster finishes when the last one ends. Idempotent.
  Result<void> seal() const { return core_->seal(key); }

 private:
  friend class Client;
  Cluster(MessageKey of, std::shared_ptr<detail::ClientCore> core) : key(std::move(of)), core_(std::move(core)) {}
  std::shared_ptr<detail::ClientCore> core_;  // Shared with the Client that made it.
};

enum class ClaimState : std::uint8_t {
  complete,     ///< It has ended: nothing to do but delete the message.
  in_progress,  ///< Somebody else holds it for `busy_for` more.
  claimed       ///< It is ours; the attempt was counted.
};

/// The answer of `is_complete`.
struct Claim {
  ClaimState state = ClaimState::complete;
  Status status = Status::complete;       ///< Of an ended record: complete or error.
  std::chrono::milliseconds busy_for{0};  ///< in_progress only.
  std::uint32_t attempt = 0;              ///< claimed only: counts up, for fencing.
  detail::ClaimTicket ticket;             ///< claimed only: the right to end it.
};

/// The way into fanfold: a cheap copyable handle with const functions, thread-safe throughout. Every call blocks, and
/// fails with the codes named plus unavailable, throttled, permission_denied, disk_full, read_only and damaged of its
/// store; bodies, meta, globals and results that have no JSON form (a NaN, text that is not UTF-8) are invalid_argument
/// with the place, too long ones too_large. Nothing that it returns can dangle. What a function that is given to a call
/// throws (a generator of tasks, an update) comes out of that call, which then has changed nothing. A process that was
/// forked uses no Client of its parent's: their calls are invalid_argument. It opens its own; a file only where no
/// Client of the parent's had one open when it was forked, else that is invalid_argument too.
class Client {
 public:
  /// By a backend's `open()`, or by `make_client`.
  explicit Client(std::shared_ptr<detail::ClientCore> core) : core_(std::move(core)) {}

  // Reading what was delivered.

  /// Parses one delivered record. No I/O, but for a record of a Lambda event whose payload is kept in a bucket (a
  /// message of more than 1 MiB), which is fetched. Errors: bad_input with the path to the field, unsupported_version;
  /// what kept the payload from being fetched, with its bucket and key: not_found, permission_denied, invalid_argument
  /// (the store has no bucket). A queue with a cluster's tasks also brings its finish message, whose body is null: read
  /// with a Body that null is no value of, it is bad_input. `read_sqs_record<>` reads all, and `type` says which it is.
  template <class Body = Json, class Meta = Json, class Globals = Json>
  [[nodiscard]] Result<Message<Body, Meta, Globals>> read_sqs_record(const SqsRecord& record) const {
    static_assert(
        Decodable<Body>,
        "no Codec for the message's Body: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    auto delivery = core_->read_record(record);
    if (!delivery) return std::move(delivery).error();
    auto body = Codec<Body>::decode(delivery->content->body);
    if (!body && delivery->content->type == RecordType::cluster) {
      return Error{ErrorCode::bad_input,
                   "this is the finish message of cluster " + delivery->content->id +
                       ", which has no body: read_sqs_record<>() reads messages of all types",
                   {}};
    }
    if (!body) return std::move(body).error();
    return Message<Body, Meta, Globals>(*delivery, std::move(*body), queue_url_of(record), core_);
  }
  /// Takes deliveries by hand; a Worker does so by itself. Empty where none came within `options.wait`. A delivery
  /// whose payload could not be fetched is left out and comes again; why is the error where nothing else came.
  [[nodiscard]] Result<std::vector<SqsRecord>> receive(const std::string& queue, const ReceiveOptions& options = {},
                                                       std::stop_token stop = {}) const {
    return core_->receive(queue, options, std::move(stop));
  }

  // Records.

  template <class Meta = Json, class Body = Json>
  [[nodiscard]] Result<MessageRecord<Meta, Body>> get_message_record(
      const MessageKey& key, Consistency consistency = Consistency::eventual) const {
    auto raw = core_->message_record(key, consistency);
    if (!raw) return std::move(raw).error();
    return detail::typed<Meta, Body>(std::move(*raw));
  }
  template <class Meta = Json, class Body = Json>
  [[nodiscard]] std::vector<Result<MessageRecord<Meta, Body>>> get_message_records(
      std::span<const MessageKey> keys, Consistency consistency = Consistency::eventual) const {
    std::vector<Result<MessageRecord<Meta, Body>>> records;
    records.reserve(keys.size());
    for (const MessageKey& key : keys) records.push_back(get_message_record<Meta, Body>(key, consistency));
    return records;
  }
  /// `task_lists`: also fills completed_tasks and incomplete_tasks, refused with too_large for more than 10,000 tasks.
  enum class TaskLists : std::uint8_t { none, whole };
  template <class Meta = Json, class Globals = Json, class TaskMeta = Json>
  [[nodiscard]] Result<MessageCluster<Meta, Globals, TaskMeta>> get_message_cluster(
      const MessageKey& key, Consistency consistency = Consistency::eventual,
      TaskLists task_lists = TaskLists::none) const {
    auto raw = core_->cluster_record(key, consistency, task_lists == TaskLists::whole);
    if (!raw) return std::move(raw).error();
    auto record = detail::typed_cluster<Meta, TaskMeta>(std::move(*raw));
    if (!record) return std::move(record).error();
    return MessageCluster<Meta, Globals, TaskMeta>(std::move(*record), core_);
  }
  /// Changes a record by value or by function; meta is what can change. The function may run again when somebody else
  /// wrote in between. Errors: invalid_argument names the operation to use for a status field, and refuses pKey and
  /// rKey.
  template <class Meta = Json, class Body = Json, class Update>
  Result<void> update_message_record(const MessageKey& key, Update&& update) const {
    return core_->update_message_record(
        key, [&](const MessageRecord<Json, Json>& old) -> Result<MessageRecord<Json, Json>> {
          using Record = MessageRecord<Meta, Body>;
          auto record =
              apply_update<Record>(std::forward<Update>(update), [&] { return detail::typed<Meta, Body>(old); });
          if (!record) return std::move(record).error();
          auto body = detail::encoded(record->body);
          if (!body) return std::move(body).error();
          MessageRecord<Json, Json> changed{.p_key = record->p_key,
                                            .r_key = record->r_key,
                                            .id = record->id,
                                            .url = record->url,
                                            .meta = std::nullopt,
                                            .body = std::move(*body),
                                            .type = record->type,
                                            .started_at = record->started_at,
                                            .status = record->status,
                                            .status_code = record->status_code,
                                            .completed_at = record->completed_at,
                                            .updated_at = record->updated_at,
                                            .expires_at = record->expires_at,
                                            .consumption_count = record->consumption_count,
                                            .error = record->error};
          if (record->meta) {
            auto meta = detail::encoded(*record->meta);
            if (!meta) return std::move(meta).error();
            changed.meta = std::move(*meta);
          }
          return changed;
        });
  }
  template <class Meta = Json, class Update>
  Result<void> update_message_cluster(const MessageKey& key, Update&& update) const {
    return core_->update_cluster_record(
        key, [&](const MessageClusterRecord<Json, Json>& old) -> Result<MessageClusterRecord<Json, Json>> {
          using Record = MessageClusterRecord<Meta, Json>;
          auto record = apply_update<Record>(std::forward<Update>(update),
                                             [&] { return detail::typed_cluster<Meta, Json>(old); });
          if (!record) return std::move(record).error();
          MessageClusterRecord<Json, Json> changed{.type = record->type,
                                                   .url = record->url,
                                                   .p_key = record->p_key,
                                                   .r_key = record->r_key,
                                                   .name = record->name,
                                                   .status = record->status,
                                                   .status_code = record->status_code,
                                                   .error = record->error,
                                                   .started_at = record->started_at,
                                                   .completed_at = record->completed_at,
                                                   .completed_tasks = record->completed_tasks,
                                                   .incomplete_tasks = record->incomplete_tasks,
                                                   .bucket_params = record->bucket_params,
                                                   .meta = std::nullopt,
                                                   .updated_at = record->updated_at,
                                                   .expires_at = record->expires_at};
          if (record->meta) {
            auto meta = detail::encoded(*record->meta);
            if (!meta) return std::move(meta).error();
            changed.meta = std::move(*meta);
          }
          return changed;
        });
  }

  // Globals.

  template <class Globals = Json>
  [[nodiscard]] Result<Globals> get_cluster_globals(const MessageKey& key) const {
    static_assert(Decodable<Globals>, "no Codec for the Globals: describe them and include <fanfold/json.hpp>");
    return core_->globals(key).and_then(detail::decode_globals<Globals>);
  }
  /// Replaces the globals by a value, or by what a function makes of the old ones (default-constructed where there are
  /// none). The function may run again when somebody else wrote in between; no update is lost, none is applied twice.
  /// `key` may be the cluster's whole key, its p_key alone, or a task's own. Errors: outcome_unknown, too_large,
  /// bad_input (stored globals are of another type).
  template <class GlobalsOrFunction>
  Result<GlobalsUpdate> update_cluster_globals(const MessageKey& key, GlobalsOrFunction&& update) const {
    using Update = std::remove_cvref_t<GlobalsOrFunction>;
    if constexpr (detail::PlainCallable<Update> && !Encodable<Update>) {
      using Globals = typename detail::CallableTraits<Update>::template argument<0>;
      static_assert(std::is_convertible_v<typename detail::CallableTraits<Update>::result, Globals>,
                    "the function returns the new globals");
      static_assert(Encodable<Globals> && Decodable<Globals>,
                    "no Codec for the Globals: describe them and include <fanfold/json.hpp>");
      return core_->update_globals(key, [&update](const std::optional<Json>& old) -> Result<Json> {
        if (!old) return detail::encoded(update(Globals{}));
        auto globals = detail::decode_globals<Globals>(*old);
        if (!globals) return std::move(globals).error();
        return detail::encoded(update(std::move(*globals)));
      });
    } else {
      static_assert(Encodable<Update>, "no Codec for the Globals: describe them and include <fanfold/json.hpp>");
      auto value = detail::encoded<Update>(update);
      if (!value) return std::move(value).error();
      return core_->update_globals(key, [&value](const std::optional<Json>&) -> Result<Json> { return *value; });
    }
  }

  // Sending.

  /// Creates the record, then sends. Errors: too_large, not_found (queue).
  template <class Body>
  Result<MessageKey> send_message(const std::string& queue, const Body& body, const SendOptions& options = {}) const {
    static_assert(Encodable<Body>,
                  "no Codec for the Body: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    auto encoded = detail::encoded(body);
    if (!encoded) return std::move(encoded).error();
    const detail::OutgoingBody message{std::move(*encoded), options};
    auto sent = core_->send(queue, std::span(&message, 1));
    if (!sent) return std::move(sent).error();
    return std::move(sent->front());
  }
  /// One answer per body, in order: entries that the queue refuses are retried, then reported one by one.
  template <std::ranges::input_range Bodies>
  Result<std::vector<Result<MessageKey>>> send_message_batch(const std::string& queue, Bodies&& bodies,
                                                             const SendOptions& options = {}) const {
    using Body = std::ranges::range_value_t<Bodies>;
    static_assert(Encodable<Body>,
                  "no Codec for the Body: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    std::vector<detail::OutgoingBody> messages;
    std::vector<std::optional<Error>> refused;
    for (const Body& body : bodies) {
      auto encoded = detail::encoded(body);
      refused.push_back(encoded ? std::nullopt : std::optional(encoded.error()));
      if (encoded) messages.push_back({std::move(*encoded), options});
    }
    auto sent = core_->send(queue, messages);
    if (!sent || sent->size() == refused.size()) return sent;
    std::vector<Result<MessageKey>> answers;
    for (auto next = sent->begin(); std::optional<Error> & error : refused)
      answers.push_back(error ? Result<MessageKey>(*std::move(error)) : std::move(*next++));
    return answers;
  }

  // Clusters.

  /// Creates a cluster and sends its tasks: a range of bodies, or a generator `[]() -> std::optional<Body>` (any size
  /// in flat memory). Nothing is visible before every payload is stored; a creator that dies is resumed by calling
  /// again with the same idempotency key, or by the sweep. That call blocks for as long as another one of the key that
  /// may be alive sends: on AWS, where nobody sees that it died, up to a minute after its last sign. A child's does
  /// not. Errors: different_tasks (same key, other tasks), too_large, deleted, invalid_argument.
  template <class Tasks>
  Result<Cluster> create_message_cluster(const std::string& queue, Tasks&& tasks, ClusterOptions options = {}) const {
    auto key =
        core_->create_cluster({.queue = queue, .options = std::move(options), .open = false, .parent = std::nullopt},
                              detail::task_source(std::forward<Tasks>(tasks)));
    if (!key) return std::move(key).error();
    return Cluster(std::move(*key), core_);
  }
  /// A cluster whose tasks are not known yet: `add` them, then `seal`. Nothing finishes before.
  Result<Cluster> open_message_cluster(const std::string& queue, ClusterOptions options = {}) const {
    auto key = core_->create_cluster(
        {.queue = queue, .options = std::move(options), .open = true, .parent = std::nullopt}, {});
    if (!key) return std::move(key).error();
    return Cluster(std::move(*key), core_);
  }
  /// A handle on a cluster that is there already. No I/O.
  [[nodiscard]] Cluster cluster(MessageKey key) const { return Cluster(std::move(key), core_); }

  // Processing by hand. `process_batch` and Worker do this by themselves.

  /// complete: it has ended. claimed: it is ours, the attempt is counted. in_progress: somebody else's for `busy_for`
  /// more.
  Result<Claim> is_complete(const SqsRecord& record, const AttemptOptions& options = {}) const {
    auto reply = core_->is_complete(record, options);
    if (!reply) return std::move(reply).error();
    return Claim{static_cast<ClaimState>(reply->state), reply->status, reply->busy_for, reply->ticket.attempt,
                 std::move(reply->ticket)};
  }
  /// Completes the claim, the task in its cluster, and the cluster where it was the last; then deletes the message.
  /// Errors: lease_lost (somebody else has it now; nothing was changed), too_large.
  Result<void> mark_complete(const Claim& claim) const { return core_->mark_complete(claim.ticket, std::nullopt); }
  template <class T>
  Result<void> mark_complete(const Claim& claim, const T& result) const {
    static_assert(Encodable<T>,
                  "no Codec for the result: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    auto encoded = detail::encoded(result);
    if (!encoded) return std::move(encoded).error();
    return core_->mark_complete(claim.ticket, std::move(*encoded));
  }
  /// Fails the claimed record for good. Errors: lease_lost.
  Result<void> mark_failed(const Claim& claim, const std::string& reason) const {
    return core_->mark_failed(claim.ticket, reason);
  }

  /// Every record of a Lambda event: done ones are skipped, failures are recorded, the others are unaffected.
  Result<BatchResponse> process_batch(const SqsEvent& event, const Handlers& handlers,
                                      const BatchOptions& options = {}) const {
    return core_->process_batch(event, handlers, options);
  }

  // Steering.

  /// Final: what has begun may end within its lease, nothing else does, and nothing is retried. Also of a cluster that
  /// fail_fast stopped. Idempotent. Errors: sealed where it is finished otherwise or on the move; not_found; deleted;
  /// too_large (the reason).
  Result<void> stop_cluster(const MessageKey& key, const std::string& reason = "stopped by hand") const {
    return core_->stop_cluster(key, reason);
  }
  Result<void> pause_cluster(const MessageKey& key) const { return core_->pause_cluster(key); }
  /// Ends a pause and sends every task that is not ended again. The answer counts them.
  Result<std::uint64_t> resume_cluster(const MessageKey& key) const { return core_->resume_cluster(key); }
  /// On a finished cluster whose finish message is done: a new round of what failed. The answer counts its tasks.
  /// Under a key that another call uses it blocks as a creation does.
  /// Errors: not_finished, stopped, conflict (another retry won with another list), not_found (nothing failed matches).
  Result<std::uint64_t> retry_failed(const MessageKey& key, const RetryOptions& options = {}) const {
    return core_->retry_failed(key, options);
  }
  /// Where a cluster's finish handler has failed for good: runs it anew, with all its attempts, in a further round that
  /// has no task. Errors: not_finished; not_found (it has not failed, or runs anew already); stopped.
  Result<void> retry_finish(const MessageKey& key) const { return core_->retry_finish(key); }
  /// Only a finished cluster whose finish message is done, unless the options say that nobody will handle it; leaves a
  /// tombstone until expiry. Without a finish handler it blocks until a stop is known everywhere (5 s on AWS).
  /// Idempotent. Errors: not_finished; conflict where the finish handler runs now.
  Result<void> delete_cluster(const MessageKey& key, const DeleteOptions& options = {}) const {
    return core_->delete_cluster(key, options);
  }
  /// Ends one task by hand, as failed.
  Result<void> fail_task(const MessageKey& task, const std::string& reason) const {
    return core_->fail_task(task, reason);
  }

  // Looking.

  [[nodiscard]] Result<Progress> progress(const MessageKey& key) const { return core_->progress(key); }
  [[nodiscard]] Result<TaskPage> list_tasks(const MessageKey& key, const TaskFilter& filter = {},
                                            std::uint64_t first_index = 0, std::size_t count_max = 100) const {
    return core_->list_tasks(key, filter, first_index, count_max, TaskParts::whole);
  }
  /// The same without bodies, meta and errors, which cost reads of their own on AWS.
  [[nodiscard]] Result<TaskPage> list_task_states(const MessageKey& key, const TaskFilter& filter = {},
                                                  std::uint64_t first_index = 0, std::size_t count_max = 100) const {
    return core_->list_tasks(key, filter, first_index, count_max, TaskParts::states);
  }
  template <class T = Json>
  [[nodiscard]] ResultRange<T> results(const MessageKey& key) const {
    return ResultRange<T>(core_, key);
  }
  /// What the attempts of one task printed.
  [[nodiscard]] Result<std::vector<AttemptOutput>> outputs(const MessageKey& task) const {
    return core_->outputs(task);
  }
  /// Messages of a queue that belong to no cluster and have failed for good, the newest first, up to `count_max` (1 to
  /// 1,000) from `cursor` on, which is the page before's. Errors: not_found (queue); invalid_argument on AWS, where
  /// records are found by their keys alone.
  [[nodiscard]] Result<FailedMessagePage> failed_messages(const std::string& queue, const std::string& cursor = {},
                                                          std::size_t count_max = 100) const {
    return core_->failed_messages(queue, cursor, count_max);
  }
  [[nodiscard]] Result<ClusterPage> list_clusters(const ClusterQuery& query = {}) const {
    return core_->list_clusters(query);
  }
  /// The header as stored: policy, state and marks.
  [[nodiscard]] Result<ClusterHeader> cluster_header(const MessageKey& key) const { return core_->cluster_header(key); }
  /// Failures grouped by fingerprint, most frequent first. Reads every failed task.
  [[nodiscard]] Result<std::vector<ErrorGroup>> errors(const MessageKey& key) const { return core_->errors(key); }
  /// For each task still open, one line of cause and one of remedy; equal ones together.
  [[nodiscard]] Result<std::vector<OpenReason>> why(const MessageKey& key) const { return core_->why(key); }
  /// Recounts from the tasks' records and compares with the cluster's. Reads every task.
  [[nodiscard]] Result<Verification> verify(const MessageKey& key) const { return core_->verify(key); }
  /// The reconciler: any worker runs it now and then; calling it more often is harmless.
  Result<SweepReport> sweep() const { return core_->sweep(); }

  // Queues. Names are resolved by the store.

  /// Errors: already_exists with the first attribute that differs.
  Result<std::string> create_queue(const std::string& name, const QueueAttributes& attributes = {}) const {
    return core_->queue().create(name, attributes);
  }
  /// The queue port, for what has no function here: counts, purge, redrive. Lives as long as this Client's store.
  [[nodiscard]] Queue& queue_port() const { return core_->queue(); }

  [[nodiscard]] const std::shared_ptr<detail::ClientCore>& core() const { return core_; }

 private:
  template <class Record, class Update, class Old>
  static Result<Record> apply_update(Update&& update, const Old& old) {
    if constexpr (std::is_convertible_v<Update, Record>) {
      return Record(update);
    } else {
      static_assert(std::is_invocable_r_v<Record, Update&, Record>,
                    "update by a record, or by a function from the old record to the new one");
      auto record = old();
      if (!record) return std::move(record).error();
      return Record(update(std::move(*record)));
    }
  }
  [[nodiscard]] static std::string queue_url_of(const SqsRecord& record);

  std::shared_ptr<detail::ClientCore> core_;  // Shared by all copies; the last one closes the store.
};

/// A Client over ports of one's own: another store, or the test kit's. Takes the backend over.
[[nodiscard]] Client make_client(Backend backend);

}  // namespace fanfold
