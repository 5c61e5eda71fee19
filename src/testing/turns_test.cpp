#include "testing/turns.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace fanfold::testing {
namespace {

TEST(Turns, LetOneActorRunAtATimeInTheOrderGiven) {
  std::string trace;
  Turns turns;
  const auto letters = [&](char letter) {
    return [&trace, &turns, letter] {
      for (int i = 0; i < 3; ++i) {
        trace += letter;
        turns.yield();
      }
    };
  };
  const std::size_t a = turns.add(letters('a'));
  const std::size_t b = turns.add(letters('b'));
  for (const std::size_t actor : {a, b, b, a}) EXPECT_TRUE(turns.give(actor));
  EXPECT_EQ(trace, "abba");
}

TEST(Turns, TellWhenAnActorIsOver) {
  Turns turns;
  const std::size_t actor = turns.add([] {});
  EXPECT_FALSE(turns.give(actor));
  EXPECT_FALSE(turns.give(actor));
}

TEST(Turns, PassOnWhatAnActorThrows) {
  Turns turns;
  const std::size_t actor = turns.add([] { throw std::runtime_error("lost"); });
  EXPECT_THROW(turns.give(actor), std::runtime_error);
}

TEST(Turns, ClosingRunsEveryActorToItsEnd) {
  int count = 0;
  Turns turns;
  const std::size_t begun = turns.add([&] {
    for (int i = 0; i < 10; ++i) {
      ++count;
      turns.yield();
    }
  });
  turns.add([&] { ++count; });
  turns.give(begun);
  turns.close();
  EXPECT_EQ(count, 11);
}

TEST(Turns, YieldingOutsideOfAnActorDoesNothing) {
  Turns turns;
  turns.yield();
  EXPECT_FALSE(turns.is_closing());
}

}  // namespace
}  // namespace fanfold::testing
