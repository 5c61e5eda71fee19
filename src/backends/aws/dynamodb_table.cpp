#include "backends/aws/dynamodb_table.hpp"

#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/keys.hpp"
#include "support/assert.hpp"
#include "support/identifier.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <memory>

namespace fanfold::aws {
namespace {

using detail::JsonKind;
using detail::JsonValue;
using detail::JsonWriter;

constexpr std::string_view target = "DynamoDB_20120810";
constexpr std::string_view condition_failed = "ConditionalCheckFailedException";
constexpr std::string_view table_missing = "ResourceNotFoundException";
constexpr std::string_view transaction_failed = "TransactionCanceledException";
/// 16 MB of data in base64, and room for what is around it.
constexpr std::size_t answer_bytes_max = std::size_t{48} << 20U;
constexpr double thousand = 1'000;

struct Context {
  Service& service;
  const std::string& table;
  Usage& usage;
  bool asks_capacity;
};

template <class Fill>
std::string body_of(const Context& context, Fill&& fill) {
  std::string body;
  JsonWriter out(body);
  out.begin_object();
  fill(out);
  if (context.asks_capacity) {
    out.plain_key("ReturnConsumedCapacity");
    out.plain_string("TOTAL");
  }
  out.end_object();
  return body;
}

void write_table(JsonWriter& out, const Context& context) {
  out.plain_key("TableName");
  out.string(context.table);
}

void write_expression(JsonWriter& out, const UpdateRequest* update, const Condition& condition) {
  Expression expression;
  if (update != nullptr) expression.add_update(*update);
  expression.add_condition(condition);
  expression.write(out);
}

/// A call that notes what it was charged.
class TableCall : public JsonCall {
 public:
  enum class Charge : std::uint8_t { read, write };
  TableCall(const Context& context, std::string_view operation, Charge charge, std::string body)
      : JsonCall(context.service, target, operation, std::move(body)),
        usage_(context.usage),
        table_(context.table),
        charge_(charge) {
    limits_.size_bytes = answer_bytes_max;
    limits_.depth = 2 * limits_.depth;
    ++usage_.dynamodb_call_count;
  }

  /// A table that is not there is a mistake of whoever configured it; as not_found it would look like a record that is
  /// not there, on which decisions are made.
  [[nodiscard]] std::optional<Error> failure() const {
    if (answer().service_code != table_missing) return answer().error;
    return Error{ErrorCode::invalid_argument,
                 "there is no table " + table_ + " in this account and region; fanfold setup aws makes it, and " +
                     "FANFOLD_TABLE names another",
                 answer().error ? answer().error->remote_detail : std::string()};
  }

 protected:
  Result<void> decode_json(JsonValue root) final {
    note_capacity(root);
    return decode_answer(root);
  }
  virtual Result<void> decode_answer(JsonValue root) = 0;

 private:
  void note_capacity(const JsonValue& root) {
    const auto consumed = root.find("ConsumedCapacity");
    if (!consumed) return;
    if (consumed->kind() == JsonKind::object) return add(*consumed);
    if (consumed->kind() != JsonKind::array) return;
    for (const JsonValue one : consumed->elements()) {
      if (one.kind() == JsonKind::object) add(one);
    }
  }
  void add(const JsonValue& consumed) {
    const auto units = consumed.find("CapacityUnits");
    const auto number = units ? units->float64() : std::nullopt;
    if (!number || *number < 0) return;
    auto& sum = charge_ == Charge::read ? usage_.dynamodb_read_thousandths : usage_.dynamodb_write_thousandths;
    sum += static_cast<std::uint64_t>(std::llround(*number * thousand));
  }

  Usage& usage_;
  const std::string& table_;
  Charge charge_;
};

/// UpdateItem or PutItem.
class WriteCall final : public TableCall {
 public:
  WriteCall(const Context& context, const UpdateRequest& request)
      : TableCall(context, "UpdateItem", Charge::write,
                  body_of(context,
                          [&](JsonWriter& out) {
                            write_table(out, context);
                            out.plain_key("Key");
                            write_key(out, request.key);
                            write_expression(out, &request, request.condition);
                            out.plain_key("ReturnValues");
                            out.plain_string("ALL_NEW");
                            write_what_is_there(out, request.condition);
                          })),
        answers_item_(true) {}
  WriteCall(const Context& context, const PutRequest& request)
      : TableCall(context, "PutItem", Charge::write,
                  body_of(context,
                          [&](JsonWriter& out) {
                            write_table(out, context);
                            out.plain_key("Item");
                            write_item(out, request.item);
                            write_expression(out, nullptr, request.condition);
                            write_what_is_there(out, request.condition);
                          })),
        answers_item_(false) {}

