#include "backends/sqlite/bytes.hpp"
#include "backends/sqlite/latest_cells.hpp"
#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/payload.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

Error different_tasks(std::string_view what) {
  return {ErrorCode::different_tasks, "other tasks are stored under " + std::string(what), {}};
}

PayloadView view_of(std::string_view bytes, std::size_t count) {
  auto view = PayloadView::of(bytes, count);
  if (!view) throw StorageFailure{{ErrorCode::damaged, "stored payloads are damaged", {}}};
  return *view;
}

constexpr std::uint64_t page_begin(std::uint64_t index) noexcept { return index / page_slot_count * page_slot_count; }

/// Rows never cross a page of states, so those that hold an index begin at most that far before it.
constexpr const char* select_payloads =
    "SELECT number, count, tasks FROM payload WHERE number >= ? AND number < ? ORDER BY number";

std::uint64_t index_of_owner(Number number) noexcept {
  return static_cast<std::uint64_t>(number) & ((std::uint64_t{1} << index_bits) - 1);
}

Result<void> check_same(Connection& connection, const ClusterRow& row, std::uint64_t first_index,
                        std::span<const TaskData> tasks, std::string_view what) {
  std::size_t count = 0;
  bool same = true;
  visit_payloads(connection, row.number, first_index, first_index + tasks.size(),
                 [&](std::uint64_t index, std::string_view body, std::string_view meta) {
                   const TaskData& task = tasks[index - first_index];
                   same = task.body == body && task.meta == meta;
                   ++count;
                   return same;
                 });
  if (!same || count != tasks.size()) return different_tasks(what);
  return {};
}

/// What the states of these tasks count for in the cluster's row is taken back: they begin again.
void discount(Connection& connection, ClusterRow& row, std::span<const std::uint64_t> indexes) {
  LatestCells latest(connection, row);
  for (const std::uint64_t index : indexes) {
    const Cell& cell = latest.at(page_begin(index))[slot_of(index)].cell;
    row.done -= cell.state == Cell::State::done ? 1 : 0;
    row.failed -= cell.state == Cell::State::failed ? 1 : 0;
    row.leased -= cell.state == Cell::State::leased ? 1 : 0;
    row.waiting -= cell.state == Cell::State::waiting ? 1 : 0;
  }
}

void insert_round(Connection& connection, Number tree, std::span<const std::uint64_t> indexes) {
  std::string bytes;
  for (std::size_t begin = 0; begin < indexes.size(); begin += page_slot_count) {
    const auto part = indexes.subspan(begin, std::min<std::size_t>(page_slot_count, indexes.size() - begin));
    bytes.resize(part.size() * word_bytes);
    for (std::size_t i = 0; i < part.size(); ++i) store_word(bytes.data() + i * word_bytes, part[i]);
    execute(connection,
            "INSERT INTO round_index (number, tree, first_index, last_index, indexes) VALUES (?, ?, ?, ?, ?)",
            page_number(tree, begin), tree, part.front(), part.back(), Blob{bytes});
  }
}

/// When somebody was at it last, to the hour: prune removes what never got a header.
void note_creation(Connection& connection, const ClusterRow& row, Time now) {
  execute(connection, "UPDATE cluster SET created_at = ? WHERE number = ? AND created_at < ?", now, row.number,
          now - std::chrono::hours(1));
}

}  // namespace

void visit_payloads(Connection& connection, Number cluster, std::uint64_t first_index, std::uint64_t end_index,
                    const std::function<bool(std::uint64_t, std::string_view, std::string_view)>& see) {
  if (first_index >= end_index) return;
  Rows rows(connection, select_payloads, task_owner(cluster, page_begin(first_index)), task_owner(cluster, end_index));
  while (rows.next()) {
    const std::uint64_t begin = index_of_owner(rows.integer(0));
    const std::uint64_t end = begin + rows.count(1);
    if (end <= first_index) continue;
    const PayloadView view = view_of(rows.bytes(2), rows.count(1));
    for (std::uint64_t index = std::max(begin, first_index); index < std::min(end, end_index); ++index) {
      const auto entry = view.at(index - begin);
      if (!see(index, entry.body, entry.meta)) return;
    }
  }
}

