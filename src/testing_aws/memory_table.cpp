#include "testing_aws/memory_table.hpp"

#include "backends/aws/keys.hpp"
#include "support/assert.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace fanfold::testing_aws {

using aws::Condition;
using aws::Item;
using aws::ItemKey;
using aws::Member;
using aws::WriteAnswer;

namespace {

double units_of(std::size_t bytes, std::size_t unit) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / static_cast<double>(unit)));
}

Result<void> check(const Item& item) {
  if (item_bytes(item) <= aws::item_bytes_max) return {};
  return Error{ErrorCode::too_large, "item size has exceeded the maximum allowed size", {}};
}

std::pair<std::string, std::string> index_key(const Item& item) {
  return {std::string(item.text(aws::index_partition_name)), std::string(item.text(aws::index_sort_name))};
}

bool is_indexed(const Item& item) {
  return item.find(aws::index_partition_name) != nullptr && item.find(aws::index_sort_name) != nullptr;
}

}  // namespace

MemoryTable::MemoryTable(MemoryTableOptions options) : options_(std::move(options)) {}

Result<void> MemoryTable::ask(std::string_view operation, CallPhase phase) const {
  if (!options_.hook) return {};
  if (std::optional<Error> fault = options_.hook(operation, phase)) return *std::move(fault);
  return {};
}

template <class Requests, class One>
auto each(const Requests& requests, One&& one) {
  std::vector<decltype(one(requests[0]))> answers;
  answers.reserve(requests.size());
  for (const auto& request : requests) answers.push_back(one(request));
  return answers;
}

std::vector<Result<WriteAnswer>> MemoryTable::update(std::span<const aws::UpdateRequest> requests) {
  return each(requests, [&](const aws::UpdateRequest& request) -> Result<WriteAnswer> {
    if (auto asked = ask("UpdateItem", CallPhase::before); !asked) return std::move(asked).error();
    auto answer = update_one(request);
    if (auto asked = ask("UpdateItem", CallPhase::after); !asked) return std::move(asked).error();
    return answer;
  });
}

std::vector<Result<WriteAnswer>> MemoryTable::put(std::span<const aws::PutRequest> requests) {
  return each(requests, [&](const aws::PutRequest& request) -> Result<WriteAnswer> {
    if (auto asked = ask("PutItem", CallPhase::before); !asked) return std::move(asked).error();
    auto answer = put_one(request);
    if (auto asked = ask("PutItem", CallPhase::after); !asked) return std::move(asked).error();
    return answer;
  });
}

std::vector<Result<aws::QueryAnswer>> MemoryTable::query(std::span<const aws::QueryRequest> requests) {
  return each(requests, [&](const aws::QueryRequest& request) -> Result<aws::QueryAnswer> {
    if (auto asked = ask("Query", CallPhase::before); !asked) return std::move(asked).error();
    const std::scoped_lock lock(mutex_);
    return request.index == aws::QueryRequest::Index::clusters ? query_index(request) : query_one(request);
  });
}

Result<WriteAnswer> MemoryTable::update_one(const aws::UpdateRequest& request) {
  const std::scoped_lock lock(mutex_);
  const auto found = items_.find(request.key);
  const Item* there = found == items_.end() ? nullptr : &found->second;
  if (!holds(request.condition, there)) return refuse(there);
  Item item = there == nullptr ? Item{request.key, {}} : *there;
  for (const Member& member : request.set) item.set(member.name, member.value);
  for (const Member& member : request.set_if_absent) {
    if (item.find(member.name) == nullptr) item.set(member.name, member.value);
  }
  for (const std::string& name : request.remove) item.remove(name);
  if (auto checked = check(item); !checked) return std::move(checked).error();
  store(item, there, 1);
  if (!request.answers_item) return WriteAnswer{};
  return WriteAnswer{.refused = false, .item = std::move(item)};
}

Result<WriteAnswer> MemoryTable::put_one(const aws::PutRequest& request) {
  if (auto checked = check(request.item); !checked) return std::move(checked).error();
  const std::scoped_lock lock(mutex_);
  const auto found = items_.find(request.item.key);
  const Item* there = found == items_.end() ? nullptr : &found->second;
  if (!holds(request.condition, there)) return refuse(there);
  store(request.item, there, 1);
  return WriteAnswer{};
}

