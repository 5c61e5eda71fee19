#include "backends/aws/ledger.hpp"

#include "backends/aws/header_item.hpp"
#include "support/mutant.hpp"

#include <algorithm>
#include <map>

namespace fanfold::aws {
namespace {

constexpr std::size_t cluster_page_max = 1'000;
/// Entries that each shard is asked for first where a name is looked for, and how many times more each time after.
constexpr std::size_t named_page_first = 25;
constexpr std::size_t page_growth = 4;
constexpr std::chrono::days sweep_note_life{1};
/// Leaves whose items are removed in one go.
constexpr std::uint64_t removed_leaf_count = 32;

EndAnswers told(const ClusterHeader& header) {
  EndAnswers answers;
  if (has_open_end(header)) answers.finished.push_back(header);
  return answers;
}

/// Walks the shards of the index together, newest first.
class ClusterWalk {
 public:
  ClusterWalk(Table& table, const ClusterQuery& query, std::size_t page_size)
      : table_(table), below_(query.cursor), page_size_(page_size) {
    for (const std::string_view state : {"u", "f"}) {
      if (state == "f" && query.unfinished_only) continue;
      for (unsigned shard = 0; shard < index_shard_count; ++shard)
        shards_.push_back(std::string(state) + std::to_string(shard));
    }
  }

  struct Entry {
    std::string age{};
    std::string name{};
    ItemKey key{};
  };
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  /// The next entries, by ever longer pages; none at the end.
  Result<std::vector<Entry>> next() {
    std::vector<Entry> entries;
    while (entries.empty() && !is_over_) {
      std::vector<QueryRequest> queries;
      for (const std::string& shard : shards_) {
        QueryRequest& query = queries.emplace_back();
        query.index = QueryRequest::Index::clusters;
        query.partition = shard;
        query.sort_below = below_;
        query.descending = true;
        query.count_max = page_size_;
        query.consistency = Consistency::eventual;
      }
      // Below the newest of the ages at which a shard's page ends, that shard has more to tell.
      std::string horizon;
      is_over_ = true;
      for (Result<QueryAnswer>& answer : table_.query(queries)) {
        if (!answer) return std::move(answer).error();
        for (const Item& item : answer->items)
          entries.push_back(
              {std::string(item.text(index_sort_name)), std::string(item.text(index_projected_name)), item.key});
        if (!answer->next || answer->items.empty()) continue;
        is_over_ = false;
        horizon = std::max(horizon, std::string(answer->items.back().text(index_sort_name)));
      }
      std::erase_if(entries, [&](const Entry& entry) { return entry.age < horizon; });
      std::ranges::sort(entries, std::greater<>(), &Entry::age);
      if (!is_over_) below_ = horizon;
      page_size_ = std::max(page_size_, std::min(page_size_ * page_growth, cluster_page_max));
    }
    return entries;
  }

 private:
  Table& table_;
  std::string below_;
  std::size_t page_size_;
  std::vector<std::string> shards_;
  bool is_over_ = false;
};

}  // namespace

Result<ClusterHeader> AwsLedger::create_cluster(const ClusterHeader& header) { return headers_.create(header); }

Result<ClusterHeader> AwsLedger::read_cluster(std::string_view id, Consistency consistency) {
  return headers_.read(id, consistency);
}

Result<ClusterHeader> AwsLedger::update_cluster(const ClusterHeader& header) { return headers_.swap(header); }

Result<ClusterHeader> AwsLedger::live_header(std::string_view id) {
  auto header = headers_.read(id, Consistency::strong);
  if (header && header->tombstone) return only_tombstone(id);
  return header;
}

Result<ClusterPage> AwsLedger::list_clusters(const ClusterQuery& query) {
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, cluster_page_max);
  ClusterWalk walk(table_, query, query.name.empty() ? count_max + 1 : std::max(count_max + 1, named_page_first));
  ClusterPage page;
  std::string last_age;
  while (true) {
    auto entries = walk.next();
    if (!entries) return std::move(entries).error();
    if (entries->empty()) return page;
    if (!query.name.empty())
      std::erase_if(*entries, [&](const ClusterWalk::Entry& entry) { return entry.name != query.name; });
    std::vector<ItemKey> keys;
    for (const ClusterWalk::Entry& entry : *entries) keys.push_back(entry.key);
    if (keys.empty()) continue;
    auto items = read_items(table_, clock_, keys, Consistency::strong);
    if (!items) return std::move(items).error();
    for (std::size_t i = 0; i < items->size(); ++i) {
      // The index lags behind: what the header says decides.
      if (!(*items)[i]) continue;
      auto header = read_header(*(*items)[i]);
      if (!header) return std::move(header).error();
      if (header->tombstone || (query.unfinished_only && !header->unfinished())) continue;
      if (page.clusters.size() == count_max) {
        page.next_cursor = last_age;
        return page;
      }
      last_age = (*entries)[i].age;
      page.clusters.push_back(std::move(*header));
    }
    // Not worth a walk through all clusters there are, only to tell whether one more is of that name.
    if (page.clusters.size() == count_max && !walk.is_over()) {
      page.next_cursor = last_age;
      return page;
    }
  }
}

