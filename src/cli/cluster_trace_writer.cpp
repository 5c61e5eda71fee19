#include "cli/cluster_argument.hpp"
#include "cli/cluster_trace.hpp"
#include "cli/text.hpp"
#include "cli/trace_file.hpp"
#include "metrics/trace_event.hpp"
#include "support/hash.hpp"
#include "views/cluster_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fanfold::cli {
namespace {

using metrics::TraceEvent;

enum Lane : std::size_t { cluster_lane = 1, tasks_lane, finish_lane, failures_lane, ends_lane, open_lane };

/// Steps of the rate, at most, over the time in which tasks ended.
constexpr std::int64_t rate_step_count_max = 200;
/// Rounds of fewer tasks have no such part of them.
constexpr std::uint64_t last_tenth_least = 10;
constexpr std::uint64_t last_hundredth_least = 100;

/// Linux gives no such number to a process, so that traces of workers may be laid beside.
std::int64_t process_number(const ClusterHeader& cluster) {
  constexpr std::int64_t beyond_processes = std::int64_t{1} << 22U;
  constexpr std::uint64_t process_count = 4;  // Of one trace, with one to spare.
  constexpr std::uint64_t cluster_count = std::uint64_t{1} << 28U;
  return beyond_processes + static_cast<std::int64_t>(fnv1a(cluster.id) % cluster_count * process_count);
}

std::int64_t in_microseconds(Time at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

struct TimeSpan {
  std::size_t lane = 0;
  Time begin{};
  Time end{};
};

/// A clock that was set back is no negative duration.
void add_times(TraceEvent& event, const TimeSpan& span) {
  event.lane(span.lane)
      .member("ts", in_microseconds(span.begin))
      .member("dur", in_microseconds(std::max(span.begin, span.end)) - in_microseconds(span.begin));
}

void add_counts(TraceEvent& event, const TaskCounts& counts) {
  event.count("complete", counts.complete).count("failed", counts.failed);
  if (counts.failed_attempts > 0) event.count("failed_attempts", counts.failed_attempts);
}

}  // namespace

class ClusterTrace::Writer {
 public:
  using Sink = std::function<void(std::string_view event)>;
  Writer(const ClusterTrace& trace, const Sink& sink)
      : trace_(trace),
        cluster_(trace.options_.cluster),
        sink_(sink),
        label_(as_utf8(label_of(cluster_))),
        process_(process_number(cluster_)) {}

  void write() {
    sink_(metrics::name_of_process(process_, "cluster " + label_));
    write_cluster();
    write_rounds();
    write_finishes();
    write_counts();
    write_rate();
    write_failures();
    write_ends();
    write_open();
    write_relatives(trace_.children_, process_ + 1,
                    with_share("child clusters of " + label_, trace_.children_.size(), trace_.child_count_));
    write_relatives(trace_.parents_, process_ + 2, "parents of " + label_);
  }

 private:
  void name_lane(std::size_t lane, std::string_view name) { sink_(metrics::name_of_lane(process_, lane, name)); }

  [[nodiscard]] Time end() const { return cluster_.completed_at.value_or(trace_.options_.looked_at); }

  TraceEvent& instant(TraceEvent& event, std::size_t lane, Time at) {
    event.lane(lane).member("s", "t").member("ts", in_microseconds(at));
    return event.begin_args();
  }

  void write_cluster() {
    name_lane(cluster_lane, "cluster");
    TraceEvent event(label_, "X", process_);
    add_times(event, {.lane = cluster_lane, .begin = cluster_.created_at, .end = end()});
    event.begin_args();
    describe(event, cluster_);
    add_counts(event, trace_.counts_);
    if (trace_.partly_kept_count_ > 0) event.count("tasks_with_more_failures_than_kept", trace_.partly_kept_count_);
    sink_(event.text());
    for (const views::Moment& moment : views::moments_of(cluster_)) {
      TraceEvent mark(traced_reason(moment.what), "i", process_);
      sink_(instant(mark, cluster_lane, moment.at).text());
    }
  }

  void describe(TraceEvent& event, const ClusterHeader& cluster) const {
    event.member("cluster", std::string(key_prefix).append(cluster.id))
        .member("status", to_string(cluster.status))
        .count("tasks", cluster.task_count)
        .count("round", cluster.round);
    if (cluster.stopped()) event.flag("stopped", true);
    if (!cluster.moved_to.empty()) {  // It goes on there.
      event.member("moved_to", as_utf8(cluster.moved_to));
      return;
    }
    if (cluster.paused) event.flag("paused", true);
    if (!cluster.completed_at) event.flag("goes_on", true);
  }

  // Rounds, and what is known of their tasks.

  void write_rounds() {
    name_lane(tasks_lane, "tasks");
    const std::vector<RoundSpan>& spans = trace_.rounds_.spans();
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const RoundSpan& span = spans[i];
      const bool is_latest = i + 1 == spans.size();
      const RoundSpans::Begin begin = trace_.rounds_.begin_of(i);
      const Time over_at = span.finish_sent_at.value_or(begin.at);
      const Time round_end =
          is_latest ? end() : std::min(std::max(over_at, span.last_end.value_or(over_at)), span.until);
      if (cluster_.round > 0) write_round(span, begin, round_end);
      write_tasks(span, begin, is_latest && !cluster_.completed_at);
    }
  }

