#include "cli/cluster_trace.hpp"
#include "metrics/trace_event.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

/// Milliseconds after the cluster was created.
Time after(std::int64_t milliseconds) { return Time(std::chrono::hours(1)) + std::chrono::milliseconds(milliseconds); }
/// As an event has it.
std::string stamp(std::int64_t milliseconds) {
  return R"("ts":)" + std::to_string(std::chrono::microseconds(after(milliseconds).time_since_epoch()).count());
}

ClusterHeader finished_cluster(std::uint64_t task_count, std::int64_t completed_at) {
  ClusterHeader header;
  header.id = "0123456789abcdefghijklmnop";
  header.name = "photos \"2026\"";
  header.task_count = task_count;
  header.created_at = header.sent_at = after(0);
  header.completed_at = after(completed_at);
  header.status = Status::complete;
  return header;
}

ClusterHeader running_cluster(std::uint64_t task_count) {
  ClusterHeader header = finished_cluster(task_count, 0);
  header.completed_at.reset();
  header.status = Status::in_progress;
  return header;
}

TaskState done_at(std::uint64_t index, std::int64_t at, std::uint32_t attempts = 1) {
  TaskState task;
  task.index = index;
  task.status = Status::complete;
  task.attempt_count = attempts;
  task.completed_at = after(at);
  return task;
}
ErrorEntry failure_at(std::int64_t at, std::uint32_t attempt, bool final) {
  return {.attempt = attempt,
          .code = "exit 1",
          .message = "no \"room\"",
          .fingerprint = "0badcafe",
          .at = after(at),
          .final = final};
}
TaskState failed_at(std::uint64_t index, std::int64_t at) {
  TaskState task = done_at(index, at);
  task.status = Status::error;
  task.error = {failure_at(at - 1, 1, true)};  // Its end is recorded a moment later.
  return task;
}

struct Written {
  std::vector<std::string> events;

  explicit Written(ClusterTrace& trace) {
    trace.write([this](std::string_view event) { events.emplace_back(event); });
  }
  [[nodiscard]] std::vector<std::string> of(std::string_view part) const {
    std::vector<std::string> found;
    for (const std::string& event : events)
      if (event.find(part) != std::string::npos) found.push_back(event);
    return found;
  }
  [[nodiscard]] std::string one(std::string_view part) const {
    const std::vector<std::string> found = of(part);
    EXPECT_EQ(found.size(), 1U) << part;
    return found.empty() ? std::string() : found.front();
  }
  /// The arguments of a counter's events, in order.
  [[nodiscard]] std::vector<std::string> counts(std::string_view name) const {
    std::vector<std::string> found;
    for (const std::string& event : of(R"({"name":")" + std::string(name) + R"(","ph":"C")")) {
      const std::size_t begin = event.find(R"("args":)") + 7;
      found.push_back(event.substr(begin, event.size() - begin - 1));
    }
    return found;
  }
};

bool holds(const std::string& event, std::string_view part) { return event.find(part) != std::string::npos; }

