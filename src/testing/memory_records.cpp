#include "testing/memory_ledger.hpp"

#include <algorithm>

namespace fanfold::testing::memory {
namespace {

Error no_record(const KeyParts& key) { return {ErrorCode::not_found, "no record is called " + key.id, {}}; }

bool matches(const TaskFilter& filter, const Cell& cell, const Data& data) {
  if (filter.status && status_of(cell) != *filter.status) return false;
  if (filter.fingerprint.empty() && filter.contains.empty()) return true;
  if (data.errors.empty()) return false;
  const ErrorEntry& last = data.errors.back();
  return last.fingerprint.starts_with(filter.fingerprint) && last.message.find(filter.contains) != std::string::npos;
}

TaskState task_state(std::uint64_t index, const Cell& cell, const Data& data, TaskParts parts) {
  TaskState task;
  task.index = index;
  task.status = status_of(cell);
  task.backing_off = cell.state == Cell::State::backing_off;
  task.waiting_for_child = cell.state == Cell::State::waiting;
  task.attempt_count = cell.attempt;
  if (cell.state == Cell::State::leased || cell.state == Cell::State::backing_off) task.lease_end = cell.time;
  if (cell.has_ended()) task.completed_at = cell.time;
  if (parts == TaskParts::states) return task;
  task.error = data.errors;
  if (parts == TaskParts::errors) return task;
  task.body = Json::from_valid_text(data.body);
  task.meta = data.meta;
  return task;
}

void fill_status(MessageRecord<Json, Json>& record, const Cell& cell, const Data& data) {
  record.status = status_of(cell);
  record.status_code = core::code_of(record.status);
  if (cell.has_ended()) record.completed_at = cell.time;
  record.consumption_count = cell.attempt;
  record.error = data.errors;
  record.meta = data.meta;
}

MessageRecord<Json, Json> task_record(const ClusterEntry& cluster, std::uint64_t index, const TaskEntry& task) {
  const ClusterHeader& header = *cluster.header;
  const MessageKey key = MessageKey::of_task(header.id, index);
  MessageRecord<Json, Json> record;
  record.p_key = key.p_key;
  record.r_key = key.r_key;
  record.id = key.r_key.substr(key_prefix.size());
  record.url = header.queue_url;
  record.body = Json::from_valid_text(task.created.body);
  record.type = RecordType::task;
  record.started_at = header.created_at;
  record.updated_at = std::max(header.created_at, task.data.updated_at);
  record.expires_at = header.expires_at;
  fill_status(record, latest_cell(cluster, index), task.data);
  return record;
}

MessageRecord<Json, Json> single_record(const std::string& id, const SingleRecord& single) {
  const MessageKey key = MessageKey::of_message(id);
  MessageRecord<Json, Json> record;
  record.p_key = key.p_key;
  record.r_key = key.r_key;
  record.id = id;
  record.url = single.created.url;
  record.body = single.created.body;
  record.type = single.created.type;
  record.started_at = single.created.created_at;
  record.updated_at = std::max(single.created.created_at, single.data.updated_at);
  record.expires_at = single.created.expires_at;
  fill_status(record, single.cell, single.data);
  return record;
}

/// Null where there is none.
Data* data_of(State& state, const KeyParts& key) {
  if (!key.index) {
    const auto found = state.records.find(key.id);
    return found == state.records.end() ? nullptr : &found->second.data;
  }
  ClusterEntry* cluster = find_cluster(state, key.id);
  if (cluster == nullptr || *key.index >= cluster->header->task_count) return nullptr;
  const auto task = cluster->tasks.find(*key.index);
  return task == cluster->tasks.end() ? nullptr : &task->second.data;
}

}  // namespace

Cell* find_task_cell(ClusterEntry& cluster, std::uint32_t round, std::uint64_t position) {
  if (cluster.header->tombstone || position >= position_count(cluster, round)) return nullptr;
  return &cluster.rounds[round].cells[position];
}

Cell* find_cell(State& state, const RecordRef& ref) {
  if (ref.type != RecordType::task) {
    const auto found = state.records.find(record_id(ref));
    return found == state.records.end() ? nullptr : &found->second.cell;
  }
  ClusterEntry* cluster = find_cluster(state, ref.id);
  return cluster == nullptr ? nullptr : find_task_cell(*cluster, ref.round, ref.position);
}

Data* find_data(State& state, const RecordRef& ref, std::uint64_t index) {
  if (ref.type == RecordType::task) return data_of(state, {ref.id, index});
  return data_of(state, {record_id(ref), std::nullopt});
}

const Cell& latest_cell(const ClusterEntry& cluster, std::uint64_t index) {
  static const Cell untouched;
  for (auto round = cluster.rounds.rbegin(); round != cluster.rounds.rend(); ++round) {
    std::uint64_t position = index;
    if (round->first > 0) {
      const auto& indexes = round->second.indexes;
      const auto found = std::lower_bound(indexes.begin(), indexes.end(), index);
      if (found == indexes.end() || *found != index) continue;
      position = static_cast<std::uint64_t>(found - indexes.begin());
    }
    const auto cell = round->second.cells.find(position);
    return cell == round->second.cells.end() ? untouched : cell->second;
  }
  return untouched;
}

Result<std::vector<TaskData>> MemoryLedger::read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                                       std::size_t count) {
  const std::scoped_lock lock(state_->mutex);
  std::vector<TaskData> tasks;
  const auto cluster = state_->clusters.find(cluster_id);
  if (cluster == state_->clusters.end()) return no_cluster(cluster_id);
  if (cluster->second.header && cluster->second.header->tombstone) return only_tombstone(cluster_id);
  for (std::uint64_t index = first_index; tasks.size() < count; ++index) {
    const auto task = cluster->second.tasks.find(index);
    if (task == cluster->second.tasks.end()) break;
    tasks.push_back(task->second.created);
  }
  return tasks;
}