Result<std::vector<TaskRun>> find_absent(Connection& connection, const ClusterRow& row, std::uint64_t first_index,
                                         std::span<const TaskData> tasks) {
  std::vector<TaskRun> absent;
  std::size_t next = 0;
  bool same = true;
  visit_payloads(connection, row.number, first_index, first_index + tasks.size(),
                 [&](std::uint64_t index, std::string_view body, std::string_view meta) {
                   const std::size_t place = index - first_index;
                   same = tasks[place].body == body && tasks[place].meta == meta;
                   if (place > next) absent.push_back({next, place});
                   next = place + 1;
                   return same;
                 });
  if (!same) return different_tasks("cluster " + row.id);
  if (next < tasks.size()) absent.push_back({next, tasks.size()});
  return absent;
}

void insert_payloads(Connection& connection, const ClusterRow& row, std::uint64_t first_index,
                     std::span<const TaskData> tasks) {
  for (std::size_t begin = 0; begin < tasks.size();) {
    const std::uint64_t index = first_index + begin;
    const std::size_t room = page_slot_count - slot_of(index);
    std::size_t end = begin;
    std::size_t bytes = 0;
    while (end < tasks.size() && end - begin < room) {
      const std::size_t size = tasks[end].body.size() + tasks[end].meta.size();
      if (end > begin && bytes + size > payload_row_bytes_max) break;
      bytes += size;
      ++end;
    }
    const std::string packed = pack_payloads(tasks.subspan(begin, end - begin));
    execute(connection, "INSERT INTO payload (number, count, tasks) VALUES (?, ?, ?)", task_owner(row.number, index),
            end - begin, Blob{packed});
    begin = end;
  }
}

std::vector<std::uint64_t> read_round_indexes(Connection& connection, Number tree, std::uint64_t first,
                                              std::size_t count) {
  std::vector<std::uint64_t> indexes;
  Rows rows(connection, "SELECT number, indexes FROM round_index WHERE number >= ? AND number < ? ORDER BY number",
            page_number(tree, first), page_number(tree + 1, 0));
  std::uint64_t position = page_begin(first);
  while (indexes.size() < count && rows.next()) {
    const std::string_view bytes = rows.bytes(1);
    for (std::size_t offset = 0; offset < bytes.size() && indexes.size() < count; offset += word_bytes, ++position) {
      if (position >= first) indexes.push_back(load_word(bytes.data() + offset));
    }
  }
  return indexes;
}

Result<void> SqliteLedger::put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                     std::span<const TaskData> tasks) {
  // Nothing is promised before the header is there, and whatever makes that durable makes this durable too.
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
    ClusterRow& row = transaction.ensure_cluster(cluster_id);
    if (row.tombstone) return only_tombstone(cluster_id);
    auto absent = find_absent(transaction.connection(), row, first_index, tasks);
    if (!absent) return std::move(absent).error();
    if (!absent->empty() && row.has_header && row.round_size)
      return Error{ErrorCode::sealed, "the cluster takes no more tasks", {}};
    for (const TaskRun& run : *absent) {
      insert_payloads(transaction.connection(), row, first_index + run.begin,
                      tasks.subspan(run.begin, run.end - run.begin));
    }
    if (!row.has_header) note_creation(transaction.connection(), row, store_->clock().now());
    return {};
  });
}

Result<AddedTasks> SqliteLedger::add_tasks(std::string_view cluster_id, std::string_view add_key,
                                           std::span<const TaskData> tasks, Time now) {
  return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<AddedTasks> {
    Connection& connection = transaction.connection();
    ClusterRow* row = transaction.find_cluster(cluster_id);
    if (row == nullptr || !row->has_header) return no_cluster(cluster_id);
    if (row->tombstone) return only_tombstone(cluster_id);
    std::optional<AddedTasks> known;
    {
      Rows rows(connection, "SELECT first_index, count FROM add_key WHERE cluster = ? AND add_key = ?", row->number,
                add_key);
      if (rows.next()) known = AddedTasks{rows.count(0), rows.count(1), true};
    }
    if (known) {
      const std::string what = "the add key " + std::string(add_key);
      if (known->count != tasks.size()) return different_tasks(what);
      auto same = check_same(connection, *row, known->first_index, tasks, what);
      if (!same) return std::move(same).error();
      return *known;
    }
    ClusterHeader header = row->header();
    if (header.stopped()) return Error{ErrorCode::stopped, "the cluster was stopped", {}};
    if (header.sealed() || header.finished() || header.round > 0)
      return Error{ErrorCode::sealed, "the cluster takes no more tasks", {}};
    const AddedTasks added{header.task_count, tasks.size(), false};
    auto absent = find_absent(connection, *row, added.first_index, tasks);
    if (!absent) return std::move(absent).error();
    for (const TaskRun& run : *absent)
      insert_payloads(connection, *row, added.first_index + run.begin, tasks.subspan(run.begin, run.end - run.begin));
    execute(connection, "INSERT INTO add_key (cluster, add_key, first_index, count) VALUES (?, ?, ?, ?)", row->number,
            add_key, added.first_index, added.count);
    header.task_count += added.count;
    header.due.push_back({DueMark::Kind::add, std::string(add_key), header.round, now});
    header.last_add_at = now;
    header.updated_at = now;
    transaction.put_header(*row, header);
    return added;
  });
}

