#include <fanfold/testing/manual_clock.hpp>

#include <gtest/gtest.h>

namespace fanfold::testing {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, StandsStillUntilItIsTold) {
  ManualClock clock;
  EXPECT_EQ(clock.now(), ManualClock::start_default);
  clock.advance(5s);
  EXPECT_EQ(clock.now(), ManualClock::start_default + 5s);
}

TEST(ManualClock, SleepingMovesTheTimeOn) {
  ManualClock clock;
  clock.sleep_until(ManualClock::start_default + 1h, {});
  EXPECT_EQ(clock.now(), ManualClock::start_default + 1h);
  clock.sleep_until(ManualClock::start_default, {});
  EXPECT_EQ(clock.now(), ManualClock::start_default + 1h);
}

TEST(ManualClock, ASleepThatIsStoppedDoesNothing) {
  ManualClock clock;
  std::stop_source stop;
  stop.request_stop();
  clock.sleep_until(ManualClock::start_default + 1h, stop.get_token());
  EXPECT_EQ(clock.now(), ManualClock::start_default);
}

TEST(ManualClock, RemembersTheLatestTimeWhenItJumpsBack) {
  ManualClock clock;
  clock.advance(1min);
  clock.advance(-30s);
  EXPECT_EQ(clock.now(), ManualClock::start_default + 30s);
  EXPECT_EQ(clock.latest(), ManualClock::start_default + 1min);
}

}  // namespace
}  // namespace fanfold::testing