Result<ClusterHeader> MemoryLedger::start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, header.id);
  if (cluster == nullptr) return no_cluster(header.id);
  if (cluster->header->version != header.version)
    return Error{ErrorCode::conflict, "the cluster changed meanwhile", {}};
  if (header.round != cluster->header->round + 1)
    return Error{ErrorCode::invalid_argument, "the header does not begin the next round", {}};
  cluster->rounds[header.round].indexes.assign(indexes.begin(), indexes.end());
  cluster->header = header;
  ++cluster->header->version;
  return *cluster->header;
}

Result<std::vector<std::uint64_t>> MemoryLedger::read_round(std::string_view cluster_id, std::uint32_t round,
                                                            std::uint64_t first, std::size_t count) {
  const std::scoped_lock lock(state_->mutex);
  const ClusterEntry* cluster = find_cluster(*state_, cluster_id);
  if (cluster == nullptr) return no_cluster(cluster_id);
  if (round > 0 && !cluster->rounds.contains(round))
    return Error{ErrorCode::not_found, "the cluster has no such round", {}};
  std::vector<std::uint64_t> indexes;
  for (std::uint64_t position = first; position < position_count(*cluster, round) && indexes.size() < count;
       ++position) {
    indexes.push_back(round == 0 ? position : cluster->rounds.at(round).indexes[position]);
  }
  return indexes;
}

Result<Ledger::OpenTaskPage> MemoryLedger::list_open_tasks(std::string_view cluster_id, std::uint64_t first_position,
                                                           std::size_t count_max, Time now) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, cluster_id);
  if (cluster == nullptr) return no_cluster(cluster_id);
  if (cluster->header->tombstone) return only_tombstone(cluster_id);
  const std::uint32_t round = cluster->header->round;
  OpenTaskPage page;
  for (std::uint64_t position = first_position; position < position_count(*cluster, round); ++position) {
    const Cell& cell = cluster->rounds[round].cells[position];
    if (cell.has_ended()) continue;
    if (page.tasks.size() == std::max<std::size_t>(count_max, 1)) {
      page.next_position = position;
      break;
    }
    const std::uint64_t index = round == 0 ? position : cluster->rounds[round].indexes[position];
    page.tasks.push_back(
        {position, index, cell.is_busy(now) ? cell.time : now, cell.state == Cell::State::waiting, cell.child_id});
  }
  return page;
}

