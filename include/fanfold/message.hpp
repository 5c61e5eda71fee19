#pragma once

#include <fanfold/detail/client_core.hpp>

#include <iterator>

namespace fanfold {

namespace detail {

template <class Meta, class Body>
Result<MessageRecord<Meta, Body>> typed(MessageRecord<Json, Json> raw) {
  if constexpr (std::same_as<Meta, Json> && std::same_as<Body, Json>) {
    return raw;
  } else {
    static_assert(Decodable<Meta> && Decodable<Body>,
                  "no Codec for the record's Meta or Body: describe it and include <fanfold/json.hpp>");
    auto body = Codec<Body>::decode(raw.body);
    if (!body) return std::move(body).error();
    MessageRecord<Meta, Body> record{.p_key = std::move(raw.p_key),
                                     .r_key = std::move(raw.r_key),
                                     .id = std::move(raw.id),
                                     .url = std::move(raw.url),
                                     .meta = std::nullopt,
                                     .body = std::move(*body),
                                     .type = raw.type,
                                     .started_at = raw.started_at,
                                     .status = raw.status,
                                     .status_code = raw.status_code,
                                     .completed_at = raw.completed_at,
                                     .updated_at = raw.updated_at,
                                     .expires_at = raw.expires_at,
                                     .consumption_count = raw.consumption_count,
                                     .error = std::move(raw.error)};
    if (raw.meta) {
      auto meta = detail::decode_part<Meta>(*raw.meta, "meta");
      if (!meta) return std::move(meta).error();
      record.meta = std::move(*meta);
    }
    return record;
  }
}

template <class TaskMeta>
Result<std::vector<Task<TaskMeta>>> typed(std::vector<Task<Json>> raw) {
  if constexpr (std::same_as<TaskMeta, Json>) {
    return raw;
  } else {
    std::vector<Task<TaskMeta>> tasks;
    tasks.reserve(raw.size());
    for (Task<Json>& task : raw) {
      tasks.push_back({.meta = std::nullopt, .id = std::move(task.id), .status = task.status});
      if (!task.meta) continue;
      auto meta = detail::decode_part<TaskMeta>(*task.meta, "meta");
      if (!meta) return std::move(meta).error();
      tasks.back().meta = std::move(*meta);
    }
    return tasks;
  }
}

template <class Meta, class TaskMeta>
Result<MessageClusterRecord<Meta, TaskMeta>> typed_cluster(MessageClusterRecord<Json, Json> raw) {
  if constexpr (std::same_as<Meta, Json> && std::same_as<TaskMeta, Json>) {
    return raw;
  } else {
    auto completed = typed<TaskMeta>(std::move(raw.completed_tasks));
    if (!completed) return std::move(completed).error();
    auto incomplete = typed<TaskMeta>(std::move(raw.incomplete_tasks));
    if (!incomplete) return std::move(incomplete).error();
    MessageClusterRecord<Meta, TaskMeta> record{.type = raw.type,
                                                .url = std::move(raw.url),
                                                .p_key = std::move(raw.p_key),
                                                .r_key = std::move(raw.r_key),
                                                .name = std::move(raw.name),
                                                .status = raw.status,
                                                .status_code = raw.status_code,
                                                .error = std::move(raw.error),
                                                .started_at = raw.started_at,
                                                .completed_at = raw.completed_at,
                                                .completed_tasks = std::move(*completed),
                                                .incomplete_tasks = std::move(*incomplete),
                                                .bucket_params = std::move(raw.bucket_params),
                                                .meta = std::nullopt,
                                                .updated_at = raw.updated_at,
                                                .expires_at = raw.expires_at};
    if (raw.meta) {
      auto meta = detail::decode_part<Meta>(*raw.meta, "meta");
      if (!meta) return std::move(meta).error();
      record.meta = std::move(*meta);
    }
    return record;
  }
}

}  // namespace detail

/// What the tasks of a cluster returned, in task order, fetched page by page while it is iterated.
/// Each element is a Result, since any page can fail; iteration ends after an error. Single pass; not thread-safe.
template <class T = Json>
class ResultRange {
 public:
  ResultRange(std::shared_ptr<detail::ClientCore> core, MessageKey key)
      : core_(std::move(core)), cluster_(std::move(key)) {}

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Result<TaskResult<T>>;
    using difference_type = std::ptrdiff_t;
    using pointer = value_type*;
    using reference = value_type&;

    explicit iterator(ResultRange* range) : range_(range) {}
    [[nodiscard]] reference operator*() const { return *range_->current_; }
    iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const { return !range_->current_.has_value(); }

   private:
    ResultRange* range_;
  };

