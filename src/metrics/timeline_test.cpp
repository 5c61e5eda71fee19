#include "metrics/timeline.hpp"

#include "metrics/trace_event.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace fanfold::metrics {
namespace {

using namespace std::chrono_literals;
using Kind = WorkerEvent::Kind;

/// A timeline whose clock is set by hand, and what it wrote.
struct Recorded {
  std::vector<std::string> events;
  Timeline::Steady now{};
  std::optional<Timeline> timeline;

  Recorded() {
    timeline.emplace(Timeline::Options{.write = [this](std::string_view event) { events.emplace_back(event); },
                                       .process_name = "fanfold \"work\"",
                                       .process_id = 42,
                                       .started_at = std::chrono::sys_time<std::chrono::microseconds>(1'000'000us),
                                       .now = [this] { return now; }});
  }
  [[nodiscard]] std::vector<std::string> spans() const { return of("\"ph\":\"X\""); }
  [[nodiscard]] std::vector<std::string> of(std::string_view part) const {
    std::vector<std::string> found;
    for (const std::string& event : events)
      if (event.find(part) != std::string::npos) found.push_back(event);
    return found;
  }
};

Attempt task(std::uint64_t index, std::uint32_t number = 1) {
  return {.work = Work::task, .record_id = "c1", .task = index, .number = number};
}

WorkerEvent end_of(const Attempt& attempt, Kind kind, std::string_view detail = {}) {
  WorkerEvent event;
  event.kind = kind;
  if (attempt.work != Work::message) event.cluster_id = attempt.record_id;
  event.record_id = attempt.record_id;
  event.task = attempt.task;
  event.attempt = attempt.number;
  event.detail = detail;
  return event;
}

TEST(Timeline, BeginsWithTheNameOfTheProcess) {
  const Recorded recorded;
  ASSERT_EQ(recorded.events.size(), 1U);
  EXPECT_EQ(recorded.events.front(), R"({"name":"process_name","ph":"M","pid":42,"args":{"name":"fanfold \"work\""}})");
  EXPECT_TRUE(recorded.events.front().starts_with(trace_begin));
}

TEST(Timeline, WritesASpanOfAnAttemptOnceItsOutcomeIsRecorded) {
  Recorded recorded;
  recorded.now += 5ms + 900ns;
  {
    const Timeline::Running running(*recorded.timeline, task(17, 2));
    recorded.now += 30ms;
  }
  EXPECT_TRUE(recorded.spans().empty());
  recorded.now += 1s;  // Until the store has it, which is not the handler's time.
  recorded.timeline->see(end_of(task(17, 2), Kind::retried, "no \"room\""));
  ASSERT_EQ(recorded.spans().size(), 1U);
  EXPECT_EQ(recorded.spans().front(),
            R"({"name":"#17","ph":"X","pid":42,"tid":1,"cat":"task","ts":1005000,"dur":30000,)"
            R"("args":{"cluster":"SQSMessage$c1","task":17,"attempt":2,"outcome":"retried","reason":"no \"room\""}})");
}

TEST(Timeline, NamesMessagesAndFinishMessagesByWhatTheyAre) {
  Recorded recorded;
  const Attempt message{.work = Work::message, .record_id = "m1", .task = {}, .number = 1};
  const Attempt finish{.work = Work::finish, .record_id = "c1", .task = {}, .number = 1};
  { const Timeline::Running running(*recorded.timeline, message); }
  { const Timeline::Running running(*recorded.timeline, finish); }
  recorded.timeline->see(end_of(message, Kind::done));
  recorded.timeline->see(end_of(finish, Kind::finish_handled));
  ASSERT_EQ(recorded.spans().size(), 2U);
  EXPECT_NE(recorded.spans()[0].find(R"("name":"message")"), std::string::npos);
  EXPECT_NE(recorded.spans()[0].find(R"("args":{"message":"SQSMessage$m1","attempt":1,"outcome":"done"})"),
            std::string::npos)
      << recorded.spans()[0];
  EXPECT_NE(recorded.spans()[1].find(R"("name":"finish")"), std::string::npos);
  EXPECT_NE(recorded.spans()[1].find(R"("cluster":"SQSMessage$c1")"), std::string::npos);
  EXPECT_EQ(recorded.of(R"("name":"finish handled","ph":"i")").size(), 1U);
}

