#include "engine/records.hpp"

#include "engine/completion.hpp"
#include "engine/globals.hpp"

namespace fanfold::engine {

namespace {

constexpr std::size_t record_swap_count_max = 64;

Error fixed(std::string_view field, std::string_view remedy) {
  return {ErrorCode::invalid_argument, std::string(field) + " cannot be changed here: " + std::string(remedy), {}};
}

constexpr std::string_view end_remedy =
    "mark_complete, mark_failed or fail_task end a record; retry_failed sends it again";
constexpr std::string_view cluster_remedy =
    "stop_cluster, pause_cluster, resume_cluster and retry_failed steer a cluster; it finishes by itself";
constexpr std::string_view created_remedy = "it is fixed when the record is created";
constexpr std::string_view kept_remedy = "fanfold keeps it";

/// The first field besides meta in which the two differ.
std::optional<Error> find_forbidden_change(const MessageRecord<Json, Json>& old,
                                           const MessageRecord<Json, Json>& changed) {
  if (old.p_key != changed.p_key) return fixed("pKey", created_remedy);
  if (old.r_key != changed.r_key) return fixed("rKey", created_remedy);
  if (old.id != changed.id) return fixed("id", created_remedy);
  if (old.url != changed.url) return fixed("url", created_remedy);
  if (old.type != changed.type) return fixed("type", created_remedy);
  if (old.body != changed.body) return fixed("body", created_remedy);
  if (old.started_at != changed.started_at) return fixed("startedAt", created_remedy);
  if (old.expires_at != changed.expires_at) return fixed("expiresAt", created_remedy);
  if (old.status != changed.status) return fixed("status", end_remedy);
  if (old.status_code != changed.status_code) return fixed("statusCode", end_remedy);
  if (old.completed_at != changed.completed_at) return fixed("completedAt", end_remedy);
  if (old.error != changed.error) return fixed("error", end_remedy);
  if (old.consumption_count != changed.consumption_count) return fixed("consumtion_count", kept_remedy);
  if (old.updated_at != changed.updated_at) return fixed("updatedAt", kept_remedy);
  return std::nullopt;
}

std::optional<Error> find_forbidden_change(const MessageClusterRecord<Json, Json>& old,
                                           const MessageClusterRecord<Json, Json>& changed) {
  if (old.p_key != changed.p_key) return fixed("pKey", created_remedy);
  if (old.r_key != changed.r_key) return fixed("rKey", created_remedy);
  if (old.url != changed.url) return fixed("url", created_remedy);
  if (old.type != changed.type) return fixed("type", created_remedy);
  if (old.name != changed.name) return fixed("name", created_remedy);
  if (old.bucket_params != changed.bucket_params)
    return fixed("bucketParams", "update_cluster_globals changes the globals");
  if (old.started_at != changed.started_at) return fixed("startedAt", created_remedy);
  if (old.expires_at != changed.expires_at) return fixed("expiresAt", created_remedy);
  if (old.status != changed.status) return fixed("status", cluster_remedy);
  if (old.status_code != changed.status_code) return fixed("statusCode", cluster_remedy);
  if (old.completed_at != changed.completed_at) return fixed("completedAt", cluster_remedy);
  if (old.error != changed.error) return fixed("error", cluster_remedy);
  if (!changed.completed_tasks.empty()) return fixed("completedTasks", end_remedy);
  if (!changed.incomplete_tasks.empty()) return fixed("incompleteTasks", end_remedy);
  if (old.updated_at != changed.updated_at) return fixed("updatedAt", kept_remedy);
  return std::nullopt;
}

/// Runs the user's function and answers the new meta.
template <class Record, class Function>
Result<std::optional<Json>> changed_meta(const Function& function, const Record& old) {
  const UpdateFunctionScope scope;
  auto changed = function(old);
  if (!changed) return std::move(changed).error();
  if (auto forbidden = find_forbidden_change(old, *changed)) return std::move(*forbidden);
  if (changed->meta && changed->meta->text().size() > record_meta_bytes_max) {
    return Error{ErrorCode::too_large, "meta has at most " + std::to_string(record_meta_bytes_max) + " bytes", {}};
  }
  return std::move(changed->meta);
}

/// Compare-and-swap of one meta. `read` answers {record, version}; `write` stores {meta, what was read}.
/// After a lost answer, an unchanged version says that nothing was applied; a changed one may be ours or another's.
template <class Read, class Write, class Function>
Result<void> swap_meta(Store& store, const Read& read, const Write& write, const Function& function) {
  if (is_inside_update_function()) {
    return Error{ErrorCode::invalid_argument, "an update inside an update function would wait for itself", {}};
  }
  std::optional<std::uint64_t> unanswered_version;
  for (std::size_t count = 1; count <= record_swap_count_max; ++count) {
    auto stored = with_patience(store, read);
    if (!stored) return std::move(stored).error();
    if (unanswered_version && *unanswered_version != stored->version) {
      return Error{ErrorCode::outcome_unknown, "an answer was lost, and the record has changed since", {}};
    }
    auto meta = changed_meta(function, stored->record);
    if (!meta) return std::move(meta).error();
    auto written = write(*meta, *stored);
    if (written) return {};
    const ErrorCode code = written.error().code;
    if (is_passing_fault(code)) {
      unanswered_version = stored->version;
    } else if (code != ErrorCode::conflict) {
      return written;
    }
    pause_with_jitter(store, count, swap_pause_initial, swap_pause_most);
  }
  return Error{ErrorCode::conflict,
               "the record changed under every one of " + std::to_string(record_swap_count_max) + " writes",
               {}};
}

struct VersionedCluster {
  MessageClusterRecord<Json, Json> record{};
  std::uint64_t version = 0;
  ClusterHeader header{};
};

Result<void> fill_task_lists(Store& store, MessageClusterRecord<Json, Json>& record, const ClusterHeader& header) {
  if (header.task_count > task_list_max) {
    return Error{
        ErrorCode::too_large,
        "whole task lists have at most " + std::to_string(task_list_max) + " tasks; list_tasks reads them page by page",
        {}};
  }
  TaskQuery query{
      .cluster_id = header.id, .filter = {}, .first_index = 0, .count_max = task_page_count, .parts = TaskParts::whole};
  while (true) {
    auto page = with_patience(store, [&] { return store.ledger().list_tasks(query); });
    if (!page) return std::move(page).error();
    for (TaskState& task : page->tasks) {
      Task<Json> line{.meta = std::move(task.meta),
                      .id = MessageKey::of_task(header.id, task.index).r_key.substr(key_prefix.size()),
                      .status = task.status};
      auto& list = line.status == Status::complete ? record.completed_tasks : record.incomplete_tasks;
      list.push_back(std::move(line));
    }
    if (!page->next_index) return {};
    query.first_index = *page->next_index;
  }
}

/// A finish message has its cluster's key; its own record is that of the round that goes on.
Result<Ledger::VersionedRecord> read_finish_record(Store& store, const std::string& cluster_id) {
  auto header = store.header_strong(cluster_id);
  if (!header) return std::move(header).error();
  const KeyParts key{.id = finish_record_id(cluster_id, header->round), .index = std::nullopt};
  return with_patience(store, [&] { return store.ledger().read_record(key, Consistency::strong); });
}

}  // namespace

MessageClusterRecord<Json, Json> record_of(const ClusterHeader& header) {
  const MessageKey key = MessageKey::of_message(header.id);
  MessageClusterRecord<Json, Json> record;
  record.url = header.queue_url;
  record.p_key = key.p_key;
  record.r_key = key.r_key;
  record.name = header.name;
  record.status = header.status;
  record.status_code = header.status_code;
  record.error = header.error;
  record.started_at = header.created_at;
  record.completed_at = header.completed_at;
  record.bucket_params = header.bucket_params;
  record.meta = header.meta;
  record.updated_at = header.updated_at;
  record.expires_at = header.expires_at;
  return record;
}

Result<MessageRecord<Json, Json>> read_message_record(Store& store, const KeyParts& key, Consistency consistency) {
  auto read = with_patience(store, [&] { return store.ledger().read_record(key, consistency); });
  if (!read && read.error().code == ErrorCode::not_found && consistency == Consistency::eventual) {
    read = with_patience(store, [&] { return store.ledger().read_record(key, Consistency::strong); });
  }
  if (!read && read.error().code == ErrorCode::not_found && !key.index) read = read_finish_record(store, key.id);
  if (!read) return std::move(read).error();
  return std::move(read->record);
}

Result<MessageClusterRecord<Json, Json>> read_cluster_record(Store& store, const std::string& id,
                                                             Consistency consistency, bool with_task_lists) {
  auto header = with_patience(store, [&] { return store.ledger().read_cluster(id, consistency); });
  if (!header && header.error().code == ErrorCode::not_found && consistency == Consistency::eventual)
    header = store.header_strong(id);
  if (!header) return std::move(header).error();
  if (header->tombstone && with_task_lists) return Error{ErrorCode::deleted, "cluster " + id + " was deleted", {}};
  auto record = record_of(*header);
  if (!with_task_lists) return record;
  auto filled = fill_task_lists(store, record, *header);
  if (!filled) return std::move(filled).error();
  return record;
}

Result<void> update_message_record(Store& store, const KeyParts& key, const MessageUpdate& function) {
  const auto read = [&] { return store.ledger().read_record(key, Consistency::strong); };
  const auto write = [&](const std::optional<Json>& meta, const Ledger::VersionedRecord& stored) {
    return store.ledger().update_record_meta(key, meta, stored.version, store.now());
  };
  return swap_meta(store, read, write, function);
}

Result<void> update_cluster_record(Store& store, const std::string& id, const ClusterUpdate& function) {
  const auto read = [&]() -> Result<VersionedCluster> {
    auto header = live_header(store, id);
    if (!header) return std::move(header).error();
    return VersionedCluster{.record = record_of(*header), .version = header->version, .header = std::move(*header)};
  };
  const auto write = [&](const std::optional<Json>& meta, const VersionedCluster& stored) -> Result<void> {
    ClusterHeader header = stored.header;
    header.meta = meta;
    header.updated_at = store.now();
    auto written = store.ledger().update_cluster(header);
    if (!written) return std::move(written).error();
    store.headers.put(std::move(*written), header.updated_at);
    return {};
  };
  return swap_meta(store, read, write, function);
}

}  // namespace fanfold::engine
