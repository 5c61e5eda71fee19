#include "cli/attempt_rounds.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

Time at(int milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }
AttemptOutput output(std::uint32_t attempt, int when) { return {attempt, at(when), "printed"}; }
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

}  // namespace
}  // namespace fanfold::cli
