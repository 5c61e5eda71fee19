#include "backends/aws/ledger.hpp"

#include "backends/aws/header_item.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr std::size_t task_page_max = 1'000;
constexpr std::size_t first_errors_kept = 1;

std::string data_partition(const RecordRef& ref) {
  if (ref.type != RecordType::task) return partition_of(record_id(ref));
  return node_partition(leaf_of(ref.id, ref.round, ref.position));
}

unsigned slot_in(const RecordRef& ref) {
  return ref.type == RecordType::task ? static_cast<unsigned>(ref.position % tree_radix) : 0;
}

bool matches(const TaskFilter& filter, const std::vector<ErrorEntry>& errors) {
  if (filter.fingerprint.empty() && filter.contains.empty()) return true;
  if (errors.empty()) return false;
  const ErrorEntry& last = errors.back();
  return last.fingerprint.starts_with(filter.fingerprint) && last.message.find(filter.contains) != std::string::npos;
}

/// An attempt's number, then the time of the write: two entries of one attempt are those of its handler and of a hand.
std::pair<std::uint64_t, Time> order_of(const Item& item) {
  return {item.number("attempt"), read_time(item.find("at")).value_or(Time{})};
}

}  // namespace

Result<std::vector<Leaf>> AwsLedger::read_leaves(std::string_view cluster_id, std::uint32_t round,
                                                 std::uint64_t first_leaf, std::size_t count, Consistency consistency) {
  std::vector<ItemKey> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(node_key({std::string(cluster_id), round, 0, first_leaf + i}));
  std::vector<Leaf> leaves;
  if (keys.empty()) return leaves;
  auto items = read_items(table_, clock_, keys, consistency);
  if (!items) return std::move(items).error();
  for (const std::optional<Item>& item : *items) {
    auto leaf = read_leaf(item ? &*item : nullptr);
    if (!leaf) return std::move(leaf).error();
    leaves.push_back(std::move(*leaf));
  }
  return leaves;
}

Result<std::vector<AwsLedger::LatestTask>> AwsLedger::latest_tasks(const ClusterHeader& header,
                                                                   std::uint64_t first_index, std::uint64_t count) {
  std::vector<LatestTask> tasks(count);
  const auto add = [&](std::uint64_t index, std::uint32_t round, std::uint64_t position, const Leaf& leaf) {
    LatestTask& task = tasks[index - first_index];
    const auto slot = static_cast<unsigned>(position % tree_radix);
    task.index = index;
    task.refs.push_back({RecordType::task, header.id, round, position, false});
    task.cell = leaf.cells[slot];
    task.child_id = leaf.child_of(slot);
  };
  if (count == 0) return tasks;
  const std::uint64_t first_leaf = first_index / tree_radix;
  auto leaves = read_leaves(header.id, 0, first_leaf, (first_index + count - 1) / tree_radix - first_leaf + 1,
                            Consistency::strong);
  if (!leaves) return std::move(leaves).error();
  for (std::uint64_t index = first_index; index < first_index + count; ++index)
    add(index, 0, index, (*leaves)[index / tree_radix - first_leaf]);

  auto lists = rounds_.lists(header);
  if (!lists) return std::move(lists).error();
  for (const Rounds::List& list : *lists) {
    auto members = rounds_.find(header.id, list, first_index, count);
    if (!members) return std::move(members).error();
    if (members->empty()) continue;
    const std::uint64_t first = members->front().position / tree_radix;
    auto round_leaves = read_leaves(header.id, list.round, first, members->back().position / tree_radix - first + 1,
                                    Consistency::strong);
    if (!round_leaves) return std::move(round_leaves).error();
    for (const Rounds::Member& member : *members)
      add(member.index, list.round, member.position, (*round_leaves)[member.position / tree_radix - first]);
  }
  return tasks;
}

Result<std::vector<std::vector<Item>>> AwsLedger::read_data(std::span<const RecordRef> refs, DataKind kind) {
  // One query for a leaf of which several are wanted, one for a single slot.
  std::map<std::string, std::vector<std::size_t>> by_partition;
  for (std::size_t i = 0; i < refs.size(); ++i) by_partition[data_partition(refs[i])].push_back(i);
  std::vector<QueryRequest> queries;
  std::vector<const std::vector<std::size_t>*> places;
  for (const auto& [partition, where] : by_partition) {
    QueryRequest& query = queries.emplace_back();
    query.partition = partition;
    query.sort_prefix =
        where.size() == 1 ? data_prefix(kind, slot_in(refs[where.front()])) : std::string{static_cast<char>(kind), '#'};
    places.push_back(&where);
  }
  std::vector<std::vector<Item>> data(refs.size());
  if (queries.empty()) return data;
  auto found = query_items(table_, queries);
  if (!found) return std::move(found).error();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::array<std::size_t, tree_radix> place_of{};
    place_of.fill(refs.size());
    for (const std::size_t place : *places[i]) place_of[slot_in(refs[place])] = place;
    for (Item& item : (*found)[i]) {
      const auto name = parse_data_sort(item.key.sort);
      if (name && place_of[name->slot] < refs.size()) data[place_of[name->slot]].push_back(std::move(item));
    }
  }
  for (std::vector<Item>& items : data) std::ranges::stable_sort(items, {}, order_of);
  return data;
}