bool MemoryTable::holds(const Condition& condition, const Item* item) const {
  return std::ranges::all_of(condition, [&](const aws::Clause& clause) {
    const bool is_key = clause.attribute == aws::partition_name || clause.attribute == aws::sort_name;
    const aws::Value* value = item == nullptr ? nullptr : item->find(clause.attribute);
    const bool exists = is_key ? item != nullptr : value != nullptr;
    switch (clause.kind) {
      case aws::Clause::Kind::absent: return !exists;
      case aws::Clause::Kind::exists: return exists;
      case aws::Clause::Kind::equals: break;
    }
    return value != nullptr && *value == clause.value;
  });
}

/// A failed condition is charged like the write that did not happen, by the item that is there.
WriteAnswer MemoryTable::refuse(const Item* there) {
  ++usage_.refused_count;
  charge_write(there == nullptr ? ItemKey{} : there->key, there == nullptr ? 0 : item_bytes(*there), 1);
  WriteAnswer answer{.refused = true, .item = std::nullopt};
  if (there != nullptr && options_.tells_what_is_there) answer.item = *there;
  return answer;
}

void MemoryTable::store(Item item, const Item* before, double factor) {
  const std::size_t bytes = item_bytes(item);
  usage_.item_bytes_max = std::max(usage_.item_bytes_max, bytes);
  charge_write(item.key, std::max(bytes, before == nullptr ? 0 : item_bytes(*before)), factor);
  charge_index(before, &item);
  if (before != nullptr && is_indexed(*before)) index_.erase(index_key(*before));
  if (is_indexed(item)) index_[index_key(item)] = item.key;
  ItemKey key = item.key;
  note_version(key, item);
  items_.insert_or_assign(std::move(key), std::move(item));
}

void MemoryTable::erase(const ItemKey& key) {
  const auto found = items_.find(key);
  charge_write(key, found == items_.end() ? 0 : item_bytes(found->second), 1);
  if (found == items_.end()) return;
  charge_index(&found->second, nullptr);
  if (is_indexed(found->second)) index_.erase(index_key(found->second));
  note_version(key, std::nullopt);
  items_.erase(found);
}

void MemoryTable::set_lag(std::chrono::milliseconds lag) {
  FANFOLD_ASSERT(options_.now && lag <= lag_max, "a table that lags has a clock, and does not lag for long");
  const std::scoped_lock lock(mutex_);
  lag_ = lag;
}

void MemoryTable::note_version(const ItemKey& key, std::optional<Item> item) {
  if (!options_.now) return;
  const Time now = options_.now();
  std::vector<Version>& versions = versions_[key];
  // The newest of those that no replica can be behind stays.
  while (versions.size() > 1 && versions[1].at <= now - lag_max) versions.erase(versions.begin());
  versions.push_back({now, std::move(item)});
}

const Item* MemoryTable::as_of(const std::vector<Version>& versions) const {
  const Time time = options_.now() - lag_;
  const auto newest =
      std::find_if(versions.rbegin(), versions.rend(), [&](const Version& version) { return version.at <= time; });
  return newest == versions.rend() || !newest->item ? nullptr : &*newest->item;
}

const Item* MemoryTable::visible(const ItemKey& key, Consistency consistency) const {
  if (lag_.count() > 0 && consistency == Consistency::eventual) {
    const auto found = versions_.find(key);
    return found == versions_.end() ? nullptr : as_of(found->second);
  }
  const auto found = items_.find(key);
  return found == items_.end() ? nullptr : &found->second;
}

std::map<std::pair<std::string, std::string>, const Item*> MemoryTable::visible_index() const {
  std::map<std::pair<std::string, std::string>, const Item*> index;
  if (lag_.count() == 0) {
    for (const auto& [key, item_key] : index_) index.emplace(key, &items_.at(item_key));
    return index;
  }
  for (const auto& [key, versions] : versions_) {
    const Item* item = as_of(versions);
    if (item != nullptr && is_indexed(*item)) index.emplace(index_key(*item), item);
  }
  return index;
}

