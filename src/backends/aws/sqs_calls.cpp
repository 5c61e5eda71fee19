#include "backends/aws/sqs_calls.hpp"

#include "wire/envelope_text.hpp"

#include <fanfold/detail/json_writer.hpp>

#include <charconv>

namespace fanfold::aws {
namespace {

using detail::JsonKind;
using detail::JsonValue;
using detail::JsonWriter;
using wire::extended_size_name;
using wire::legacy_size_name;

constexpr std::string_view target = "AmazonSQS";
/// A long poll's answer may come so long after its wait, at the most.
constexpr std::chrono::seconds answer_grace{10};
/// Ten bodies, each character of which may be written as an escape.
constexpr std::size_t sqs_answer_bytes_max = std::size_t{63} << 20U;
constexpr std::size_t list_page_count = 1'000;
/// Of one attempt. A heartbeat waits for it, which has leases to extend next.
constexpr std::chrono::milliseconds visibility_timeout{5'000};

template <class Fill>
std::string object_of(Fill&& fill) {
  constexpr std::size_t bytes_expected = 512;
  std::string body;
  body.reserve(bytes_expected);
  JsonWriter out(body);
  out.begin_object();
  fill(out);
  out.end_object();
  return body;
}

template <class Entry, class Fill>
std::string batch_of(std::string_view url, std::span<const Entry> entries, Fill&& fill) {
  return object_of([&](JsonWriter& out) {
    out.plain_key("QueueUrl");
    out.string(url);
    out.plain_key("Entries");
    out.begin_array();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out.begin_object();
      out.plain_key("Id");
      out.plain_string(std::to_string(i));
      fill(out, entries[i]);
      out.end_object();
    }
    out.end_array();
  });
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  T number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

/// Elements of an array that may be missing, as servers leave out what is empty.
template <class Take>
Result<void> each_element(const JsonValue& root, std::string_view key, Take&& take) {
  const auto array = root.find(key);
  if (!array || array->is_null()) return {};
  if (array->kind() != JsonKind::array) return detail::json_error_expected(*array, "array");
  for (const JsonValue element : array->elements()) {
    if (Result<void> taken = take(element); !taken.has_value()) return taken;
  }
  return {};
}

/// Of a message attribute; empty where it is missing or no string.
std::string attribute_text(const JsonValue& attributes, std::string_view name) {
  const auto attribute = attributes.find(name);
  if (!attribute || attribute->kind() != JsonKind::object) return {};
  return text_of(*attribute, "StringValue");
}

/// Some codes come as the older protocol has them: "AWS.SimpleQueueService.MessageNotInflight".
std::string bare_code(std::string code) {
  if (const std::size_t dot = code.rfind('.'); dot != std::string::npos) code.erase(0, dot + 1);
  return code;
}

Error entry_error(const std::string& code, bool is_sender_fault, std::string message) {
  ErrorCode meaning = is_sender_fault ? ErrorCode::invalid_argument : ErrorCode::unavailable;
  if (code.find("hrottl") != std::string::npos || code == "OverLimit" || code == "KmsThrottled")
    meaning = ErrorCode::throttled;
  if (code == "InternalError" || code == "ServiceUnavailable") meaning = ErrorCode::unavailable;
  if (code == "BatchRequestTooLong") meaning = ErrorCode::too_large;
  return {meaning, "sqs refused the message: " + code, std::move(message)};
}

}  // namespace

Result<void> BatchCall::decode_json(JsonValue root) {
  const Error silence{ErrorCode::unavailable, operation() + ": the answer says nothing of this entry", {}};
  entries_.assign(entry_count_, EntryAnswer{.message_id = {}, .md5 = {}, .error = silence, .service_code = {}});
  const auto entry_of = [&](const JsonValue& element) -> Result<EntryAnswer*> {
    if (element.kind() != JsonKind::object) return detail::json_error_expected(element, "object");
    const auto id = number_of<std::size_t>(text_of(element, "Id"));
    if (!id || *id >= entries_.size()) return detail::json_error_at(element, "no entry of the request has this Id");
    return &entries_[*id];
  };
  auto read = each_element(root, "Successful", [&](const JsonValue& element) -> Result<void> {
    auto entry = entry_of(element);
    if (!entry) return std::move(entry).error();
    **entry = {.message_id = text_of(element, "MessageId"),
               .md5 = text_of(element, "MD5OfMessageBody"),
               .error = {},
               .service_code = {}};
    return {};
  });
  if (!read) return read;
  return each_element(root, "Failed", [&](const JsonValue& element) -> Result<void> {
    auto entry = entry_of(element);
    if (!entry) return std::move(entry).error();
    const auto fault = element.find("SenderFault");
    const bool is_sender_fault = fault && fault->kind() == JsonKind::boolean && fault->boolean();
    (*entry)->service_code = bare_code(text_of(element, "Code"));
    (*entry)->error = entry_error((*entry)->service_code, is_sender_fault, text_of(element, "Message"));
    return {};
  });
}

std::vector<EntryAnswer> BatchCall::take() {
  if (answer().error)
    return std::vector<EntryAnswer>(entry_count_, EntryAnswer{.message_id = {},
                                                              .md5 = {},
                                                              .error = answer().error,
                                                              .service_code = answer().service_code,
                                                              .is_of_call = true});
  return std::move(entries_);
}

std::unique_ptr<BatchCall> make_send_call(Service& sqs, std::string_view url, std::span<const SendEntry> entries) {
  std::string body = batch_of(url, entries, [](JsonWriter& out, const SendEntry& entry) {
    out.plain_key("MessageBody");
    out.string(entry.body);
    if (entry.delay.count() > 0) {
      out.plain_key("DelaySeconds");
      out.integer(entry.delay.count());
    }
    if (!entry.group_id.empty()) {
      out.plain_key("MessageGroupId");
      out.string(entry.group_id);
    }
    if (!entry.deduplication_id.empty()) {
      out.plain_key("MessageDeduplicationId");
      out.string(entry.deduplication_id);
    }
    if (entry.extended_bytes > 0) {
      out.plain_key("MessageAttributes");
      out.begin_object();
      out.plain_key(extended_size_name);
      out.begin_object();
      out.plain_key("DataType");
      out.plain_string("Number");
      out.plain_key("StringValue");
      out.plain_string(std::to_string(entry.extended_bytes));
      out.end_object();
      out.end_object();
    }
    if (!entry.trace_header.empty()) {
      out.plain_key("MessageSystemAttributes");
      out.begin_object();
      out.plain_key(wire::aws_trace_name);
      out.begin_object();
      out.plain_key("DataType");
      out.plain_string("String");
      out.plain_key("StringValue");
      out.string(entry.trace_header);
      out.end_object();
      out.end_object();
    }
  });
  return std::make_unique<BatchCall>(sqs, "SendMessageBatch", std::move(body), entries.size());
}

std::unique_ptr<BatchCall> make_delete_call(Service& sqs, std::string_view url,
                                            std::span<const std::string_view> receipts) {
  std::string body = batch_of(url, receipts, [](JsonWriter& out, std::string_view receipt) {
    out.plain_key("ReceiptHandle");
    out.string(receipt);
  });
  return std::make_unique<BatchCall>(sqs, "DeleteMessageBatch", std::move(body), receipts.size());
}

std::unique_ptr<BatchCall> make_visibility_call(Service& sqs, std::string_view url,
                                                std::span<const VisibilityEntry> entries) {
  std::string body = batch_of(url, entries, [](JsonWriter& out, const VisibilityEntry& entry) {
    out.plain_key("ReceiptHandle");
    out.string(entry.receipt);
    out.plain_key("VisibilityTimeout");
    out.integer(entry.visibility.count());
  });
  return std::make_unique<BatchCall>(sqs, "ChangeMessageVisibilityBatch", std::move(body), entries.size(),
                                     visibility_timeout);
}

ReceiveCall::ReceiveCall(Service& sqs, std::string_view url, std::size_t count_max, std::chrono::seconds wait,
                         std::chrono::seconds visibility, bool asks_by_older_name)
    : JsonCall(sqs, target, "ReceiveMessage", object_of([&](JsonWriter& out) {
                 out.plain_key("QueueUrl");
                 out.string(url);
                 out.plain_key("MaxNumberOfMessages");
                 out.unsigned_integer(count_max);
                 out.plain_key("WaitTimeSeconds");
                 out.integer(wait.count());
                 out.plain_key("VisibilityTimeout");
                 out.integer(visibility.count());
                 for (const std::string_view key : {"MessageSystemAttributeNames", "AttributeNames"}) {
                   if (key == "AttributeNames" && !asks_by_older_name) continue;
                   out.plain_key(key);
                   out.begin_array();
                   for (const std::string_view name :
                        {std::string_view("ApproximateReceiveCount"), std::string_view("SentTimestamp"),
                         std::string_view("MessageGroupId"), wire::aws_trace_name})
                     out.plain_string(name);
                   out.end_array();
                 }
                 out.plain_key("MessageAttributeNames");
                 out.begin_array();
                 for (const std::string_view name :
                      {extended_size_name, legacy_size_name, wire::trace_parent_name, wire::trace_state_name})
                   out.plain_string(name);
                 out.end_array();
               }),
               wait + answer_grace, wait) {
  limits_.size_bytes = sqs_answer_bytes_max;
  // As local-aws-sqs says that there are no messages. Were it cut off, those in it would come again.
  may_answer_nothing_ = true;
}

Result<void> ReceiveCall::decode_json(JsonValue root) {
  messages.clear();
  return each_element(root, "Messages", [&](const JsonValue& element) -> Result<void> {
    if (element.kind() != JsonKind::object) return detail::json_error_expected(element, "object");
    const auto body = element.find("Body");
    if (!body || body->kind() != JsonKind::string) return detail::json_error_missing(element, "Body");
    ReceivedMessage message;
    message.body = body->string();
    message.id = text_of(element, "MessageId");
    message.receipt = text_of(element, "ReceiptHandle");
    message.md5 = text_of(element, "MD5OfBody");
    if (message.id.empty()) return detail::json_error_missing(element, "MessageId");
    if (message.receipt.empty()) return detail::json_error_missing(element, "ReceiptHandle");
    const auto attributes = element.find("Attributes");
    if (attributes && attributes->kind() == JsonKind::object) {
      message.has_attributes = attributes->find("ApproximateReceiveCount").has_value();
      message.receive_count = number_of<std::uint32_t>(text_of(*attributes, "ApproximateReceiveCount")).value_or(1);
      message.sent_at_milliseconds = number_of<std::int64_t>(text_of(*attributes, "SentTimestamp")).value_or(0);
      message.group_id = text_of(*attributes, "MessageGroupId");
      message.trace.aws_header = text_of(*attributes, wire::aws_trace_name);
    }
    const auto own = element.find("MessageAttributes");
    if (own && own->kind() == JsonKind::object) {
      message.has_extended_size = own->find(extended_size_name) || own->find(legacy_size_name);
      message.trace.parent = attribute_text(*own, wire::trace_parent_name);
      message.trace.state = attribute_text(*own, wire::trace_state_name);
    }
    messages.push_back(std::move(message));
    return {};
  });
}

TextCall::TextCall(Service& sqs, std::string_view operation, const Members& members, std::string_view result)
    : JsonCall(sqs, target, operation, object_of([&](JsonWriter& out) {
                 for (const auto& [key, value] : members) {
                   out.plain_key(key);
                   out.string(value);
                 }
               })),
      result_(result) {
  may_answer_nothing_ = result.empty();
}

Result<void> TextCall::decode_json(JsonValue root) {
  if (result_.empty()) return {};
  text = text_of(root, result_);
  if (text.empty()) return detail::json_error_missing(root, result_);
  return {};
}

CreateQueueCall::CreateQueueCall(Service& sqs, std::string_view name, const AttributeMap& attributes)
    : JsonCall(sqs, target, "CreateQueue", object_of([&](JsonWriter& out) {
                 out.plain_key("QueueName");
                 out.string(name);
                 out.plain_key("Attributes");
                 out.begin_object();
                 for (const auto& [key, value] : attributes) {
                   out.plain_key(key);
                   out.string(value);
                 }
                 out.end_object();
               })) {}

Result<void> CreateQueueCall::decode_json(JsonValue root) {
  url = text_of(root, "QueueUrl");
  if (url.empty()) return detail::json_error_missing(root, "QueueUrl");
  return {};
}

GetQueueAttributesCall::GetQueueAttributesCall(Service& sqs, std::string_view url,
                                               std::initializer_list<std::string_view> names)
    : JsonCall(sqs, target, "GetQueueAttributes", object_of([&](JsonWriter& out) {
                 out.plain_key("QueueUrl");
                 out.string(url);
                 out.plain_key("AttributeNames");
                 out.begin_array();
                 for (const std::string_view name : names) out.plain_string(name);
                 out.end_array();
               })) {}

Result<void> GetQueueAttributesCall::decode_json(JsonValue root) {
  attributes.clear();
  const auto members = root.find("Attributes");
  if (!members || members->is_null()) return {};
  if (members->kind() != JsonKind::object) return detail::json_error_expected(*members, "object");
  for (const detail::JsonMemberView member : members->members()) {
    if (member.value.kind() == JsonKind::string) attributes.emplace(member.key, member.value.string());
  }
  return {};
}

ListCall::ListCall(Service& sqs, std::string_view operation, const TextCall::Members& members, std::string_view token,
                   std::string_view result)
    : JsonCall(sqs, target, operation, object_of([&](JsonWriter& out) {
                 for (const auto& [key, value] : members) {
                   out.plain_key(key);
                   out.string(value);
                 }
                 out.plain_key("MaxResults");
                 out.unsigned_integer(list_page_count);
                 if (!token.empty()) {
                   out.plain_key("NextToken");
                   out.string(token);
                 }
               })),
      result_(result) {}

Result<void> ListCall::decode_json(JsonValue root) {
  urls.clear();
  next_token = text_of(root, "NextToken");
  return each_element(root, result_, [&](const JsonValue& element) -> Result<void> {
    if (element.kind() != JsonKind::string) return detail::json_error_expected(element, "string");
    urls.emplace_back(element.string());
    return {};
  });
}

}  // namespace fanfold::aws
