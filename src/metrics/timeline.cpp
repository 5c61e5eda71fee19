#include "metrics/timeline.hpp"

#include "metrics/trace_event.hpp"

#include <algorithm>
#include <utility>

namespace fanfold::metrics {
namespace {

/// {"cluster":"SQSMessage$…","task":17,"attempt":1; the arguments stay open.
void begin_args(TraceEvent& written, Work work, std::string_view record_id, const std::optional<std::uint64_t>& task,
                std::uint32_t attempt) {
  written.begin_args();
  if (!record_id.empty())
    written.member(work == Work::message ? "message" : "cluster", std::string(key_prefix).append(record_id));
  if (task) written.count("task", *task);
  if (attempt > 0) written.count("attempt", attempt);
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
  options_.write(name_of_process(options_.process_id, options_.process_name));
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
  options_.write(name_of_lane(options_.process_id, lane, "lane " + std::to_string(lane)));
}

void Timeline::write_count(const Count& count) const {
  TraceEvent written("handlers running", "C", options_.process_id);
  written.member("ts", microseconds(count.at)).begin_args().count("running", count.running);
  options_.write(written.text());
}

void Timeline::write_span(const Attempt& attempt, const Span& span, std::string_view outcome,
                          std::string_view reason) const {
  TraceEvent written(span_name(attempt), "X", options_.process_id);
  written.lane(span.lane)
      .member("cat", to_string(attempt.work))
      .member("ts", microseconds(span.begun))
      .member("dur", microseconds(span.ended) - microseconds(span.begun));
  begin_args(written, attempt.work, attempt.record_id, attempt.task, attempt.number);
  written.member("outcome", outcome);
  if (!reason.empty()) written.member("reason", reason);
  options_.write(written.text());
}

void Timeline::write_instant(std::string_view name, const WorkerEvent& event) const {
  TraceEvent written(name, "i", options_.process_id);
  written.lane(1)
      .member("s", "p")  // Across the lanes of this process.
      .member("ts", microseconds(options_.now()));
  begin_args(written, work_of(event), event.record_id, event.task, event.attempt);
  if (!event.detail.empty()) written.member("reason", event.detail);
  options_.write(written.text());
}

std::int64_t Timeline::microseconds(Steady at) const {
  const auto since = std::chrono::floor<std::chrono::microseconds>(at - started_);
  return (options_.started_at + since).time_since_epoch().count();
}

}  // namespace fanfold::metrics