/// An entry that comes or goes is one write, one whose key changes is two; entries are smaller than a unit.
void MemoryTable::charge_index(const Item* before, const Item* after) {
  const bool was = before != nullptr && is_indexed(*before);
  const bool is = after != nullptr && is_indexed(*after);
  if (was && is) {
    if (index_key(*before) != index_key(*after)) usage_.index_write_units += 2;
  } else if (was || is) {
    usage_.index_write_units += 1;
  }
}

void MemoryTable::charge_write(const ItemKey& key, std::size_t bytes, double factor) {
  const double units = factor * units_of(bytes, aws::write_unit_bytes);
  ++usage_.write_count;
  usage_.write_units += units;
  units_[key] += units;
}

void MemoryTable::charge_read(std::size_t bytes, Consistency consistency) {
  ++usage_.read_count;
  usage_.read_units += units_of(bytes, aws::read_unit_bytes) * (consistency == Consistency::strong ? 1.0 : 0.5);
}

aws::QueryAnswer MemoryTable::query_one(const aws::QueryRequest& request) {
  std::vector<const Item*> matching;
  for (auto at = items_.lower_bound({request.partition, request.sort_prefix}); at != items_.end(); ++at) {
    const ItemKey& key = at->first;
    if (key.partition != request.partition || !key.sort.starts_with(request.sort_prefix)) break;
    if (!request.sort_below.empty() && key.sort >= request.sort_below) break;
    matching.push_back(&at->second);
  }
  if (request.descending) std::ranges::reverse(matching);
  aws::QueryAnswer answer;
  std::size_t bytes = 0;
  for (const Item* item : matching) {
    const ItemKey& key = item->key;
    const bool is_before = request.after && (request.descending ? key >= *request.after : key <= *request.after);
    if (is_before) continue;
    const bool is_full =
        (request.count_max != 0 && answer.items.size() == request.count_max) || bytes >= options_.answer_bytes_max;
    if (is_full) {
      answer.next = answer.items.back().key;
      break;
    }
    bytes += item_bytes(*item);
    answer.items.push_back(*item);
  }
  charge_read(bytes, request.consistency);
  return answer;
}

aws::QueryAnswer MemoryTable::query_index(const aws::QueryRequest& request) {
  std::vector<const Item*> matching;
  for (const auto& [key, item] : visible_index()) {
    if (key.first != request.partition) continue;
    if (!request.sort_below.empty() && key.second >= request.sort_below) continue;
    matching.push_back(item);
  }
  if (request.descending) std::ranges::reverse(matching);
  FANFOLD_ASSERT(!request.after, "pages of the index go by sort_below");
  aws::QueryAnswer answer;
  std::size_t bytes = 0;
  for (const Item* item : matching) {
    if (request.count_max != 0 && answer.items.size() == request.count_max) {
      answer.next = answer.items.back().key;
      break;
    }
    Item& entry = answer.items.emplace_back();
    entry.key = item->key;
    for (const std::string_view name : {aws::index_partition_name, aws::index_sort_name, aws::index_projected_name}) {
      if (const aws::Value* value = item->find(name)) entry.set(name, *value);
    }
    bytes += item_bytes(entry);
  }
  charge_read(bytes, Consistency::eventual);
  return answer;
}

Result<std::optional<Item>> MemoryTable::get(const ItemKey& key, Consistency consistency) {
  if (auto asked = ask("GetItem", CallPhase::before); !asked) return std::move(asked).error();
  const std::scoped_lock lock(mutex_);
  const Item* item = visible(key, consistency);
  charge_read(item == nullptr ? 0 : item_bytes(*item), consistency);
  return item == nullptr ? std::optional<Item>() : std::optional<Item>(*item);
}

