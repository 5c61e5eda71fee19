#include "lambda/invocation.hpp"

#include <gtest/gtest.h>

namespace fanfold::lambda {
namespace {

using namespace std::chrono_literals;

TEST(InvocationError, HasTheShapeThatLambdaShows) {
  EXPECT_EQ(error_json({ErrorCode::bad_input, "/Records: missing", "secret"}),
            R"({"errorMessage":"bad_input: /Records: missing","errorType":"fanfold.bad_input","stackTrace":[]})");
  EXPECT_EQ(error_type({ErrorCode::too_large, {}, {}}), "fanfold.too_large");
}

TEST(InvocationError, IsJsonWhateverTheMessageHolds) {
  EXPECT_EQ(error_json({ErrorCode::internal, "a\xff\n\"b\"", {}}),
            R"({"errorMessage":"internal: a?\n\"b\"","errorType":"fanfold.internal","stackTrace":[]})");
}

TEST(InvocationError, IsCutBetweenCharacters) {
  std::string message;
  for (int i = 0; i < 3'000; ++i) message += "\xc3\xa9";
  const std::string text = error_json({ErrorCode::internal, message, {}});
  EXPECT_LT(text.size(), 4'200U);
  EXPECT_NE(text.find("\xc3\xa9\",\"errorType\""), std::string::npos) << text.substr(text.size() - 100);
}

TEST(Deadline, IsAWholeNumberOfMilliseconds) {
  EXPECT_EQ(parse_deadline("1542409706888")->time_since_epoch(), 1'542'409'706'888ms);
  for (const char* text : {"", "soon", "-1", "0", "12.5", "12 ", "99999999999999999999"}) {
    EXPECT_FALSE(parse_deadline(text)) << text;
  }
}

TEST(RequestId, IsWhatAPathCanHold) {
  EXPECT_TRUE(is_request_id("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
  for (const std::string text : {"", "a/b", "..", "a b", "a?b", "a%2Fb", "caf\xc3\xa9"}) {
    EXPECT_FALSE(is_request_id(text)) << text;
  }
  EXPECT_FALSE(is_request_id(std::string(129, 'a')));
}

TEST(TimePlan, KeepsTheReserveForRecordingWhatRan) {
  const TimePlan plan = plan_time(30s, 2s);
  EXPECT_EQ(plan.start_until, 28s);
  EXPECT_EQ(plan.lease, 31s);
}

TEST(TimePlan, ReservesAtMostHalfOfAShortTime) {
  EXPECT_EQ(plan_time(1s, 2s).start_until, 500ms);
  EXPECT_EQ(plan_time(0s, 2s).start_until, 0s);
}

TEST(TimePlan, StartsNothingAfterADeadlineThatHasPassed) {
  EXPECT_EQ(plan_time(-5s, 0s).start_until, 0s);
  EXPECT_EQ(plan_time(-5s, 0s).lease, 1s);
}

TEST(TimePlan, BelievesNoDeadlineBeyondTheLongestTimeout) {
  EXPECT_EQ(plan_time(std::chrono::hours(1'000'000), 0s).start_until, 15min);
}

TEST(Thaw, IsNoticedWhereTheSteadyClockStoodStill) {
  EXPECT_TRUE(clock_stood_still(60s, 10ms));
  EXPECT_FALSE(clock_stood_still(60s, 60s));
  EXPECT_FALSE(clock_stood_still(10ms, 60s));  // Somebody set the clock back.
}

TEST(ScheduledEvent, IsTheOneThatSaysSo) {
  EXPECT_TRUE(is_scheduled(R"({"source":"aws.events","detail-type":"Scheduled Event","detail":{}})"));
  for (const char* event : {"", "{", "[]", "{}", R"({"detail-type":7})", R"({"detail-type":"Object Created"})"}) {
    EXPECT_FALSE(is_scheduled(event)) << event;
  }
}

TEST(NamesIn, AreWhatStandsBetweenCommasAndWhiteSpace) {
  EXPECT_TRUE(names_in("").empty());
  EXPECT_TRUE(names_in(" , ").empty());
  EXPECT_EQ(names_in("resize"), std::vector<std::string>{"resize"});
  EXPECT_EQ(names_in(" a.fifo, b,c\td "), (std::vector<std::string>{"a.fifo", "b", "c", "d"}));
}

}  // namespace
}  // namespace fanfold::lambda
