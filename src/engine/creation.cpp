#include "engine/creation.hpp"

#include "engine/completion.hpp"
#include "engine/creation_options.hpp"
#include "engine/resend.hpp"
#include "engine/sender.hpp"
#include "support/hash.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"
#include "support/trace_context.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

constexpr std::size_t payload_batch_bytes_max = 4 * 1024 * 1024;
constexpr char separator = '\0';  // In no url, and so between two parts nothing can be moved.

Error different_tasks(std::string_view id) {
  return {
      ErrorCode::different_tasks, "cluster " + std::string(id) + " was created with the same key and other tasks", {}};
}

Result<void> check_task(const TaskData& task, std::uint64_t index) {
  if (task.body.size() <= task_bytes_max && task.meta.size() <= task_bytes_max) return {};
  return Error{ErrorCode::too_large,
               "task " + std::to_string(index) + ": body and meta have at most " + std::to_string(task_bytes_max) +
                   " bytes each",
               {}};
}

/// Pulls tasks from a source and stores them in batches, each index once.
class PayloadWriter {
 public:
  /// With `expected_count`, a source of another length is `different_tasks`, and nothing is stored beyond it.
  PayloadWriter(Store& store, std::string_view id, std::optional<std::uint64_t> expected_count)
      : store_(store), id_(id), expected_count_(expected_count) {
    batch_.reserve(store.backend.bulk_count());
  }

  /// The answer counts the tasks.
  Result<std::uint64_t> write_all(const detail::TaskSource& source) {
    while (true) {
      auto task = source();
      if (!task) return std::move(task).error();
      if (!*task) break;
      auto taken = take(std::move(**task));
      if (!taken) return std::move(taken).error();
    }
    if (expected_count_ && count_ != *expected_count_) return different_tasks(id_);
    auto stored = flush();
    if (!stored) return std::move(stored).error();
    return count_;
  }

 private:
  Result<void> take(TaskData task) {
    if (expected_count_ && count_ >= *expected_count_) return different_tasks(id_);
    if (count_ >= task_count_max) {
      return Error{ErrorCode::too_large, "a cluster has at most " + std::to_string(task_count_max) + " tasks", {}};
    }
    auto checked = check_task(task, count_);
    if (!checked) return checked;
    batch_bytes_ += task.body.size() + task.meta.size();
    batch_.push_back(std::move(task));
    ++count_;
    const bool full = batch_.size() >= store_.backend.bulk_count() || batch_bytes_ >= payload_batch_bytes_max;
    return full ? flush() : Result<void>();
  }

  Result<void> flush() {
    if (batch_.empty()) return {};
    auto stored = with_patience(store_, [&] { return store_.ledger().put_tasks(id_, count_ - batch_.size(), batch_); });
    batch_.clear();
    batch_bytes_ = 0;
    return stored;
  }

  Store& store_;
  std::string_view id_;
  std::optional<std::uint64_t> expected_count_;
  std::vector<TaskData> batch_;
  std::size_t batch_bytes_ = 0;
  std::uint64_t count_ = 0;
};

/// One call of create_cluster.
class Creation {
 public:
  Creation(Store& store, const detail::NewCluster& cluster, const detail::TaskSource& source)
      : store_(store), cluster_(cluster), options_(cluster.options), source_(source) {}

  Result<MessageKey> run() {
    auto prepared = prepare();
    if (!prepared) return std::move(prepared).error();
    auto known = find_known();
    if (!known) return std::move(known).error();
    if (*known) return go_on(**known);

    if (auto globals = write_globals(); !globals) return std::move(globals).error();
    if (!cluster_.open) {
      auto count = PayloadWriter(store_, header_.id, std::nullopt).write_all(source_);
      if (!count) return std::move(count).error();
      header_.task_count = *count;
      header_.round_size = *count;
    }
    return create_header();
  }