  void write_round(const RoundSpan& span, const RoundSpans::Begin& begin, Time round_end) {
    const std::string name = span.first_number == span.number
                                 ? fmt::format("round {}", span.number)
                                 : fmt::format("rounds {} to {}", span.first_number, span.number);
    TraceEvent event(name, "X", process_);
    add_times(event, {.lane = cluster_lane, .begin = begin.at, .end = round_end});
    event.begin_args();
    add_counts(event, span.counts);
    event.member("begin_known_from", begin.known_from);
    sink_(event.text());
  }

  void write_plain(std::string_view name, std::size_t lane, Time begin, Time end) {
    TraceEvent event(name, "X", process_);
    add_times(event, {.lane = lane, .begin = begin, .end = end});
    sink_(event.text());
  }

  void write_tasks(const RoundSpan& span, const RoundSpans::Begin& begin, bool goes_on) {
    const Time looked_at = trace_.options_.looked_at;
    if (!span.first_end) {
      if (goes_on) write_plain("no task has ended yet", tasks_lane, begin.at, looked_at);
      return;
    }
    if (begin.at < *span.first_end) write_plain("until the first task ended", tasks_lane, begin.at, *span.first_end);
    TraceEvent event("tasks end", "X", process_);
    add_times(event, {.lane = tasks_lane, .begin = *span.first_end, .end = *span.last_end});
    event.begin_args();
    add_counts(event, span.counts);
    sink_(event.text());
    if (goes_on) {
      if (*span.last_end < looked_at) write_plain("no task has ended since", tasks_lane, *span.last_end, looked_at);
      return;
    }
    write_last(span, "the last tenth of the tasks", 10, last_tenth_least);
    write_last(span, "the last hundredth of the tasks", 100, last_hundredth_least);
  }

  /// From when all but the last `divisor`-th had ended.
  void write_last(const RoundSpan& span, std::string_view name, std::uint64_t divisor, std::uint64_t least) {
    const std::uint64_t count = span.counts.ended();
    if (count < least) return;
    std::uint64_t ended = 0;
    for (const auto& [number, step] : trace_.steps_.steps()) {
      if (step.last < *span.first_end) continue;
      ended += step.counts.ended();
      if (ended < count - count / divisor) continue;
      if (step.last < *span.last_end) write_plain(name, tasks_lane, step.last, *span.last_end);
      return;
    }
  }

  void write_finishes() {
    if (trace_.options_.finishes.empty()) return;
    name_lane(finish_lane, "finish");
    for (const RoundFinish& finish : trace_.options_.finishes) {
      TraceEvent event(fmt::format("finish of round {}", finish.round), "X", process_);
      const Time ended = finish.ended.value_or(trace_.options_.looked_at);
      add_times(event, {.lane = finish_lane, .begin = finish.sent_at, .end = ended});
      event.begin_args().member("status", to_string(finish.status)).count("attempts", finish.attempt_count);
      if (!finish.ended) event.flag("goes_on", true);
      sink_(event.text());
      for (const ErrorEntry& error : finish.errors) write_failure(error, {}, finish_lane);
    }
  }

  // Counts over time.

  void write_task_counts(Time at, std::uint64_t complete, std::uint64_t failed) {
    TraceEvent event("tasks", "C", process_);
    sink_(event.member("ts", in_microseconds(at))
              .begin_args()
              .count("complete", complete)
              .count("failed", failed)
              .text());
  }

  void write_failed_attempts(Time at, std::uint64_t count) {
    TraceEvent event("failed attempts", "C", process_);
    sink_(event.member("ts", in_microseconds(at)).begin_args().count("failed", count).text());
  }

  void write_counts() {
    if (trace_.task_count_ == 0) return;
    write_task_counts(cluster_.created_at, 0, 0);
    if (trace_.counts_.failed_attempts > 0) write_failed_attempts(cluster_.created_at, 0);
    TaskCounts sum;
    for (const auto& [number, step] : trace_.steps_.steps()) {
      sum += step.counts;
      const std::uint64_t failed = sum.failed - std::min(sum.failed, sum.tried_again);
      if (step.counts.ended() + step.counts.tried_again > 0) write_task_counts(step.last, sum.complete, failed);
      if (step.counts.failed_attempts > 0) write_failed_attempts(step.last, sum.failed_attempts);
    }
  }

  void write_rate(Time at, double per_second) {
    TraceEvent event("tasks ended a second", "C", process_);
    sink_(event.member("ts", in_microseconds(at)).begin_args().decimal("rate", per_second).text());
  }

  /// Between rounds there may be days, in which nothing could end.
  [[nodiscard]] std::chrono::milliseconds time_of_ends() const {
    std::chrono::milliseconds time{0};
    for (const RoundSpan& span : trace_.rounds_.spans()) {
      if (span.first_end) time += *span.last_end - *span.first_end;
    }
    return time;
  }

