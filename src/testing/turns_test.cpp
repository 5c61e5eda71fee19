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

TEST(Turns, ClosingRunsToItsEndWhatHasBegun) {
  int count = 0;
  Turns turns;
  const std::size_t begun = turns.add([&] {
    for (int i = 0; i < 10; ++i) {
      ++count;
      turns.yield();
    }
  });
  turns.add([&] { count += 100; });
  turns.give(begun);
  turns.close();
  EXPECT_EQ(count, 10);
}

TEST(Turns, LetEachActorKeepTheExceptionsThatItHandles) {
  std::string trace;
  Turns turns;
  const auto handles = [&](const char* name) {
    return [&trace, &turns, name] {
      try {
        throw std::runtime_error(name);
      } catch (const std::runtime_error& error) {
        turns.yield();
        trace += error.what();
        try {
          throw;
        } catch (const std::runtime_error& again) {
          turns.yield();
          trace += again.what();
        }
      }
      trace += std::uncaught_exceptions() == 0 ? '.' : '!';
    };
  };
  const std::size_t a = turns.add(handles("a"));
  const std::size_t b = turns.add(handles("b"));
  for (const std::size_t actor : {a, b, a, b, b, a}) turns.give(actor);
  EXPECT_EQ(trace, "abb.a.");
}

TEST(Turns, UnwindAnActorsOwnStack) {
  bool cleaned_up = false;
  struct Sentinel {
    bool& flag;
    ~Sentinel() { flag = true; }
  };
  Turns turns;
  const std::size_t actor = turns.add([&] {
    const Sentinel sentinel{cleaned_up};
    turns.yield();
    throw std::runtime_error("cut off");
  });
  turns.give(actor);
  EXPECT_FALSE(cleaned_up);
  EXPECT_THROW(turns.give(actor), std::runtime_error);
  EXPECT_TRUE(cleaned_up);
}

TEST(Turns, YieldingOutsideOfAnActorDoesNothing) {
  Turns turns;
  turns.yield();
  EXPECT_FALSE(turns.is_closing());
}

}  // namespace
}  // namespace fanfold::testing