 private:
  Result<void> prepare() {
    auto checked = check_options(options_);
    if (!checked) return checked;
    auto trace = support::checked_trace(options_.trace);
    if (!trace) return std::move(trace).error();
    header_.trace = std::move(*trace);
    if (cluster_.parent && !options_.idempotency_key.empty()) {
      return Error{ErrorCode::invalid_argument, "idempotency_key: a child cluster is keyed by its task", {}};
    }
    auto url = with_patience(store_, [&] { return store_.queue().resolve(cluster_.queue); });
    if (!url) return std::move(url).error();
    auto expiry = check_expiry(store_, options_, *url);
    if (!expiry) return expiry;
    header_.queue_url = header_.finish_queue_url = std::move(*url);
    if (!options_.finish_queue.empty()) {
      auto finish_url = with_patience(store_, [&] { return store_.queue().resolve(options_.finish_queue); });
      if (!finish_url) return std::move(finish_url).error();
      expiry = check_expiry(store_, options_, *finish_url);
      if (!expiry) return expiry;
      header_.finish_queue_url = std::move(*finish_url);
    }
    fill_header(store_.now());
    return {};
  }

  void fill_header(Time now) {
    if (cluster_.parent) {
      header_.id = child_id_of(*cluster_.parent);
      header_.creation_key = header_.id;
    } else if (!options_.idempotency_key.empty()) {
      header_.id = cluster_id_of(header_.queue_url, options_.idempotency_key);
      header_.creation_key = header_.id;
    } else {
      header_.id = make_identifier(now);
    }
    header_.name = options_.name;
    if (auto where = store_.globals().location(header_.id); !where.bucket.empty())
      header_.bucket_params = std::move(where);
    header_.parent = cluster_.parent;
    if (header_.parent) header_.parent->fails_with_child = options_.parent_fails_with_child;
    header_.parent_ended = !header_.parent.has_value();
    header_.finish_handler_required = options_.finish_handler_required;
    header_.first_failure_wanted = options_.first_failure_notice;
    header_.fail_fast = options_.fail_fast;
    header_.failures_allowed_count = options_.failures_allowed_count;
    header_.failures_allowed_percent = options_.failures_allowed_percent;
    header_.attempts_max = options_.attempts_max;
    if (options_.deadline) header_.deadline = now + *options_.deadline;
    header_.deadline_action = options_.deadline_action;
    header_.meta = options_.meta.json();
    header_.created_at = header_.updated_at = now;
    header_.expires_at = now + options_.expires_after;
  }

  /// The cluster that an earlier call with this key made, if any.
  Result<std::optional<ClusterHeader>> find_known() {
    if (header_.creation_key.empty()) return std::optional<ClusterHeader>();
    auto known = store_.header_strong(header_.id);
    if (known) return std::optional<ClusterHeader>(std::move(*known));
    if (known.error().code == ErrorCode::not_found) return std::optional<ClusterHeader>();
    return std::move(known).error();
  }

  /// Before the header, so that no task starts without them. What is there already is from the same key, or was changed
  /// since: it stays.
  Result<void> write_globals() {
    const auto& value = options_.globals.json();
    if (!value) return {};
    if (!header_.bucket_params)
      return Error{ErrorCode::invalid_argument, "globals: this store has no place for globals", {}};
    const StoredGlobals globals{.value = *value, .version = {}, .write_ids = {make_identifier(header_.created_at)}};
    for (std::size_t count = 1;; ++count) {
      auto written = with_patience(store_, [&] { return store_.globals().write(*header_.bucket_params, globals, {}); });
      if (written) return {};
      const ErrorCode code = written.error().code;
      if (code != ErrorCode::conflict && code != ErrorCode::outcome_unknown) return std::move(written).error();
      // Another creator's, or a copy of this very write whose answer got lost: what is there stays.
      auto there = with_patience(store_, [&] { return store_.globals().read(*header_.bucket_params); });
      if (there) return {};
      if (there.error().code != ErrorCode::not_found) return std::move(there).error();
      if (count == port_call_count_max) return Error{ErrorCode::unavailable, written.error().message, {}};
    }
  }

