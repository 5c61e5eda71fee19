#include "backends/aws/ledger.hpp"

#include "support/hash.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr std::size_t add_try_count_max = 64;
constexpr std::chrono::milliseconds add_pause_initial{5};
constexpr std::chrono::milliseconds add_pause_most{500};

Error takes_no_more() { return {ErrorCode::sealed, "the cluster takes no more tasks", {}}; }

}  // namespace

Result<void> AwsLedger::put_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                  std::span<const TaskData> tasks) {
  Time expires_at = clock_.now() + payload_life;
  auto known = headers_.known(cluster_id);
  const bool is_beyond = known && first_index + tasks.size() > known->task_count;
  if (is_beyond) known = headers_.known_now(cluster_id);
  if (known) {
    if (known->tombstone) return only_tombstone(cluster_id);
    if (first_index + tasks.size() > known->task_count) return takes_no_more();
    expires_at = known->expires_at;
  } else if (known.error().code != ErrorCode::not_found) {
    return std::move(known).error();
  }
  return pages_.put(cluster_id, first_index, tasks, ttl_of(expires_at));
}

Result<std::optional<AddedTasks>> AwsLedger::find_add_by_key(std::string_view cluster_id, std::string_view add_key) {
  auto item = table_.get({adds_partition(cluster_id), add_by_key_sort(add_key)}, Consistency::strong);
  if (!item) return std::move(item).error();
  if (!*item) return std::optional<AddedTasks>();
  return std::optional(AddedTasks{(*item)->number("first"), (*item)->number("count"), true});
}

Result<AddedTasks> AwsLedger::add_tasks(std::string_view cluster_id, std::string_view add_key,
                                        std::span<const TaskData> tasks, Time now) {
  const std::string digest = digest_text(add_key);
  bool is_stored = false;
  for (std::size_t tries = 1; tries <= add_try_count_max; ++tries) {
    auto header = live_header(cluster_id);
    if (!header) return std::move(header).error();
    auto before = find_add_by_key(cluster_id, add_key);
    if (!before) return std::move(before).error();
    if (support::mutant("adds_are_repeated")) before->reset();
    const bool is_open = !header->stopped() && !header->sealed() && !header->finished() && header->round == 0;
    if (!*before && header->stopped()) return Error{ErrorCode::stopped, "the cluster was stopped", {}};
    if (!*before && !is_open) return takes_no_more();
    if (!is_stored) {
      if (auto put = pages_.put_add(cluster_id, digest, tasks, ttl_of(header->expires_at)); !put)
        return std::move(put).error();
      is_stored = true;
    }
    if (*before) return **before;

    const AddedTasks added{header->task_count, tasks.size(), false};
    auto written = write_add(std::move(*header), add_key, digest, added, now);
    if (!written) return std::move(written).error();
    if (!written->refused) return added;
    pause_with_jitter(clock_, tries, add_pause_initial, add_pause_most);
  }
  return Error{
      ErrorCode::conflict, "the cluster changed under every one of " + std::to_string(add_try_count_max) + " adds", {}};
}

/// The reservation of the indexes, by key and by index, and the header's count and mark, in one transaction.
Result<TransactAnswer> AwsLedger::write_add(ClusterHeader header, std::string_view add_key, const std::string& digest,
                                            const AddedTasks& added, Time now) {
  const Condition unchanged = headers_.unchanged(header);
  header.task_count += added.count;
  header.due.push_back({DueMark::Kind::add, std::string(add_key), header.round, now});
  header.last_add_at = now;
  header.updated_at = now;
  ++header.version;

  std::vector<PutRequest> puts;
  puts.push_back({headers_.item_of(header, make_identifier(now)), unchanged});
  const auto add = [&](std::string sort) {
    Item item{{adds_partition(header.id), std::move(sort)}, {}};
    item.set("first", Value::of_number(added.first_index));
    item.set("count", Value::of_number(added.count));
    item.set("digest", Value::of(digest));
    item.set(ttl_name, Value::of_number(ttl_of(header.expires_at)));
    puts.push_back({std::move(item), {Clause::absent(partition_name)}});
    if (support::mutant("adds_are_repeated")) puts.back().condition.clear();
  };
  add(add_by_key_sort(add_key));
  puts.back().item.set("key", Value::of(add_key));
  if (added.count > 0) add(add_by_index_sort(added.first_index));
  auto answer = table_.transact(puts);
  if (answer && !answer->refused) headers_.note(header);
  return answer;
}