Result<EndAnswers> SqliteLedger::seal(std::string_view cluster_id, Time now) {
  return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<EndAnswers> {
    ClusterRow* row = transaction.find_cluster(cluster_id);
    if (row == nullptr || !row->has_header) return no_cluster(cluster_id);
    if (row->tombstone) return only_tombstone(cluster_id);
    if (!row->is_finished() && (!row->round_size || !row->marked)) {
      ClusterHeader header = row->header();
      if (!header.sealed()) header.round_size = transaction.position_count(*row, row->round);
      header.marked = true;
      header.updated_at = now;
      transaction.put_header(*row, header);
    }
    finish_where_full(transaction, *row, now);
    EndAnswers answers;
    if (row->is_finished()) {
      ClusterHeader header = row->header();
      if (has_open_end(header)) answers.finished.push_back(std::move(header));
    }
    return answers;
  });
}

Result<std::vector<TaskData>> SqliteLedger::read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                                       std::size_t count) {
  return store_->read([&](Connection& connection) -> Result<std::vector<TaskData>> {
    const auto row = read_cluster_row(connection, cluster_id);
    if (!row) return no_cluster(cluster_id);
    if (row->tombstone) return only_tombstone(cluster_id);
    std::vector<TaskData> tasks;
    visit_payloads(connection, row->number, first_index, first_index + count,
                   [&](std::uint64_t index, std::string_view body, std::string_view meta) {
                     if (index != first_index + tasks.size()) return false;
                     tasks.push_back({std::string(body), std::string(meta)});
                     return true;
                   });
    return tasks;
  });
}

Result<ClusterHeader> SqliteLedger::start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) {
  return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<ClusterHeader> {
    ClusterRow* row = transaction.find_cluster(header.id);
    if (row == nullptr || !row->has_header) return no_cluster(header.id);
    if (row->version != header.version) return Error{ErrorCode::conflict, "the cluster changed meanwhile", {}};
    if (header.round != row->round + 1)
      return Error{ErrorCode::invalid_argument, "the header does not begin the next round", {}};
    transaction.flush();  // The states of the tasks are read from the file.
    discount(transaction.connection(), *row, indexes);
    const Number tree = transaction.start_tree(*row, header.round, indexes.size());
    insert_round(transaction.connection(), tree, indexes);
    row->round_done = 0;
    row->round_failed = 0;
    ClusterHeader started = header;
    transaction.put_header(*row, started);
    return started;
  });
}

Result<std::vector<std::uint64_t>> SqliteLedger::read_round(std::string_view cluster_id, std::uint32_t round,
                                                            std::uint64_t first, std::size_t count) {
  return store_->read([&](Connection& connection) -> Result<std::vector<std::uint64_t>> {
    auto row = find_cluster_row(connection, cluster_id);
    if (!row) return std::move(row).error();
    if (round == 0) {
      std::vector<std::uint64_t> indexes;
      for (std::uint64_t position = first; position < row->task_count && indexes.size() < count; ++position)
        indexes.push_back(position);
      return indexes;
    }
    const auto tree = read_tree_row(connection, row->number, round);
    if (!tree) return Error{ErrorCode::not_found, "the cluster has no such round", {}};
    return read_round_indexes(connection, tree->number, first, count);
  });
}

}  // namespace fanfold::sqlite
