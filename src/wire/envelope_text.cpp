#include "wire/envelope_text.hpp"

#include <fanfold/detail/json_writer.hpp>

#include "support/trace_context.hpp"
#include "wire/fields.hpp"

namespace fanfold::wire {

namespace {

using detail::JsonDocument;
using detail::JsonKind;
using detail::JsonLimits;
using detail::JsonValue;
using detail::JsonWriter;

constexpr std::string_view version_key = "fanfold";

// A body may be as deep and as long as JSON of ours gets; the message around it and the meta beside it come on top.
constexpr JsonLimits message_limits{.depth = json_depth_max + 1, .size_bytes = 3 * json_size_bytes_max};

void write_position(JsonWriter& writer, const Envelope& content) {
  if (content.type == RecordType::message) return;
  writer.plain_key("round");
  writer.unsigned_integer(content.round);
  if (content.type == RecordType::task) {
    writer.plain_key("position");
    writer.unsigned_integer(content.position);
    writer.plain_key("index");
    writer.unsigned_integer(content.index);
  } else if (content.first_failure) {
    writer.plain_key("firstFailure");
    writer.boolean(true);
  }
}

void write_bucket_params(JsonWriter& writer, const BucketParams& params) {
  writer.plain_key("bucketParams");
  writer.begin_object();
  writer.plain_key("Bucket");
  writer.string(params.bucket);
  writer.plain_key("Key");
  writer.string(params.key);
  writer.end_object();
}

RecordType read_type(Fields& fields) {
  const auto member = fields.required("type");
  if (!member) return RecordType::message;
  if (member->kind() == JsonKind::string) {
    if (const auto type = record_type_from(member->string())) return *type;
    fields.refuse(
        detail::json_error_at(*member, R"(expected one of "cluster", "task", "message"; got another string)"));
  } else {
    fields.refuse(detail::json_error_expected(*member, "string"));
  }
  return RecordType::message;
}

std::string read_id(Fields& fields) {
  const auto member = fields.required("pKey");
  if (!member) return {};
  if (member->kind() != JsonKind::string) {
    fields.refuse(detail::json_error_expected(*member, "string"));
    return {};
  }
  auto parts = parse_key(MessageKey(std::string(member->string())));
  if (!member->string().starts_with(key_prefix) || !parts || parts->index) {
    fields.refuse(detail::json_error_at(*member, "expected a key such as SQSMessage$<id>"));
    return {};
  }
  return std::move(parts->id);
}

Time read_time(Fields& fields, std::string_view key) {
  const auto member = fields.required(key);
  if (!member) return {};
  if (member->kind() != JsonKind::string) {
    fields.refuse(detail::json_error_expected(*member, "string"));
    return {};
  }
  const auto time = parse_iso8601(member->string());
  if (!time) fields.refuse(detail::json_error_at(*member, time.error().message));
  return time.value_or(Time{});
}

std::optional<BucketParams> read_bucket_params(Fields& fields) {
  const auto member = fields.optional("bucketParams");
  if (!member) return std::nullopt;
  Fields inside(*member);
  BucketParams params{.bucket = inside.string("Bucket"), .key = inside.string("Key")};
  if (inside.failed()) fields.refuse(inside.error());
  return params;
}

/// What is no trace context is no reason to refuse a message: it is left out.
SharedTrace read_trace(Fields& fields) {
  const auto text = [&fields](std::string_view key) {
    const auto member = fields.optional(key);
    return member && member->kind() == JsonKind::string ? std::string(member->string()) : std::string();
  };
  std::string parent = text("traceparent");
  if (parent.empty()) return {};
  return support::tolerated_trace({.parent = std::move(parent), .state = text("tracestate")});
}

void write_trace(JsonWriter& writer, const TraceContext& trace) {
  if (trace.parent.empty()) return;
  writer.plain_key("traceparent");
  writer.string(trace.parent);
  if (trace.state.empty()) return;
  writer.plain_key("tracestate");
  writer.string(trace.state);
}

/// A text has no place for X-Ray's header, which goes beside it.
SharedTrace with_trace_beside(const SharedTrace& in_text, const SharedTrace& beside) {
  if (beside.empty() || in_text.empty()) return in_text.empty() ? beside : in_text;
  TraceContext both = *in_text;
  both.aws_header = beside->aws_header;
  return both;
}

Json json_of(const JsonValue& value) { return Json::from_valid_text(std::string(value.text())); }

Result<Envelope> read_version_1(const JsonValue& root) {
  constexpr std::uint64_t round_max = std::numeric_limits<std::uint32_t>::max();
  Fields fields(root);
  Envelope content;
  content.type = read_type(fields);
  content.id = read_id(fields);
  content.name = fields.optional_string("name");
  if (content.type != RecordType::message) content.round = static_cast<std::uint32_t>(fields.count("round", round_max));
  if (content.type == RecordType::task) {
    content.position = fields.count("position");
    content.index = fields.count("index");
  }
  if (content.type == RecordType::cluster) {
    content.first_failure = fields.optional_flag("firstFailure");
    if (const auto body = fields.optional("body")) content.body = json_of(*body);
  } else if (const auto body = fields.required("body")) {
    content.body = json_of(*body);
  }
  if (const auto meta = fields.optional("meta")) content.meta = json_of(*meta);
  content.bucket_params = read_bucket_params(fields);
  content.expires_at = read_time(fields, "expiresAt");
  content.trace = read_trace(fields);
  if (fields.failed()) return fields.error();
  return content;
}

Result<std::optional<Envelope>> read_ours(const JsonValue& root, const JsonValue& version) {
  if (version.kind() != JsonKind::integer) return detail::json_error_expected(version, "integer");
  if (version.uint64() != format_version) {
    return Error{ErrorCode::unsupported_version,
                 "/fanfold: a message of format version " + std::string(version.text()) +
                     "; this fanfold reads version " + std::to_string(format_version),
                 {}};
  }
  auto content = read_version_1(root);
  if (!content) return std::move(content).error();
  return std::optional<Envelope>(std::move(*content));
}

}  // namespace

std::string write_envelope(const Envelope& content) {
  std::string text;
  text.reserve(content.body.text().size() + 256);
  JsonWriter writer(text);
  writer.begin_object();
  writer.plain_key(version_key);
  writer.unsigned_integer(format_version);
  writer.plain_key("type");
  writer.plain_string(to_string(content.type));
  writer.plain_key("pKey");
  writer.string(MessageKey::of_message(content.id).p_key);
  if (!content.name.empty()) {
    writer.plain_key("name");
    writer.string(content.name);
  }
  write_position(writer, content);
  if (content.type != RecordType::cluster || !content.body.is_null()) {
    writer.plain_key("body");
    writer.json_unchecked(content.body.text());
  }
  if (content.meta) {
    writer.plain_key("meta");
    writer.json_unchecked(content.meta->text());
  }
  if (content.bucket_params) write_bucket_params(writer, *content.bucket_params);
  writer.plain_key("expiresAt");
  writer.plain_string(to_iso8601(content.expires_at));
  write_trace(writer, *content.trace);
  writer.end_object();
  return text;
}

Result<std::optional<Envelope>> read_envelope(std::string_view text) {
  JsonDocument document;
  const auto read = document.read(text, message_limits);
  if (!read) return read.error();
  const JsonValue root = document.root();
  if (root.kind() != JsonKind::object) return std::optional<Envelope>();
  const auto version = root.find(version_key);
  if (!version) return std::optional<Envelope>();
  return read_ours(root, *version);
}

Result<Envelope> content_of(const Delivery& delivery) {
  if (delivery.content) return *delivery.content;
  auto ours = read_envelope(delivery.text);
  if (!ours) return std::move(ours).error();
  if (*ours) {
    (*ours)->trace = with_trace_beside((*ours)->trace, delivery.trace);
    return std::move(**ours);
  }
  auto body = Json::parse(delivery.text);
  if (!body) return std::move(body).error();
  Envelope foreign;
  foreign.id = delivery.message_id;
  foreign.body = std::move(*body);
  foreign.trace = delivery.trace;
  return foreign;
}

}  // namespace fanfold::wire
