#include "testing/memory_ledger.hpp"

#include <algorithm>

namespace fanfold::testing::memory {
namespace {

/// Sorts newest first; unique, so that it can be a page's cursor.
std::string age_key(const ClusterHeader& header) {
  std::string number = std::to_string(header.created_at.time_since_epoch().count());
  number.insert(0, 20 - std::min<std::size_t>(20, number.size()), '0');
  return number + header.id;
}

bool is_same(const TaskData& a, const TaskData& b) { return a.body == b.body && a.meta == b.meta; }

Error different_tasks(std::string_view what) {
  return {ErrorCode::different_tasks, "other tasks are stored under " + std::string(what), {}};
}

void store_task(ClusterEntry& cluster, std::uint64_t index, const TaskData& task) {
  TaskEntry& entry = cluster.tasks[index];
  entry.created = task;
  entry.data.body = task.body;
  if (!task.meta.empty()) entry.data.meta = Json::from_valid_text(task.meta);
}

Error not_over(std::string_view id) {
  return {ErrorCode::not_finished, "cluster " + std::string(id) + " is not over", {}};
}

void touch(ClusterHeader& header, Time now) {
  header.updated_at = now;
  ++header.version;
}

}  // namespace

Error no_cluster(std::string_view id) { return {ErrorCode::not_found, "no cluster is called " + std::string(id), {}}; }

Error only_tombstone(std::string_view id) {
  return {ErrorCode::deleted, "the cluster " + std::string(id) + " was deleted", {}};
}

ClusterEntry* find_cluster(State& state, std::string_view id) {
  const auto found = state.clusters.find(id);
  return found == state.clusters.end() || !found->second.header ? nullptr : &found->second;
}

std::uint64_t position_count(const ClusterEntry& cluster, std::uint32_t round) {
  if (round == 0) return cluster.header->task_count;
  const auto found = cluster.rounds.find(round);
  return found == cluster.rounds.end() ? 0 : found->second.indexes.size();
}

bool has_open_end(const ClusterHeader& header) {
  return header.finished() && !header.tombstone &&
         (!header.parent_ended || !header.finish_sent_at || !header.finish_done);
}

void finish_where_full(ClusterEntry& cluster, Time now) {
  ClusterHeader& header = *cluster.header;
  const bool is_open_here = !header.finished() && !header.tombstone && header.moved_to.empty();
  if (!is_open_here || !header.sealed() || !header.marked) return;
  std::uint64_t failed_count = 0;
  for (std::uint64_t position = 0; position < *header.round_size; ++position) {
    const Cell& cell = cluster.rounds[header.round].cells[position];
    if (!cell.has_ended()) return;
    if (cell.state == Cell::State::failed) ++failed_count;
  }
  header.failed_count = failed_count;
  header.status = header.outcome();
  header.status_code = header.status == Status::complete ? StatusCode::complete : StatusCode::error;
  header.completed_at = now;
  touch(header, now);
}

Result<ClusterHeader> MemoryLedger::create_cluster(const ClusterHeader& header) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry& cluster = state_->clusters[header.id];
  if (cluster.header && cluster.header->tombstone) return only_tombstone(header.id);
  if (cluster.header) return Error{ErrorCode::already_exists, "the cluster " + header.id + " is there", {}};
  cluster.header = header;
  cluster.header->version = 1;
  return *cluster.header;
}

Result<ClusterHeader> MemoryLedger::read_cluster(std::string_view id, Consistency) {
  const std::scoped_lock lock(state_->mutex);
  const ClusterEntry* cluster = find_cluster(*state_, id);
  if (cluster == nullptr) return no_cluster(id);
  return *cluster->header;
}

Result<ClusterHeader> MemoryLedger::update_cluster(const ClusterHeader& header) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, header.id);
  if (cluster == nullptr) return no_cluster(header.id);
  if (cluster->header->version != header.version)
    return Error{ErrorCode::conflict, "the cluster changed meanwhile", {}};
  cluster->header = header;
  ++cluster->header->version;
  return *cluster->header;
}

Result<ClusterPage> MemoryLedger::list_clusters(const ClusterQuery& query) {
  const std::scoped_lock lock(state_->mutex);
  std::map<std::string, const ClusterHeader*, std::greater<>> matching;
  for (const auto& [id, cluster] : state_->clusters) {
    if (!cluster.header || cluster.header->tombstone) continue;
    if (query.unfinished_only && !cluster.header->unfinished()) continue;
    if (!query.name.empty() && cluster.header->name != query.name) continue;
    const std::string key = age_key(*cluster.header);
    if (query.cursor.empty() || key < query.cursor) matching[key] = &*cluster.header;
  }
  ClusterPage page;
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, page_count_max);
  for (const auto& [key, header] : matching) {
    if (page.clusters.size() == count_max) {
      page.next_cursor = age_key(page.clusters.back());
      break;
    }
    page.clusters.push_back(*header);
  }
  return page;
}

Result<std::optional<Time>> MemoryLedger::noted_sweep() {
  const std::scoped_lock lock(state_->mutex);
  return state_->sweep_noted_at;
}

Result<void> MemoryLedger::note_sweep(Time began_at) {
  const std::scoped_lock lock(state_->mutex);
  state_->sweep_noted_at = began_at;
  return {};
}

