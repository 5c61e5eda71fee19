#include "cli/progress_view.hpp"

#include "cli/text.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

ProgressMoment photos() {
  Progress progress;
  progress.total_count = 20'000;
  progress.done_count = 12'407;
  progress.failed_count = 3;
  progress.sealed = true;
  return {"photos", progress, 1'240.4, RateEstimate::Range{5s, 7s}};
}

Terminal terminal_of(std::size_t columns) {
  return {.is_terminal = true, .color = false, .unicode = true, .columns = columns};
}

TEST(BarLine, ShowsCountsRateAndARangeForTheTimeLeft) {
  EXPECT_EQ(bar_line(photos(), terminal_of(100)),
            "photos  ██████████████▉            62%   12,407 of 20,000   3 failed   1,240/s   about 5–7 s left");
}

TEST(BarLine, FitsAnyWidth) {
  for (std::size_t columns = 1; columns < 200; ++columns) {
    EXPECT_LE(column_count(bar_line(photos(), terminal_of(columns))), std::max<std::size_t>(1, columns - 1)) << columns;
  }
}

TEST(BarLine, LeavesOutTheLeastImportantFirst) {
  EXPECT_EQ(bar_line(photos(), terminal_of(54)), "████▎     62%   12,407 of 20,000   3 failed   1,240/s");
  EXPECT_EQ(bar_line(photos(), terminal_of(50)), "████████        62%   12,407 of 20,000   3 failed");
  EXPECT_EQ(bar_line(photos(), terminal_of(40)), "photos  ███▋     62%   12,407 of 20,000");
  EXPECT_EQ(bar_line(photos(), terminal_of(12)), " 62%");
}

TEST(BarLine, HasNoColourUnlessTheTerminalHas) {
  Terminal terminal = terminal_of(100);
  EXPECT_EQ(bar_line(photos(), terminal).find('\x1b'), std::string::npos);
  terminal.color = true;
  EXPECT_NE(bar_line(photos(), terminal).find("\x1b[31m3 failed\x1b[0m"), std::string::npos);
}

TEST(BarLine, IsAsciiWhereTheLocaleIs) {
  Terminal terminal = terminal_of(100);
  terminal.unicode = false;
  const std::string line = bar_line(photos(), terminal);
  EXPECT_NE(line.find("##############----------"), std::string::npos) << line;
  EXPECT_NE(line.find("about 5-7 s left"), std::string::npos) << line;
}

TEST(BarLine, NeverSaysHundredPercentBeforeTheEnd) {
  ProgressMoment moment = photos();
  moment.progress.total_count = 1'000'000;
  moment.progress.done_count = 999'996;
  EXPECT_NE(bar_line(moment, terminal_of(60)).find(" 99%"), std::string::npos);
}

TEST(PlainLine, SaysTheSameInWords) {
  EXPECT_EQ(plain_line(photos()), "photos: 62%, 12,407 of 20,000 complete, 3 failed, 1,240/s, about 5-7 s left");
}

TEST(ProgressLines, SayWhatIsWaitedForInPlaceOfARateOfNothing) {
  ProgressMoment moment = photos();
  moment.rate = 0;
  moment.waiting = "3 held by workers, leases end in 12 s";
  EXPECT_EQ(plain_line(moment),
            "photos: 62%, 12,407 of 20,000 complete, 3 failed, 3 held by workers, leases end in 12 s");
  EXPECT_NE(bar_line(moment, terminal_of(100)).find("   3 failed   3 held by workers, leases end in 12 s"),
            std::string::npos);
  moment.progress.paused = true;
  EXPECT_EQ(plain_line(moment).find("held"), std::string::npos) << "a pause is reason enough";
}

TEST(ProgressLines, HaveNoRateOfNothing) {
  ProgressMoment moment = photos();
  moment.rate = 0;
  moment.left.reset();
  EXPECT_EQ(plain_line(moment), "photos: 62%, 12,407 of 20,000 complete, 3 failed");
}

TEST(PlainLine, SaysWhereMoreTasksMayCome) {
  ProgressMoment moment = photos();
  moment.progress.sealed = false;
  EXPECT_NE(plain_line(moment).find("12,407 of 20,000 so far complete"), std::string::npos);
}

TEST(RateEstimate, KnowsNothingFromOneLook) {
  RateEstimate estimate;
  estimate.add(5, RateEstimate::Clock::time_point{});
  EXPECT_FALSE(estimate.rate().has_value());
  EXPECT_FALSE(estimate.time_left(10).has_value());
}

TEST(RateEstimate, TellsRateAndTimeLeftOfASteadyRun) {
  RateEstimate estimate;
  for (std::uint64_t i = 0; i <= 20; ++i) estimate.add(100 * i, RateEstimate::Clock::time_point{} + 1s * i);
  EXPECT_NEAR(estimate.rate().value(), 100, 0.01);
  const auto left = estimate.time_left(1'000).value();
  EXPECT_LE(left.shortest, 10s);
  EXPECT_GE(left.longest, 10s);
  EXPECT_LE(left.longest, 13s);
}

TEST(RateEstimate, WidensItsRangeWhereTheSpeedVaried) {
  RateEstimate estimate;
  std::uint64_t count = 0;
  for (std::uint64_t i = 0; i <= 40; ++i)
    estimate.add(count += i < 20 ? 200 : 50, RateEstimate::Clock::time_point{} + 1s * i);
  const auto left = estimate.time_left(1'000).value();
  EXPECT_LE(left.shortest, 5s);
  EXPECT_GE(left.longest, 15s);
}

}  // namespace
}  // namespace fanfold::cli
