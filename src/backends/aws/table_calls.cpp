#include "backends/aws/table_calls.hpp"

#include "backends/aws/dynamodb_calls.hpp"
#include "backends/aws/keys.hpp"

#include <fanfold/detail/json_writer.hpp>

namespace fanfold::aws {
namespace {

using detail::JsonKind;
using detail::JsonValue;
using detail::JsonWriter;

template <class Fill>
std::string table_request(std::string_view table, Fill&& fill) {
  std::string body;
  JsonWriter out(body);
  out.begin_object();
  out.plain_key("TableName");
  out.string(table);
  fill(out);
  out.end_object();
  return body;
}

void write_schema(JsonWriter& out, std::string_view partition, std::string_view sort) {
  out.plain_key("KeySchema");
  out.begin_array();
  for (const auto& [name, type] : {std::pair(partition, "HASH"), std::pair(sort, "RANGE")}) {
    out.begin_object();
    out.plain_key("AttributeName");
    out.plain_string(name);
    out.plain_key("KeyType");
    out.plain_string(type);
    out.end_object();
  }
  out.end_array();
}

void write_table(JsonWriter& out, std::uint64_t warm_write_units) {
  out.plain_key("AttributeDefinitions");
  out.begin_array();
  for (const std::string_view name : {partition_name, sort_name, index_partition_name, index_sort_name}) {
    out.begin_object();
    out.plain_key("AttributeName");
    out.plain_string(name);
    out.plain_key("AttributeType");
    out.plain_string("S");
    out.end_object();
  }
  out.end_array();
  write_schema(out, partition_name, sort_name);
  out.plain_key("GlobalSecondaryIndexes");
  out.begin_array();
  out.begin_object();
  out.plain_key("IndexName");
  out.plain_string(index_name);
  write_schema(out, index_partition_name, index_sort_name);
  out.plain_key("Projection");
  out.begin_object();
  out.plain_key("ProjectionType");
  out.plain_string("INCLUDE");
  out.plain_key("NonKeyAttributes");
  out.begin_array();
  out.plain_string(index_projected_name);
  out.end_array();
  out.end_object();
  out.end_object();
  out.end_array();
  out.plain_key("BillingMode");
  out.plain_string("PAY_PER_REQUEST");
  if (warm_write_units == 0) return;
  out.plain_key("WarmThroughput");
  out.begin_object();
  out.plain_key("WriteUnitsPerSecond");
  out.unsigned_integer(warm_write_units);
  out.end_object();
}

std::string read_schema(const JsonValue& object) {
  std::string text;
  const auto schema = object.find("KeySchema");
  if (!schema || schema->kind() != JsonKind::array) return text;
  for (const JsonValue key : schema->elements()) {
    if (key.kind() != JsonKind::object) continue;
    if (!text.empty()) text += ' ';
    text += text_of(key, "AttributeName") + ":" + text_of(key, "KeyType");
  }
  return text;
}

}  // namespace

DescribeTableCall::DescribeTableCall(Service& service, std::string_view table)
    : JsonCall(service, dynamodb_target, "DescribeTable", table_request(table, [](JsonWriter&) {})) {}

Result<void> DescribeTableCall::decode_json(JsonValue root) {
  const auto table = root.find("Table");
  if (!table || table->kind() != JsonKind::object) return detail::json_error_missing(root, "Table");
  status = text_of(*table, "TableStatus");
  keys = read_schema(*table);
  index_keys.clear();
  index_status.clear();
  const auto indexes = table->find("GlobalSecondaryIndexes");
  if (!indexes || indexes->kind() != JsonKind::array) return {};
  for (const JsonValue index : indexes->elements()) {
    if (index.kind() != JsonKind::object || text_of(index, "IndexName") != index_name) continue;
    index_keys = read_schema(index);
    index_status = text_of(index, "IndexStatus");
  }
  return {};
}

CreateTableCall::CreateTableCall(Service& service, std::string_view table, std::uint64_t warm_write_units)
    : JsonCall(service, dynamodb_target, "CreateTable",
               table_request(table, [&](JsonWriter& out) { write_table(out, warm_write_units); })) {}

DescribeTtlCall::DescribeTtlCall(Service& service, std::string_view table)
    : JsonCall(service, dynamodb_target, "DescribeTimeToLive", table_request(table, [](JsonWriter&) {})) {}

Result<void> DescribeTtlCall::decode_json(JsonValue root) {
  const auto description = root.find("TimeToLiveDescription");
  if (!description || description->kind() != JsonKind::object)
    return detail::json_error_missing(root, "TimeToLiveDescription");
  status = text_of(*description, "TimeToLiveStatus");
  attribute = text_of(*description, "AttributeName");
  return {};
}

EnableTtlCall::EnableTtlCall(Service& service, std::string_view table)
    : JsonCall(service, dynamodb_target, "UpdateTimeToLive", table_request(table, [](JsonWriter& out) {
                 out.plain_key("TimeToLiveSpecification");
                 out.begin_object();
                 out.plain_key("Enabled");
                 out.boolean(true);
                 out.plain_key("AttributeName");
                 out.plain_string(ttl_name);
                 out.end_object();
               })) {}

}  // namespace fanfold::aws
