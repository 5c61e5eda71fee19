#include "backends/sqlite/dead_holders.hpp"
#include "backends/sqlite/latest_cells.hpp"
#include "backends/sqlite/ledger.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

constexpr std::size_t task_page_count_max = 1'000;
/// Tasks that one page is chosen from: what is filtered comes in pages that are short, or empty, and go on.
constexpr std::uint64_t looked_at_max = 65'536;

struct LeaseCounts {
  std::uint64_t running = 0;    ///< Those that have not run out.
  std::uint64_t abandoned = 0;  ///< Held by dead processes.
};
/// Leases of the current round.
LeaseCounts count_leases(Connection& connection, const ClusterRow& row, const DeadHolders& dead, Time now) {
  LeaseCounts counts;
  if (row.leased <= 0 || row.tree == 0) return counts;
  Rows rows(connection, "SELECT slots FROM page WHERE number >= ? AND number < ? AND held > 0",
            page_number(row.tree, 0), page_number(row.tree + 1, 0));
  while (rows.next()) {
    const SlotPage slots(rows.text(0));
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      const Cell cell = slots.cell(slot);
      if (cell.state != Cell::State::leased) continue;
      if (dead.holds(cell))
        ++counts.abandoned;
      else if (cell.time > now)
        ++counts.running;
    }
  }
  return counts;
}

bool matches(Connection& connection, const TaskFilter& filter, const Cell& cell, Number owner) {
  if (filter.status && status_of(cell) != *filter.status) return false;
  if (filter.fingerprint.empty() && filter.contains.empty()) return true;
  Rows rows(connection, "SELECT fingerprint, message FROM error WHERE owner = ? ORDER BY number DESC LIMIT 1", owner);
  if (!rows.next()) return false;
  return rows.bytes(0).starts_with(filter.fingerprint) && rows.bytes(1).find(filter.contains) != std::string_view::npos;
}

TaskState task_state(std::uint64_t index, const Cell& cell, const DeadHolders& dead) {
  TaskState task;
  task.index = index;
  task.status = status_of(cell);
  task.waiting_for_child = cell.state == Cell::State::waiting;
  task.backing_off = cell.state == Cell::State::backing_off;
  task.abandoned = dead.holds(cell);
  task.attempt_count = cell.attempt;
  if (cell.state == Cell::State::leased || cell.state == Cell::State::backing_off) task.lease_end = cell.time;
  if (cell.has_ended()) task.completed_at = cell.time;
  return task;
}

void fill_payloads(Connection& connection, Number cluster, std::vector<TaskState>& tasks) {
  if (tasks.empty()) return;
  auto next = tasks.begin();
  visit_payloads(connection, cluster, tasks.front().index, tasks.back().index + 1,
                 [&](std::uint64_t index, std::string_view body, std::string_view meta) {
                   if (index < next->index) return true;
                   next->body = Json::from_valid_text(std::string(body));
                   if (!meta.empty()) next->meta = Json::from_valid_text(std::string(meta));
                   return ++next != tasks.end();
                 });
  for (TaskState& task : tasks) {
    const Number owner = task_owner(cluster, task.index);
    Rows rows(connection, "SELECT meta FROM task_meta WHERE owner = ?", owner);
    if (!rows.next()) continue;
    task.meta.reset();
    if (!rows.is_null(0)) task.meta = Json::from_valid_text(rows.text(0));
  }
}

Progress progress_of(const ClusterRow& row, const ClusterHeader& header, const LeaseCounts& leases) {
  Progress progress;
  progress.total_count = row.task_count;
  progress.sealed = header.sealed();
  progress.paused = header.paused;
  progress.finished = header.finished();
  progress.finish_handled = header.finish_done;
  progress.round = header.round;
  progress.status = header.status;
  progress.status_code = header.status_code;
  progress.done_count = static_cast<std::uint64_t>(row.done);
  progress.failed_count = static_cast<std::uint64_t>(row.failed);
  progress.in_progress_count = leases.running + static_cast<std::uint64_t>(row.waiting);
  progress.abandoned_count = leases.abandoned;
  return progress;
}

}  // namespace

std::vector<ErrorEntry> read_errors(Connection& connection, Number owner) {
  std::vector<ErrorEntry> entries;
  Rows rows(connection,
            "SELECT attempt, code, message, fingerprint, at, final FROM error WHERE owner = ? ORDER BY number", owner);
  while (rows.next()) {
    entries.push_back({static_cast<std::uint32_t>(rows.integer(0)), rows.text(1), rows.text(2), rows.text(3),
                       rows.time(4), rows.integer(5) != 0});
  }
  return entries;
}

Result<Progress> SqliteLedger::progress(std::string_view id) {
  const Time now = store_->clock().now();
  const DeadHolders dead = DeadHolders::look(*store_);
  const auto read = [&](Connection& connection) -> Result<Progress> {
    auto row = find_cluster_row(connection, id);
    if (!row) return std::move(row).error();
    return progress_of(*row, row->header(), count_leases(connection, *row, dead, now));
  };
  return store_->read_settled(read, [](const Progress& progress) { return progress.finished; });
}

