#include "core/cell.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using namespace std::chrono_literals;

constexpr Time noon{1'800'000'000'000ms};

ClaimRequest claim_by(std::uint64_t token, std::uint32_t attempts_max = 3) {
  ClaimRequest request;
  request.token = token;
  request.lease_end = noon + 30s;
  request.attempts_max = attempts_max;
  return request;
}

EndRequest end_by(EndCondition condition, Verdict verdict) {
  EndRequest request;
  request.condition = std::move(condition);
  request.verdict = verdict;
  return request;
}

EndFacts at_noon(std::string_view child_id = {}) { return {.child_id = child_id, .seen = {}, .now = noon}; }

const Cell leased{.state = Cell::State::leased, .attempt = 1, .time = noon + 30s, .token = 1};

TEST(Cell, IsLeasedToWhoClaimsItFirst) {
  const ClaimDecision first = claim_cell({}, claim_by(1), noon);
  EXPECT_EQ(first.outcome, ClaimOutcome::claimed);
  EXPECT_TRUE(first.writes);
  EXPECT_EQ(first.next, leased);
  const ClaimDecision second = claim_cell(first.next, claim_by(2), noon);
  EXPECT_EQ(second.outcome, ClaimOutcome::in_progress);
  EXPECT_FALSE(second.writes);
}

TEST(Cell, AnswersTheSameTokenAgainWithoutAnotherAttempt) {
  const ClaimDecision again = claim_cell(leased, claim_by(1), noon);
  EXPECT_EQ(again.outcome, ClaimOutcome::claimed);
  EXPECT_FALSE(again.writes);
}