  Result<MessageKey> create_header() {
    const std::string holder = new_holder(store_);
    const Time now = store_.now();
    if (!cluster_.open && header_.task_count > 0) {
      header_.due.push_back({.kind = DueMark::Kind::creation, .id = holder, .round = 0, .since = now});
      header_.sender = holder;
      header_.sender_until = now + holder_lease;
      header_.sent_at = now;
    }
    auto created = with_patience(store_, [&] { return store_.ledger().create_cluster(header_); });
    if (created) {
      store_.headers.put(*created, now);
      return cluster_.open ? Result<MessageKey>(key()) : send_all(*created, holder);
    }
    if (created.error().code != ErrorCode::already_exists) return std::move(created).error();
    auto there = store_.header_strong(header_.id);
    if (!there) return std::move(there).error();
    if (cluster_.open && !support::mutant("lost_answer_seals")) return go_on(*there);
    // Ours where the answer to an earlier try was lost; else another caller was faster with the same key.
    if (header_.creation_key.empty() || there->sender == holder) return send_all(*there, holder);
    if (there->task_count != header_.task_count) return different_tasks(header_.id);
    return resume(*there);
  }

  /// The same key again: the tasks have to be the same ones.
  Result<MessageKey> go_on(const ClusterHeader& known) {
    if (known.tombstone) {
      // A task that is delivered late may meet its child's tombstone: the task has ended with it.
      if (cluster_.parent) return key();
      return Error{ErrorCode::deleted, "cluster " + known.id + " was deleted; its key is used up", {}};
    }
    if (cluster_.open) return key();
    if (!known.sealed() && known.round == 0) return different_tasks(known.id);
    auto same = PayloadWriter(store_, known.id, known.task_count).write_all(source_);
    if (!same) return std::move(same).error();
    return resume(known);
  }

  Result<MessageKey> resume(const ClusterHeader& known) {
    if (known.finished()) return key();
    if (!known.marked) {
      if (auto sealed = seal(); !sealed) return std::move(sealed).error();
    }
    if (!is_marked(known, DueMark::Kind::creation)) return key();
    if (cluster_.parent) {
      // The task that made the child is not held up: its sweep sends what is missing.
      if (!is_free(store_, known.sender, known.sender_until, store_.now())) return key();
    } else {
      // Whoever is told that the cluster is there relies on all of its tasks having been sent.
      auto awaited = await_sender(store_, known, DueMark::Kind::creation);
      if (!awaited) return std::move(awaited).error();
      if (!is_marked(*awaited, DueMark::Kind::creation)) return key();
    }
    auto sent = resend(store_, known.id, ResendReason::creation_cut_off);
    if (!sent) return std::move(sent).error();
    return key();
  }

  Result<MessageKey> send_all(const ClusterHeader& created, const std::string& holder) {
    auto sent = seal_and_send(created, holder);
    if (!sent) give_back_lease(store_, created.id, holder);
    return sent;
  }

  Result<MessageKey> seal_and_send(const ClusterHeader& created, const std::string& holder) {
    if (auto sealed = seal(); !sealed) return std::move(sealed).error();
    TaskSender sender(store_, created, holder);
    for (std::uint64_t index = 0; index < created.task_count && !sender.lost(); ++index) {
      auto sent = sender.send(index, index, std::chrono::milliseconds{0});
      if (!sent) return std::move(sent).error();
    }
    auto sent = sender.flush();
    if (!sent) return std::move(sent).error();
    if (sender.lost() || created.due.empty()) return key();
    auto cleared = clear_marks(store_, created.id, created.round, created.due, holder);
    if (!cleared) return std::move(cleared).error();
    return key();
  }

