#include "backends/sqlite/header_codec.hpp"

#include "backends/sqlite/bytes.hpp"
#include "support/trace_context.hpp"

#include <bit>

namespace fanfold::sqlite {

namespace {

constexpr std::uint64_t header_format = 1;
/// The same with a trace at its end. An older fanfold reads what has none, and takes this for damaged.
constexpr std::uint64_t traced_header_format = 2;
constexpr std::uint64_t common_format = 1;

class Writer : public ByteWriter {
 public:
  void flag(bool value) { number(value ? 1 : 0); }
  void time(Time value) { number(static_cast<std::uint64_t>(value.time_since_epoch().count())); }
  void real(double value) { number(std::bit_cast<std::uint64_t>(value)); }
  void bucket(const std::optional<BucketParams>& value) {
    flag(value.has_value());
    if (!value) return;
    text(value->bucket);
    text(value->key);
  }
  void optional_time(const std::optional<Time>& value) {
    flag(value.has_value());
    if (value) time(*value);
  }
  template <class T>
  void optional_number(const std::optional<T>& value) {
    flag(value.has_value());
    if (value) number(*value);
  }
};

class Reader : public ByteReader {
 public:
  using ByteReader::ByteReader;
  [[nodiscard]] bool flag() { return number() != 0; }
  [[nodiscard]] Time time() { return Time(std::chrono::milliseconds(static_cast<std::int64_t>(number()))); }
  [[nodiscard]] double real() { return std::bit_cast<double>(number()); }
  [[nodiscard]] std::string string() { return std::string(text()); }
  [[nodiscard]] std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
  [[nodiscard]] std::optional<BucketParams> bucket() {
    if (!flag()) return std::nullopt;
    BucketParams params;
    params.bucket = string();
    params.key = string();
    return params;
  }
  [[nodiscard]] std::optional<Time> optional_time() {
    if (!flag()) return std::nullopt;
    return time();
  }
  template <class T>
  [[nodiscard]] std::optional<T> optional_number() {
    if (!flag()) return std::nullopt;
    return static_cast<T>(number());
  }
};

void write_policy(Writer& out, const ClusterHeader& header) {
  out.text(header.id);
  out.text(header.name);
  out.text(header.queue_url);
  out.text(header.finish_queue_url);
  out.bucket(header.bucket_params);
  out.flag(header.parent.has_value());
  if (header.parent) {
    out.text(header.parent->cluster_id);
    out.text(header.parent->queue_url);
    out.number(header.parent->round);
    out.number(header.parent->position);
    out.number(header.parent->index);
    out.flag(header.parent->fails_with_child);
  }
  out.flag(header.finish_handler_required);
  out.flag(header.first_failure_wanted);
  out.flag(header.fail_fast);
  out.number(header.failures_allowed_count);
  out.real(header.failures_allowed_percent);
  out.optional_number(header.attempts_max);
  out.optional_time(header.deadline);
  out.number(static_cast<std::uint64_t>(header.deadline_action));
  out.time(header.created_at);
  out.text(header.creation_key);
}

void read_policy(Reader& in, ClusterHeader& header) {
  header.id = in.string();
  header.name = in.string();
  header.queue_url = in.string();
  header.finish_queue_url = in.string();
  header.bucket_params = in.bucket();
  if (in.flag()) {
    ParentTask& parent = header.parent.emplace();
    parent.cluster_id = in.string();
    parent.queue_url = in.string();
    parent.round = in.small();
    parent.position = in.number();
    parent.index = in.number();
    parent.fails_with_child = in.flag();
  }
  header.finish_handler_required = in.flag();
  header.first_failure_wanted = in.flag();
  header.fail_fast = in.flag();
  header.failures_allowed_count = in.number();
  header.failures_allowed_percent = in.real();
  header.attempts_max = in.optional_number<std::uint32_t>();
  header.deadline = in.optional_time();
  header.deadline_action = static_cast<DeadlineAction>(in.number());
  header.created_at = in.time();
  header.creation_key = in.string();
}

void write_state(Writer& out, const ClusterHeader& header) {
  out.number(header.round);
  out.number(header.task_count);
  out.optional_number(header.round_size);
  out.flag(header.marked);
  out.text(header.round_hash);
  out.text(header.round_key);
  out.number(header.failed_carried_count);
  out.number(header.failed_count);
  out.number(static_cast<std::uint64_t>(header.status));
  out.number(static_cast<std::uint64_t>(header.status_code));
  out.flag(header.paused);
  out.text(header.moved_to);
  out.flag(header.meta.has_value());
  if (header.meta) out.text(header.meta->text());
  out.number(header.error.size());
  for (const ErrorEntry& entry : header.error) {
    out.number(entry.attempt);
    out.text(entry.code);
    out.text(entry.message);
    out.text(entry.fingerprint);
    out.time(entry.at);
    out.flag(entry.final);
  }
  out.time(header.updated_at);
  out.optional_time(header.completed_at);
  out.time(header.expires_at);
}

void read_state(Reader& in, ClusterHeader& header) {
  header.round = in.small();
  header.task_count = in.number();
  header.round_size = in.optional_number<std::uint64_t>();
  header.marked = in.flag();
  header.round_hash = in.string();
  header.round_key = in.string();
  header.failed_carried_count = in.number();
  header.failed_count = in.number();
  header.status = static_cast<Status>(in.number());
  header.status_code = static_cast<StatusCode>(in.number());
  header.paused = in.flag();
  header.moved_to = in.string();
  if (in.flag()) header.meta = Json::from_valid_text(in.string());
  for (std::uint64_t count = in.number(); count > 0 && !in.is_bad(); --count) {
    ErrorEntry& entry = header.error.emplace_back();
    entry.attempt = in.small();
    entry.code = in.string();
    entry.message = in.string();
    entry.fingerprint = in.string();
    entry.at = in.time();
    entry.final = in.flag();
  }
  header.updated_at = in.time();
  header.completed_at = in.optional_time();
  header.expires_at = in.time();
}

void write_marks(Writer& out, const ClusterHeader& header) {
  out.number(header.due.size());
  for (const DueMark& mark : header.due) {
    out.number(static_cast<std::uint64_t>(mark.kind));
    out.text(mark.id);
    out.number(mark.round);
    out.time(mark.since);
  }
  out.text(header.sender);
  out.time(header.sender_until);
  out.time(header.sent_at);
  out.text(header.sweeper);
  out.time(header.sweeper_until);
  out.time(header.last_add_at);
  out.flag(header.deadline_reported);
  out.flag(header.first_failure_sent);
  out.flag(header.parent_ended);
  out.optional_time(header.finish_sent_at);
  out.flag(header.finish_done);
  out.flag(header.tombstone);
}

void read_marks(Reader& in, ClusterHeader& header) {
  for (std::uint64_t count = in.number(); count > 0 && !in.is_bad(); --count) {
    DueMark& mark = header.due.emplace_back();
    mark.kind = static_cast<DueMark::Kind>(in.number());
    mark.id = in.string();
    mark.round = in.small();
    mark.since = in.time();
  }
  header.sender = in.string();
  header.sender_until = in.time();
  header.sent_at = in.time();
  header.sweeper = in.string();
  header.sweeper_until = in.time();
  header.last_add_at = in.time();
  header.deadline_reported = in.flag();
  header.first_failure_sent = in.flag();
  header.parent_ended = in.flag();
  header.finish_sent_at = in.optional_time();
  header.finish_done = in.flag();
  header.tombstone = in.flag();
}

}  // namespace

std::string encode_header(const ClusterHeader& header) {
  Writer out;
  const bool is_traced = !header.trace.empty();
  out.number(is_traced ? traced_header_format : header_format);
  write_policy(out, header);
  write_state(out, header);
  write_marks(out, header);
  if (is_traced) out.text(support::stored_trace(header.trace));
  return std::move(out).take();
}

std::optional<ClusterHeader> decode_header(std::string_view bytes) {
  Reader in(bytes);
  const std::uint64_t format = in.number();
  if (format != header_format && format != traced_header_format) return std::nullopt;
  ClusterHeader header;
  read_policy(in, header);
  read_state(in, header);
  read_marks(in, header);
  if (format == traced_header_format) header.trace = support::found_trace(in.text());
  if (in.is_bad() || !in.is_at_end()) return std::nullopt;
  return header;
}

bool is_of_newer_format(std::string_view header_bytes) {
  Reader in(header_bytes);
  return in.number() > traced_header_format && !in.is_bad();
}

std::string encode_common(const Envelope& common) {
  Writer out;
  out.number(common_format);
  out.text(common.id);
  out.text(common.name);
  out.number(common.round);
  out.bucket(common.bucket_params);
  out.time(common.expires_at);
  out.text(common.trace.empty() ? std::string() : support::stored_trace(*common.trace));
  return std::move(out).take();
}

std::optional<Envelope> decode_common(std::string_view bytes) {
  Reader in(bytes);
  if (in.number() != common_format) return std::nullopt;
  Envelope common;
  common.type = RecordType::task;
  common.id = in.string();
  common.name = in.string();
  common.round = in.small();
  common.bucket_params = in.bucket();
  common.expires_at = in.time();
  if (const std::string_view trace = in.text(); !trace.empty()) common.trace = support::found_trace(trace);
  if (in.is_bad() || !in.is_at_end()) return std::nullopt;
  return common;
}

std::string encode_texts(const std::vector<std::string>& texts) {
  Writer out;
  out.number(texts.size());
  for (const std::string& text : texts) out.text(text);
  return std::move(out).take();
}

std::vector<std::string> decode_texts(std::string_view bytes) {
  Reader in(bytes);
  std::vector<std::string> texts;
  for (std::uint64_t count = in.number(); count > 0 && !in.is_bad(); --count) texts.push_back(in.string());
  return texts;
}

}  // namespace fanfold::sqlite