TEST(Cell, GoesToAnotherOnceTheLeaseIsOver) {
  const ClaimDecision next = claim_cell(leased, claim_by(2), noon + 30s);
  EXPECT_EQ(next.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(next.next.attempt, 2U);
  EXPECT_EQ(next.next.token, 2U);
}

TEST(Cell, IsExhaustedOnceItsAttemptsAreUsed) {
  EXPECT_EQ(claim_cell(leased, claim_by(2, 1), noon + 31s).outcome, ClaimOutcome::exhausted);
  const Cell full{.state = Cell::State::free, .attempt = attempt_max};
  EXPECT_EQ(claim_cell(full, claim_by(2, attempt_max + 5), noon).outcome, ClaimOutcome::exhausted);
}

TEST(Cell, KeepsThatItHasToRunAloneUntilItEnds) {
  const ClaimDecision claimed = claim_cell({.alone = true}, claim_by(1), noon);
  EXPECT_TRUE(claimed.next.alone);
  EXPECT_FALSE(end_cell(claimed.next, end_by(std::uint64_t{1}, Verdict::done), at_noon()).next.alone);
}

TEST(Cell, EndsOnlyForItsHolder) {
  EXPECT_EQ(end_cell(leased, end_by(std::uint64_t{2}, Verdict::done), at_noon()).outcome, EndOutcome::lease_lost);
  const EndDecision ended = end_cell(leased, end_by(std::uint64_t{1}, Verdict::done), at_noon());
  EXPECT_EQ(ended.outcome, EndOutcome::ended);
  EXPECT_EQ(ended.next, (Cell{.state = Cell::State::done, .attempt = 1, .time = noon, .token = 1}));
}

TEST(Cell, CountsNoAttemptThatNoHandlerWasRunFor) {
  EndRequest back = end_by(std::uint64_t{1}, Verdict::retry);
  back.attempt = 1;
  back.unstarted = true;
  back.retry_at = noon;
  const Cell cell = end_cell(leased, back, at_noon()).next;
  EXPECT_EQ(cell.attempt, 0U);
  EXPECT_FALSE(end_cell(cell, back, at_noon()).writes) << "applied once, however often it is asked for";
  EXPECT_EQ(claim_cell(cell, claim_by(2, 1), noon).outcome, ClaimOutcome::claimed);
}

TEST(Cell, IsAsBeforeAClaimThatNeverBegan) {
  const Cell before{.attempt = 2, .alone = true};
  const Cell claimed = claim_cell(before, claim_by(1), noon).next;
  EXPECT_EQ(settle_claim(claimed, ClaimFate::not_begun, noon), before);
  EXPECT_EQ(settle_claim(claimed, ClaimFate::begun, noon), claimed);
}

TEST(Cell, OfAHandlerThatWasDoneIsDoneAsIfItsHolderHadEndedIt) {
  const Cell settled = settle_claim(leased, ClaimFate::done, noon);
  EXPECT_EQ(settled, end_cell(leased, end_by(std::uint64_t{1}, Verdict::done), at_noon()).next);
}

TEST(Cell, KnowsItsOwnEndAgain) {
  const Cell failed = end_cell(leased, end_by(std::uint64_t{1}, Verdict::failed), at_noon()).next;
  const EndDecision again = end_cell(failed, end_by(std::uint64_t{1}, Verdict::failed), at_noon());
  EXPECT_EQ(again.outcome, EndOutcome::ended);
  EXPECT_FALSE(again.writes);
  EXPECT_EQ(end_cell(failed, end_by(std::uint64_t{1}, Verdict::done), at_noon()).outcome, EndOutcome::already);
}

TEST(Cell, KnowsAnEndWithoutATokenAgainByTheFreshOneItWasWrittenWith) {
  EndFacts facts = at_noon();
  facts.fresh_token = 7;
  const EndRequest request = end_by(NotEnded{}, Verdict::failed);
  const EndDecision first = end_cell(leased, request, facts);
  EXPECT_EQ(first.next.token, 7U);
  const EndDecision again = end_cell(first.next, request, facts);
  EXPECT_EQ(again.outcome, EndOutcome::ended);
  EXPECT_FALSE(again.writes);
  facts.fresh_token = 8;
  EXPECT_EQ(end_cell(first.next, request, facts).outcome, EndOutcome::already) << "another caller's";
}

TEST(Cell, OfACrashedHolderSaysTheSignalAndEndsOnConditionOfWhatWasSeen) {
  const Cell cell{.state = Cell::State::crashed, .attempt = 1, .token = 11};
  EXPECT_EQ(claim_cell(cell, claim_by(1), noon).outcome, ClaimOutcome::crashed);
  EXPECT_EQ(answer_with(ClaimOutcome::crashed, cell, {}, {}).crash_signal, 11);
  EndFacts facts = at_noon();
  facts.seen[0] = std::byte{1};
  EXPECT_EQ(end_cell(cell, end_by(SeenState{}, Verdict::failed), facts).outcome, EndOutcome::lease_lost);
  const EndDecision ended = end_cell(cell, end_by(facts.seen, Verdict::failed), facts);
  EXPECT_EQ(ended.outcome, EndOutcome::ended);
  EXPECT_EQ(ended.next.token, 0U) << "a signal is no token";
}

TEST(Cell, WaitsForTheChildThatWasNamed) {
  EndRequest wait = end_by(std::uint64_t{1}, Verdict::waiting);
  wait.child_id = "child";
  const Cell waiting = end_cell(leased, wait, at_noon()).next;
  EXPECT_EQ(claim_cell(waiting, claim_by(2), noon + 31s).outcome, ClaimOutcome::waiting);
  const EndFacts facts = at_noon("child");
  EXPECT_EQ(end_cell(waiting, end_by(WaitingFor{"other"}, Verdict::done), facts).outcome, EndOutcome::lease_lost);
  EXPECT_EQ(end_cell(waiting, end_by(WaitingFor{"child"}, Verdict::done), facts).outcome, EndOutcome::ended);
}

TEST(Cell, IsFreeUntilTheEndOfItsBackoff) {
  EndRequest retry = end_by(std::uint64_t{1}, Verdict::retry);
  retry.retry_at = noon + 5s;
  const Cell cell = end_cell(leased, retry, at_noon()).next;
  EXPECT_EQ(claim_cell(cell, claim_by(2), noon + 4s).outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(claim_cell(cell, claim_by(2), noon + 5s).outcome, ClaimOutcome::claimed);
}

TEST(Cell, MayHaveFailedWhereAnAttemptCameBeforeTheOneThatItTellsOf) {
  const auto may_have = [](Cell::State state, std::uint32_t attempt) {
    return may_have_failed({.state = state, .attempt = attempt});
  };
  for (const auto state : {Cell::State::leased, Cell::State::waiting, Cell::State::done}) {
    EXPECT_FALSE(may_have(state, 1));
    EXPECT_TRUE(may_have(state, 2));
  }
  EXPECT_FALSE(may_have(Cell::State::free, 0));
  EXPECT_TRUE(may_have(Cell::State::free, 1));
  for (const auto state : {Cell::State::backing_off, Cell::State::failed, Cell::State::crashed})
    EXPECT_TRUE(may_have(state, 0));
}

}  // namespace
}  // namespace fanfold::core
