#include "cli/standstill.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

constexpr Time watched_at{1'000'000ms};
constexpr StandstillClock::Moment clock_begun{};

TaskState leased_task(std::chrono::milliseconds until) {
  TaskState task;
  task.status = Status::in_progress;
  task.lease_end = watched_at + until;
  return task;
}

Progress progress_of(std::uint64_t ended_count, std::uint64_t open_count) {
  Progress progress;
  progress.total_count = ended_count + open_count;
  progress.done_count = ended_count;
  return progress;
}

Standstill standstill_of(const std::vector<TaskState>& tasks, std::uint64_t open_count = 40) {
  Standstill standstill = understand(tasks, watched_at);
  standstill.open_count = open_count;
  return standstill;
}

/// Tells the clock of eight tasks, so many of which have ended, and answers whether they stand still.
bool stands(StandstillClock& clock, std::chrono::milliseconds after, std::uint64_t ended_count) {
  clock.see(progress_of(ended_count, 8 - ended_count), false, clock_begun + after);
  return clock.is_standing();
}

TEST(StandstillClock, LooksAfterSomeSecondsWithoutAnEndAndThenNowAndThen) {
  StandstillClock clock(StandstillClock::look_interval);
  EXPECT_FALSE(stands(clock, 0s, 5));
  EXPECT_FALSE(clock.take_look(false, clock_begun));
  EXPECT_FALSE(stands(clock, 2'900ms, 5));
  EXPECT_TRUE(stands(clock, 3s, 5));
  EXPECT_TRUE(clock.take_look(false, clock_begun + 3s));
  EXPECT_FALSE(clock.take_look(false, clock_begun + 4s));
  EXPECT_TRUE(clock.take_look(false, clock_begun + 5s));
  EXPECT_TRUE(clock.take_look(false, clock_begun + 7s));
}

TEST(StandstillClock, LooksEverMoreSeldomWhereThatCostsUntilATaskEnds) {
  StandstillClock clock(StandstillClock::look_interval_on_aws);
  std::vector<int> looked_at;
  const auto watch = [&](int from, int until, std::uint64_t ended_count) {
    for (int second = from; second < until; ++second) {
      clock.see(progress_of(ended_count, 3), false, clock_begun + std::chrono::seconds(second));
      if (clock.take_look(false, clock_begun + std::chrono::seconds(second))) looked_at.push_back(second);
    }
  };
  watch(0, 200, 5);
  EXPECT_EQ(looked_at, (std::vector<int>{3, 5, 9, 17, 33, 65, 125, 185}));
  looked_at.clear();
  watch(200, 210, 6);
  EXPECT_EQ(looked_at, (std::vector<int>{203, 205, 209}));
}

TEST(StandstillClock, LooksAgainSoonWhereWhatWasFoundIsOver) {
  StandstillClock clock(StandstillClock::look_interval_on_aws);
  EXPECT_FALSE(stands(clock, 0s, 5));
  EXPECT_TRUE(stands(clock, 3s, 5));
  EXPECT_TRUE(clock.take_look(false, clock_begun + 3s));
  EXPECT_TRUE(clock.take_look(false, clock_begun + 5s));
  EXPECT_FALSE(clock.take_look(false, clock_begun + 7s));
  EXPECT_TRUE(clock.take_look(true, clock_begun + 7s));
  EXPECT_FALSE(clock.take_look(true, clock_begun + 8s));
}

TEST(StandstillClock, BeginsAnewWithEachTaskThatEnds) {
  StandstillClock clock(StandstillClock::look_interval);
  EXPECT_FALSE(stands(clock, 0s, 5));
  EXPECT_FALSE(stands(clock, 3s, 6));
  EXPECT_TRUE(stands(clock, 6s, 6));
}

TEST(StandstillClock, StandsForNothingWhereTasksRunHereOrNoneIsOpenOrAllIsPaused) {
  StandstillClock clock(StandstillClock::look_interval);
  clock.see(progress_of(5, 3), true, clock_begun);
  clock.see(progress_of(5, 3), true, clock_begun + 1h);
  EXPECT_FALSE(clock.is_standing());
  clock.see(progress_of(8, 0), false, clock_begun + 2h);
  clock.see(progress_of(8, 0), false, clock_begun + 3h);
  EXPECT_FALSE(clock.is_standing());
  Progress paused = progress_of(5, 3);
  paused.paused = true;
  clock.see(paused, false, clock_begun + 4h);
  clock.see(paused, false, clock_begun + 5h);
  EXPECT_FALSE(clock.is_standing());
}

/// Pages as AWS gives them: each covers 3,200 tasks.
class WindowedTasks {
 public:
  explicit WindowedTasks(std::vector<std::uint64_t> held) : held_(std::move(held)) {}
  [[nodiscard]] TaskPage page(std::uint64_t first_index) const {
    constexpr std::uint64_t task_count = 10'000;
    const std::uint64_t end = std::min(first_index + 3'200, task_count);
    TaskPage page;
    for (const std::uint64_t index : held_) {
      if (index < first_index || index >= end) continue;
      page.tasks.push_back(leased_task(10s));
      page.tasks.back().index = index;
    }
    if (end < task_count) page.next_index = end;
    return page;
  }

 private:
  std::vector<std::uint64_t> held_;
};

TEST(StandstillSearch, SaysNothingBeforeItHasSeenAllPages) {
  StandstillSearch search;
  const WindowedTasks tasks({5'000, 5'001});
  search.take(tasks.page(search.first_index()), watched_at);
  EXPECT_FALSE(search.found());
  EXPECT_TRUE(search.is_outdated(watched_at)) << "the next page is soon to be read";
  search.take(tasks.page(search.first_index()), watched_at);
  ASSERT_TRUE(search.found());
  EXPECT_EQ(search.found()->held_count, 2U);
  EXPECT_FALSE(search.is_under_way());
  EXPECT_EQ(search.first_index(), 5'000U);
}

TEST(StandstillSearch, SaysThatNoneIsInProgressOnceItHasSeenAllPages) {
  StandstillSearch search;
  const WindowedTasks none({});
  for (int page = 1; page <= 4; ++page) {
    EXPECT_FALSE(search.found());
    search.take(none.page(search.first_index()), watched_at);
    EXPECT_EQ(search.is_under_way(), page < 4);
  }
  EXPECT_EQ(search.found(), Standstill{});
  search.take(none.page(search.first_index()), watched_at);
  EXPECT_EQ(search.found(), Standstill{}) << "it stands while it is looked at again";
}

TEST(StandstillSearch, GoesRoundToTheTasksBeforeThoseThatItKnew) {
  StandstillSearch search;
  search.take(WindowedTasks({8'000}).page(8'000), watched_at);
  EXPECT_EQ(search.first_index(), 8'000U);
  const WindowedTasks retried({4'000});
  search.take(retried.page(search.first_index()), watched_at);
  EXPECT_FALSE(search.found()) << "what was known is over";
  for (int page = 0; page < 2; ++page) search.take(retried.page(search.first_index()), watched_at);
  ASSERT_TRUE(search.found());
  EXPECT_EQ(search.found()->held_count, 1U);

  search.clear();
  const WindowedTasks none({});
  int page_count = 0;
  while (!search.found() && page_count < 10) {
    search.take(none.page(search.first_index()), watched_at);
    ++page_count;
  }
  EXPECT_EQ(page_count, 4) << "4,000 to 7,199, to the end, then 0 to 3,199 and 3,200 to 6,399";
}

TEST(StandstillSearch, IsOutdatedOnceTheLeasesThatItFoundHaveEnded) {
  StandstillSearch search;
  search.take(WindowedTasks({9'000}).page(9'000), watched_at);
  EXPECT_FALSE(search.is_outdated(watched_at + 9s));
  EXPECT_TRUE(search.is_outdated(watched_at + 10s));
  search.take(WindowedTasks({9'000}).page(9'000), watched_at + 11s);
  EXPECT_FALSE(search.is_outdated(watched_at + 20s)) << "messages come when they come";
}

TEST(Standstill, SaysUntilWhenTheLastLeaseOfADeadWorkerLasts) {
  const Standstill standstill = standstill_of({leased_task(7s), leased_task(11'500ms), leased_task(9s)});
  EXPECT_EQ(short_text(standstill, watched_at), "3 held by workers, leases end in 12 s");
  EXPECT_EQ(long_text(standstill, watched_at),
            "waiting for 3 tasks of workers that run or died: their leases end in 12 s");
  EXPECT_EQ(short_text(standstill, watched_at + 10s), "3 held by workers, leases end in 2 s")
      << "it counts down between two looks";
  EXPECT_EQ(long_text(standstill_of({leased_task(150s)}), watched_at),
            "waiting for 1 task of workers that run or died: its lease ends in 2 min 30 s");
}

TEST(Standstill, SaysThatALeaseThatEndedLetsTheTaskComeAgain) {
  const Standstill standstill = standstill_of({leased_task(1s), leased_task(-2s)});
  EXPECT_EQ(short_text(standstill, watched_at), "1 held by workers, lease ends in 1 s");
  EXPECT_EQ(short_text(standstill, watched_at + 1s), "2 to come again");
  EXPECT_EQ(long_text(standstill, watched_at + 1s),
            "waiting for 2 tasks of workers that died: their messages are to come again");
}

TEST(Standstill, SaysThatTasksRunWhereWorkersAreKnownToLive) {
  Standstill standstill = standstill_of({leased_task(5s), leased_task(9s)});
  standstill.deaths_are_known = true;
  EXPECT_EQ(short_text(standstill, watched_at), "2 running");
  EXPECT_EQ(long_text(standstill, watched_at), "waiting for 2 tasks that workers run");
}

TEST(Standstill, SaysWhatElseIsWaitedFor) {
  TaskState abandoned = leased_task(20s);
  abandoned.abandoned = true;
  EXPECT_EQ(long_text(standstill_of({abandoned}), watched_at),
            "waiting for 1 task of workers that died: the next worker goes on at once");
  EXPECT_EQ(short_text(standstill_of({abandoned}), watched_at), "1 abandoned");
  TaskState backing_off = leased_task(8s);
  backing_off.backing_off = true;
  TaskState later = leased_task(30s);
  later.backing_off = true;
  EXPECT_EQ(long_text(standstill_of({later, backing_off}), watched_at),
            "waiting for 2 tasks to be tried again, the first in 8 s");
  EXPECT_EQ(short_text(standstill_of({later, backing_off}), watched_at), "2 to be tried again in 8 s");
  EXPECT_EQ(short_text(standstill_of({later, backing_off}), watched_at + 8s), "2 to be tried again");
  TaskState parent = leased_task(0s);
  parent.waiting_for_child = true;
  EXPECT_EQ(long_text(standstill_of({parent}), watched_at), "waiting for 1 task that waits for its child cluster");
  EXPECT_EQ(long_text(standstill_of({}), watched_at), "no worker has any of the 40 tasks that are open");
  EXPECT_EQ(short_text(standstill_of({}, 1'234), watched_at), "1,234 open, none runs");
}

TEST(Standstill, SaysThatThereAreMoreThanWereCounted) {
  Standstill standstill = standstill_of({leased_task(5s), leased_task(5s)});
  standstill.has_more = true;
  EXPECT_EQ(short_text(standstill, watched_at), "2+ held by workers, leases end in 5 s");
  EXPECT_EQ(long_text(standstill, watched_at),
            "waiting for at least 2 tasks of workers that run or died: their leases end in 5 s");
}

}  // namespace
}  // namespace fanfold::cli
