#include "backends/aws/ledger.hpp"

#include "backends/aws/header_item.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

/// Longer bodies are kept apart, since an item holds 400 KB.
constexpr std::size_t inline_body_bytes_max = std::size_t{300} * 1024;
constexpr std::string_view body_name = "body";
constexpr std::string_view body_at_name = "bodyAt";
constexpr std::string_view meta_name = "meta";
constexpr std::string_view meta_version_name = "metaVersion";
constexpr std::string_view meta_at_name = "metaAt";
constexpr std::string_view meta_write_name = "metaWriteId";

Error no_record(std::string_view id) { return {ErrorCode::not_found, "no record is called " + std::string(id), {}}; }

std::string blob_name(std::string_view id) { return partition_of(id) + "/body"; }

Item state_item(const NewMessage& message) {
  Item item{record_key(message.id), {}};
  item.set(type_name, Value::of(to_string(message.type)));
  item.set("url", Value::of(message.url));
  item.set("startedAt", write_time(message.created_at));
  item.set("expiresAt", write_time(message.expires_at));
  item.set(ttl_name, Value::of_number(ttl_of(message.expires_at)));
  return item;
}

Item body_item(const NewMessage& message) {
  Item item{body_key(message.id), {}};
  if (message.body.text().size() > inline_body_bytes_max) {
    item.set(body_at_name, Value::of(blob_name(message.id)));
  } else {
    item.set(body_name, Value::of(message.body.text()));
  }
  if (message.meta) item.set(meta_name, Value::of(message.meta->text()));
  item.set(meta_version_name, Value::of_number(1));
  item.set(ttl_name, Value::of_number(ttl_of(message.expires_at)));
  return item;
}

std::optional<Json> json_of(const Item& item, std::string_view name) {
  const Value* value = item.find(name);
  if (value == nullptr) return std::nullopt;
  return Json::from_valid_text(value->text);
}

void fill_status(MessageRecord<Json, Json>& record, const Cell& cell) {
  record.status = status_of(cell);
  record.status_code = core::code_of(record.status);
  if (cell.has_ended()) record.completed_at = cell.time;
  record.consumption_count = cell.attempt;
}

/// Under the task's leaf of the first round, since meta is the task's in all rounds.
ItemKey meta_key(std::string_view cluster_id, std::uint64_t index) {
  std::string sort = data_prefix(DataKind::meta, static_cast<unsigned>(index % tree_radix));
  sort.pop_back();
  return {node_partition(leaf_of(cluster_id, 0, index)), std::move(sort)};
}

}  // namespace

Result<std::vector<Result<void>>> AwsLedger::put_messages(std::span<const NewMessage> messages) {
  std::vector<PutRequest> bodies;
  std::vector<PutRequest> states;
  for (const NewMessage& message : messages) {
    if (message.body.text().size() > inline_body_bytes_max) {
      auto put = blobs_.put(blob_name(message.id), message.body.text(), ttl_of(message.expires_at));
      if (!put) return std::move(put).error();
    }
    bodies.push_back({body_item(message), {Clause::absent(partition_name)}});
    states.push_back({state_item(message), {Clause::absent(partition_name)}});
  }
  // The state comes last: where it is, the body is.
  const auto put_bodies = table_.put(bodies);
  const auto put_states = table_.put(states);
  std::vector<Result<void>> answers;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!put_bodies[i]) {
      answers.emplace_back(put_bodies[i].error());
    } else if (!put_states[i]) {
      answers.emplace_back(put_states[i].error());
    } else {
      answers.emplace_back();
    }
  }
  return answers;
}

Result<Ledger::VersionedRecord> AwsLedger::read_record(const KeyParts& key, Consistency consistency) {
  return key.index ? read_task_record(key) : read_message_record(key, consistency);
}

Result<Ledger::VersionedRecord> AwsLedger::read_task_record(const KeyParts& key) {
  auto header = headers_.read(key.id, Consistency::strong);
  if (!header && header.error().code == ErrorCode::not_found) return no_record(key.id);
  if (!header) return std::move(header).error();
  if (header->tombstone || *key.index >= header->task_count) return no_record(key.id);
  auto tasks = latest_tasks(*header, *key.index, 1);
  if (!tasks) return std::move(tasks).error();
  auto payload = read_payloads(key.id, *key.index, 1);
  if (!payload) return std::move(payload).error();
  if (payload->empty()) return payloads_missing(key.id, *key.index);
  auto changed = read_changed_meta(key.id, *tasks);
  if (!changed) return std::move(changed).error();
  auto errors = read_errors(*tasks);
  if (!errors) return std::move(errors).error();
  auto results = read_results_of(*tasks);
  if (!results) return std::move(results).error();

  const MessageKey names = MessageKey::of_task(key.id, *key.index);
  VersionedRecord versioned;
  MessageRecord<Json, Json>& record = versioned.record;
  record.p_key = names.p_key;
  record.r_key = names.r_key;
  record.id = names.r_key.substr(key_prefix.size());
  record.url = header->queue_url;
  record.type = RecordType::task;
  record.started_at = record.updated_at = header->created_at;
  record.expires_at = header->expires_at;
  fill_status(record, tasks->front().cell);
  if (record.completed_at) record.updated_at = std::max(record.updated_at, *record.completed_at);
  record.error = std::move(errors->front());
  record.body = Json::from_valid_text(std::move(payload->front().body));
  if (!payload->front().meta.empty()) record.meta = Json::from_valid_text(std::move(payload->front().meta));
  versioned.version = 1;
  if (auto& meta = changed->front()) {
    record.meta = std::move(meta->meta);
    record.updated_at = std::max(record.updated_at, meta->at);
    versioned.version = meta->version;
  }
  versioned.result = std::move(results->front());
  return versioned;
}

