#include "backends/aws/dynamodb_table.hpp"

#include "backends/aws/dynamodb_calls.hpp"
#include "support/assert.hpp"

#include <algorithm>
#include <concepts>
#include <memory>

namespace fanfold::aws {
namespace {

Result<void> check_size(const Item& item) {
  if (item_bytes(item) <= item_bytes_max) return {};
  return Error{
      ErrorCode::too_large, "an item of the table has at most " + std::to_string(item_bytes_max) + " bytes", {}};
}

/// Runs one call for each request, many at a time, and takes their answers.
template <class C, class Requests, class Take>
auto run_each(const TableContext& context, const Requests& requests, Take&& take) {
  using Answered = decltype(take(std::declval<C&>()));
  std::vector<std::unique_ptr<C>> calls;
  calls.reserve(requests.size());
  for (const auto& request : requests) calls.push_back(std::make_unique<C>(context, request));
  if (calls.size() == 1) {
    context.service.run(*calls.front(), {});
  } else if (!calls.empty()) {
    context.service.run_all(std::span(calls), {});
  }
  std::vector<Answered> answers;
  answers.reserve(calls.size());
  for (const auto& call : calls) answers.push_back(take(*call));
  return answers;
}

}  // namespace

std::vector<Result<WriteAnswer>> DynamoDbTable::update(std::span<const UpdateRequest> requests) {
  return run_each<WriteCall>(TableContext{service_, name_, usage_, asks_capacity_}, requests,
                             [](WriteCall& call) { return call.take(); });
}

std::vector<Result<WriteAnswer>> DynamoDbTable::put(std::span<const PutRequest> requests) {
  for (const PutRequest& request : requests) {
    if (auto checked = check_size(request.item); !checked)
      return std::vector<Result<WriteAnswer>>(requests.size(), checked.error());
  }
  return run_each<WriteCall>(TableContext{service_, name_, usage_, asks_capacity_}, requests,
                             [](WriteCall& call) { return call.take(); });
}

std::vector<Result<QueryAnswer>> DynamoDbTable::query(std::span<const QueryRequest> requests) {
  return run_each<QueryCall>(TableContext{service_, name_, usage_, asks_capacity_}, requests,
                             [](QueryCall& call) -> Result<QueryAnswer> {
                               if (const auto failed = call.failure()) return *failed;
                               return std::move(call.page);
                             });
}

Result<std::optional<Item>> DynamoDbTable::get(const ItemKey& key, Consistency consistency) {
  GetCall call({service_, name_, usage_, asks_capacity_}, key, consistency);
  service_.run(call, {});
  if (const auto failed = call.failure()) return *failed;
  return std::move(call.item);
}

Result<BatchGetAnswer> DynamoDbTable::batch_get(std::span<const ItemKey> keys, Consistency consistency) {
  FANFOLD_ASSERT(!keys.empty() && keys.size() <= batch_get_count_max, "BatchGetItem takes 1 to 100 keys");
  BatchGetCall call({service_, name_, usage_, asks_capacity_}, keys, consistency);
  service_.run(call, {});
  if (const auto failed = call.failure()) return *failed;
  return std::move(call.batch);
}

Result<BatchWriteRequest> DynamoDbTable::batch_write(const BatchWriteRequest& request) {
  const std::size_t count = request.puts.size() + request.removes.size();
  FANFOLD_ASSERT(count > 0 && count <= batch_write_count_max, "BatchWriteItem takes 1 to 25 items");
  for (const Item& item : request.puts) {
    if (auto checked = check_size(item); !checked) return std::move(checked).error();
  }
  BatchWriteCall call({service_, name_, usage_, asks_capacity_}, request);
  service_.run(call, {});
  if (const auto failed = call.failure()) return *failed;
  return std::move(call.rest);
}

Result<TransactAnswer> DynamoDbTable::transact(std::span<const PutRequest> puts) {
  FANFOLD_ASSERT(!puts.empty() && puts.size() <= transact_count_max, "TransactWriteItems takes 1 to 100 items");
  for (const PutRequest& request : puts) {
    if (auto checked = check_size(request.item); !checked) return std::move(checked).error();
  }
  TransactCall call({service_, name_, usage_, asks_capacity_}, puts);
  service_.run(call, {});
  return call.take();
}

}  // namespace fanfold::aws
