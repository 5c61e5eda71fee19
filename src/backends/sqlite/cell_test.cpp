#include "backends/sqlite/cell.hpp"

#include <gtest/gtest.h>

#include <array>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr Time moment{1'800'000'000'000ms};

ClaimRequest claim_by(std::uint64_t token, std::uint32_t attempts_max = 3) {
  ClaimRequest request;
  request.token = token;
  request.lease_end = moment + 30s;
  request.attempts_max = attempts_max;
  return request;
}

EndRequest end_by(std::uint64_t token, Verdict verdict) {
  EndRequest request;
  request.condition = token;
  request.verdict = verdict;
  return request;
}

Cell stored(const Cell& cell) {
  std::array<char, cell_bytes> bytes{};
  store_cell(bytes.data(), cell);
  return load_cell(bytes.data());
}

TEST(Cell, ComesBackAsItWasStored) {
  const Cell cell{.state = Cell::State::waiting, .attempt = 1'000, .time = moment, .token = 0xfedcba9876543210U};
  const Cell loaded = stored(cell);
  EXPECT_EQ(loaded.state, Cell::State::waiting);
  EXPECT_EQ(loaded.attempt, 1'000U);
  EXPECT_EQ(loaded.time, moment);
  EXPECT_EQ(loaded.token, 0xfedcba9876543210U);
}

TEST(Cell, CountsNoFurtherThanItHasRoom) { EXPECT_EQ(stored({.attempt = attempt_max + 5}).attempt, attempt_max); }

TEST(Cell, IsLeasedToWhoClaimsItFirst) {
  Cell cell;
  EXPECT_EQ(claim_cell(cell, claim_by(1), moment).outcome, ClaimOutcome::claimed);
  const ClaimAnswer second = claim_cell(cell, claim_by(2), moment);
  EXPECT_EQ(second.outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(second.busy_until, moment + 30s);
  EXPECT_EQ(cell.token, 1U);
}

TEST(Cell, AnswersTheSameTokenAgainWithoutAnotherAttempt) {
  Cell cell;
  EXPECT_EQ(claim_cell(cell, claim_by(1), moment).attempt, 1U);
  EXPECT_EQ(claim_cell(cell, claim_by(1), moment).attempt, 1U);
}

TEST(Cell, IsExhaustedOnceItsAttemptsAreUsed) {
  Cell cell;
  EXPECT_EQ(claim_cell(cell, claim_by(1, 1), moment).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(claim_cell(cell, claim_by(2, 1), moment + 31s).outcome, ClaimOutcome::exhausted);
}

TEST(Cell, EndsOnlyForItsHolder) {
  Cell cell;
  ASSERT_EQ(claim_cell(cell, claim_by(1), moment).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(end_cell(cell, {}, end_by(2, Verdict::done), moment).outcome, EndOutcome::lease_lost);
  EXPECT_EQ(end_cell(cell, {}, end_by(1, Verdict::done), moment).outcome, EndOutcome::ended);
  EXPECT_EQ(cell.state, Cell::State::done);
  EXPECT_EQ(cell.time, moment);
}

TEST(Cell, KnowsItsOwnEndAgain) {
  Cell cell;
  ASSERT_EQ(claim_cell(cell, claim_by(1), moment).outcome, ClaimOutcome::claimed);
  ASSERT_TRUE(end_cell(cell, {}, end_by(1, Verdict::failed), moment).changed);
  const CellEnd again = end_cell(cell, {}, end_by(1, Verdict::failed), moment + 1s);
  EXPECT_EQ(again.outcome, EndOutcome::ended);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(end_cell(cell, {}, end_by(1, Verdict::done), moment).outcome, EndOutcome::already);
}

TEST(Cell, OfACrashedHolderSaysTheSignalAndEndsOnConditionOfWhatWasSeen) {
  Cell cell{.state = Cell::State::crashed, .attempt = 1, .token = 11};
  const ClaimAnswer answer = claim_cell(cell, claim_by(1), moment);
  EXPECT_EQ(answer.outcome, ClaimOutcome::crashed);
  EXPECT_EQ(answer.crash_signal, 11);
  EndRequest end;
  end.condition = answer.seen;
  end.verdict = Verdict::failed;
  EXPECT_EQ(end_cell(cell, {}, end, moment).outcome, EndOutcome::ended);
}

TEST(Cell, WaitsForTheChildThatWasNamed) {
  Cell cell;
  ASSERT_EQ(claim_cell(cell, claim_by(1), moment).outcome, ClaimOutcome::claimed);
  EndRequest wait = end_by(1, Verdict::waiting);
  wait.child_id = "child";
  ASSERT_TRUE(end_cell(cell, {}, wait, moment).changed);
  EndRequest end;
  end.condition = WaitingFor{"another"};
  EXPECT_EQ(end_cell(cell, "child", end, moment).outcome, EndOutcome::lease_lost);
  end.condition = WaitingFor{"child"};
  EXPECT_EQ(end_cell(cell, "child", end, moment).outcome, EndOutcome::ended);
}

}  // namespace
}  // namespace fanfold::sqlite
