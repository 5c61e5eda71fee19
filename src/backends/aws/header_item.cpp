#include "backends/aws/header_item.hpp"

#include "backends/aws/headers.hpp"
#include "backends/aws/keys.hpp"
#include "support/hash.hpp"
#include "support/trace_context.hpp"

#include <array>
#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::size_t age_width = 14;
constexpr std::array<std::string_view, 4> due_kinds{"creation", "add", "resend", "round"};
constexpr std::string_view stop_action = "stop";

std::string number_text(double number) {
  std::array<char, 32> text{};
  const auto [end, code] = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return code == std::errc{} ? std::string(text.data(), end) : std::to_string(number);
}

class Writer {
 public:
  explicit Writer(std::vector<Member>& members) : members_(members) {}
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) add(name, Value::of(value));
  }
  void number(std::string_view name, std::uint64_t value) {
    if (value != 0) add(name, Value::of_number(value));
  }
  template <class T>
  void optional_number(std::string_view name, const std::optional<T>& value) {
    if (value) add(name, Value::of_number(*value));
  }
  void flag(std::string_view name, bool value) {
    if (value) add(name, Value::of_flag(true));
  }
  void time(std::string_view name, Time value) {
    if (value != Time{}) add(name, write_time(value));
  }
  void optional_time(std::string_view name, const std::optional<Time>& value) {
    if (value) add(name, write_time(*value));
  }
  void add(std::string_view name, Value value) { members_.push_back({std::string(name), std::move(value)}); }

 private:
  std::vector<Member>& members_;
};

Value map_of(std::vector<Member> members) {
  Value value;
  value.kind = Value::Kind::map;
  value.members = std::move(members);
  return value;
}

Value list_of(std::vector<Member> members) {
  Value value;
  value.kind = Value::Kind::list;
  value.members = std::move(members);
  return value;
}

void write_policy(Writer& out, const ClusterHeader& header) {
  out.text("name", header.name);
  out.text("url", header.queue_url);
  if (header.finish_queue_url != header.queue_url) out.add("finishUrl", Value::of(header.finish_queue_url));
  if (header.bucket_params) {
    std::vector<Member> members{{"Bucket", Value::of(header.bucket_params->bucket)},
                                {"Key", Value::of(header.bucket_params->key)}};
    out.add("bucketParams", map_of(std::move(members)));
  }
  if (header.parent) {
    std::vector<Member> members;
    Writer parent(members);
    parent.text("id", header.parent->cluster_id);
    parent.text("url", header.parent->queue_url);
    parent.number("round", header.parent->round);
    parent.number("position", header.parent->position);
    parent.number("index", header.parent->index);
    parent.flag("failsWithChild", header.parent->fails_with_child);
    out.add("parent", map_of(std::move(members)));
  }
  out.flag("finishHandlerRequired", header.finish_handler_required);
  out.flag("firstFailureWanted", header.first_failure_wanted);
  out.flag("failFast", header.fail_fast);
  out.number("failuresAllowed", header.failures_allowed_count);
  if (header.failures_allowed_percent != 0)
    out.add("failuresAllowedPercent", Value::of_decimal(number_text(header.failures_allowed_percent)));
  out.optional_number("attemptsMax", header.attempts_max);
  out.optional_time("deadline", header.deadline);
  if (header.deadline_action == DeadlineAction::stop) out.text("deadlineAction", stop_action);
  out.time("startedAt", header.created_at);
  out.text("creationKey", header.creation_key);
  out.text("traceParent", header.trace.parent);
  out.text("traceState", header.trace.state);
  out.text("awsTraceHeader", header.trace.aws_header);
}

void write_state(Writer& out, const ClusterHeader& header) {
  out.number("round", header.round);
  out.number("tasks", header.task_count);
  out.optional_number("roundSize", header.round_size);
  out.flag("marked", header.marked);
  out.text("roundHash", header.round_hash);
  out.text("roundKey", header.round_key);
  out.number("failedCarried", header.failed_carried_count);
  out.number("failed", header.failed_count);
  out.text("status", to_string(header.status));
  out.add("statusCode", Value::of_number(static_cast<std::uint64_t>(header.status_code)));
  out.flag("paused", header.paused);
  out.text("movedTo", header.moved_to);
  if (header.meta) out.add("meta", Value::of(header.meta->text()));
  if (!header.error.empty()) {
    std::vector<Member> entries;
    for (const ErrorEntry& entry : header.error) entries.push_back({{}, write_error_entry(entry)});
    out.add("error", list_of(std::move(entries)));
  }
  out.time("updatedAt", header.updated_at);
  out.optional_time("completedAt", header.completed_at);
  out.time("expiresAt", header.expires_at);
}

