#include "net/retry.hpp"

#include <gtest/gtest.h>

namespace fanfold::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double nearly_one = 0.999;

TEST(Retry, WaitsWithFullJitterThatDoubles) {
  const RetryPolicy policy{.attempt_count_max = 5, .delay_base = milliseconds(100)};
  RetryBudget budget;
  Retry late(policy, budget);
  EXPECT_EQ(late.after(AttemptEnd::transient, {.random_unit = nearly_one}), milliseconds(99));
  EXPECT_EQ(late.after(AttemptEnd::transient, {.random_unit = nearly_one}), milliseconds(199));
  EXPECT_EQ(late.after(AttemptEnd::transient, {.random_unit = nearly_one}), milliseconds(399));
  Retry early(policy, budget);
  EXPECT_EQ(early.after(AttemptEnd::transient, {.random_unit = 0}), milliseconds(0));
}

TEST(Retry, EndsWithTheLastAttempt) {
  const RetryPolicy policy{.attempt_count_max = 2};
  RetryBudget budget;
  Retry retry(policy, budget);
  EXPECT_TRUE(retry.after(AttemptEnd::transient, {}));
  EXPECT_FALSE(retry.after(AttemptEnd::transient, {}));
  EXPECT_EQ(retry.attempt_count(), 2U);
}

TEST(Retry, NeverRepeatsWhatNoRepetitionMends) {
  const RetryPolicy policy;
  RetryBudget budget;
  EXPECT_FALSE(Retry(policy, budget).after(AttemptEnd::final, {}));
  EXPECT_FALSE(Retry(policy, budget).after(AttemptEnd::success, {}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity);
}

TEST(Retry, CountsThrottlingApartFromFailure) {
  const RetryPolicy policy{.attempt_count_max = 2, .throttled_attempt_count_max = 4};
  RetryBudget budget;
  Retry retry(policy, budget);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(retry.after(AttemptEnd::throttled, {}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity) << "throttling costs no token";
  EXPECT_TRUE(retry.after(AttemptEnd::transient, {}));
  EXPECT_FALSE(retry.after(AttemptEnd::throttled, {}));
}

TEST(Retry, IsOffForThrottlingTooWhereOneAttemptIsAsked) {
  const RetryPolicy policy{.attempt_count_max = 1};
  RetryBudget budget;
  EXPECT_FALSE(Retry(policy, budget).after(AttemptEnd::throttled, {}));
}

TEST(Retry, EndsWhereTheDelayWouldOutlastTheDeadline) {
  const RetryPolicy policy{.delay_base = milliseconds(1000)};
  RetryBudget budget;
  EXPECT_FALSE(
      Retry(policy, budget).after(AttemptEnd::transient, {.random_unit = 0.5, .time_left = milliseconds(500)}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity) << "a retry that is not made costs nothing";
  EXPECT_TRUE(Retry(policy, budget).after(AttemptEnd::transient, {.random_unit = 0.5, .time_left = milliseconds(501)}));
}

TEST(Retry, WaitsAsLongAsTheServiceAsksWithinItsLimit) {
  const RetryPolicy policy{.delay_max = seconds(20)};
  RetryBudget budget;
  EXPECT_EQ(Retry(policy, budget).after(AttemptEnd::throttled, {.asked_delay = seconds(3)}), seconds(3));
  EXPECT_EQ(Retry(policy, budget).after(AttemptEnd::throttled, {.asked_delay = seconds(3000)}), seconds(20));
}

TEST(Retry, NeverWaitsLongerThanTheLimit) {
  const RetryPolicy policy{.attempt_count_max = 100, .delay_max = milliseconds(700)};
  RetryBudget budget;
  Retry retry(policy, budget);
  for (int i = 0; i < 50; ++i)
    EXPECT_LE(*retry.after(AttemptEnd::transient, {.random_unit = nearly_one}), milliseconds(700));
}

TEST(RetryBudget, StopsRetriesWhereMostCallsFail) {
  const RetryPolicy policy{.attempt_count_max = 1'000'000};
  RetryBudget budget;
  Retry retry(policy, budget);
  std::uint32_t retry_count = 0;
  while (retry.after(AttemptEnd::transient, {})) ++retry_count;
  EXPECT_EQ(retry_count, RetryBudget::capacity / RetryBudget::retry_cost);
}

TEST(RetryBudget, IsRefilledByCallsThatSucceed) {
  const RetryPolicy policy;
  RetryBudget budget;
  Retry mended(policy, budget);
  EXPECT_TRUE(mended.after(AttemptEnd::transient, {}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity - RetryBudget::retry_cost);
  EXPECT_FALSE(mended.after(AttemptEnd::success, {}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity);

  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(Retry(policy, budget).after(AttemptEnd::success, {}));
  EXPECT_EQ(budget.left(), RetryBudget::capacity - RetryBudget::retry_cost + RetryBudget::success_refund);
}

}  // namespace
}  // namespace fanfold::net