TEST(Timeline, GivesEachHandlerThatRunsTheLowestLaneThatIsFree) {
  Recorded recorded;
  auto first = std::make_unique<Timeline::Running>(*recorded.timeline, task(0));
  auto second = std::make_unique<Timeline::Running>(*recorded.timeline, task(1));
  first.reset();
  auto third = std::make_unique<Timeline::Running>(*recorded.timeline, task(2));
  second.reset();
  third.reset();
  for (std::uint64_t index : {2, 1, 0}) recorded.timeline->see(end_of(task(index), Kind::done));
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_NE(spans[0].find(R"("name":"#2","ph":"X","pid":42,"tid":1,)"), std::string::npos) << spans[0];
  EXPECT_NE(spans[1].find(R"("name":"#1","ph":"X","pid":42,"tid":2,)"), std::string::npos) << spans[1];
  EXPECT_NE(spans[2].find(R"("name":"#0","ph":"X","pid":42,"tid":1,)"), std::string::npos) << spans[2];
  EXPECT_EQ(recorded.of("thread_name").size(), 2U);
  EXPECT_EQ(recorded.of(R"({"name":"thread_name","ph":"M","pid":42,"tid":2,"args":{"name":"lane 2"}})").size(), 1U);
}

TEST(Timeline, ShowsWhatNoHandlerRanFor) {
  Recorded recorded;
  recorded.timeline->see(end_of(task(3), Kind::crashed_before, "signal 9"));
  recorded.timeline->see(end_of(task(4), Kind::failed, "attempts used up"));
  recorded.timeline->see(end_of(task(5), Kind::done));  // Settled without a run.
  WorkerEvent draining;
  draining.kind = Kind::draining;
  recorded.timeline->see(draining);
  ASSERT_EQ(recorded.events.size(), 4U);
  EXPECT_EQ(recorded.events[1], R"({"name":"crashed before","ph":"i","pid":42,"tid":1,"s":"p","ts":1000000,)"
                                R"("args":{"cluster":"SQSMessage$c1","task":3,"attempt":1,"reason":"signal 9"}})");
  EXPECT_EQ(recorded.of(R"("name":"failed","ph":"i")").size(), 1U);
  EXPECT_EQ(recorded.events[3], R"({"name":"draining","ph":"i","pid":42,"tid":1,"s":"p","ts":1000000,"args":{}})");
}

TEST(Timeline, SaysThatALeaseWasLostInTheSpanAndWhereItHappened) {
  Recorded recorded;
  { const Timeline::Running running(*recorded.timeline, task(6)); }
  recorded.timeline->see(end_of(task(6), Kind::lease_lost));
  EXPECT_NE(recorded.spans().at(0).find(R"("outcome":"lease lost")"), std::string::npos);
  EXPECT_EQ(recorded.of(R"("name":"lease lost","ph":"i")").size(), 1U);
}

TEST(Timeline, WritesAtItsEndWhatWasNeverRecorded) {
  Recorded recorded;
  { const Timeline::Running running(*recorded.timeline, task(7)); }
  recorded.timeline.reset();
  ASSERT_EQ(recorded.spans().size(), 1U);
  EXPECT_NE(recorded.spans()[0].find(R"("outcome":"not recorded")"), std::string::npos);
}

TEST(Timeline, KeepsNoMoreThanItsBoundOfWhatWaits) {
  Recorded recorded;
  for (std::uint64_t index = 0; index <= Timeline::waiting_max; ++index) {
    const Timeline::Running running(*recorded.timeline, task(index));
  }
  EXPECT_EQ(recorded.spans().size(), Timeline::waiting_max);
  recorded.timeline->see(end_of(task(Timeline::waiting_max), Kind::done));
  EXPECT_NE(recorded.spans().back().find(R"("outcome":"done")"), std::string::npos);
}

TEST(Timeline, CountsRunningHandlersNowAndThenAndNoneAtTheEnd) {
  Recorded recorded;
  recorded.now += 1s;
  for (int i = 0; i < 100; ++i) {
    const Timeline::Running running(*recorded.timeline, task(static_cast<std::uint64_t>(i)));
    recorded.now += 1ms;
  }
  const auto counts = recorded.of(R"("ph":"C")");
  EXPECT_GE(counts.size(), 9U);
  EXPECT_LE(counts.size(), 11U);
  EXPECT_EQ(counts.front(), R"({"name":"handlers running","ph":"C","pid":42,"ts":2000000,"args":{"running":1}})");
  recorded.timeline.reset();
  EXPECT_NE(recorded.of(R"("ph":"C")").back().find(R"("running":0)"), std::string::npos);
}

TEST(Timeline, CountsWhatStandsForAWhileHoweverFastItCame) {
  Recorded recorded;
  std::vector<std::unique_ptr<Timeline::Running>> running;
  for (std::uint64_t index = 0; index < 8; ++index)
    running.push_back(std::make_unique<Timeline::Running>(*recorded.timeline, task(index)));
  recorded.now += 10min;
  running.pop_back();
  EXPECT_NE(recorded.of(R"("ph":"C")").back().find(R"("ts":1000000,"args":{"running":8}})"), std::string::npos);
}

TEST(Timeline, TakesAttemptsFromManyThreads) {
  std::atomic<std::size_t> span_count = 0;
  std::optional<Timeline> timeline;
  timeline.emplace(Timeline::Options{.write =
                                         [&](std::string_view event) {
                                           if (event.find(R"("ph":"X")") != std::string_view::npos) ++span_count;
                                         },
                                     .process_name = "many",
                                     .process_id = 1,
                                     .started_at = {}});
  constexpr std::uint64_t thread_count = 8;
  constexpr std::uint64_t attempt_count = 500;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < thread_count; ++thread) {
      threads.emplace_back([&timeline, thread] {
        for (std::uint64_t i = 0; i < attempt_count; ++i) {
          const Attempt attempt = task(thread * attempt_count + i);
          { const Timeline::Running running(*timeline, attempt); }
          timeline->see(end_of(attempt, Kind::done));
        }
      });
    }
  }
  timeline.reset();
  EXPECT_EQ(span_count, thread_count * attempt_count);
}

}  // namespace
}  // namespace fanfold::metrics
