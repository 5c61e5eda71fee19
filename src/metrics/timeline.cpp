#include "metrics/timeline.hpp"

#include <fanfold/detail/json_writer.hpp>

#include <algorithm>
#include <utility>

namespace fanfold::metrics {
namespace {

using detail::JsonWriter;

/// An event's beginning. Lanes are numbered from 1, since viewers take thread 0 for the processor that has nothing to
/// do.
void begin_event(JsonWriter& json, std::string_view name, std::string_view phase, std::int64_t process) {
  json.begin_object();
  json.plain_key("name");
  json.string(name);
  json.plain_key("ph");
  json.plain_string(phase);
  json.plain_key("pid");
  json.integer(process);
}

void member(JsonWriter& json, std::string_view key, std::int64_t value) {
  json.plain_key(key);
  json.integer(value);
}

void member(JsonWriter& json, std::string_view key, std::string_view value) {
  json.plain_key(key);
  json.string(value);
}

/// {"cluster":"SQSMessage$…","task":17,"attempt":1; the object stays open.
void begin_args(JsonWriter& json, Work work, std::string_view record_id, const std::optional<std::uint64_t>& task,
                std::uint32_t attempt) {
  json.plain_key("args");
  json.begin_object();
  if (!record_id.empty())
    member(json, work == Work::message ? "message" : "cluster", std::string(key_prefix).append(record_id));
  if (task) {
    json.plain_key("task");
    json.unsigned_integer(*task);
  }
  if (attempt > 0) member(json, "attempt", std::int64_t{attempt});
}

std::string span_name(const Attempt& attempt) {
  return attempt.task ? "#" + std::to_string(*attempt.task) : std::string(to_string(attempt.work));
}

/// How an attempt ended, by the event that says so; empty where it says no such thing.
std::string_view outcome_of(WorkerEvent::Kind kind) {
  switch (kind) {
    case WorkerEvent::Kind::done:
    case WorkerEvent::Kind::finish_handled: return "done";
    case WorkerEvent::Kind::retried: return "retried";
    case WorkerEvent::Kind::failed: return "failed";
    case WorkerEvent::Kind::duplicate: return "duplicate";
    case WorkerEvent::Kind::lease_lost: return "lease lost";
    default: return {};
  }
}

/// What is shown besides the attempts.
std::string_view instant_of(WorkerEvent::Kind kind, bool has_run) {
  switch (kind) {
    case WorkerEvent::Kind::draining: return "draining";
    case WorkerEvent::Kind::lease_lost: return "lease lost";
    case WorkerEvent::Kind::crashed_before: return "crashed before";
    case WorkerEvent::Kind::finish_handled: return "finish handled";
    case WorkerEvent::Kind::failed: return has_run ? std::string_view() : "failed";  // Nobody answers for it any more.
    default: return {};
  }
}

}  // namespace

std::size_t Timeline::AttemptHash::operator()(const Attempt& attempt) const noexcept {
  constexpr std::size_t odd = 0x9E37'79B9'7F4A'7C15;  // Of the golden ratio: neighbours land far apart.
  const std::size_t record = std::hash<std::string>{}(attempt.record_id);
  return record ^ ((attempt.task.value_or(0) * odd + attempt.number) * odd);
}

Timeline::Timeline(Options options) : options_(std::move(options)), started_(options_.now()) {
  std::string text;
  JsonWriter json(text);
  begin_event(json, "process_name", "M", options_.process_id);
  json.plain_key("args");
  json.begin_object();
  member(json, "name", options_.process_name);
  json.end_object();
  json.end_object();
  options_.write(text);
}

Timeline::~Timeline() { write_waiting(); }

void Timeline::write_waiting() {
  Waiting left;
  std::optional<Count> count;
  {
    const std::scoped_lock lock(mutex_);
    left.swap(waiting_);
    count.swap(last_count_);
  }
  for (const auto& [attempt, span] : left) write_span(attempt, span, "not recorded", {});
  if (count) write_count(*count);
}

Timeline::Running::Running(Timeline& timeline, Attempt attempt) : timeline_(timeline), attempt_(std::move(attempt)) {
  const Begun begun = timeline_.begin();
  lane_ = begun.lane;
  begun_ = begun.at;
}

Timeline::Running::~Running() { timeline_.end(std::move(attempt_), {.lane = lane_, .begun = begun_, .ended = {}}); }

Timeline::Begun Timeline::begin() {
  Begun begun;
  bool is_new = false;
  std::optional<Count> count;
  {
    const std::scoped_lock lock(mutex_);
    const auto free = std::ranges::find(lanes_, false);
    begun.lane = static_cast<std::size_t>(free - lanes_.begin()) + 1;
    is_new = free == lanes_.end();
    if (is_new)
      lanes_.push_back(true);
    else
      *free = true;
    begun.at = options_.now();  // While the lane is ours: its spans follow one another.
    ++running_count_;
    count = note_count(begun.at);
  }
  if (is_new) write_lane(begun.lane);
  if (count) write_count(*count);
  return begun;
}

void Timeline::end(Attempt attempt, Span span) {
  std::optional<Count> count;
  Waiting unrecorded;
  {
    const std::scoped_lock lock(mutex_);
    span.ended = options_.now();
    lanes_[span.lane - 1] = false;
    --running_count_;
    count = note_count(span.ended);
    if (waiting_.size() >= waiting_max) unrecorded.swap(waiting_);
    waiting_.insert_or_assign(std::move(attempt), span);
  }
  if (count) write_count(*count);
  for (const auto& [old, old_span] : unrecorded) write_span(old, old_span, "not recorded", {});
}

/// Answers the count before this one where it stood long enough, or where none was written for as long.
std::optional<Timeline::Count> Timeline::note_count(Steady now) {
  const std::optional<Count> before = std::exchange(last_count_, Count{running_count_, now});
  if (!before) return std::nullopt;
  const bool has_stood = now - before->at >= count_interval;
  const bool is_due = !counted_at_ || before->at - *counted_at_ >= count_interval;
  if (!has_stood && !is_due) return std::nullopt;
  counted_at_ = before->at;
  return before;
}

std::optional<Timeline::Span> Timeline::take(const Attempt& attempt) {
  const std::scoped_lock lock(mutex_);
  const auto found = waiting_.find(attempt);
  if (found == waiting_.end()) return std::nullopt;
  const Span span = found->second;
  waiting_.erase(found);
  return span;
}

void Timeline::see(const WorkerEvent& event) {
  bool has_run = false;
  if (const std::string_view outcome = outcome_of(event.kind); !outcome.empty()) {
    const Attempt attempt{
        .work = work_of(event), .record_id = std::string(event.record_id), .task = event.task, .number = event.attempt};
    const auto span = take(attempt);
    has_run = span.has_value();
    if (span) write_span(attempt, *span, outcome, event.detail);
  }
  if (const std::string_view name = instant_of(event.kind, has_run); !name.empty()) write_instant(name, event);
}

void Timeline::write_lane(std::size_t lane) const {
  std::string text;
  JsonWriter json(text);
  begin_event(json, "thread_name", "M", options_.process_id);
  member(json, "tid", static_cast<std::int64_t>(lane));
  json.plain_key("args");
  json.begin_object();
  member(json, "name", "lane " + std::to_string(lane));
  json.end_object();
  json.end_object();
  options_.write(text);
}

void Timeline::write_count(const Count& count) const {
  std::string text;
  JsonWriter json(text);
  begin_event(json, "handlers running", "C", options_.process_id);
  member(json, "ts", microseconds(count.at));
  json.plain_key("args");
  json.begin_object();
  member(json, "running", static_cast<std::int64_t>(count.running));
  json.end_object();
  json.end_object();
  options_.write(text);
}

void Timeline::write_span(const Attempt& attempt, const Span& span, std::string_view outcome,
                          std::string_view reason) const {
  std::string text;
  JsonWriter json(text);
  begin_event(json, span_name(attempt), "X", options_.process_id);
  member(json, "tid", static_cast<std::int64_t>(span.lane));
  member(json, "cat", to_string(attempt.work));
  member(json, "ts", microseconds(span.begun));
  member(json, "dur", microseconds(span.ended) - microseconds(span.begun));
  begin_args(json, attempt.work, attempt.record_id, attempt.task, attempt.number);
  member(json, "outcome", outcome);
  if (!reason.empty()) member(json, "reason", reason);
  json.end_object();
  json.end_object();
  options_.write(text);
}

void Timeline::write_instant(std::string_view name, const WorkerEvent& event) const {
  std::string text;
  JsonWriter json(text);
  begin_event(json, name, "i", options_.process_id);
  member(json, "tid", std::int64_t{1});
  json.plain_key("s");
  json.plain_string("p");  // Across the lanes of this process.
  member(json, "ts", microseconds(options_.now()));
  begin_args(json, work_of(event), event.record_id, event.task, event.attempt);
  if (!event.detail.empty()) member(json, "reason", event.detail);
  json.end_object();
  json.end_object();
  options_.write(text);
}

std::int64_t Timeline::microseconds(Steady at) const {
  const auto since = std::chrono::floor<std::chrono::microseconds>(at - started_);
  return (options_.started_at + since).time_since_epoch().count();
}

}  // namespace fanfold::metrics