  /// Blocks for the first page; may be called once.
  [[nodiscard]] iterator begin() {
    advance();
    return iterator(this);
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  static constexpr std::size_t page_count = 256;

  void advance() {
    current_.reset();
    while (!failed_ && offset_ >= page_.results.size()) {
      if (!next_) return;
      auto page = core_->results(cluster_, *next_, page_count);
      if (!page) {
        failed_ = true;
        current_.emplace(page.error());
        return;
      }
      page_ = std::move(*page);
      next_ = page_.next_index;
      offset_ = 0;
    }
    if (failed_) return;
    TaskResult<Json>& raw = page_.results[offset_++];
    if constexpr (std::same_as<T, Json>) {
      current_.emplace(std::move(raw));
    } else {
      static_assert(Decodable<T>, "no Codec for the results' type: describe it and include <fanfold/json.hpp>");
      auto value = detail::decode_part<T>(raw.result, "result");
      if (value)
        current_.emplace(TaskResult<T>{raw.index, std::move(*value)});
      else
        current_.emplace(std::move(value).error());
    }
  }

  std::shared_ptr<detail::ClientCore> core_;
  MessageKey cluster_;
  ResultPage page_;
  std::size_t offset_ = 0;
  std::optional<std::uint64_t> next_ = 0;
  bool failed_ = false;
  std::optional<Result<TaskResult<T>>> current_;
};

/// A cluster's record, and from it what costs a further read: globals, results, progress. Copyable; thread-safe to
/// read.
template <class Meta = Json, class Globals = Json, class TaskMeta = Json>
class MessageCluster {
 public:
  MessageClusterRecord<Meta, TaskMeta> record;
  MessageKey key;

  MessageCluster(MessageClusterRecord<Meta, TaskMeta> from, std::shared_ptr<detail::ClientCore> core)
      : record(std::move(from)), key(record.key()), core_(std::move(core)) {}

  /// Reads the global store, now. Errors: not_found where the cluster has none; bad_input with the path.
  [[nodiscard]] Result<Globals> globals() const {
    static_assert(Decodable<Globals>, "no Codec for the Globals: describe them and include <fanfold/json.hpp>");
    return core_->globals(key).and_then(detail::decode_globals<Globals>);
  }
  /// What the tasks returned, in task order, read page by page.
  template <class T = Json>
  [[nodiscard]] ResultRange<T> results() const {
    return ResultRange<T>(core_, key);
  }
  [[nodiscard]] Result<Progress> progress() const { return core_->progress(key); }

 private:
  std::shared_ptr<detail::ClientCore> core_;
};

/// One delivered record, typed. Reading it did no I/O; each getter below does, when it is called.
template <class Body = Json, class Meta = Json, class Globals = Json>
class Message {
 public:
  std::string url;  ///< Of the queue.
  MessageKey key;
  std::string id;  ///< SQS's message id; a message sent again has a new one.
  Body body;
  RecordType type = RecordType::message;
  std::optional<std::uint64_t> task;  ///< The task's index in its cluster, where it is one.
  std::uint32_t receive_count = 1;    ///< How often it was delivered. Attempts are in the record and in Context.

  Message(const Delivery& delivery, Body typed_body, std::string queue_url, std::shared_ptr<detail::ClientCore> core)
      : url(std::move(queue_url)),
        id(delivery.message_id),
        body(std::move(typed_body)),
        type(delivery.content->type),
        receive_count(delivery.receive_count),
        bucket_params_(delivery.content->bucket_params),
        core_(std::move(core)) {
    const Envelope& content = *delivery.content;
    if (type == RecordType::task) {
      key = MessageKey::of_task(content.id, content.index);
      task = content.index;
    } else {
      key = MessageKey::of_message(content.id);
    }
  }

  /// Errors: not_found (only after a strong read says so), bad_input.
  [[nodiscard]] Result<MessageRecord<Meta, Body>> message_record(
      Consistency consistency = Consistency::eventual) const {
    auto raw = core_->message_record(key, consistency);
    if (!raw) return std::move(raw).error();
    return detail::typed<Meta, Body>(std::move(*raw));
  }

  /// Tasks and finish messages only: invalid_argument where the message belongs to no cluster.
  [[nodiscard]] Result<MessageCluster<Meta, Globals>> message_cluster(
      Consistency consistency = Consistency::eventual) const {
    if (type == RecordType::message)
      return Error{ErrorCode::invalid_argument, "this message is not part of a cluster", {}};
    auto raw = core_->cluster_record(MessageKey(key.p_key), consistency, false);
    if (!raw) return std::move(raw).error();
    auto record = detail::typed_cluster<Meta, Json>(std::move(*raw));
    if (!record) return std::move(record).error();
    return MessageCluster<Meta, Globals>(std::move(*record), core_);
  }

  /// Straight from the bucket params that the message carries: one read of the global store, none of the cluster's
  /// record.
  [[nodiscard]] Result<Globals> globals() const {
    static_assert(Decodable<Globals>, "no Codec for the Globals: describe them and include <fanfold/json.hpp>");
    if (!bucket_params_)
      return Error{ErrorCode::not_found, "the message carries no bucket params: its cluster has no globals", {}};
    return core_->globals_at(*bucket_params_).and_then(detail::decode_globals<Globals>);
  }

 private:
  std::optional<BucketParams> bucket_params_;
  std::shared_ptr<detail::ClientCore> core_;
};

}  // namespace fanfold
