#include "core/backoff.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using std::chrono::milliseconds;

constexpr AttemptOptions backoff_options{.backoff_initial = milliseconds(1'000), .backoff_max = milliseconds(10'000)};
constexpr double almost_one = 0.999999;

TEST(Backoff, StaysBelowTheInitialBoundBeforeTheSecondAttempt) {
  EXPECT_EQ(backoff(1, backoff_options, 0.0), milliseconds(0));
  EXPECT_EQ(backoff(1, backoff_options, 0.5), milliseconds(500));
  EXPECT_EQ(backoff(1, backoff_options, almost_one), milliseconds(1'000));
}

TEST(Backoff, DoublesItsBoundWithEachAttempt) {
  EXPECT_EQ(backoff(2, backoff_options, almost_one), milliseconds(2'000));
  EXPECT_EQ(backoff(3, backoff_options, almost_one), milliseconds(4'000));
}

TEST(Backoff, NeverExceedsTheLargestBoundHoweverManyAttempts) {
  EXPECT_EQ(backoff(5, backoff_options, almost_one), milliseconds(10'000));
  EXPECT_EQ(backoff(4'000'000'000U, backoff_options, almost_one), milliseconds(10'000));
}

TEST(Backoff, TakesAnAttemptOfZeroForTheFirst) {
  EXPECT_EQ(backoff(0, backoff_options, almost_one), milliseconds(1'000));
}

}  // namespace
}  // namespace fanfold::core
