#include <fanfold/sqs_event.hpp>

#include <fanfold/detail/json_writer.hpp>

#include "wire/base64.hpp"
#include "wire/envelope_text.hpp"
#include "wire/fields.hpp"

namespace fanfold {

namespace {

using detail::JsonKind;
using detail::JsonMemberView;
using detail::JsonValue;
using wire::Fields;

// An event is at most 6 MB (Lambda's limit on invocations); bodies in it are escaped once more.
constexpr detail::JsonLimits event_limits{.depth = 16, .size_bytes = 2 * json_size_bytes_max};

void read_attributes(Fields& fields, SqsRecord& record) {
  const auto attributes = fields.optional("attributes");
  if (!attributes) return;
  if (attributes->kind() != JsonKind::object) return fields.refuse(detail::json_error_expected(*attributes, "object"));
  for (const JsonMemberView attribute : attributes->members()) {
    if (attribute.value.kind() != JsonKind::string)
      return fields.refuse(detail::json_error_expected(attribute.value, "string"));
    record.attributes.emplace(attribute.key, attribute.value.string());
  }
}

Result<SqsMessageAttribute> read_message_attribute(const JsonValue& value) {
  Fields fields(value);
  SqsMessageAttribute attribute;
  attribute.data_type = fields.string("dataType");
  attribute.string_value = fields.optional_string("stringValue");
  if (const auto binary = fields.optional("binaryValue")) {
    if (binary->kind() != JsonKind::string) return detail::json_error_expected(*binary, "string");
    auto bytes = wire::decode_base64(binary->string());
    if (!bytes) return detail::json_error_at(*binary, "expected base64");
    attribute.binary_value = std::move(*bytes);
  }
  if (fields.failed()) return fields.error();
  return attribute;
}

void read_message_attributes(Fields& fields, SqsRecord& record) {
  const auto attributes = fields.optional("messageAttributes");
  if (!attributes) return;
  if (attributes->kind() != JsonKind::object) return fields.refuse(detail::json_error_expected(*attributes, "object"));
  for (const JsonMemberView attribute : attributes->members()) {
    auto read = read_message_attribute(attribute.value);
    if (!read) return fields.refuse(read.error());
    record.message_attributes.emplace(attribute.key, std::move(*read));
  }
}

void check_source(Fields& fields, const SqsRecord& record) {
  if (fields.failed()) return;
  const auto url = wire::queue_url_of(record.event_source_arn);
  if (url) return;
  const auto member = fields.required("eventSourceARN");
  if (!member) return;
  constexpr std::size_t pointer_bytes = std::string_view("/eventSourceARN: ").size();
  fields.refuse(detail::json_error_at(*member, url.error().message.substr(pointer_bytes)));
}

/// Bad input fails its message alone. What tells its place (its queue and FIFO group) is read first, so that it is
/// known whatever else is wrong.
Result<SqsRecord> read_record(const JsonValue& value) {
  Fields fields(value);
  SqsRecord record;
  record.message_id = fields.string("messageId");
  if (fields.failed()) return fields.error();
  read_attributes(fields, record);
  Fields source(value);
  record.event_source_arn = source.string("eventSourceARN");
  check_source(source, record);
  if (source.failed()) fields.refuse(source.error());
  record.receipt_handle = fields.string("receiptHandle");
  record.body = fields.string("body");
  read_message_attributes(fields, record);
  record.aws_region = fields.optional_string("awsRegion");
  if (fields.failed()) record.error = fields.error();
  return record;
}

}  // namespace

Result<SqsEvent> SqsEvent::parse(std::string_view json) {
  detail::JsonDocument document;
  const auto read = document.read(json, event_limits);
  if (!read) return read.error();
  const JsonValue root = document.root();
  Fields fields(root);
  const auto records = fields.required("Records");
  if (fields.failed()) return fields.error();
  if (records->kind() != JsonKind::array) return detail::json_error_expected(*records, "array");

  SqsEvent event;
  event.records.reserve(records->size());
  for (const JsonValue value : records->elements()) {
    auto record = read_record(value);
    if (!record) return std::move(record).error();
    event.records.push_back(std::move(*record));
  }
  return event;
}

std::string BatchResponse::to_json() const {
  std::string text;
  detail::JsonWriter writer(text);
  writer.begin_object();
  writer.plain_key("batchItemFailures");
  writer.begin_array();
  for (const std::string& id : batch_item_failures) {
    writer.begin_object();
    writer.plain_key("itemIdentifier");
    writer.string(id);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return text;
}

}  // namespace fanfold