  Result<WriteAnswer> take() {
    if (answer().service_code == condition_failed) return refused();
    if (const auto failed = failure()) return *failed;
    return WriteAnswer{.refused = false, .item = std::move(item_)};
  }

 private:
  static void write_what_is_there(JsonWriter& out, const Condition& condition) {
    if (condition.empty()) return;
    out.plain_key("ReturnValuesOnConditionCheckFailure");
    out.plain_string("ALL_OLD");
  }

  Result<void> decode_answer(JsonValue root) override {
    item_.reset();
    const auto attributes = root.find("Attributes");
    if (!attributes)
      return answers_item_ ? Result<void>(detail::json_error_missing(root, "Attributes")) : Result<void>();
    auto item = read_item(*attributes);
    if (!item) return std::move(item).error();
    item_ = std::move(*item);
    return {};
  }

  /// What is there is in the refusal itself; a server that leaves it out, or writes what nobody understands, is asked
  /// again.
  Result<WriteAnswer> refused() {
    WriteAnswer written{.refused = true, .item = std::nullopt};
    detail::JsonDocument document;
    if (!document.read(answer().response.body, limits_).has_value() || document.root().kind() != JsonKind::object)
      return written;
    const auto there = document.root().find("Item");
    if (!there || there->kind() != JsonKind::object) return written;
    if (auto item = read_item(*there); item.has_value()) written.item = std::move(*item);
    return written;
  }

  bool answers_item_;
  std::optional<Item> item_;
};

class GetCall final : public TableCall {
 public:
  GetCall(const Context& context, const ItemKey& key, Consistency consistency)
      : TableCall(context, "GetItem", Charge::read, body_of(context, [&](JsonWriter& out) {
                    write_table(out, context);
                    out.plain_key("Key");
                    write_key(out, key);
                    out.plain_key("ConsistentRead");
                    out.boolean(consistency == Consistency::strong);
                  })) {}
  std::optional<Item> item{};

 private:
  Result<void> decode_answer(JsonValue root) override {
    item.reset();
    const auto there = root.find("Item");
    if (!there || there->is_null()) return {};
    auto read = read_item(*there);
    if (!read) return std::move(read).error();
    item = std::move(*read);
    return {};
  }
};

class BatchGetCall final : public TableCall {
 public:
  BatchGetCall(const Context& context, std::span<const ItemKey> keys, Consistency consistency)
      : TableCall(context, "BatchGetItem", Charge::read, body_of(context, [&](JsonWriter& out) {
                    out.plain_key("RequestItems");
                    out.begin_object();
                    out.key(context.table);
                    out.begin_object();
                    out.plain_key("Keys");
                    out.begin_array();
                    for (const ItemKey& key : keys) write_key(out, key);
                    out.end_array();
                    out.plain_key("ConsistentRead");
                    out.boolean(consistency == Consistency::strong);
                    out.end_object();
                    out.end_object();
                  })) {}
  BatchGetAnswer batch{};