Result<Recount> SqliteLedger::recount(std::string_view id, Time now) {
  return store_->read_settled([&](Connection& connection) -> Result<Recount> {
    auto row = find_live_cluster_row(connection, id);
    if (!row) return std::move(row).error();
    Recount recount;
    LatestCells latest(connection, *row);
    for (std::uint64_t index = 0; index < row->task_count; ++index) {
      const LatestCell& task = latest.at(index - slot_of(index))[slot_of(index)];
      switch (task.cell.state) {
        case Cell::State::done: ++recount.done_count; break;
        case Cell::State::failed: ++recount.failed_count; break;
        case Cell::State::waiting: ++recount.waiting_count; break;
        case Cell::State::leased: ++(task.cell.is_busy(now) ? recount.leased_count : recount.free_count); break;
        default: ++recount.free_count;
      }
      if (task.round == row->round) recount.attempt_count += task.cell.attempt;
    }
    return recount;
  });
}

Result<Ledger::OpenTaskPage> SqliteLedger::list_open_tasks(std::string_view cluster_id, std::uint64_t first_position,
                                                           std::size_t count_max, Time now) {
  const DeadHolders dead = DeadHolders::look(*store_);
  return store_->read([&](Connection& connection) -> Result<OpenTaskPage> {
    auto row = find_live_cluster_row(connection, cluster_id);
    if (!row) return std::move(row).error();
    const auto tree = read_tree_row(connection, row->number, row->round);
    const std::uint64_t end = row->round == 0 ? row->task_count : tree ? tree->size : 0;
    OpenTaskPage open;
    StatePage page;
    std::vector<std::uint64_t> indexes;
    for (std::uint64_t position = first_position; position < end; ++position) {
      const std::size_t slot = slot_of(position);
      if (slot == 0 || position == first_position) {
        page = tree ? read_state_page(connection, page_number(tree->number, position)) : StatePage();
        if (row->round > 0) indexes = read_round_indexes(connection, tree->number, position - slot, page_slot_count);
      }
      const Cell cell = page.slots.cell(slot);
      if (cell.has_ended()) continue;
      if (open.tasks.size() >= std::max<std::size_t>(count_max, 1)) {
        open.next_position = position;
        break;
      }
      OpenTask& task = open.tasks.emplace_back();
      task.position = position;
      task.index = row->round == 0 ? position : indexes.at(slot);
      task.not_before = cell.is_busy(now) ? cell.time : now;
      task.abandoned = dead.holds(cell);
      task.waiting = cell.state == Cell::State::waiting;
      if (task.waiting) task.child_id = child_of(connection, tree->number, position);
    }
    return open;
  });
}

Result<TaskPage> SqliteLedger::list_tasks(const TaskQuery& query) {
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, task_page_count_max);
  const DeadHolders dead = DeadHolders::look(*store_);
  return store_->read([&](Connection& connection) -> Result<TaskPage> {
    auto row = find_live_cluster_row(connection, query.cluster_id);
    if (!row) return std::move(row).error();
    TaskPage page;
    LatestCells latest(connection, *row);
    for (std::uint64_t index = query.first_index; index < row->task_count; ++index) {
      if (index - query.first_index == looked_at_max) {
        page.next_index = index;
        break;
      }
      const Cell& cell = latest.at(index - slot_of(index))[slot_of(index)].cell;
      if (!matches(connection, query.filter, cell, task_owner(row->number, index))) continue;
      if (page.tasks.size() == count_max) {
        page.next_index = index;
        break;
      }
      page.tasks.push_back(task_state(index, cell, dead));
    }
    if (query.parts == TaskParts::whole) fill_payloads(connection, row->number, page.tasks);
    if (query.parts != TaskParts::states) {
      for (TaskState& task : page.tasks) task.error = read_errors(connection, task_owner(row->number, task.index));
    }
    return page;
  });
}

Result<ResultPage> SqliteLedger::read_results(std::string_view cluster_id, std::uint64_t first_index,
                                              std::size_t count_max) {
  return store_->read([&](Connection& connection) -> Result<ResultPage> {
    auto row = find_live_cluster_row(connection, cluster_id);
    if (!row) return std::move(row).error();
    ResultPage page;
    Rows rows(connection, "SELECT owner, value FROM result WHERE owner >= ? AND owner < ? ORDER BY owner",
              task_owner(row->number, first_index), task_owner(row->number + 1, 0));
    while (rows.next()) {
      const auto index = static_cast<std::uint64_t>(rows.integer(0) - task_owner(row->number, 0));
      if (page.results.size() == std::max<std::size_t>(count_max, 1)) {
        page.next_index = index;
        break;
      }
      page.results.push_back({index, Json::from_valid_text(rows.text(1))});
    }
    return page;
  });
}

}  // namespace fanfold::sqlite