Result<std::optional<Time>> AwsLedger::noted_sweep() {
  auto note = table_.get(sweep_key(), Consistency::eventual);
  if (!note) return std::move(note).error();
  if (!*note) return std::optional<Time>{};
  return parse_iso8601((*note)->text(sweep_began_name)).transform([](Time at) { return std::optional<Time>(at); });
}

Result<void> AwsLedger::note_sweep(Time began_at) {
  Item note{sweep_key(), {}};
  note.set(sweep_began_name, Value::of(to_iso8601(began_at)));
  note.set(ttl_name, Value::of_number(ttl_of(began_at + sweep_note_life)));
  const PutRequest put{std::move(note), {}};
  const auto answers = table_.put(std::span(&put, 1));
  if (!answers.front()) return answers.front().error();
  return {};
}

Result<EndAnswers> AwsLedger::seal(std::string_view cluster_id, Time now) {
  auto header = live_header(cluster_id);
  if (!header) return std::move(header).error();
  std::uint64_t size = header->task_count;
  if (header->round > 0 && !header->sealed()) {
    auto list = rounds_.list(*header, header->round);
    if (!list) return std::move(list).error();
    size = list->size;
  }
  const std::uint32_t round = header->round;
  if (!header->finished() && !header->sealed()) {
    header = headers_.change(cluster_id, [&](ClusterHeader& stored) -> Result<Headers::Change> {
      if (stored.tombstone) return only_tombstone(cluster_id);
      if (stored.finished() || stored.sealed() || stored.round != round) return Headers::Change::leave;
      stored.round_size = stored.round == 0 ? stored.task_count : size;
      stored.updated_at = now;
      return Headers::Change::write;
    });
    if (!header) return std::move(header).error();
  }
  if (header->finished() || header->marked || header->round != round) return told(*header);
  return finish_seal(*header, now);
}

/// Puts the size on the tree, then says so in the header.
Result<EndAnswers> AwsLedger::finish_seal(const ClusterHeader& header, Time now) {
  if (header.round > 0) {
    if (auto noted = rounds_.note_winner(header); !noted) return std::move(noted).error();
  }
  if (support::mutant("marked_before_the_sizes")) {
    if (auto marked = note_marked(header, now); !marked) return std::move(marked).error();
  }
  std::optional<std::uint64_t> failed_count;
  if (*header.round_size == 0) {
    failed_count = 0;
  } else {
    auto marked = tree_.mark(header, now);
    if (!marked) return std::move(marked).error();
    failed_count = *marked;
  }
  if (failed_count) {
    auto finished = headers_.finish(header.id, header.round, *failed_count, now, true);
    if (!finished) return std::move(finished).error();
    EndAnswers answers;
    if (*finished) answers.finished.push_back(std::move(**finished));
    return answers;
  }
  auto marked = note_marked(header, now);
  if (!marked) return std::move(marked).error();
  return marked->round == header.round ? told(*marked) : EndAnswers{};
}

Result<ClusterHeader> AwsLedger::note_marked(const ClusterHeader& header, Time now) {
  return headers_.change(header.id, [&](ClusterHeader& stored) -> Result<Headers::Change> {
    if (stored.tombstone || stored.round != header.round || stored.marked) return Headers::Change::leave;
    stored.marked = true;
    stored.updated_at = now;
    return Headers::Change::write;
  });
}

