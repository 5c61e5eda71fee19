#include "core/weighted_choice.hpp"

#include <gtest/gtest.h>
#include <array>

namespace fanfold::core {
namespace {

TEST(WeightedChoice, TakesTurnsInProportionToTheWeights) {
  WeightedChoice choice({3, 1});
  constexpr std::array both{true, true};
  std::array<int, 2> counts{};
  for (int i = 0; i < 400; ++i) ++counts[choice.choose(both)];
  EXPECT_EQ(counts[0], 300);
  EXPECT_EQ(counts[1], 100);
}

TEST(WeightedChoice, SpreadsTheTurnsOfTheHeavyOne) {
  WeightedChoice choice({3, 1});
  constexpr std::array both{true, true};
  std::vector<std::size_t> turns;
  for (int i = 0; i < 4; ++i) turns.push_back(choice.choose(both));
  EXPECT_EQ(turns, (std::vector<std::size_t>{0, 0, 1, 0}));
}

TEST(WeightedChoice, PassesOverThoseThatHaveNothing) {
  WeightedChoice choice({1'000, 1});
  constexpr std::array second_only{false, true};
  EXPECT_EQ(choice.choose(second_only), 1U);
}

TEST(WeightedChoice, DoesNotMakeUpForIdleTimesLater) {
  WeightedChoice choice({1, 1});
  constexpr std::array second_only{false, true};
  constexpr std::array both{true, true};
  for (int i = 0; i < 100; ++i) static_cast<void>(choice.choose(second_only));
  std::array<int, 2> counts{};
  for (int i = 0; i < 10; ++i) ++counts[choice.choose(both)];
  EXPECT_EQ(counts[0], 5);
}

TEST(WeightedChoice, SaysSoWhereNobodyIsEligible) {
  WeightedChoice choice({1, 1});
  constexpr std::array none{false, false};
  EXPECT_EQ(choice.choose(none), choice.count());
}

}  // namespace
}  // namespace fanfold::core
