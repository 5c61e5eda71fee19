#include "backends/aws/behaviour.hpp"

#include "backends/aws/keys.hpp"
#include "support/identifier.hpp"

#include <array>

namespace fanfold::aws {
namespace {

constexpr std::string_view trial_prefix = "fanfold-trial/";
constexpr std::string_view trial_sort = "trial";
/// Where a trial cannot remove what it wrote, time to live does.
constexpr std::chrono::hours trial_life{1};
constexpr std::string_view metadata_name = "fanfold-write-ids";

std::string trial_name() { return std::string(trial_prefix) + std::to_string(random_bits()); }

bool is_refused(const Result<std::string>& written) { return !written && written.error().code == ErrorCode::conflict; }

PutObject object_of(const std::string& bucket, const std::string& key, std::string body) {
  PutObject object;
  object.where = {bucket, key};
  object.body = std::move(body);
  return object;
}

/// The steps: made where nothing is; refused where something is; replaced by its ETag; refused by the ETag before.
Result<Flaw> write_under_conditions(ObjectStore& objects, const std::string& bucket, const std::string& key) {
  PutObject object = object_of(bucket, key, "1");
  object.if_absent = true;
  auto first = objects.put(object);
  if (!first) return std::move(first).error();
  object.body = "2";
  auto second = objects.put(object);
  if (second) return Flaw("it overwrites what is there in spite of If-None-Match");
  if (!is_refused(second)) return std::move(second).error();
  object.if_absent = false;
  object.if_match = *first;
  auto replaced = objects.put(object);
  if (is_refused(replaced)) return Flaw("it refuses If-Match with the ETag that it gave itself");
  if (!replaced) return std::move(replaced).error();
  object.body = "3";
  auto late = objects.put(object);
  if (late) return Flaw("it overwrites what changed meanwhile in spite of If-Match");
  if (!is_refused(late)) return std::move(late).error();
  return Flaw();
}

PutRequest item_put(const std::string& partition, std::uint64_t number, Time now) {
  Item item{{partition, std::string(trial_sort)}, {}};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now + trial_life).time_since_epoch();
  item.set(ttl_name, Value::of_number(static_cast<std::uint64_t>(seconds.count())));
  item.set("number", Value::of_number(number));
  return {std::move(item), {}};
}

Result<WriteAnswer> put_item(Table& table, const PutRequest& request) {
  return std::move(table.put(std::span(&request, 1)).front());
}

/// Counts its number up, on condition that it is the expected one.
Result<WriteAnswer> update_item(Table& table, const std::string& partition, std::uint64_t expected) {
  UpdateRequest request;
  request.key = {partition, std::string(trial_sort)};
  request.set.push_back({"number", Value::of_number(expected + 1)});
  request.condition = {Clause::equals("number", Value::of_number(expected))};
  return std::move(table.update(std::span(&request, 1)).front());
}

Result<Flaw> write_items_under_conditions(Table& table, const std::string& partition, Time now) {
  PutRequest request = item_put(partition, 1, now);
  request.condition = {Clause::absent(partition_name)};
  auto first = put_item(table, request);
  if (!first) return std::move(first).error();
  if (first->refused) return Flaw("it refuses the condition that an item is not there, where it is not");
  auto second = put_item(table, request);
  if (!second) return std::move(second).error();
  if (!second->refused) return Flaw("it overwrites an item in spite of the condition that there is none");
  auto held = update_item(table, partition, 1);
  if (!held) return std::move(held).error();
  if (held->refused) return Flaw("it refuses a condition that holds");
  auto late = update_item(table, partition, 1);
  if (!late) return std::move(late).error();
  if (!late->refused) return Flaw("it updates an item in spite of a condition that does not hold");
  return Flaw();
}

Result<Flaw> transact_in_vain(Table& table, const std::string& there, const std::string& beside, Time now) {
  std::array<PutRequest, 2> puts{item_put(beside, 1, now), item_put(there, 1, now)};
  if (auto made = put_item(table, puts[1]); !made) return std::move(made).error();
  puts[1].condition = {Clause::absent(partition_name)};
  auto answer = table.transact(puts);
  if (!answer) return std::move(answer).error();
  if (!answer->refused) return Flaw("it writes a transaction in spite of a condition that does not hold");
  auto item = table.get(puts[0].item.key, Consistency::strong);
  if (!item) return std::move(item).error();
  if (*item) return Flaw("it writes a part of a transaction that it refuses");
  return Flaw();
}

void remove_items(Table& table, std::span<const std::string> partitions) {
  BatchWriteRequest request;
  for (const std::string& partition : partitions) request.removes.push_back({partition, std::string(trial_sort)});
  static_cast<void>(table.batch_write(request));  // What stays goes by its time to live.
}

}  // namespace

Result<Flaw> try_conditional_objects(ObjectStore& objects, const std::string& bucket) {
  const std::string key = trial_name();
  auto flaw = write_under_conditions(objects, bucket, key);
  if (auto removed = objects.remove({bucket, key}); !removed && flaw) return std::move(removed).error();
  return flaw;
}

Result<Flaw> try_metadata(ObjectStore& objects, const std::string& bucket) {
  const std::string key = trial_name();
  PutObject object = object_of(bucket, key, "{\"a\": \"\\u00e4 \xC3\xA4\"}\n\t \r");
  object.metadata.emplace_back(metadata_name, "one,two");
  if (auto written = objects.put(object); !written) return std::move(written).error();
  auto there = std::move(objects.get(std::span(&object.where, 1)).front());
  auto removed = objects.remove(object.where);
  if (!there) return std::move(there).error();
  if (!removed) return std::move(removed).error();
  if (there->body != object.body) return Flaw("it gives back other bytes than it was given");
  if (there->metadata != object.metadata) return Flaw("it keeps no metadata of objects");
  return Flaw();
}

Result<Flaw> try_conditional_items(Table& table, Time now) {
  const std::string partition = trial_name();
  auto flaw = write_items_under_conditions(table, partition, now);
  remove_items(table, std::span(&partition, 1));
  return flaw;
}

Result<Flaw> try_transactions(Table& table, Time now) {
  const std::array<std::string, 2> partitions{trial_name(), trial_name()};
  auto flaw = transact_in_vain(table, partitions[0], partitions[1], now);
  remove_items(table, partitions);
  return flaw;
}

}  // namespace fanfold::aws