  void write_rate() {
    TimeSteps steps = trace_.steps_;
    steps.widen(std::chrono::milliseconds(time_of_ends().count() / rate_step_count_max + 1));
    const double seconds = std::chrono::duration<double>(steps.width()).count();
    std::optional<std::int64_t> zero_at;
    for (const auto& [number, step] : steps.steps()) {
      if (step.counts.ended() == 0) continue;
      if (zero_at && *zero_at < number) write_rate(steps.begin_of(*zero_at), 0);
      constexpr double precision = 1e3;
      const double rate = static_cast<double>(step.counts.ended()) / seconds;
      write_rate(steps.begin_of(number), std::round(rate * precision) / precision);
      zero_at = number + 1;
    }
    if (zero_at) write_rate(steps.begin_of(*zero_at), 0);
  }

  // Marks.

  static std::string with_share(std::string_view what, std::uint64_t shown, std::uint64_t count,
                                std::string_view which = {}) {
    if (shown == count) return std::string(what);
    return fmt::format("{} ({}{} of {})", what, which, with_thousands(shown), with_thousands(count));
  }

  void name_lane_of(std::size_t lane, std::string_view what, std::uint64_t shown, std::uint64_t count) {
    name_lane(lane, with_share(what, shown, count, "the latest "));
  }

  void write_failure(const ErrorEntry& error, std::optional<std::uint64_t> task, std::size_t lane) {
    TraceEvent event(as_utf8(error.code), "i", process_);
    instant(event, lane, error.at);
    if (task) event.count("task", *task);
    event.count("attempt", error.attempt)
        .flag("final", error.final)
        .member("reason", traced_reason(error.message))
        .member("fingerprint", as_utf8(error.fingerprint));
    sink_(event.text());
  }

  void write_failures() {
    if (trace_.failures_.count == 0) return;
    name_lane_of(failures_lane, "failures", trace_.failures_.items.size(), trace_.failures_.count);
    for (const Failure& failure : trace_.failures_.items) write_failure(failure.error, failure.task, failures_lane);
  }

  void write_ends() {
    if (trace_.ends_.count == 0) return;
    name_lane_of(ends_lane, "ends of tasks", trace_.ends_.items.size(), trace_.ends_.count);
    for (const End& task : trace_.ends_.items) {
      TraceEvent event(fmt::format("#{}", task.task), "i", process_);
      instant(event, ends_lane, task.at)
          .count("task", task.task)
          .member("outcome", task.failed ? "failed" : "done")
          .count("attempts", task.attempt_count);
      sink_(event.text());
    }
  }

  void write_open() {
    if (trace_.open_count_ == 0) return;
    name_lane(open_lane, with_share("begun and not ended", trace_.open_.size(), trace_.open_count_));
    for (const Open& task : trace_.open_) {
      TraceEvent event(fmt::format("#{}", task.task), "i", process_);
      instant(event, open_lane, trace_.options_.looked_at)
          .count("task", task.task)
          .member("state", task.state)
          .count("attempts", task.attempt_count);
      if (task.free_at) event.member(task.is_leased ? "lease_end" : "next_attempt_at", to_iso8601(*task.free_at));
      sink_(event.text());
    }
  }

  /// Each in the lowest lane that is free when it begins.
  void write_relatives(std::vector<ClusterHeader> clusters, std::int64_t process, std::string_view name) {
    if (clusters.empty()) return;
    sink_(metrics::name_of_process(process, name));
    std::ranges::stable_sort(clusters, {}, &ClusterHeader::created_at);
    std::vector<Time> lane_ends;
    for (const ClusterHeader& cluster : clusters) {
      const auto free = std::ranges::find_if(lane_ends, [&](Time at) { return at <= cluster.created_at; });
      const auto lane = static_cast<std::size_t>(free - lane_ends.begin()) + 1;
      const Time ended = cluster.completed_at.value_or(trace_.options_.looked_at);
      if (free == lane_ends.end()) {
        lane_ends.push_back(ended);
        sink_(metrics::name_of_lane(process, lane, fmt::format("lane {}", lane)));
      } else {
        *free = ended;
      }
      TraceEvent event(as_utf8(label_of(cluster)), "X", process);
      add_times(event, {.lane = lane, .begin = cluster.created_at, .end = ended});
      event.begin_args();
      describe(event, cluster);
      event.count("failed", cluster.failed_total_count());
      if (cluster.parent) {
        event.member("parent", std::string(key_prefix).append(cluster.parent->cluster_id))
            .count("parent_task", cluster.parent->index);
      }
      sink_(event.text());
    }
  }

  const ClusterTrace& trace_;
  const ClusterHeader& cluster_;
  const Sink& sink_;
  std::string label_;
  std::int64_t process_;
};

void ClusterTrace::write(const std::function<void(std::string_view event)>& sink) {
  settle();
  Writer(*this, sink).write();
}

}  // namespace fanfold::cli