Result<std::vector<std::vector<ErrorEntry>>> AwsLedger::read_errors(std::span<const LatestTask> tasks) {
  std::vector<RecordRef> refs;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    // Most tasks have no errors, and to find that out would take a read for each leaf.
    if (tasks[i].refs.size() == 1 && !core::may_have_failed(tasks[i].cell)) continue;
    for (const RecordRef& ref : tasks[i].refs) {
      refs.push_back(ref);
      owners.push_back(i);
    }
  }
  auto data = read_data(refs, DataKind::error);
  if (!data) return std::move(data).error();
  std::vector<std::vector<ErrorEntry>> errors(tasks.size());
  for (std::size_t k = 0; k < refs.size(); ++k) {
    for (const Item& item : (*data)[k]) {
      if (const Value* entry = item.find("error")) errors[owners[k]].push_back(read_error_entry(*entry));
    }
  }
  for (std::vector<ErrorEntry>& entries : errors) {
    if (entries.size() <= error_count_max) continue;
    const auto surplus = static_cast<std::ptrdiff_t>(entries.size() - error_count_max);
    entries.erase(entries.begin() + first_errors_kept, entries.begin() + first_errors_kept + surplus);
  }
  return errors;
}

Result<std::vector<std::optional<Json>>> AwsLedger::read_results_of(std::span<const LatestTask> tasks) {
  std::vector<RecordRef> refs;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].cell.state != Cell::State::done) continue;
    refs.push_back(tasks[i].refs.back());
    owners.push_back(i);
  }
  auto data = read_data(refs, DataKind::result);
  if (!data) return std::move(data).error();
  std::vector<std::optional<Json>> results(tasks.size());
  for (std::size_t k = 0; k < refs.size(); ++k) {
    for (const Item& item : (*data)[k]) {
      const auto name = parse_data_sort(item.key.sort);
      // Results of attempts that came late lie beside it.
      if (name && name->token == tasks[owners[k]].cell.token)
        results[owners[k]] = Json::from_valid_text(std::string(item.text("result")));
    }
  }
  return results;
}

Result<Ledger::OpenTaskPage> AwsLedger::list_open_tasks(std::string_view cluster_id, std::uint64_t first_position,
                                                        std::size_t count_max, Time now) {
  auto header = live_header(cluster_id);
  if (!header) return std::move(header).error();
  std::uint64_t position_count = header->task_count;
  std::optional<Rounds::List> list;
  if (header->round > 0) {
    auto found = rounds_.list(*header, header->round);
    if (!found) return std::move(found).error();
    list = std::move(*found);
    position_count = list->size;
  }
  OpenTaskPage page;
  if (first_position >= position_count) return page;
  const std::uint64_t first_leaf = first_position / tree_radix;
  const std::uint64_t end = std::min(position_count, (first_leaf + listed_leaf_count_max) * tree_radix);
  auto leaves =
      read_leaves(cluster_id, header->round, first_leaf, (end - 1) / tree_radix - first_leaf + 1, Consistency::strong);
  if (!leaves) return std::move(leaves).error();
  if (end < position_count) page.next_position = end;
  for (std::uint64_t position = first_position; position < end; ++position) {
    const auto slot = static_cast<unsigned>(position % tree_radix);
    const Leaf& leaf = (*leaves)[position / tree_radix - first_leaf];
    const Cell& cell = leaf.cells[slot];
    if (cell.has_ended()) continue;
    if (page.tasks.size() == std::max<std::size_t>(count_max, 1)) {
      page.next_position = position;
      break;
    }
    page.tasks.push_back({position, position, cell.is_busy(now) ? cell.time : now, cell.state == Cell::State::waiting,
                          std::string(leaf.child_of(slot))});
  }
  if (!list || page.tasks.empty()) return page;
  const std::uint64_t first = page.tasks.front().position;
  auto indexes = rounds_.read(cluster_id, *list, first, page.tasks.back().position - first + 1);
  if (!indexes) return std::move(indexes).error();
  for (OpenTask& task : page.tasks) task.index = indexes->at(task.position - first);
  return page;
}

