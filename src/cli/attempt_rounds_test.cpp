#include "cli/attempt_rounds.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

Time at(int milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }
AttemptOutput output(std::uint32_t attempt, int when) { return {attempt, at(when), "printed", std::nullopt}; }
ErrorEntry error(std::uint32_t attempt, int when, bool final) {
  return {.attempt = attempt, .code = "exit 1", .message = "no", .fingerprint = {}, .at = at(when), .final = final};
}
using Rounds = std::vector<std::uint32_t>;

TEST(AttemptRounds, AreOneWhereNothingWasRetried) {
  EXPECT_EQ(rounds_of({}, {}), Rounds{});
  EXPECT_EQ(rounds_of({output(1, 10), output(2, 20)}, {error(1, 10, false), error(2, 20, true)}), (Rounds{0, 0}));
}

TEST(AttemptRounds, CountARetryByTheAttemptsThatStartOver) {
  EXPECT_EQ(rounds_of({output(1, 10), output(1, 20)}, {error(1, 10, true), error(1, 19, true)}), (Rounds{0, 1}));
  EXPECT_EQ(rounds_of({output(2, 10), output(1, 20)}, {}), (Rounds{0, 1}));
}

TEST(AttemptRounds, CountARetryWhoseFirstAttemptPrintedNothing) {
  const std::vector<ErrorEntry> errors{error(1, 10, true), error(1, 20, false)};
  EXPECT_EQ(rounds_of({output(1, 10), output(2, 30)}, errors), (Rounds{0, 1}));
}

TEST(AttemptRounds, CountARoundThatPrintedNothing) {
  const std::vector<ErrorEntry> errors{error(1, 10, true), error(1, 20, true), error(1, 30, true)};
  EXPECT_EQ(rounds_of({output(1, 10), output(1, 30)}, errors), (Rounds{0, 2}));
  EXPECT_EQ(rounds_of({output(2, 30)}, {error(1, 10, true)}), (Rounds{1}));
}

TEST(AttemptRounds, AreThoseThatWereKept) {
  AttemptOutput first = output(1, 10);
  first.round = 0;
  AttemptOutput second = output(2, 20);  // After a retry whose first attempt printed nothing, in the same millisecond.
  second.round = 2;
  EXPECT_EQ(rounds_of({first, second}, {}), (Rounds{0, 2}));
  EXPECT_EQ(rounds_of({output(1, 5), second, output(1, 30)}, {}), (Rounds{0, 2, 3})) << "begun by an older fanfold";
}

}  // namespace
}  // namespace fanfold::cli