  Result<void> seal() {
    auto sealed = with_patience(store_, [&] { return store_.ledger().seal(header_.id, store_.now()); });
    if (!sealed) return std::move(sealed).error();
    return complete_finished(store_, sealed->finished);
  }

  [[nodiscard]] MessageKey key() const { return MessageKey::of_message(header_.id); }

  Store& store_;
  const detail::NewCluster& cluster_;
  const ClusterOptions& options_;
  const detail::TaskSource& source_;
  ClusterHeader header_{};
};

Result<std::vector<TaskData>> collect(const detail::TaskSource& source) {
  std::vector<TaskData> tasks;
  std::size_t bytes = 0;
  while (true) {
    auto task = source();
    if (!task) return std::move(task).error();
    if (!*task) return tasks;
    auto checked = check_task(**task, tasks.size());
    if (!checked) return std::move(checked).error();
    bytes += (*task)->body.size() + (*task)->meta.size();
    if (tasks.size() == add_count_max || bytes > add_bytes_max) {
      return Error{ErrorCode::too_large,
                   "one add takes at most " + std::to_string(add_count_max) + " tasks and " +
                       std::to_string(add_bytes_max) + " bytes; add more under another key",
                   {}};
    }
    tasks.push_back(std::move(**task));
  }
}

}  // namespace

std::string cluster_id_of(std::string_view queue_url, std::string_view idempotency_key) {
  std::string text("cluster");
  text += separator;
  text += support::queue_identity(queue_url);  // The same from wherever it is reached.
  text += separator;
  text += idempotency_key;
  return digest_text(text);
}

std::string child_id_of(const ParentTask& parent) {
  std::string text("child");
  for (const std::string& part : {parent.cluster_id, std::to_string(parent.round), std::to_string(parent.index)}) {
    text += separator;
    text += part;
  }
  return digest_text(text);
}

Result<MessageKey> create_cluster(Store& store, const detail::NewCluster& cluster, const detail::TaskSource& source) {
  return Creation(store, cluster, source).run();
}

Result<AddedTasks> add_tasks(Store& store, const std::string& cluster_id, const std::string& add_key,
                             const detail::TaskSource& source) {
  auto checked = check_key_text("add_key", add_key);
  if (!checked) return std::move(checked).error();
  auto tasks = collect(source);
  if (!tasks) return std::move(tasks).error();
  auto added = with_patience(store, [&] { return store.ledger().add_tasks(cluster_id, add_key, *tasks, store.now()); });
  if (!added) return added;

  auto header = live_header(store, cluster_id);
  if (!header) return std::move(header).error();
  const auto mark = std::ranges::find_if(
      header->due, [&](const DueMark& due) { return due.kind == DueMark::Kind::add && due.id == add_key; });
  // Without the mark its sends are out: an earlier call, or a re-send, did it.
  if (mark == header->due.end() || header->finished()) return added;
  TaskSender sender(store, *header, {});
  for (std::uint64_t index = added->first_index; index < added->first_index + added->count; ++index) {
    auto sent = sender.send(index, index, std::chrono::milliseconds{0});
    if (!sent) return std::move(sent).error();
  }
  auto sent = sender.flush();
  if (!sent) return std::move(sent).error();
  auto cleared = clear_marks(store, cluster_id, mark->round, std::span(&*mark, 1), {});
  if (!cleared) return std::move(cleared).error();
  return added;
}

Result<void> seal_cluster(Store& store, const std::string& cluster_id) {
  auto header = live_header(store, cluster_id);
  if (!header) return std::move(header).error();
  if (header->stopped()) return Error{ErrorCode::stopped, "cluster " + cluster_id + " was stopped", {}};
  auto sealed = with_patience(store, [&] { return store.ledger().seal(cluster_id, store.now()); });
  if (!sealed) return std::move(sealed).error();
  store.headers.forget(cluster_id);
  return complete_finished(store, sealed->finished);
}

}  // namespace fanfold::engine