Result<Progress> MemoryLedger::progress(std::string_view id) {
  const std::scoped_lock lock(state_->mutex);
  const ClusterEntry* cluster = find_cluster(*state_, id);
  if (cluster == nullptr) return no_cluster(id);
  const ClusterHeader& header = *cluster->header;
  Progress progress;
  progress.total_count = header.task_count;
  progress.sealed = header.sealed();
  progress.paused = header.paused;
  progress.finished = header.finished();
  progress.finish_handled = header.finish_done;
  progress.round = header.round;
  progress.status = header.status;
  progress.status_code = header.status_code;
  if (header.tombstone) {
    progress.failed_count = header.failed_total_count();
    progress.done_count = header.stopped() ? 0 : header.task_count - header.failed_total_count();
    return progress;
  }
  const Time now = state_->clock->now();
  for (std::uint64_t index = 0; index < header.task_count; ++index) {
    const Cell& cell = latest_cell(*cluster, index);
    if (cell.state == Cell::State::done) ++progress.done_count;
    if (cell.state == Cell::State::failed) ++progress.failed_count;
    const bool is_leased = cell.state == Cell::State::leased && cell.is_busy(now);
    if (is_leased || cell.state == Cell::State::waiting) ++progress.in_progress_count;
  }
  return progress;
}

Result<Recount> MemoryLedger::recount(std::string_view id, Time now) {
  const std::scoped_lock lock(state_->mutex);
  const ClusterEntry* cluster = find_cluster(*state_, id);
  if (cluster == nullptr) return no_cluster(id);
  if (cluster->header->tombstone) return only_tombstone(id);
  Recount recount;
  for (std::uint64_t index = 0; index < cluster->header->task_count; ++index) {
    const Cell& cell = latest_cell(*cluster, index);
    if (cell.state == Cell::State::done)
      ++recount.done_count;
    else if (cell.state == Cell::State::failed)
      ++recount.failed_count;
    else if (cell.state == Cell::State::waiting)
      ++recount.waiting_count;
    else if (cell.state == Cell::State::leased && cell.is_busy(now))
      ++recount.leased_count;
    else
      ++recount.free_count;
  }
  const auto round = cluster->rounds.find(cluster->header->round);
  if (round == cluster->rounds.end()) return recount;
  for (const auto& [position, cell] : round->second.cells) recount.attempt_count += cell.attempt;
  return recount;
}

Result<void> MemoryLedger::remove_cluster(std::string_view id, Time now) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, id);
  if (cluster == nullptr) return no_cluster(id);
  if (cluster->header->tombstone) return {};
  if (!cluster->header->is_over()) return not_over(id);
  std::erase_if(state_->records, [&](const auto& entry) { return entry.first.starts_with(std::string(id) + "."); });
  cluster->tasks.clear();
  cluster->rounds.clear();
  cluster->adds.clear();
  cluster->header->meta.reset();
  cluster->header->due.clear();
  cluster->header->tombstone = true;
  touch(*cluster->header, now);
  return {};
}

Result<void> MemoryLedger::put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                     std::span<const TaskData> tasks) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry& cluster = state_->clusters[std::string(cluster_id)];
  if (cluster.header && cluster.header->tombstone) return only_tombstone(cluster_id);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto found = cluster.tasks.find(first_index + i);
    if (found != cluster.tasks.end() && !is_same(found->second.created, tasks[i]))
      return different_tasks("cluster " + std::string(cluster_id));
    const bool is_too_late = found == cluster.tasks.end() && cluster.header && cluster.header->sealed();
    if (is_too_late) return Error{ErrorCode::sealed, "the cluster takes no more tasks", {}};
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!cluster.tasks.contains(first_index + i)) store_task(cluster, first_index + i, tasks[i]);
  }
  return {};
}

Result<AddedTasks> MemoryLedger::add_tasks(std::string_view cluster_id, std::string_view add_key,
                                           std::span<const TaskData> tasks, Time now) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, cluster_id);
  if (cluster == nullptr) return no_cluster(cluster_id);
  ClusterHeader& header = *cluster->header;
  if (header.tombstone) return only_tombstone(cluster_id);
  if (const auto found = cluster->adds.find(add_key); found != cluster->adds.end()) {
    const Add& add = found->second;
    bool same = add.count == tasks.size();
    for (std::uint64_t i = 0; same && i < add.count; ++i)
      same = is_same(cluster->tasks[add.first_index + i].created, tasks[i]);
    if (!same) return different_tasks("the add key " + std::string(add_key));
    return AddedTasks{add.first_index, add.count, true};
  }
  if (header.stopped()) return Error{ErrorCode::stopped, "the cluster was stopped", {}};
  if (header.sealed() || header.finished() || header.round > 0)
    return Error{ErrorCode::sealed, "the cluster takes no more tasks", {}};
  const Add add{header.task_count, tasks.size()};
  for (std::uint64_t i = 0; i < add.count; ++i) store_task(*cluster, add.first_index + i, tasks[i]);
  cluster->adds.emplace(add_key, add);
  header.task_count += add.count;
  header.due.push_back({DueMark::Kind::add, std::string(add_key), header.round, now});
  header.last_add_at = now;
  touch(header, now);
  return AddedTasks{add.first_index, add.count, false};
}

Result<EndAnswers> MemoryLedger::seal(std::string_view cluster_id, Time now) {
  const std::scoped_lock lock(state_->mutex);
  ClusterEntry* cluster = find_cluster(*state_, cluster_id);
  if (cluster == nullptr) return no_cluster(cluster_id);
  ClusterHeader& header = *cluster->header;
  if (header.tombstone) return only_tombstone(cluster_id);
  const bool changes = !header.finished() && (!header.sealed() || !header.marked);
  if (changes) {
    if (!header.sealed()) header.round_size = position_count(*cluster, header.round);
    header.marked = true;
    touch(header, now);
  }
  finish_where_full(*cluster, now);
  EndAnswers answers;
  if (has_open_end(header)) answers.finished.push_back(header);
  return answers;
}

}  // namespace fanfold::testing::memory