Result<ClusterHeader> AwsLedger::bury(std::string_view id, Time now) {
  return headers_.change(id, [&](ClusterHeader& stored) -> Result<Headers::Change> {
    if (stored.tombstone) return Headers::Change::leave;
    const bool may_be_buried = stored.is_over() || support::mutant("buries_what_is_not_over");
    if (!may_be_buried) return Error{ErrorCode::not_finished, "cluster " + std::string(id) + " is not over", {}};
    stored.tombstone = true;
    stored.meta.reset();
    stored.due.clear();
    stored.updated_at = now;
    return Headers::Change::write;
  });
}

Result<void> AwsLedger::remove_cluster(std::string_view id, Time now) {
  // The tombstone comes first: whatever a removal that is cut off leaves behind belongs to no cluster that could be
  // retried. Called again for a tombstone it goes over everything once more.
  auto header = support::mutant("buried_last") ? headers_.read(id, Consistency::strong) : bury(id, now);
  if (!header) return std::move(header).error();
  if (auto removed = remove_leaves(*header, 0, header->task_count); !removed) return removed;
  for (std::uint32_t round = 1; round <= header->round; ++round) {
    auto list = rounds_.list(*header, round);
    if (!list && list.error().code == ErrorCode::not_found) continue;
    if (!list) return std::move(list).error();
    if (auto removed = remove_leaves(*header, round, list->size); !removed) return removed;
  }
  if (auto removed = rounds_.remove(*header); !removed) return removed;
  if (auto removed = pages_.remove(id, header->task_count); !removed) return removed;
  if (auto removed = remove_adds(id); !removed) return removed;
  auto removed = remove_messages(*header);
  if (removed && support::mutant("buried_last")) static_cast<void>(bury(id, now).has_value());
  return removed;
}

/// Leaves the mark "gone" in place of every leaf, so that no late message brings one back; what else is there goes.
Result<void> AwsLedger::remove_leaves(const ClusterHeader& header, std::uint32_t round, std::uint64_t position_count) {
  if (position_count == 0) return {};
  const TreeShape shape(position_count);
  for (std::uint64_t first = 0; first < shape.node_counts[0]; first += removed_leaf_count) {
    std::vector<QueryRequest> queries;
    std::vector<Item> marks;
    for (std::uint64_t number = first; number < std::min(first + removed_leaf_count, shape.node_counts[0]); ++number) {
      QueryRequest& query = queries.emplace_back();
      query.partition = node_partition({header.id, round, 0, number});
      Item& mark = marks.emplace_back(Item{{query.partition, std::string(node_sort)}, {}});
      if (!support::mutant("leaves_are_forgotten")) mark.set(gone_name, Value::of_flag(true));
      mark.set(ttl_name, Value::of_number(ttl_of(header.expires_at)));
    }
    auto found = query_items(table_, queries);
    if (!found) return std::move(found).error();
    std::vector<ItemKey> keys;
    for (const std::vector<Item>& items : *found) {
      for (const Item& item : items) {
        if (item.key.sort != node_sort) keys.push_back(item.key);
      }
    }
    if (auto written = write_items(table_, clock_, marks, keys); !written) return written;
  }
  std::vector<ItemKey> inner;
  for (unsigned level = 1; level < shape.node_counts.size(); ++level) {
    for (std::uint64_t number = 0; number < shape.node_counts[level]; ++number)
      inner.push_back(node_key({header.id, round, level, number}));
  }
  return write_items(table_, clock_, {}, inner);
}

/// Of finish and first-failure messages.
Result<void> AwsLedger::remove_messages(const ClusterHeader& header) {
  std::vector<QueryRequest> queries;
  for (std::uint32_t round = 0; round <= header.round; ++round) {
    for (const bool first_failure : {false, true}) {
      QueryRequest& query = queries.emplace_back();
      query.partition = partition_of(record_id({RecordType::cluster, header.id, round, 0, first_failure}));
    }
  }
  auto found = query_items(table_, queries);
  if (!found) return std::move(found).error();
  std::vector<ItemKey> keys;
  for (const std::vector<Item>& items : *found) {
    for (const Item& item : items) keys.push_back(item.key);
  }
  return write_items(table_, clock_, {}, keys);
}

}  // namespace fanfold::aws