 private:
  /// The table may be named by its ARN or its name: it is the only one asked for.
  Result<void> decode_answer(JsonValue root) override {
    batch = {};
    const auto responses = root.find("Responses");
    if (!responses || responses->kind() != JsonKind::object) return detail::json_error_missing(root, "Responses");
    for (const detail::JsonMemberView table : responses->members()) {
      if (table.value.kind() != JsonKind::array) return detail::json_error_expected(table.value, "array");
      for (const JsonValue one : table.value.elements()) {
        auto item = read_item(one);
        if (!item) return std::move(item).error();
        batch.items.push_back(std::move(*item));
      }
    }
    const auto rest = root.find("UnprocessedKeys");
    if (!rest || rest->kind() != JsonKind::object) return {};
    for (const detail::JsonMemberView table : rest->members()) {
      const auto keys = table.value.kind() == JsonKind::object ? table.value.find("Keys") : std::nullopt;
      if (!keys || keys->kind() != JsonKind::array) return detail::json_error_expected(table.value, "Keys");
      for (const JsonValue one : keys->elements()) {
        auto key = read_key(one);
        if (!key) return std::move(key).error();
        batch.unprocessed.push_back(std::move(*key));
      }
    }
    return {};
  }
};

class BatchWriteCall final : public TableCall {
 public:
  BatchWriteCall(const Context& context, const BatchWriteRequest& request)
      : TableCall(context, "BatchWriteItem", Charge::write, body_of(context, [&](JsonWriter& out) {
                    out.plain_key("RequestItems");
                    out.begin_object();
                    out.key(context.table);
                    out.begin_array();
                    for (const Item& item : request.puts) {
                      begin(out, "PutRequest", "Item");
                      write_item(out, item);
                      end(out);
                    }
                    for (const ItemKey& key : request.removes) {
                      begin(out, "DeleteRequest", "Key");
                      write_key(out, key);
                      end(out);
                    }
                    out.end_array();
                    out.end_object();
                  })) {}
  BatchWriteRequest rest{};

 private:
  static void begin(JsonWriter& out, std::string_view request, std::string_view content) {
    out.begin_object();
    out.plain_key(request);
    out.begin_object();
    out.plain_key(content);
  }
  static void end(JsonWriter& out) {
    out.end_object();
    out.end_object();
  }

  Result<void> decode_answer(JsonValue root) override {
    rest = {};
    const auto unprocessed = root.find("UnprocessedItems");
    if (!unprocessed || unprocessed->kind() != JsonKind::object) return {};
    for (const detail::JsonMemberView table : unprocessed->members()) {
      if (table.value.kind() != JsonKind::array) return detail::json_error_expected(table.value, "array");
      for (const JsonValue one : table.value.elements()) {
        if (auto read = read_request(one); !read) return read;
      }
    }
    return {};
  }

  Result<void> read_request(const JsonValue& request) {
    if (request.kind() != JsonKind::object) return detail::json_error_expected(request, "object");
    const auto put = request.find("PutRequest");
    const auto item_json = put && put->kind() == JsonKind::object ? put->find("Item") : std::nullopt;
    if (item_json) {
      auto item = read_item(*item_json);
      if (!item) return std::move(item).error();
      rest.puts.push_back(std::move(*item));
      return {};
    }
    const auto remove = request.find("DeleteRequest");
    const auto key_json = remove && remove->kind() == JsonKind::object ? remove->find("Key") : std::nullopt;
    if (!key_json) return detail::json_error_expected(request, "PutRequest or DeleteRequest");
    auto key = read_key(*key_json);
    if (!key) return std::move(key).error();
    rest.removes.push_back(std::move(*key));
    return {};
  }
};

class QueryCall final : public TableCall {
 public:
  QueryCall(const Context& context, const QueryRequest& request)
      : TableCall(context, "Query", Charge::read,
                  body_of(context, [&](JsonWriter& out) { write(out, context, request); })) {}
  QueryAnswer page{};

 private:
  static void write(JsonWriter& out, const Context& context, const QueryRequest& request) {
    const bool is_index = request.index == QueryRequest::Index::clusters;
    write_table(out, context);
    if (is_index) {
      out.plain_key("IndexName");
      out.plain_string(index_name);
    }
    const bool has_prefix = !request.sort_prefix.empty();
    const bool has_bound = !has_prefix && !request.sort_below.empty();
    out.plain_key("KeyConditionExpression");
    out.plain_string(has_prefix ? "#p=:p AND begins_with(#s,:s)" : has_bound ? "#p=:p AND #s<:s" : "#p=:p");
    out.plain_key("ExpressionAttributeNames");
    out.begin_object();
    out.plain_key("#p");
    out.plain_string(is_index ? index_partition_name : partition_name);
    if (has_prefix || has_bound) {
      out.plain_key("#s");
      out.plain_string(is_index ? index_sort_name : sort_name);
    }
    out.end_object();
    out.plain_key("ExpressionAttributeValues");
    out.begin_object();
    out.plain_key(":p");
    write_value(out, Value::of(request.partition));
    if (has_prefix || has_bound) {
      out.plain_key(":s");
      write_value(out, Value::of(has_prefix ? request.sort_prefix : request.sort_below));
    }
    out.end_object();
    out.plain_key("ScanIndexForward");
    out.boolean(!request.descending);
    if (request.count_max != 0) {
      out.plain_key("Limit");
      out.unsigned_integer(request.count_max);
    }
    if (!is_index) {
      out.plain_key("ConsistentRead");
      out.boolean(request.consistency == Consistency::strong);
    }
    if (request.after) {
      out.plain_key("ExclusiveStartKey");
      write_key(out, *request.after);
    }
  }

