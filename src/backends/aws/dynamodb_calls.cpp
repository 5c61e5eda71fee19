#include "backends/aws/dynamodb_calls.hpp"

#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/keys.hpp"
#include "support/identifier.hpp"

#include <cmath>

namespace fanfold::aws {
namespace {

using detail::JsonKind;
using detail::JsonValue;
using detail::JsonWriter;

/// Of one attempt, where a lease may hang on it: the attempts of an extension that begins at a third of a lease of 30 s
/// are over before its end, and a connection that went dead costs no lease. An update is small, an item may have 400
/// KB.
constexpr std::chrono::milliseconds update_timeout{5'000};
constexpr std::chrono::milliseconds get_timeout{10'000};
constexpr std::string_view condition_failed = "ConditionalCheckFailedException";
constexpr std::string_view table_missing = "ResourceNotFoundException";
constexpr std::string_view transaction_failed = "TransactionCanceledException";
/// 16 MB of data in base64, and room for what is around it.
constexpr std::size_t answer_bytes_max = std::size_t{48} << 20U;
constexpr double thousand = 1'000;

template <class Fill>
std::string body_of(const TableContext& context, Fill&& fill) {
  constexpr std::size_t bytes_expected = 640;  // Of a leaf's update.
  std::string body;
  body.reserve(bytes_expected);
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

void write_table(JsonWriter& out, const TableContext& context) {
  out.plain_key("TableName");
  out.string(context.table);
}

void write_expression(JsonWriter& out, const UpdateRequest* update, const Condition& condition) {
  Expression expression;
  if (update != nullptr) expression.add_update(*update);
  expression.add_condition(condition);
  expression.write(out);
}

void write_what_is_there(JsonWriter& out, const Condition& condition) {
  if (condition.empty()) return;
  out.plain_key("ReturnValuesOnConditionCheckFailure");
  out.plain_string("ALL_OLD");
}

void begin_entry(JsonWriter& out, std::string_view request, std::string_view content) {
  out.begin_object();
  out.plain_key(request);
  out.begin_object();
  out.plain_key(content);
}

void end_entry(JsonWriter& out) {
  out.end_object();
  out.end_object();
}

void write_query(JsonWriter& out, const TableContext& context, const QueryRequest& request) {
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

}  // namespace

TableCall::TableCall(const TableContext& context, std::string_view operation, Charge charge, std::string body,
                     std::chrono::milliseconds timeout)
    : JsonCall(context.service, dynamodb_target, operation, std::move(body), timeout),
      usage_(context.usage),
      table_(context.table),
      charge_(charge) {
  limits_.size_bytes = answer_bytes_max;
  limits_.depth = 2 * limits_.depth;
  ++usage_.dynamodb_call_count;
}

std::optional<Error> TableCall::failure() const {
  if (answer().service_code != table_missing) return answer().error;
  return Error{ErrorCode::invalid_argument,
               "there is no table " + table_ + " in this account and region; fanfold setup aws makes it, and " +
                   "FANFOLD_TABLE names another",
               answer().error ? answer().error->remote_detail : std::string()};
}

Result<void> TableCall::decode_json(JsonValue root) {
  note_capacity(root);
  return decode_answer(root);
}

void TableCall::note_capacity(const JsonValue& root) {
  const auto consumed = root.find("ConsumedCapacity");
  if (!consumed) return;
  if (consumed->kind() == JsonKind::object) return add(*consumed);
  if (consumed->kind() != JsonKind::array) return;
  for (const JsonValue one : consumed->elements()) {
    if (one.kind() == JsonKind::object) add(one);
  }
}

void TableCall::add(const JsonValue& consumed) {
  const auto units = consumed.find("CapacityUnits");
  const auto number = units ? units->float64() : std::nullopt;
  if (!number || *number < 0) return;
  auto& sum = charge_ == Charge::read ? usage_.dynamodb_read_thousandths : usage_.dynamodb_write_thousandths;
  sum += static_cast<std::uint64_t>(std::llround(*number * thousand));
}

WriteCall::WriteCall(const TableContext& context, const UpdateRequest& request)
    : TableCall(context, "UpdateItem", Charge::write,
                body_of(context,
                        [&](JsonWriter& out) {
                          write_table(out, context);
                          out.plain_key("Key");
                          write_key(out, request.key);
                          write_expression(out, &request, request.condition);
                          out.plain_key("ReturnValues");
                          out.plain_string(request.answers_item ? "ALL_NEW" : "NONE");
                          write_what_is_there(out, request.condition);
                        }),
                update_timeout),
      answers_item_(request.answers_item) {}

WriteCall::WriteCall(const TableContext& context, const PutRequest& request)
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

Result<WriteAnswer> WriteCall::take() {
  if (answer().service_code == condition_failed) return refused();
  if (const auto failed = failure()) return *failed;
  return WriteAnswer{.refused = false, .item = std::move(item_)};
}

Result<void> WriteCall::decode_answer(JsonValue root) {
  item_.reset();
  if (!answers_item_) return {};
  const auto attributes = root.find("Attributes");
  if (!attributes) return detail::json_error_missing(root, "Attributes");
  auto item = read_item(*attributes);
  if (!item) return std::move(item).error();
  item_ = std::move(*item);
  return {};
}

/// What is there is in the refusal itself; a server that leaves it out, or writes what nobody understands, is asked
/// again.
Result<WriteAnswer> WriteCall::refused() {
  WriteAnswer written{.refused = true, .item = std::nullopt};
  detail::JsonDocument document;
  if (!document.read(answer().response.body, limits_).has_value() || document.root().kind() != JsonKind::object)
    return written;
  const auto there = document.root().find("Item");
  if (!there || there->kind() != JsonKind::object) return written;
  if (auto item = read_item(*there); item.has_value()) written.item = std::move(*item);
  return written;
}

GetCall::GetCall(const TableContext& context, const ItemKey& key, Consistency consistency)
    : TableCall(context, "GetItem", Charge::read,
                body_of(context,
                        [&](JsonWriter& out) {
                          write_table(out, context);
                          out.plain_key("Key");
                          write_key(out, key);
                          out.plain_key("ConsistentRead");
                          out.boolean(consistency == Consistency::strong);
                        }),
                get_timeout) {}

Result<void> GetCall::decode_answer(JsonValue root) {
  item.reset();
  const auto there = root.find("Item");
  if (!there || there->is_null()) return {};
  auto read = read_item(*there);
  if (!read) return std::move(read).error();
  item = std::move(*read);
  return {};
}

BatchGetCall::BatchGetCall(const TableContext& context, std::span<const ItemKey> keys, Consistency consistency)
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

/// The table may be named by its ARN or its name: it is the only one asked for.
Result<void> BatchGetCall::decode_answer(JsonValue root) {
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

BatchWriteCall::BatchWriteCall(const TableContext& context, const BatchWriteRequest& request)
    : TableCall(context, "BatchWriteItem", Charge::write, body_of(context, [&](JsonWriter& out) {
                  out.plain_key("RequestItems");
                  out.begin_object();
                  out.key(context.table);
                  out.begin_array();
                  for (const Item& item : request.puts) {
                    begin_entry(out, "PutRequest", "Item");
                    write_item(out, item);
                    end_entry(out);
                  }
                  for (const ItemKey& key : request.removes) {
                    begin_entry(out, "DeleteRequest", "Key");
                    write_key(out, key);
                    end_entry(out);
                  }
                  out.end_array();
                  out.end_object();
                })) {}

Result<void> BatchWriteCall::decode_answer(JsonValue root) {
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

Result<void> BatchWriteCall::read_request(const JsonValue& request) {
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

QueryCall::QueryCall(const TableContext& context, const QueryRequest& request)
    : TableCall(context, "Query", Charge::read,
                body_of(context, [&](JsonWriter& out) { write_query(out, context, request); })) {}

Result<void> QueryCall::decode_answer(JsonValue root) {
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

TransactCall::TransactCall(const TableContext& context, std::span<const PutRequest> puts)
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

Result<TransactAnswer> TransactCall::take() {
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

}  // namespace fanfold::aws