Result<TaskPage> AwsLedger::list_tasks(const TaskQuery& query) {
  auto header = live_header(query.cluster_id);
  if (!header) return std::move(header).error();
  TaskPage page;
  if (query.first_index >= header->task_count) return page;
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, task_page_max);
  const bool is_filtered = query.filter.status || !query.filter.fingerprint.empty() || !query.filter.contains.empty();
  const std::uint64_t window = is_filtered ? listed_leaf_count_max * tree_radix : count_max + 1;
  const std::uint64_t end = std::min(header->task_count, query.first_index + window);
  auto tasks = latest_tasks(*header, query.first_index, end - query.first_index);
  if (!tasks) return std::move(tasks).error();
  if (query.filter.status)
    std::erase_if(*tasks, [&](const LatestTask& task) { return status_of(task.cell) != *query.filter.status; });
  if (end < header->task_count) page.next_index = end;

  const bool is_filtered_by_errors = !query.filter.fingerprint.empty() || !query.filter.contains.empty();
  if (!is_filtered_by_errors && tasks->size() > count_max) {
    page.next_index = (*tasks)[count_max].index;
    tasks->resize(count_max);  // The errors of the others are not worth a read.
  }
  const bool needs_errors = query.parts != TaskParts::states || is_filtered_by_errors;
  std::vector<std::vector<ErrorEntry>> errors(tasks->size());
  if (needs_errors) {
    auto read = read_errors(*tasks);
    if (!read) return std::move(read).error();
    errors = std::move(*read);
  }
  std::vector<LatestTask> listed;
  for (std::size_t i = 0; i < tasks->size(); ++i) {
    LatestTask& task = (*tasks)[i];
    if (!matches(query.filter, errors[i])) continue;
    if (page.tasks.size() == count_max) {
      page.next_index = task.index;
      break;
    }
    TaskState& state = page.tasks.emplace_back();
    state.index = task.index;
    state.status = status_of(task.cell);
    state.waiting_for_child = task.cell.state == Cell::State::waiting;
    state.backing_off = task.cell.state == Cell::State::backing_off;
    state.attempt_count = task.cell.attempt;
    if (task.cell.state == Cell::State::leased || task.cell.state == Cell::State::backing_off)
      state.lease_end = task.cell.time;
    if (task.cell.has_ended()) state.completed_at = task.cell.time;
    if (query.parts != TaskParts::states) state.error = std::move(errors[i]);
    listed.push_back(std::move(task));
  }
  if (query.parts == TaskParts::whole) {
    if (auto filled = fill_payloads(query.cluster_id, listed, page); !filled) return std::move(filled).error();
  }
  return page;
}

Result<void> AwsLedger::fill_payloads(std::string_view cluster_id, std::span<const LatestTask> tasks, TaskPage& page) {
  auto changed = read_changed_meta(cluster_id, tasks);
  if (!changed) return std::move(changed).error();
  for (std::size_t begin = 0; begin < tasks.size();) {
    std::size_t end = begin + 1;
    while (end < tasks.size() && tasks[end].index == tasks[end - 1].index + 1) ++end;
    auto payloads = read_payloads(cluster_id, tasks[begin].index, end - begin);
    if (!payloads) return std::move(payloads).error();
    if (payloads->size() < end - begin) return payloads_missing(cluster_id, tasks[begin].index + payloads->size());
    for (std::size_t i = 0; i < payloads->size(); ++i) {
      TaskState& state = page.tasks[begin + i];
      TaskData& data = (*payloads)[i];
      state.body = Json::from_valid_text(std::move(data.body));
      if (!data.meta.empty()) state.meta = Json::from_valid_text(std::move(data.meta));
      if ((*changed)[begin + i]) state.meta = std::move((*changed)[begin + i]->meta);
    }
    begin = end;
  }
  return {};
}

Result<ResultPage> AwsLedger::read_results(std::string_view cluster_id, std::uint64_t first_index,
                                           std::size_t count_max) {
  auto header = live_header(cluster_id);
  if (!header) return std::move(header).error();
  ResultPage page;
  if (first_index >= header->task_count) return page;
  const std::size_t most = std::clamp<std::size_t>(count_max, 1, task_page_max);
  const std::uint64_t end = std::min(header->task_count, first_index + most);
  auto tasks = latest_tasks(*header, first_index, end - first_index);
  if (!tasks) return std::move(tasks).error();
  auto results = read_results_of(*tasks);
  if (!results) return std::move(results).error();
  for (std::size_t i = 0; i < results->size(); ++i) {
    if ((*results)[i]) page.results.push_back({(*tasks)[i].index, std::move(*(*results)[i])});
  }
  if (end < header->task_count) page.next_index = end;
  return page;
}

Result<std::vector<AttemptOutput>> AwsLedger::read_outputs(const RecordRef& ref, std::uint64_t index) {
  std::vector<RecordRef> refs{ref};
  if (ref.type == RecordType::task) {
    auto header = live_header(ref.id);
    if (!header) return std::move(header).error();
    if (index >= header->task_count)
      return Error{ErrorCode::not_found, "cluster " + ref.id + " has no task " + std::to_string(index), {}};
    auto tasks = latest_tasks(*header, index, 1);
    if (!tasks) return std::move(tasks).error();
    refs = std::move(tasks->front().refs);
  } else {
    auto item = table_.get(record_key(record_id(ref)), Consistency::strong);
    if (!item) return std::move(item).error();
    if (!*item) return Error{ErrorCode::not_found, "no record is called " + record_id(ref), {}};
  }
  auto data = read_data(refs, DataKind::output);
  if (!data) return std::move(data).error();
  std::vector<AttemptOutput> outputs;
  for (std::size_t i = 0; i < data->size(); ++i) {
    for (const Item& item : (*data)[i]) {
      outputs.push_back({static_cast<std::uint32_t>(item.number("attempt")),
                         read_time(item.find("at")).value_or(Time{}), std::string(item.text("output")), refs[i].round});
    }
  }
  return outputs;
}

}  // namespace fanfold::aws
