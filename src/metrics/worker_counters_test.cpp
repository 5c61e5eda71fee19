#include "metrics/worker_counters.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <thread>

namespace fanfold::metrics {
namespace {

using namespace std::chrono_literals;
using Kind = WorkerEvent::Kind;

/// What is written, by what stands before the value.
std::map<std::string, double> samples_of(const WorkerCounters& counters) {
  PrometheusText text;
  counters.write(text);
  std::map<std::string, double> samples;
  std::istringstream lines(text.text());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.front() != '#') samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

WorkerEvent event(Kind kind) {
  WorkerEvent made;
  made.kind = kind;
  return made;
}

WorkerEvent of_task(Kind kind) {
  WorkerEvent made = event(kind);
  made.cluster_id = made.record_id = "c1";
  made.task = 17;
  return made;
}

TEST(WorkerCounters, CountWhatEndedByKindAndOutcome) {
  WorkerCounters counters;
  WorkerEvent message = event(Kind::done);
  message.record_id = "m1";
  WorkerEvent finish = event(Kind::finish_handled);
  finish.cluster_id = finish.record_id = "c1";
  for (int i = 0; i < 3; ++i) counters.see(of_task(Kind::done));
  counters.see(of_task(Kind::retried));
  counters.see(of_task(Kind::failed));
  counters.see(of_task(Kind::crashed_before));
  counters.see(message);
  counters.see(finish);
  finish.kind = Kind::failed;
  counters.see(finish);
  const auto samples = samples_of(counters);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="task",outcome="done"})"), 3);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="task",outcome="retried"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="task",outcome="failed"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="task",outcome="crashed"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="message",outcome="done"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="message",outcome="failed"})"), 0);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="finish",outcome="done"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="finish",outcome="failed"})"), 1);
}

TEST(WorkerCounters, CountMessagesAsManyAsAReceiveBroughtAndEachOtherEventOnce) {
  WorkerCounters counters;
  WorkerEvent received = event(Kind::received);
  for (const char* count : {"512", "3"}) {
    received.detail = count;
    counters.see(received);
  }
  const std::map<Kind, std::string> names{{Kind::claimed, "fanfold_claimed_total"},
                                          {Kind::duplicate, "fanfold_duplicates_total"},
                                          {Kind::in_progress, "fanfold_held_elsewhere_total"},
                                          {Kind::lease_lost, "fanfold_leases_lost_total"},
                                          {Kind::returned, "fanfold_returned_total"},
                                          {Kind::swept, "fanfold_sweeps_total"}};
  for (const auto& [kind, name] : names) counters.see(of_task(kind));
  const auto samples = samples_of(counters);
  EXPECT_EQ(samples.at("fanfold_received_total"), 515);
  for (const auto& [kind, name] : names) EXPECT_EQ(samples.at(name), 1) << name;
}

TEST(WorkerCounters, CountErrorsByTheirCodeAndMessagesThatNobodyHereCanTakeApart) {
  WorkerCounters counters;
  const Error throttled{ErrorCode::throttled, "slow down", {}};
  WorkerEvent failed = event(Kind::error);
  failed.error = &throttled;
  counters.see(failed);
  counters.see(failed);
  counters.see(event(Kind::error));
  const auto samples = samples_of(counters);
  EXPECT_EQ(samples.at(R"(fanfold_errors_total{code="throttled"})"), 2);
  EXPECT_EQ(samples.at(R"(fanfold_errors_total{code="internal"})"), 0);
  EXPECT_EQ(samples.at("fanfold_refused_messages_total"), 1);
}

TEST(WorkerCounters, PutDurationsInTheBucketOfTheirSeconds) {
  WorkerCounters counters;
  counters.observe(Work::task, 1ms);  // A bound belongs to its bucket.
  counters.observe(Work::task, 1ms + 1ns);
  counters.observe(Work::task, 2h);
  const auto samples = samples_of(counters);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_bucket{kind="task",le="0.001"})"), 1);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_bucket{kind="task",le="0.005"})"), 2);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_bucket{kind="task",le="3600"})"), 2);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_bucket{kind="task",le="+Inf"})"), 3);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_count{kind="task"})"), 3);
  EXPECT_NEAR(samples.at(R"(fanfold_handler_duration_seconds_sum{kind="task"})"), 7200.002, 1e-6);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_count{kind="message"})"), 0);
}

TEST(WorkerCounters, KnowWhichHandlersRun) {
  WorkerCounters counters;
  const std::string running = R"(fanfold_handlers_running{kind="task"})";
  {
    const WorkerCounters::Running first(counters, Work::task);
    const WorkerCounters::Running second(counters, Work::task);
    EXPECT_EQ(samples_of(counters).at(running), 2);
    EXPECT_EQ(samples_of(counters).at(R"(fanfold_handlers_running{kind="finish"})"), 0);
  }
  EXPECT_EQ(samples_of(counters).at(running), 0);
  EXPECT_EQ(samples_of(counters).at(R"(fanfold_handler_duration_seconds_count{kind="task"})"), 2);
}

TEST(WorkerCounters, ForgetADrainWhenTheNextRunBegins) {
  WorkerCounters counters;
  counters.see(event(Kind::draining));
  EXPECT_EQ(samples_of(counters).at("fanfold_draining"), 1);
  counters.see(event(Kind::started));
  EXPECT_EQ(samples_of(counters).at("fanfold_draining"), 0);
}

TEST(WorkerCounters, LoseNothingThatManyThreadsCount) {
  WorkerCounters counters;
  constexpr int thread_count = 24;  // More than there are shards.
  constexpr int event_count = 2'000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([&counters] {
        for (int event_number = 0; event_number < event_count; ++event_number) {
          const WorkerCounters::Running running(counters, Work::task);
          counters.see(of_task(Kind::done));
        }
      });
    }
    for (int i = 0; i < 20; ++i) static_cast<void>(samples_of(counters));
  }
  const auto samples = samples_of(counters);
  EXPECT_EQ(samples.at(R"(fanfold_ended_total{kind="task",outcome="done"})"), thread_count * event_count);
  EXPECT_EQ(samples.at(R"(fanfold_handler_duration_seconds_count{kind="task"})"), thread_count * event_count);
  EXPECT_EQ(samples.at(R"(fanfold_handlers_running{kind="task"})"), 0);
}

}  // namespace
}  // namespace fanfold::metrics