Result<TaskPage> MemoryLedger::list_tasks(const TaskQuery& query) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, query.cluster_id);
  if (cluster == nullptr) return no_cluster(query.cluster_id);
  if (cluster->header->tombstone) return only_tombstone(query.cluster_id);
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, page_count_max);
  TaskPage page;
  for (std::uint64_t index = query.first_index; index < cluster->header->task_count; ++index) {
    const Cell& cell = latest_cell(*cluster, index);
    const Data& data = cluster->tasks[index].data;
    if (!matches(query.filter, cell, data)) continue;
    if (page.tasks.size() == count_max) {
      page.next_index = index;
      break;
    }
    page.tasks.push_back(task_state(index, cell, data, query.parts));
  }
  return page;
}

Result<ResultPage> MemoryLedger::read_results(std::string_view cluster_id, std::uint64_t first_index,
                                              std::size_t count_max) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, cluster_id);
  if (cluster == nullptr) return no_cluster(cluster_id);
  if (cluster->header->tombstone) return only_tombstone(cluster_id);
  ResultPage page;
  for (auto task = cluster->tasks.lower_bound(first_index); task != cluster->tasks.end(); ++task) {
    const bool has_result = task->second.data.result && latest_cell(*cluster, task->first).state == Cell::State::done;
    if (!has_result) continue;
    if (page.results.size() == std::max<std::size_t>(count_max, 1)) {
      page.next_index = task->first;
      break;
    }
    page.results.push_back({task->first, *task->second.data.result});
  }
  return page;
}

Result<std::vector<AttemptOutput>> MemoryLedger::read_outputs(const RecordRef& ref, std::uint64_t index) {
  const std::scoped_lock lock(state_->mutex);
  const Data* data = find_data(*state_, ref, index);
  if (data == nullptr) return no_record({ref.id, std::nullopt});
  return data->outputs;
}

Result<std::vector<Result<void>>> MemoryLedger::put_messages(std::span<const NewMessage> messages) {
  const std::scoped_lock lock(state_->mutex);
  for (const NewMessage& message : messages) {
    const auto [entry, is_new] = state_->records.try_emplace(message.id);
    if (!is_new) continue;
    entry->second.created = message;
    entry->second.data.meta = message.meta;
  }
  return std::vector<Result<void>>(messages.size());
}

Result<Ledger::VersionedRecord> MemoryLedger::read_record(const KeyParts& key, Consistency) {
  const std::scoped_lock lock(state_->mutex);
  const Data* data = data_of(*state_, key);
  if (data == nullptr) return no_record(key);
  VersionedRecord versioned;
  versioned.version = data->meta_version;
  versioned.result = data->result;
  if (key.index) {
    const ClusterEntry& cluster = *find_cluster(*state_, key.id);
    versioned.record = task_record(cluster, *key.index, cluster.tasks.at(*key.index));
  } else {
    versioned.record = single_record(key.id, state_->records.find(key.id)->second);
  }
  return versioned;
}

Result<void> MemoryLedger::update_record_meta(const KeyParts& key, const std::optional<Json>& meta,
                                              std::uint64_t version, Time now) {
  const std::scoped_lock lock(state_->mutex);
  Data* data = data_of(*state_, key);
  if (data == nullptr) return no_record(key);
  if (data->meta_version != version) return Error{ErrorCode::conflict, "the record changed meanwhile", {}};
  data->meta = meta;
  ++data->meta_version;
  data->updated_at = now;
  return {};
}

std::unique_ptr<Ledger> make_ledger(std::shared_ptr<State> state) {
  return std::make_unique<MemoryLedger>(std::move(state));
}

}  // namespace fanfold::testing::memory
