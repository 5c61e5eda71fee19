#include "wire/envelope_text.hpp"

#include "support/trace_context.hpp"

#include <array>
#include <charconv>

namespace fanfold::wire {

namespace {

struct Partition {
  std::string_view name;
  std::string_view domain;
};

// The DNS suffixes of AWS's partitions, as its SDKs publish them (botocore's partitions.json).
constexpr std::array<Partition, 8> partitions{{
    {"aws", "amazonaws.com"},
    {"aws-cn", "amazonaws.com.cn"},
    {"aws-us-gov", "amazonaws.com"},
    {"aws-iso", "c2s.ic.gov"},
    {"aws-iso-b", "sc2s.sgov.gov"},
    {"aws-iso-e", "cloud.adc-e.uk"},
    {"aws-iso-f", "csp.hci.ic.gov"},
    {"aws-eusc", "amazonaws.eu"},
}};

constexpr std::string_view receive_count_key = "ApproximateReceiveCount";
constexpr std::string_view sent_key = "SentTimestamp";
constexpr std::string_view group_key = "MessageGroupId";

Error bad_arn(std::string_view reason, std::string_view arn) {
  return {ErrorCode::bad_input, "/eventSourceARN: " + std::string(reason), std::string(arn.substr(0, 256))};
}

template <class Number>
Result<Number> number_attribute(const SqsRecord& record, std::string_view key, Number fallback) {
  const auto found = record.attributes.find(std::string(key));
  if (found == record.attributes.end()) return fallback;
  const std::string& text = found->second;
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < 0) {
    return Error{ErrorCode::bad_input, "/attributes/" + std::string(key) + ": expected a whole number as text",
                 text.substr(0, 64)};
  }
  return value;
}

void add_attribute(SqsRecord& record, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  record.message_attributes.emplace(
      name, SqsMessageAttribute{.data_type = "String", .string_value = text, .binary_value = {}});
}

SharedTrace trace_of(const SqsRecord& record) {
  TraceContext found;
  const auto header = record.attributes.find(std::string(aws_trace_name));
  if (header != record.attributes.end()) found.aws_header = header->second;
  if (!record.message_attributes.empty()) {
    const auto text = [&record](std::string_view name) {
      const auto attribute = record.message_attributes.find(std::string(name));
      return attribute != record.message_attributes.end() ? attribute->second.string_value : std::string();
    };
    found.parent = text(trace_parent_name);
    found.state = text(trace_state_name);
  }
  return found.empty() ? SharedTrace() : SharedTrace(support::tolerated_trace(std::move(found)));
}

}  // namespace

Result<std::string> queue_url_of(std::string_view event_source) {
  constexpr std::string_view scheme = "arn:";
  constexpr std::size_t part_count = 5;  // partition, service, region, account, queue
  if (!event_source.starts_with(scheme)) return std::string(event_source);

  std::array<std::string_view, part_count> parts{};
  std::string_view rest = event_source.substr(scheme.size());
  for (std::size_t i = 0; i + 1 < part_count; ++i) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos)
      return bad_arn("expected arn:<partition>:sqs:<region>:<account>:<queue>", event_source);
    parts[i] = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  parts.back() = rest;
  for (const std::string_view part : parts) {
    if (part.empty()) return bad_arn("expected arn:<partition>:sqs:<region>:<account>:<queue>", event_source);
  }
  if (parts[1] != "sqs") return bad_arn("expected a queue of sqs", event_source);
  for (const Partition& partition : partitions) {
    if (partition.name != parts[0]) continue;
    std::string url = "https://sqs.";
    url += parts[2];
    url += '.';
    url += partition.domain;
    url += '/';
    url += parts[3];
    url += '/';
    url += parts[4];
    return url;
  }
  return bad_arn("unknown AWS partition", event_source);
}

SqsRecord record_of(const Delivery& delivery, std::string_view queue_url) {
  SqsRecord record;
  record.message_id = delivery.message_id;
  record.receipt_handle = delivery.receipt_handle;
  record.body = delivery.content && delivery.text.empty() ? write_envelope(*delivery.content) : delivery.text;
  record.attributes.emplace(receive_count_key, std::to_string(delivery.receive_count));
  record.attributes.emplace(sent_key, std::to_string(delivery.sent_at.time_since_epoch().count()));
  if (!delivery.group_id.empty()) record.attributes.emplace(group_key, delivery.group_id);
  const SharedTrace& trace = delivery.content ? delivery.content->trace : delivery.trace;
  if (!trace->aws_header.empty()) record.attributes.emplace(aws_trace_name, trace->aws_header);
  if (!delivery.content) {  // Else it is in the text.
    add_attribute(record, trace_parent_name, trace->parent);
    add_attribute(record, trace_state_name, trace->state);
  }
  record.event_source_arn = queue_url;
  return record;
}

bool is_extended(const SqsRecord& record) {
  for (const std::string_view name : {extended_size_name, legacy_size_name}) {
    if (record.message_attributes.contains(std::string(name))) return true;
  }
  return false;
}

Result<Delivery> delivery_of(const SqsRecord& record) {
  if (record.error) return *record.error;
  const auto receive_count = number_attribute<std::uint32_t>(record, receive_count_key, 1);
  if (!receive_count) return receive_count.error();
  const auto sent_at = number_attribute<std::int64_t>(record, sent_key, 0);
  if (!sent_at) return sent_at.error();
  const auto url = queue_url_of(record.event_source_arn);
  if (!url) return url.error();

  Delivery delivery;
  delivery.message_id = record.message_id;
  delivery.receipt_handle = record.receipt_handle;
  delivery.receive_count = *receive_count;
  delivery.sent_at = Time(std::chrono::milliseconds(*sent_at));
  const auto group = record.attributes.find(std::string(group_key));
  if (group != record.attributes.end()) delivery.group_id = group->second;
  delivery.text = record.body;
  delivery.trace = trace_of(record);
  delivery.is_pointer = is_extended(record);
  if (delivery.is_pointer) return delivery;
  auto content = content_of(delivery);
  if (!content) return std::move(content).error();
  delivery.content = std::move(*content);
  return delivery;
}

}  // namespace fanfold::wire
