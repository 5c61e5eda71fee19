#include "cli/time_steps.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

Time step_time(std::int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }

TaskCounts sum_of(const TimeSteps& steps) {
  TaskCounts sum;
  for (const auto& [number, step] : steps.steps()) sum += step.counts;
  return sum;
}

TEST(TimeSteps, AreAMillisecondWideWhereTheyAreFew) {
  TimeSteps steps(10);
  steps.add(step_time(7), {.complete = 1});
  steps.add(step_time(5), {.failed = 1});
  steps.add(step_time(7), {.complete = 1});
  ASSERT_EQ(steps.steps().size(), 2U);
  EXPECT_EQ(steps.width().count(), 1);
  EXPECT_EQ(steps.steps().at(5).counts, (TaskCounts{.failed = 1}));
  EXPECT_EQ(steps.steps().at(7).counts, (TaskCounts{.complete = 2}));
}

TEST(TimeSteps, WidenWhereTheyAreManyAndLoseNothing) {
  constexpr std::size_t step_count_max = 16;
  TimeSteps steps(step_count_max);
  for (std::int64_t at = -500; at < 1'500; ++at) {
    steps.add(step_time(at), {.complete = 1, .failed_attempts = 2});
    ASSERT_LE(steps.steps().size(), step_count_max);
  }
  EXPECT_EQ(steps.width().count(), 128);
  EXPECT_EQ(sum_of(steps), (TaskCounts{.complete = 2'000, .failed_attempts = 4'000}));
  for (const auto& [number, step] : steps.steps()) {
    EXPECT_GE(step.last, steps.begin_of(number));
    EXPECT_LT(step.last, steps.begin_of(number + 1));
  }
}

TEST(TimeSteps, TakeNoneOfTheTimeInWhichNothingHappened) {
  TimeSteps steps(4);
  for (const std::int64_t day : {0, 1, 2, 30}) steps.add(step_time(day * 86'400'000), {.complete = 1});
  EXPECT_EQ(steps.width().count(), 1);
}

TEST(TimeSteps, SayWhenTheLastOfEachHappened) {
  TimeSteps steps(100);
  for (const std::int64_t at : {16, 31, 20}) steps.add(step_time(at), {.complete = 1});
  steps.widen(std::chrono::milliseconds(10));
  ASSERT_EQ(steps.steps().size(), 1U);
  EXPECT_EQ(steps.width().count(), 16);
  EXPECT_EQ(steps.steps().begin()->second.last, step_time(31));
  EXPECT_EQ(steps.begin_of(steps.steps().begin()->first), step_time(16));
}

}  // namespace
}  // namespace fanfold::cli