void write_marks(Writer& out, const ClusterHeader& header) {
  if (!header.due.empty()) {
    std::vector<Member> marks;
    for (const DueMark& mark : header.due) {
      std::vector<Member> members;
      Writer one(members);
      one.text("kind", due_kinds[static_cast<std::size_t>(mark.kind)]);
      one.text("id", mark.id);
      one.number("round", mark.round);
      one.time("since", mark.since);
      marks.push_back({{}, map_of(std::move(members))});
    }
    out.add("due", list_of(std::move(marks)));
  }
  out.text("sender", header.sender);
  out.time("senderUntil", header.sender_until);
  out.time("sentAt", header.sent_at);
  out.text("sweeper", header.sweeper);
  out.time("sweeperUntil", header.sweeper_until);
  out.time("lastAddAt", header.last_add_at);
  out.flag("deadlineReported", header.deadline_reported);
  out.flag("firstFailureSent", header.first_failure_sent);
  out.flag("parentEnded", header.parent_ended);
  out.optional_time("finishSentAt", header.finish_sent_at);
  out.flag("finishDone", header.finish_done);
  out.flag("tombstone", header.tombstone);
}

/// Members of an item or a map by name; keeps in mind whether anything was unreadable.
class Reader {
 public:
  explicit Reader(const std::vector<Member>& members) : members_(members) {}
  [[nodiscard]] const Value* find(std::string_view name) const { return aws::find(members_, name); }
  std::string text(std::string_view name) {
    const Value* value = find(name);
    return value == nullptr ? std::string() : value->text;
  }
  std::uint64_t number(std::string_view name) { return optional_number<std::uint64_t>(name).value_or(0); }
  template <class T>
  std::optional<T> optional_number(std::string_view name) {
    const Value* value = find(name);
    if (value == nullptr) return std::nullopt;
    const auto number = value->number();
    is_bad_ = is_bad_ || !number || *number > std::numeric_limits<T>::max();
    return static_cast<T>(number.value_or(0));
  }
  std::uint32_t small(std::string_view name) { return optional_number<std::uint32_t>(name).value_or(0); }
  bool flag(std::string_view name) {
    const Value* value = find(name);
    return value != nullptr && value->flag;
  }
  std::optional<Time> optional_time(std::string_view name) {
    const Value* value = find(name);
    if (value == nullptr) return std::nullopt;
    const auto time = read_time(value);
    is_bad_ = is_bad_ || !time;
    return time;
  }
  Time time(std::string_view name) { return optional_time(name).value_or(Time{}); }
  void refuse() { is_bad_ = true; }
  [[nodiscard]] bool is_bad() const { return is_bad_; }

 private:
  const std::vector<Member>& members_;
  bool is_bad_ = false;
};

void read_policy(Reader& in, ClusterHeader& header) {
  header.name = in.text("name");
  header.queue_url = in.text("url");
  header.finish_queue_url = in.find("finishUrl") != nullptr ? in.text("finishUrl") : header.queue_url;
  if (const Value* value = in.find("bucketParams")) {
    Reader inside(value->members);
    header.bucket_params = BucketParams{inside.text("Bucket"), inside.text("Key")};
  }
  if (const Value* value = in.find("parent")) {
    Reader inside(value->members);
    header.parent = ParentTask{.cluster_id = inside.text("id"),
                               .queue_url = inside.text("url"),
                               .round = inside.small("round"),
                               .position = inside.number("position"),
                               .index = inside.number("index"),
                               .fails_with_child = inside.flag("failsWithChild")};
    if (inside.is_bad()) in.refuse();
  }
  header.finish_handler_required = in.flag("finishHandlerRequired");
  header.first_failure_wanted = in.flag("firstFailureWanted");
  header.fail_fast = in.flag("failFast");
  header.failures_allowed_count = in.number("failuresAllowed");
  if (const Value* value = in.find("failuresAllowedPercent")) {
    const auto [end, code] =
        std::from_chars(value->text.data(), value->text.data() + value->text.size(), header.failures_allowed_percent);
    if (code != std::errc{} || end != value->text.data() + value->text.size()) in.refuse();
  }
  header.attempts_max = in.optional_number<std::uint32_t>("attemptsMax");
  header.deadline = in.optional_time("deadline");
  if (in.text("deadlineAction") == stop_action) header.deadline_action = DeadlineAction::stop;
  header.created_at = in.time("startedAt");
  header.creation_key = in.text("creationKey");
  // Others write to the table too, and SQS refuses messages for an X-Ray header that is wrong.
  header.trace = support::tolerated_trace(
      {.parent = in.text("traceParent"), .state = in.text("traceState"), .aws_header = in.text("awsTraceHeader")});
}