Result<Ledger::VersionedRecord> AwsLedger::read_message_record(const KeyParts& key, Consistency consistency) {
  const std::vector<ItemKey> keys{record_key(key.id), body_key(key.id)};
  auto items = read_items(table_, clock_, keys, consistency);
  if (items && consistency == Consistency::eventual && (!(*items)[0] || !(*items)[1]))
    items = read_items(table_, clock_, keys, Consistency::strong);
  if (!items) return std::move(items).error();
  const std::optional<Item>& state = (*items)[0];
  const std::optional<Item>& body = (*items)[1];
  if (!state || !body || state->text("url").empty()) return no_record(key.id);
  auto leaf = read_leaf(&*state);
  if (!leaf) return std::move(leaf).error();
  LatestTask self;
  self.refs.push_back({RecordType::message, key.id, 0, 0, false});
  self.cell = leaf->cells[0];
  auto errors = read_errors(std::span(&self, 1));
  if (!errors) return std::move(errors).error();
  auto results = read_results_of(std::span(&self, 1));
  if (!results) return std::move(results).error();

  VersionedRecord versioned;
  MessageRecord<Json, Json>& record = versioned.record;
  record.p_key = record.r_key = keys.front().partition;
  record.id = key.id;
  record.url = state->text("url");
  record.type = record_type_from(state->text(type_name)).value_or(RecordType::message);
  record.started_at = record.updated_at = read_time(state->find("startedAt")).value_or(Time{});
  record.expires_at = read_time(state->find("expiresAt")).value_or(Time{});
  fill_status(record, self.cell);
  if (record.completed_at) record.updated_at = std::max(record.updated_at, *record.completed_at);
  record.updated_at = std::max(record.updated_at, read_time(body->find(meta_at_name)).value_or(Time{}));
  record.error = std::move(errors->front());
  record.meta = json_of(*body, meta_name);
  if (const Value* name = body->find(body_at_name)) {
    auto text = blobs_.get(std::span(&name->text, 1));
    if (!text) return std::move(text).error();
    if (!text->front()) return Error{ErrorCode::damaged, "the body of record " + key.id + " is missing", {}};
    record.body = Json::from_valid_text(std::move(*text->front()));
  } else if (auto text = json_of(*body, body_name)) {
    record.body = std::move(*text);
  }
  versioned.version = body->number(meta_version_name);
  versioned.result = std::move(results->front());
  return versioned;
}

Result<std::vector<std::optional<AwsLedger::ChangedMeta>>> AwsLedger::read_changed_meta(
    std::string_view cluster_id, std::span<const LatestTask> tasks) {
  std::vector<QueryRequest> queries;
  std::vector<std::size_t> query_of;
  for (const LatestTask& task : tasks) {
    std::string partition = meta_key(cluster_id, task.index).partition;
    if (queries.empty() || queries.back().partition != partition) {
      QueryRequest& query = queries.emplace_back();
      query.partition = std::move(partition);
      query.sort_prefix = std::string{static_cast<char>(DataKind::meta), '#'};
    }
    query_of.push_back(queries.size() - 1);
  }
  auto found = query_items(table_, queries);
  if (!found) return std::move(found).error();
  std::vector<std::optional<ChangedMeta>> metas(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::string sort = meta_key(cluster_id, tasks[i].index).sort;
    for (const Item& item : (*found)[query_of[i]]) {
      if (item.key.sort != sort) continue;
      metas[i] = ChangedMeta{json_of(item, meta_name), item.number(meta_version_name),
                             read_time(item.find(meta_at_name)).value_or(Time{})};
    }
  }
  return metas;
}

Result<void> AwsLedger::update_record_meta(const KeyParts& key, const std::optional<Json>& meta, std::uint64_t version,
                                           Time now) {
  UpdateRequest request;
  if (key.index) {
    auto header = headers_.read(key.id, Consistency::strong);
    if (!header && header.error().code == ErrorCode::not_found) return no_record(key.id);
    if (!header) return std::move(header).error();
    if (header->tombstone || *key.index >= header->task_count) return no_record(key.id);
    request.key = meta_key(key.id, *key.index);
    request.set_if_absent.push_back({std::string(ttl_name), Value::of_number(ttl_of(header->expires_at))});
  } else {
    request.key = body_key(key.id);
  }
  // A task's meta has no item of its own until it is changed for the first time.
  const bool is_first = key.index && version == 1;
  request.condition.push_back(is_first ? Clause::absent(partition_name)
                                       : Clause::equals(meta_version_name, Value::of_number(version)));
  const std::string write_id = std::to_string(new_token());
  request.set.push_back({std::string(meta_version_name), Value::of_number(version + 1)});
  request.set.push_back({std::string(meta_at_name), write_time(now)});
  request.set.push_back({std::string(meta_write_name), Value::of(write_id)});
  if (meta) {
    request.set.push_back({std::string(meta_name), Value::of(meta->text())});
  } else {
    request.remove.emplace_back(meta_name);
  }
  auto answer = std::move(table_.update(std::span(&request, 1)).front());
  if (!answer) return std::move(answer).error();
  if (!answer->refused) return {};
  auto item = answer->item ? Result<std::optional<Item>>(std::move(answer->item))
                           : table_.get(request.key, Consistency::strong);
  if (!item) return std::move(item).error();
  if (!*item && !key.index) return no_record(key.id);
  // A copy of this very write may have come before this one.
  if (*item && (*item)->text(meta_write_name) == write_id) return {};
  return Error{ErrorCode::conflict, "the record changed meanwhile", {}};
}

}  // namespace fanfold::aws