  Result<void> decode_answer(JsonValue root) override {
    page = {};
    const auto items = root.find("Items");
    if (!items || items->kind() != JsonKind::array) return detail::json_error_missing(root, "Items");
    for (const JsonValue one : items->elements()) {
      auto item = read_item(one);
      if (!item) return std::move(item).error();
      page.items.push_back(std::move(*item));
    }
    const auto last = root.find("LastEvaluatedKey");
    if (!last || last->is_null()) return {};
    auto key = read_key(*last);
    if (!key) return std::move(key).error();
    page.next = std::move(*key);
    return {};
  }
};

class TransactCall final : public TableCall {
 public:
  TransactCall(const Context& context, std::span<const PutRequest> puts)
      : TableCall(context, "TransactWriteItems", Charge::write, body_of(context, [&](JsonWriter& out) {
                    out.plain_key("TransactItems");
                    out.begin_array();
                    for (const PutRequest& request : puts) {
                      out.begin_object();
                      out.plain_key("Put");
                      out.begin_object();
                      write_table(out, context);
                      out.plain_key("Item");
                      write_item(out, request.item);
                      write_expression(out, nullptr, request.condition);
                      out.end_object();
                      out.end_object();
                    }
                    out.end_array();
                    // A copy of this request that came before makes it succeed.
                    out.plain_key("ClientRequestToken");
                    out.plain_string(std::to_string(random_bits()));
                  })) {}

  Result<TransactAnswer> take() {
    if (answer().service_code != transaction_failed) {
      if (const auto failed = failure()) return *failed;
      return TransactAnswer{};
    }
    const std::string_view body = answer().response.body;
    const bool is_throttled = body.find("ThrottlingError") != std::string_view::npos ||
                              body.find("ProvisionedThroughputExceeded") != std::string_view::npos;
    if (is_throttled) return Error{ErrorCode::throttled, "dynamodb TransactWriteItems: throttled", {}};
    const bool is_refused = body.find("ConditionalCheckFailed") != std::string_view::npos ||
                            body.find("TransactionConflict") != std::string_view::npos;
    if (is_refused) return TransactAnswer{.refused = true};
    return *answer().error;
  }

 private:
  Result<void> decode_answer(JsonValue) override { return {}; }
};

Result<void> check_size(const Item& item) {
  if (item_bytes(item) <= item_bytes_max) return {};
  return Error{
      ErrorCode::too_large, "an item of the table has at most " + std::to_string(item_bytes_max) + " bytes", {}};
}

/// Runs one call for each request, many at a time, and takes their answers.
template <class C, class Requests, class Take>
auto run_each(const Context& context, const Requests& requests, Take&& take) {
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
  return run_each<WriteCall>(Context{service_, name_, usage_, asks_capacity_}, requests,
                             [](WriteCall& call) { return call.take(); });
}

std::vector<Result<WriteAnswer>> DynamoDbTable::put(std::span<const PutRequest> requests) {
  for (const PutRequest& request : requests) {
    if (auto checked = check_size(request.item); !checked)
      return std::vector<Result<WriteAnswer>>(requests.size(), checked.error());
  }
  return run_each<WriteCall>(Context{service_, name_, usage_, asks_capacity_}, requests,
                             [](WriteCall& call) { return call.take(); });
}

std::vector<Result<QueryAnswer>> DynamoDbTable::query(std::span<const QueryRequest> requests) {
  return run_each<QueryCall>(Context{service_, name_, usage_, asks_capacity_}, requests,
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