Result<aws::BatchGetAnswer> MemoryTable::batch_get(std::span<const ItemKey> keys, Consistency consistency) {
  const std::set<ItemKey> distinct(keys.begin(), keys.end());
  FANFOLD_ASSERT(!keys.empty() && keys.size() <= aws::batch_get_count_max, "BatchGetItem takes 1 to 100 keys");
  FANFOLD_ASSERT(distinct.size() == keys.size(), "BatchGetItem takes each key once");
  if (auto asked = ask("BatchGetItem", CallPhase::before); !asked) return std::move(asked).error();
  aws::BatchGetAnswer answer;
  for (const ItemKey& key : keys) {
    if (options_.leaves_unprocessed && options_.leaves_unprocessed()) {
      answer.unprocessed.push_back(key);
      continue;
    }
    const std::scoped_lock lock(mutex_);
    const Item* item = visible(key, consistency);
    charge_read(item == nullptr ? 0 : item_bytes(*item), consistency);
    if (item != nullptr) answer.items.push_back(*item);
  }
  return answer;
}

Result<aws::BatchWriteRequest> MemoryTable::batch_write(const aws::BatchWriteRequest& request) {
  const std::size_t count = request.puts.size() + request.removes.size();
  FANFOLD_ASSERT(count > 0 && count <= aws::batch_write_count_max, "BatchWriteItem takes 1 to 25 items");
  if (auto asked = ask("BatchWriteItem", CallPhase::before); !asked) return std::move(asked).error();
  aws::BatchWriteRequest rest;
  const auto is_left = [&] { return options_.leaves_unprocessed && options_.leaves_unprocessed(); };
  for (const Item& item : request.puts) {
    if (auto checked = check(item); !checked) return std::move(checked).error();
    if (is_left()) {
      rest.puts.push_back(item);
      continue;
    }
    const std::scoped_lock lock(mutex_);
    const auto found = items_.find(item.key);
    store(item, found == items_.end() ? nullptr : &found->second, 1);
  }
  for (const ItemKey& key : request.removes) {
    if (is_left()) {
      rest.removes.push_back(key);
      continue;
    }
    const std::scoped_lock lock(mutex_);
    erase(key);
  }
  if (auto asked = ask("BatchWriteItem", CallPhase::after); !asked) return std::move(asked).error();
  return rest;
}

Result<aws::TransactAnswer> MemoryTable::transact(std::span<const aws::PutRequest> puts) {
  FANFOLD_ASSERT(!puts.empty() && puts.size() <= aws::transact_count_max, "TransactWriteItems takes 1 to 100 items");
  if (auto asked = ask("TransactWriteItems", CallPhase::before); !asked) return std::move(asked).error();
  for (const aws::PutRequest& request : puts) {
    if (auto checked = check(request.item); !checked) return std::move(checked).error();
  }
  aws::TransactAnswer answer;
  {
    const std::scoped_lock lock(mutex_);
    const auto there = [&](const ItemKey& key) {
      const auto found = items_.find(key);
      return found == items_.end() ? nullptr : &found->second;
    };
    for (const aws::PutRequest& request : puts) {
      if (!holds(request.condition, there(request.item.key))) answer.refused = true;
    }
    for (const aws::PutRequest& request : puts) {
      const Item* before = there(request.item.key);
      if (answer.refused) {
        charge_write(request.item.key, item_bytes(request.item), 2);
      } else {
        store(request.item, before, 2);
      }
    }
  }
  if (auto asked = ask("TransactWriteItems", CallPhase::after); !asked) return std::move(asked).error();
  return answer;
}

TableUsage MemoryTable::usage() const {
  const std::scoped_lock lock(mutex_);
  return usage_;
}

void MemoryTable::reset_usage() {
  const std::scoped_lock lock(mutex_);
  usage_ = {};
  units_.clear();
}

std::vector<std::pair<double, ItemKey>> MemoryTable::busiest_items(std::size_t count_max) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<double, ItemKey>> busiest;
  for (const auto& [key, units] : units_) busiest.emplace_back(units, key);
  std::ranges::sort(busiest, std::greater<>());
  if (busiest.size() > count_max) busiest.resize(count_max);
  return busiest;
}

std::vector<Item> MemoryTable::items() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Item> items;
  for (const auto& [key, item] : items_) items.push_back(item);
  return items;
}

}  // namespace fanfold::testing_aws