TEST(ClusterTrace, BeginsLikeEveryTraceOfFanfolds) {
  ClusterTrace trace({.cluster = finished_cluster(0, 10)});
  const Written written(trace);
  EXPECT_TRUE(written.events.front().starts_with(metrics::trace_begin));
  EXPECT_TRUE(holds(written.events.front(), R"("name":"cluster photos \"2026\"")"));
}

TEST(ClusterTrace, ShowsTheClusterFromItsCreationToItsEnd) {
  ClusterTrace trace({.cluster = finished_cluster(2, 500)});
  trace.add(done_at(0, 100));
  trace.add(failed_at(1, 500));
  const Written written(trace);
  const std::string cluster = written.one(R"({"name":"photos \"2026\"","ph":"X")");
  EXPECT_TRUE(holds(cluster, stamp(0) + R"(,"dur":500000,)")) << cluster;
  EXPECT_TRUE(holds(cluster, R"("cluster":"SQSMessage$0123456789abcdefghijklmnop","status":"COMPLETE","tasks":2)"));
  EXPECT_TRUE(holds(cluster, R"("complete":1,"failed":1,"failed_attempts":1)"));
  EXPECT_FALSE(holds(cluster, "goes_on"));
  EXPECT_TRUE(written.of("round ").empty()) << "there was one";
  EXPECT_EQ(written.of(R"("name":"finished","ph":"i")").size(), 1U);
}

TEST(ClusterTrace, ShowsWhatGoesOnUntilItWasLookedAt) {
  ClusterTrace trace({.cluster = running_cluster(3), .looked_at = after(900)});
  trace.add(done_at(0, 100));
  TaskState running;
  running.index = 1;
  running.status = Status::in_progress;
  running.attempt_count = 2;
  running.lease_end = after(30'000);
  trace.add(running);
  TaskState untouched;
  untouched.index = 2;
  trace.add(untouched);
  const Written written(trace);
  EXPECT_TRUE(holds(written.one(R"({"name":"photos \"2026\"","ph":"X")"), R"("dur":900000)"));
  EXPECT_TRUE(holds(written.one("no task has ended since"), stamp(100) + R"(,"dur":800000)"));
  const std::string open = written.one(R"({"name":"#1","ph":"i")");
  EXPECT_TRUE(holds(open, stamp(900))) << open;
  EXPECT_TRUE(holds(open, R"("task":1,"state":"running","attempts":2,"lease_end":"1970-01-01T01:00:30.000Z")")) << open;
  EXPECT_TRUE(written.of(R"("name":"#2")").empty());
}

TEST(ClusterTrace, CountsWhatHadEndedByWhen) {
  ClusterTrace trace({.cluster = finished_cluster(4, 500)});
  for (const std::int64_t at : {300, 100, 100}) trace.add(done_at(0, at));
  trace.add(failed_at(3, 401));
  const Written written(trace);
  using Counts = std::vector<std::string>;
  EXPECT_EQ(written.counts("tasks"), (Counts{R"({"complete":0,"failed":0})", R"({"complete":2,"failed":0})",
                                             R"({"complete":3,"failed":0})", R"({"complete":3,"failed":1})"}));
  EXPECT_EQ(written.counts("failed attempts"), (Counts{R"({"failed":0})", R"({"failed":1})"}));
}

TEST(ClusterTrace, CountsATaskThatWasTriedAgainAsFailedUntilItsRoundBegan) {
  ClusterHeader header = finished_cluster(2, 2'000);
  header.round = 1;
  header.sent_at = after(1'500);
  ClusterTrace trace({.cluster = header,
                      .finishes = {{.round = 0, .sent_at = after(310), .ended = after(350), .status = Status::complete},
                                   {.round = 1, .sent_at = after(2'010), .ended = {}}},
                      .looked_at = after(2'500)});
  TaskState again = done_at(0, 2'000);
  again.error = {failure_at(300, 1, true)};
  trace.add(again);
  trace.add(done_at(1, 200));
  const Written written(trace);
  using Counts = std::vector<std::string>;
  EXPECT_EQ(written.counts("tasks"),
            (Counts{R"({"complete":0,"failed":0})", R"({"complete":1,"failed":0})", R"({"complete":1,"failed":1})",
                    R"({"complete":1,"failed":0})", R"({"complete":2,"failed":0})"}));
  EXPECT_EQ(written.of(R"("name":"tasks","ph":"C")").at(3).find(stamp(1'500)) != std::string::npos, true);
  const std::string first = written.one(R"({"name":"round 0","ph":"X")");
  EXPECT_TRUE(holds(first, stamp(0) + R"(,"dur":310000)")) << first;
  EXPECT_TRUE(holds(first, R"("complete":1,"failed":1,"failed_attempts":1,"begin_known_from":"creation")")) << first;
  const std::string second = written.one(R"({"name":"round 1","ph":"X")");
  EXPECT_TRUE(holds(second, stamp(1'500) + R"(,"dur":500000)")) << second;
  EXPECT_TRUE(holds(second, R"("complete":1,"failed":0,"begin_known_from":"sending")")) << second;
  EXPECT_TRUE(holds(written.one("finish of round 0"), stamp(310) + R"(,"dur":40000)"));
  EXPECT_TRUE(holds(written.one("finish of round 1"), stamp(2'010) + R"(,"dur":490000)"));
  EXPECT_EQ(trace.counts().complete, 2U);
  EXPECT_EQ(trace.counts().failed, 0U);
}

TEST(ClusterTrace, CountsATaskThatIsTriedAgainNowAsFailedNoMore) {
  ClusterHeader header = running_cluster(1);
  header.round = 1;
  header.sent_at = after(1'500);
  ClusterTrace trace({.cluster = header,
                      .finishes = {{.round = 0, .sent_at = after(310), .ended = after(350)}},
                      .looked_at = after(2'500)});
  TaskState again;
  again.error = {failure_at(300, 1, true)};
  trace.add(again);
  const Written written(trace);
  EXPECT_EQ(written.counts("tasks").back(), R"({"complete":0,"failed":0})");
  EXPECT_TRUE(holds(written.one("no task has ended yet"), stamp(1'500)));
}

TEST(ClusterTrace, MarksFailuresWithTheirReasonsAndEndsOfTasks) {
  ClusterTrace trace({.cluster = finished_cluster(1, 500)});
  TaskState task = done_at(7, 500, 2);
  task.error = {failure_at(200, 1, false)};
  trace.add(task);
  const Written written(trace);
  const std::string failure = written.one(R"({"name":"exit 1","ph":"i")");
  EXPECT_TRUE(holds(failure, stamp(200))) << failure;
  EXPECT_TRUE(
      holds(failure, R"("args":{"task":7,"attempt":1,"final":false,"reason":"no \"room\"","fingerprint":"0badcafe"})"))
      << failure;
  EXPECT_TRUE(holds(written.one(R"({"name":"#7","ph":"i")"), R"("args":{"task":7,"outcome":"done","attempts":2})"));
}

TEST(ClusterTrace, HasTextThatIsNoTextAsText) {
  ClusterTrace trace({.cluster = finished_cluster(1, 500)});
  TaskState task = failed_at(0, 500);
  task.error.back().message = "\xff" + std::string(10'000, 'x');
  trace.add(task);
  EXPECT_LT(Written(trace).one(R"("name":"exit 1")").size(), 1'000U);
}

TEST(ClusterTrace, IsBoundedHoweverManyTasksThereAre) {
  constexpr std::uint64_t count = 200'000;
  constexpr std::size_t shown_max = 100;
  ClusterTrace trace({.cluster = finished_cluster(count, count), .shown_max = shown_max});
  for (std::uint64_t index = 0; index < count; ++index) {
    const auto at = static_cast<std::int64_t>(index * 7 % count) + 1;
    trace.add(index % 4 == 0 ? failed_at(index, at) : done_at(index, at));
  }
  const Written written(trace);
  EXPECT_LT(written.events.size(), 2 * ClusterTrace::step_count_max + 1'000);
  EXPECT_EQ(written.counts("tasks").back(), R"({"complete":150000,"failed":50000})");
  EXPECT_EQ(written.counts("failed attempts").back(), R"({"failed":50000})");
  EXPECT_EQ(written.of(R"("outcome")").size(), shown_max);
  EXPECT_TRUE(holds(written.of(R"("outcome")").front(), stamp(count - shown_max + 1))) << "the latest";
  EXPECT_EQ(written.of(R"("final")").size(), shown_max);
  EXPECT_EQ(written.of("ends of tasks (the latest 100 of 200,000)").size(), 1U);
  EXPECT_EQ(trace.left_out_count(), count - shown_max + count / 4 - shown_max);
}

TEST(ClusterTrace, ShowsNoMarksWhereNoneAreWanted) {
  ClusterTrace trace({.cluster = finished_cluster(1, 500), .shown_max = 0});
  trace.add(failed_at(0, 100));
  const Written written(trace);
  EXPECT_TRUE(written.of(R"("outcome")").empty());
  EXPECT_TRUE(written.of(R"("final")").empty());
  EXPECT_EQ(written.counts("tasks").back(), R"({"complete":0,"failed":1})");
}

TEST(ClusterTrace, RatesWhatEndedAndSaysWhereNothingDid) {
  ClusterTrace trace({.cluster = finished_cluster(1'001, 100'000)});
  for (std::uint64_t index = 0; index < 1'000; ++index)
    trace.add(done_at(index, static_cast<std::int64_t>(index * 20)));
  trace.add(done_at(1'000, 100'000));
  const Written written(trace);
  const std::vector<std::string> rates = written.counts("tasks ended a second");
  EXPECT_LT(rates.size(), 200U);
  EXPECT_EQ(std::ranges::count(rates, R"({"rate":0})"), 2) << "before the last, and at the end";
  EXPECT_NE(std::ranges::find(rates, R"({"rate":50.781})"), rates.end()) << "26 in 512 ms";
}

TEST(ClusterTrace, ShowsHowLongTheLastOnesTook) {
  ClusterTrace trace({.cluster = finished_cluster(1'000, 10'000)});
  for (std::uint64_t index = 0; index < 999; ++index) trace.add(done_at(index, static_cast<std::int64_t>(index)));
  trace.add(done_at(999, 10'000));
  const Written written(trace);
  EXPECT_TRUE(holds(written.one("the last tenth"), stamp(899) + R"(,"dur":9101000)"));
  EXPECT_TRUE(holds(written.one("the last hundredth"), stamp(989) + R"(,"dur":9011000)"));
}

TEST(ClusterTrace, ShowsChildClustersInLanesThatDoNotOverlap) {
  ClusterTrace trace({.cluster = finished_cluster(3, 500), .looked_at = after(600)});
  const auto child = [&](const std::string& name, std::int64_t begin, std::optional<std::int64_t> end) {
    ClusterHeader header = end ? finished_cluster(5, *end) : running_cluster(5);
    header.id = header.name = name;
    header.created_at = after(begin);
    header.parent = ParentTask{.cluster_id = "0123456789abcdefghijklmnop", .index = 2};
    trace.add_child(header);
  };
  child("third", 300, std::nullopt);
  child("first", 100, 200);
  child("second", 150, 250);
  const Written written(trace);
  EXPECT_TRUE(holds(written.one(R"({"name":"first","ph":"X")"), R"("tid":1,)" + stamp(100) + R"(,"dur":100000)"));
  EXPECT_TRUE(holds(written.one(R"({"name":"second","ph":"X")"), R"("tid":2,)" + stamp(150)));
  const std::string third = written.one(R"({"name":"third","ph":"X")");
  EXPECT_TRUE(holds(third, R"("tid":1,)" + stamp(300) + R"(,"dur":300000)")) << third;
  EXPECT_TRUE(
      holds(third, R"("goes_on":true,"failed":0,"parent":"SQSMessage$0123456789abcdefghijklmnop","parent_task":2)"));
}

TEST(ClusterTrace, SaysWhereThereAreMoreThanItShows) {
  ClusterTrace trace({.cluster = running_cluster(3), .looked_at = after(600), .shown_max = 1});
  for (std::uint64_t index = 0; index < 3; ++index) {
    TaskState task;
    task.index = index;
    task.status = Status::in_progress;
    task.lease_end = after(1'000);
    task.backing_off = index == 0;
    trace.add(task);
    trace.add_child(finished_cluster(1, 500));
  }
  EXPECT_EQ(trace.left_out_count(), 4U);
  const Written written(trace);
  EXPECT_EQ(written.of("begun and not ended (1 of 3)").size(), 1U);
  EXPECT_EQ(written.of("\\\"2026\\\" (1 of 3)").size(), 1U) << "the children's";
  EXPECT_TRUE(holds(written.one(R"("name":"#0")"), "next_attempt_at"));
}

TEST(ClusterTrace, HasNothingOpenOfAClusterThatWasMoved) {
  ClusterHeader header = running_cluster(1);
  header.moved_to = "aws";
  header.paused = true;
  ClusterTrace trace({.cluster = header, .looked_at = after(600)});
  TaskState task;
  task.status = Status::in_progress;
  trace.add(task);
  const Written written(trace);
  EXPECT_EQ(written.of("not ended").size() + written.of("paused").size() + written.of("goes_on").size(), 0U);
  EXPECT_EQ(written.of(R"("moved_to":"aws")").size(), 1U);
}

TEST(ClusterTrace, SaysOfHowManyTasksThereMayHaveBeenMoreFailures) {
  ClusterTrace trace({.cluster = finished_cluster(2, 500)});
  for (const std::size_t failures : {error_count_max - 1, error_count_max}) {
    TaskState task = done_at(failures, 400);
    task.error.assign(failures, failure_at(300, 1, false));
    trace.add(task);
  }
  EXPECT_EQ(trace.partly_kept_count(), 1U);
  EXPECT_EQ(Written(trace).of(R"("tasks_with_more_failures_than_kept":1)").size(), 1U);
}

TEST(ClusterTrace, TakesAClockThatWasSetBack) {
  ClusterHeader header = finished_cluster(1, -50);
  ClusterTrace trace({.cluster = header});
  trace.add(done_at(0, -60));
  const Written written(trace);
  EXPECT_TRUE(written.of(R"("dur":-)").empty());
  EXPECT_EQ(written.counts("tasks").back(), R"({"complete":1,"failed":0})");
}

}  // namespace
}  // namespace fanfold::cli