void read_state(Reader& in, ClusterHeader& header) {
  header.round = in.small("round");
  header.task_count = in.number("tasks");
  header.round_size = in.optional_number<std::uint64_t>("roundSize");
  header.marked = in.flag("marked");
  header.round_hash = in.text("roundHash");
  header.round_key = in.text("roundKey");
  header.failed_carried_count = in.number("failedCarried");
  header.failed_count = in.number("failed");
  if (const auto status = status_from(in.text("status"))) {
    header.status = *status;
  } else {
    in.refuse();
  }
  header.status_code = static_cast<StatusCode>(in.number("statusCode"));
  header.paused = in.flag("paused");
  header.moved_to = in.text("movedTo");
  if (in.find("meta") != nullptr) header.meta = Json::from_valid_text(in.text("meta"));
  if (const Value* value = in.find("error")) {
    for (const Member& entry : value->members) header.error.push_back(read_error_entry(entry.value));
  }
  header.updated_at = in.time("updatedAt");
  header.completed_at = in.optional_time("completedAt");
  header.expires_at = in.time("expiresAt");
}

void read_due(Reader& in, ClusterHeader& header) {
  const Value* value = in.find("due");
  if (value == nullptr) return;
  for (const Member& mark : value->members) {
    Reader inside(mark.value.members);
    const std::string kind = inside.text("kind");
    std::size_t number = 0;
    while (number < due_kinds.size() && due_kinds[number] != kind) ++number;
    if (number == due_kinds.size()) return in.refuse();
    header.due.push_back(
        {static_cast<DueMark::Kind>(number), inside.text("id"), inside.small("round"), inside.time("since")});
    if (inside.is_bad()) in.refuse();
  }
}

void read_marks(Reader& in, ClusterHeader& header) {
  read_due(in, header);
  header.sender = in.text("sender");
  header.sender_until = in.time("senderUntil");
  header.sent_at = in.time("sentAt");
  header.sweeper = in.text("sweeper");
  header.sweeper_until = in.time("sweeperUntil");
  header.last_add_at = in.time("lastAddAt");
  header.deadline_reported = in.flag("deadlineReported");
  header.first_failure_sent = in.flag("firstFailureSent");
  header.parent_ended = in.flag("parentEnded");
  header.finish_sent_at = in.optional_time("finishSentAt");
  header.finish_done = in.flag("finishDone");
  header.tombstone = in.flag("tombstone");
}

}  // namespace

Value write_time(Time time) { return Value::of(to_iso8601(time)); }

std::optional<Time> read_time(const Value* value) {
  if (value == nullptr) return std::nullopt;
  const auto time = parse_iso8601(value->text);
  if (!time) return std::nullopt;
  return *time;
}

Value write_error_entry(const ErrorEntry& entry) {
  std::vector<Member> members;
  Writer out(members);
  out.number("attempt", entry.attempt);
  out.text("code", entry.code);
  out.text("message", entry.message);
  out.text("fingerprint", entry.fingerprint);
  out.time("at", entry.at);
  out.flag("final", entry.final);
  return map_of(std::move(members));
}

ErrorEntry read_error_entry(const Value& value) {
  Reader in(value.members);
  return {.attempt = in.small("attempt"),
          .code = in.text("code"),
          .message = in.text("message"),
          .fingerprint = in.text("fingerprint"),
          .at = in.time("at"),
          .final = in.flag("final")};
}

Item write_header(const ClusterHeader& header) {
  Item item;
  item.key = record_key(header.id);
  Writer out(item.attributes);
  out.text(type_name, to_string(RecordType::cluster));
  write_policy(out, header);
  write_state(out, header);
  write_marks(out, header);
  out.add(version_name, Value::of_number(header.version));
  out.add(ttl_name, Value::of_number(ttl_of(header.expires_at)));
  if (!header.tombstone) {
    const std::string shard = std::to_string(fnv1a(header.id) % index_shard_count);
    out.text(index_partition_name, (header.unfinished() ? "u" : "f") + shard);
    const auto age = std::max<std::int64_t>(0, header.created_at.time_since_epoch().count());
    out.text(index_sort_name, padded(static_cast<std::uint64_t>(age), age_width) + "#" + header.id);
  }
  return item;
}

Result<ClusterHeader> read_header(const Item& item) {
  ClusterHeader header;
  header.id = item.key.partition.substr(std::min(item.key.partition.size(), key_prefix.size()));
  Reader in(item.attributes);
  read_policy(in, header);
  read_state(in, header);
  read_marks(in, header);
  header.version = in.number(version_name);
  if (in.is_bad()) return Error{ErrorCode::damaged, "the header of cluster " + header.id + " is unreadable", {}};
  return header;
}

}  // namespace fanfold::aws
