#include "cli/standstill.hpp"

#include <gtest/gtest.h>

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

Standstill standstill_of(const std::vector<TaskState>& tasks, std::uint64_t open_count = 40) {
  Standstill standstill = understand(tasks, watched_at);
  standstill.open_count = open_count;
  return standstill;
}

TEST(StandstillClock, LooksAfterSomeSecondsWithoutAnEndAndThenNowAndThen) {
  StandstillClock clock;
  clock.see(5, 3, false, clock_begun);
  EXPECT_FALSE(clock.take_look(clock_begun));
  clock.see(5, 3, false, clock_begun + 2'900ms);
  EXPECT_FALSE(clock.is_standing());
  clock.see(5, 3, false, clock_begun + 3s);
  EXPECT_TRUE(clock.is_standing());
  EXPECT_TRUE(clock.take_look(clock_begun + 3s));
  EXPECT_FALSE(clock.take_look(clock_begun + 4s));
  EXPECT_TRUE(clock.take_look(clock_begun + 5s));
}

TEST(StandstillClock, BeginsAnewWithEachTaskThatEnds) {
  StandstillClock clock;
  clock.see(5, 3, false, clock_begun);
  clock.see(6, 2, false, clock_begun + 3s);
  EXPECT_FALSE(clock.is_standing());
  clock.see(6, 2, false, clock_begun + 6s);
  EXPECT_TRUE(clock.is_standing());
}

TEST(StandstillClock, StandsForNothingWhereTasksRunHereOrNoneIsOpen) {
  StandstillClock clock;
  clock.see(5, 3, true, clock_begun);
  clock.see(5, 3, true, clock_begun + 1h);
  EXPECT_FALSE(clock.is_standing());
  clock.see(8, 0, false, clock_begun + 2h);
  clock.see(8, 0, false, clock_begun + 3h);
  EXPECT_FALSE(clock.is_standing());
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
            "waiting for more than 2 tasks of workers that run or died: their leases end in 5 s");
}

}  // namespace
}  // namespace fanfold::cli