Result<std::optional<AwsLedger::AddEntry>> AwsLedger::find_add(std::string_view cluster_id, std::uint64_t index) {
  QueryRequest query;
  query.partition = adds_partition(cluster_id);
  query.sort_below = add_by_index_sort(index + 1);
  query.descending = true;
  query.count_max = 1;
  auto answer = std::move(table_.query(std::span(&query, 1)).front());
  if (!answer) return std::move(answer).error();
  if (answer->items.empty()) return std::optional<AddEntry>();
  const Item& item = answer->items.front();
  AddEntry entry{item.number("first"), item.number("count"), std::string(item.text("digest"))};
  if (index >= entry.first_index + entry.count) return std::optional<AddEntry>();
  return std::optional(std::move(entry));
}

Error AwsLedger::payloads_missing(std::string_view cluster_id, std::uint64_t index) {
  return {ErrorCode::damaged,
          "payloads of cluster " + std::string(cluster_id) + " are missing from task " + std::to_string(index) +
              " on: they are in a bucket that is not this store's (FANFOLD_BUCKET names it), or were removed by hand",
          {}};
}

/// From pages and adds, from `first_index` on without a gap.
Result<std::vector<TaskData>> AwsLedger::read_payloads(std::string_view cluster_id, std::uint64_t first_index,
                                                       std::size_t count) {
  std::vector<TaskData> tasks;
  bool has_adds = false;
  {
    const std::scoped_lock lock(mutex_);
    has_adds = added_to_.contains(cluster_id);
  }
  if (!has_adds) {
    auto read = pages_.read(cluster_id, first_index, count);
    if (!read) return read;
    tasks = std::move(*read);
  }
  while (tasks.size() < count) {
    const std::uint64_t index = first_index + tasks.size();
    auto entry = find_add(cluster_id, index);
    if (!entry) return std::move(entry).error();
    if (!*entry) break;
    auto page = pages_.read_add(cluster_id, (*entry)->digest);
    if (!page) return page;
    if (page->size() != (*entry)->count)
      return Error{ErrorCode::damaged,
                   "an add of cluster " + std::string(cluster_id) + " holds another number of tasks than it says",
                   {}};
    const std::size_t offset = index - (*entry)->first_index;
    const std::size_t taken = std::min(count - tasks.size(), page->size() - offset);
    const auto begin = page->begin() + static_cast<std::ptrdiff_t>(offset);
    tasks.insert(tasks.end(), std::make_move_iterator(begin),
                 std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(taken)));
    const std::scoped_lock lock(mutex_);
    if (added_to_.size() >= added_count_max) added_to_.clear();
    added_to_.emplace(cluster_id);
  }
  return tasks;
}

Result<std::vector<TaskData>> AwsLedger::read_tasks(std::string_view cluster_id, std::uint64_t first_index,
                                                    std::size_t count) {
  auto tasks = read_payloads(cluster_id, first_index, count);
  if (!tasks || !tasks->empty()) return tasks;
  auto header = live_header(cluster_id);
  if (!header) return std::move(header).error();
  if (count > 0 && first_index < header->task_count) return payloads_missing(cluster_id, first_index);
  return tasks;
}

Result<void> AwsLedger::remove_adds(std::string_view cluster_id) {
  QueryRequest query;
  query.partition = adds_partition(cluster_id);
  auto found = query_items(table_, std::span(&query, 1));
  if (!found) return std::move(found).error();
  std::vector<ItemKey> keys;
  for (const Item& item : found->front()) {
    if (auto removed = pages_.remove_add(cluster_id, item.text("digest")); !removed) return removed;
    keys.push_back(item.key);
  }
  return write_items(table_, clock_, {}, keys);
}

Result<ClusterHeader> AwsLedger::start_round(const ClusterHeader& header, std::span<const std::uint64_t> indexes) {
  auto stored = headers_.read(header.id, Consistency::strong);
  if (!stored) return stored;
  if (stored->version != header.version) return Error{ErrorCode::conflict, "the cluster changed meanwhile", {}};
  if (header.round != stored->round + 1)
    return Error{ErrorCode::invalid_argument, "the header does not begin the next round", {}};
  // Whoever began the round before may have died, and the cluster have been stopped, before it was sealed.
  if (stored->round > 0) {
    if (auto noted = rounds_.note_winner(*stored); !noted) return std::move(noted).error();
  }
  auto put = rounds_.put(header.id, header.round, header.round_hash, indexes, ttl_of(header.expires_at));
  if (!put) return std::move(put).error();
  return headers_.swap(header);
}

Result<std::vector<std::uint64_t>> AwsLedger::read_round(std::string_view cluster_id, std::uint32_t round,
                                                         std::uint64_t first, std::size_t count) {
  auto header = live_header(cluster_id);
  if (!header) return std::move(header).error();
  if (round > 0) {
    auto list = rounds_.list(*header, round);
    if (!list) return std::move(list).error();
    return rounds_.read(cluster_id, *list, first, count);
  }
  std::vector<std::uint64_t> indexes;
  for (std::uint64_t position = first; position < header->task_count && indexes.size() < count; ++position)
    indexes.push_back(position);
  return indexes;
}

}  // namespace fanfold::aws
