#include "contract.hpp"

namespace fanfold::conformance {
namespace {

class ClaimContract : public Contract {
 protected:
  [[nodiscard]] ClaimRequest message_request(const std::string& id, const std::string& body) const {
    ClaimRequest request = claim_request({RecordType::message, id, 0, 0, false});
    request.record = NewMessage{.id = id,
                                .url = "work",
                                .type = RecordType::message,
                                .body = Json::from_valid_text(body),
                                .meta = std::nullopt,
                                .created_at = now_,
                                .expires_at = now_ + std::chrono::days(30)};
    return request;
  }
};

TEST_P(ClaimContract, TokensAreFreshAndNeverZero) {
  const std::uint64_t first = ledger().new_token();
  const std::uint64_t second = ledger().new_token();
  EXPECT_NE(first, 0U);
  EXPECT_NE(second, 0U);
  EXPECT_NE(first, second);
  EXPECT_NE(open().ledger->new_token(), ledger().new_token());
}

TEST_P(ClaimContract, CountsTheAttempt) {
  const ClusterHeader cluster = make_cluster(2);
  const ClaimAnswer answer = claim(claim_request(task(cluster, 1)), now_);
  EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answer.attempt, 1U);
  EXPECT_FALSE(answer.alone);
}

TEST_P(ClaimContract, AnswersClaimedAgainToItsOwnToken) {
  const ClusterHeader cluster = make_cluster(1);
  const ClaimRequest request = claim_request(task(cluster, 0));
  EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::claimed);
  const ClaimAnswer again = claim(request, now_);
  EXPECT_EQ(again.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(again.attempt, 1U);
}

TEST_P(ClaimContract, IsRefusedWhileAnotherTokenHoldsTheLease) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  const ClaimAnswer refused = claim(claim_request(task(cluster, 0)), now_ + lease_ - 1ms);
  EXPECT_EQ(refused.outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(refused.busy_until, now_ + lease_);
  EXPECT_EQ(refused.attempt, 1U);
}

TEST_P(ClaimContract, TakesOverWhenTheLeaseIsOver) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  ClaimRequest request = claim_request(task(cluster, 0));
  request.lease_end = now_ + 2 * lease_;
  const ClaimAnswer taken = claim(request, now_ + lease_);
  EXPECT_EQ(taken.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(taken.attempt, 2U);
}

TEST_P(ClaimContract, OnlyOneOfTwoRivalsTakesOver) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  ClaimRequest one = claim_request(task(cluster, 0));
  ClaimRequest other = claim_request(task(cluster, 0));
  one.lease_end = other.lease_end = now_ + 2 * lease_;
  EXPECT_EQ(claim(one, now_ + lease_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(claim(other, now_ + lease_).outcome, ClaimOutcome::in_progress);
}

TEST_P(ClaimContract, ThatAllowsNoAttemptOnlyLooks) {
  const ClusterHeader cluster = make_cluster(1);
  const ClaimAnswer untouched = claim(claim_request(task(cluster, 0), 0, 0), now_);
  EXPECT_EQ(untouched.outcome, ClaimOutcome::exhausted);
  EXPECT_EQ(untouched.attempt, 0U);
  claimed(task(cluster, 0));
  EXPECT_EQ(claim(claim_request(task(cluster, 0), 0, 0), now_).outcome, ClaimOutcome::in_progress);
  const ClaimAnswer over = claim(claim_request(task(cluster, 0), 0, 0), now_ + lease_);
  EXPECT_EQ(over.outcome, ClaimOutcome::exhausted);
  EXPECT_EQ(over.attempt, 1U);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), over.seen, Verdict::failed)), EndOutcome::ended);
}

TEST_P(ClaimContract, ThatAllowsNoAttemptCreatesNoRecord) {
  ClaimRequest look = message_request(fresh_id(), "1");
  look.attempts_max = 0;
  EXPECT_EQ(claim(look, now_).outcome, ClaimOutcome::missing);
  const auto record = ledger().read_record({.id = look.ref.id, .index = std::nullopt}, Consistency::strong);
  ASSERT_FALSE(record.has_value());
  EXPECT_EQ(record.error().code, ErrorCode::not_found);
}

TEST_P(ClaimContract, IsExhaustedWhenEveryAttemptWasUsed) {
  const ClusterHeader cluster = make_cluster(1);
  EXPECT_EQ(claim(claim_request(task(cluster, 0), 0, 1), now_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(claim(claim_request(task(cluster, 0), 0, 1), now_).outcome, ClaimOutcome::in_progress);
  const ClaimAnswer exhausted = claim(claim_request(task(cluster, 0), 0, 1), now_ + lease_);
  EXPECT_EQ(exhausted.outcome, ClaimOutcome::exhausted);
  EXPECT_EQ(exhausted.attempt, 1U);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), exhausted.seen, Verdict::failed)), EndOutcome::ended);
}

TEST_P(ClaimContract, AnswersEachOfManyInOrder) {
  const ClusterHeader cluster = make_cluster(5);
  claimed(task(cluster, 1));
  run_task(task(cluster, 3));
  std::vector<ClaimRequest> requests;
  for (std::uint64_t position = 0; position < 5; ++position) requests.push_back(claim_request(task(cluster, position)));
  const auto answers = ledger().claim(requests, now_).value();
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(answers[0].outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answers[1].outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(answers[2].outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answers[3].outcome, ClaimOutcome::done);
  EXPECT_EQ(answers[4].outcome, ClaimOutcome::claimed);
}

TEST_P(ClaimContract, NeighboursOfTwoClustersAreClaimedInOneCall) {
  const ClusterHeader one = make_cluster(40);
  const ClusterHeader other = make_cluster(3);
  std::vector<ClaimRequest> requests;
  for (const std::uint64_t position : {0, 31, 32, 39}) requests.push_back(claim_request(task(one, position)));
  requests.push_back(claim_request(task(other, 2)));
  for (const ClaimAnswer& answer : ledger().claim(requests, now_).value()) {
    EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
    EXPECT_EQ(answer.attempt, 1U);
  }
}

TEST_P(ClaimContract, ALaterDeliveryIsClaimedLikeAFirst) {
  const ClusterHeader cluster = make_cluster(2);
  std::vector<ClaimRequest> requests{claim_request(task(cluster, 0)), claim_request(task(cluster, 1))};
  requests[1].first_delivery = false;
  for (const ClaimAnswer& answer : ledger().claim(requests, now_).value())
    EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
}

TEST_P(ClaimContract, SaysHowTheTaskEnded) {
  const ClusterHeader cluster = make_cluster(3);
  run_task(task(cluster, 0), Verdict::done);
  run_task(task(cluster, 1), Verdict::failed);
  EXPECT_EQ(claim(claim_request(task(cluster, 0)), now_ + 2 * lease_).outcome, ClaimOutcome::done);
  EXPECT_EQ(claim(claim_request(task(cluster, 1)), now_ + 2 * lease_).outcome, ClaimOutcome::failed);
}

TEST_P(ClaimContract, NamesTheChildThatATaskWaitsFor) {
  const ClusterHeader cluster = make_cluster(1);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::waiting);
  request.child_id = "child";
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  const ClaimAnswer answer = claim(claim_request(task(cluster, 0)), now_ + 10 * lease_);
  EXPECT_EQ(answer.outcome, ClaimOutcome::waiting);
  EXPECT_EQ(answer.child_id, "child");
}

TEST_P(ClaimContract, WaitsUntilTheBackoffIsOver) {
  const ClusterHeader cluster = make_cluster(1);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::retry);
  request.retry_at = now_ + 90s;
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  const ClaimAnswer early = claim(claim_request(task(cluster, 0)), now_ + 89s);
  EXPECT_EQ(early.outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(early.busy_until, now_ + 90s);
  const ClaimAnswer later = claim(claim_request(task(cluster, 0)), now_ + 90s);
  EXPECT_EQ(later.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(later.attempt, 2U);
}

TEST_P(ClaimContract, GivenBackWithoutARunCountsNoAttempt) {
  const ClusterHeader cluster = make_cluster(1);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::retry);
  request.attempt = 1;
  request.retry_at = now_;
  request.unstarted = true;
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  EXPECT_EQ(end_outcome(request), EndOutcome::ended) << "again, as after a lost answer";
  const ClaimAnswer later = claim(claim_request(task(cluster, 0)), now_);
  EXPECT_EQ(later.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(later.attempt, 1U);
}

TEST_P(ClaimContract, OfAMessageWithoutARecordIsMissing) {
  EXPECT_EQ(claim(claim_request({RecordType::message, fresh_id(), 0, 0, false}), now_).outcome, ClaimOutcome::missing);
}

TEST_P(ClaimContract, OfATaskThatNobodyCreatedIsMissing) {
  if (!capabilities().knows_missing_tasks) GTEST_SKIP() << "this backend does not know how many tasks there are";
  const ClusterHeader cluster = make_cluster(2);
  EXPECT_EQ(claim(claim_request(task(cluster, 2)), now_).outcome, ClaimOutcome::missing);
  EXPECT_EQ(claim(claim_request({RecordType::task, fresh_id(), 0, 0, false}), now_).outcome, ClaimOutcome::missing);
}

TEST_P(ClaimContract, CreatesTheRecordOfAMessageThatHasNone) {
  const std::string id = fresh_id();
  EXPECT_EQ(claim(message_request(id, R"({"a":1})"), now_).outcome, ClaimOutcome::claimed);
  const auto stored = ledger().read_record({id, std::nullopt}, Consistency::strong).value();
  EXPECT_EQ(stored.record.body.text(), R"({"a":1})");
  EXPECT_EQ(stored.record.status, Status::in_progress);
  EXPECT_EQ(stored.record.consumption_count, 1U);
}

TEST_P(ClaimContract, NeverOverwritesARecordThatIsThere) {
  const std::string id = fresh_id();
  const NewMessage message = *message_request(id, R"("first")").record;
  for (const auto& answer : ledger().put_messages(std::span(&message, 1)).value()) EXPECT_TRUE(answer.has_value());
  EXPECT_EQ(claim(message_request(id, R"("second")"), now_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(ledger().read_record({id, std::nullopt}, Consistency::strong).value().record.body.text(), R"("first")");
}

TEST_P(ClaimContract, FinishMessagesOfEachRoundAndFirstFailuresAreRecordsOfTheirOwn) {
  const ClusterHeader cluster = make_cluster(1);
  for (const std::uint32_t round : {0U, 1U}) {
    for (const bool first_failure : {false, true}) {
      ClaimRequest request = message_request("", "null");
      request.ref = {RecordType::cluster, cluster.id, round, 0, first_failure};
      request.record->id = cluster.id + "." + std::to_string(round) + (first_failure ? ".first-failure" : ".finish");
      request.record->type = RecordType::cluster;
      EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::claimed);
      EXPECT_EQ(claim(claim_request(request.ref), now_).outcome, ClaimOutcome::in_progress);
      const auto stored = ledger().read_record({request.record->id, std::nullopt}, Consistency::strong).value();
      EXPECT_EQ(stored.record.type, RecordType::cluster);
    }
  }
}

TEST_P(ClaimContract, OfADeletedClusterIsMissing) {
  const ClusterHeader cluster = make_cluster(1);
  run_task(task(cluster, 0));
  put_an_end_to(cluster.id);
  ledger().remove_cluster(cluster.id, now_).value();
  EXPECT_EQ(claim(claim_request(task(cluster, 0)), now_).outcome, ClaimOutcome::missing);
}

TEST_P(ClaimContract, IsSeenByEveryProcess) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  const Backend other = open();
  ClaimRequest request = claim_request(task(cluster, 0));
  request.token = other.ledger->new_token();
  EXPECT_EQ(other.ledger->claim(std::span(&request, 1), now_).value().at(0).outcome, ClaimOutcome::in_progress);
}

TEST_P(ClaimContract, AnExtendedLeaseHoldsOnForItsNewTime) {
  const ClusterHeader cluster = make_cluster(1);
  const Lease lease{task(cluster, 0), claimed(task(cluster, 0))};
  const auto extended = ledger().extend(std::span(&lease, 1), now_ + 3 * lease_).value();
  ASSERT_EQ(extended.size(), 1U);
  EXPECT_TRUE(extended[0].has_value());
  const ClaimAnswer refused = claim(claim_request(task(cluster, 0)), now_ + 2 * lease_);
  EXPECT_EQ(refused.outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(refused.busy_until, now_ + 3 * lease_);
}

TEST_P(ClaimContract, ALeaseThatNobodyTookOverCanBeExtendedLate) {
  const ClusterHeader cluster = make_cluster(1);
  const Lease lease{task(cluster, 0), claimed(task(cluster, 0))};
  EXPECT_TRUE(ledger().extend(std::span(&lease, 1), now_ + 5 * lease_).value().at(0).has_value());
  EXPECT_EQ(claim(claim_request(task(cluster, 0)), now_ + 4 * lease_).outcome, ClaimOutcome::in_progress);
}

TEST_P(ClaimContract, ExtendingTellsPerLeaseWhichOneIsLost) {
  const ClusterHeader cluster = make_cluster(4);
  std::vector<Lease> leases;
  for (std::uint64_t position = 0; position < 3; ++position)
    leases.push_back({task(cluster, position), claimed(task(cluster, position))});
  leases.push_back({task(cluster, 3), ledger().new_token()});
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), leases[0].token, Verdict::done)), EndOutcome::ended);
  ClaimRequest rival = claim_request(task(cluster, 1));
  rival.lease_end = now_ + 2 * lease_;
  EXPECT_EQ(claim(rival, now_ + lease_).outcome, ClaimOutcome::claimed);

  const auto answers = ledger().extend(leases, now_ + 9 * lease_).value();
  ASSERT_EQ(answers.size(), 4U);
  ASSERT_FALSE(answers[0].has_value());
  EXPECT_EQ(answers[0].error().code, ErrorCode::lease_lost);
  ASSERT_FALSE(answers[1].has_value());
  EXPECT_EQ(answers[1].error().code, ErrorCode::lease_lost);
  EXPECT_TRUE(answers[2].has_value());
  ASSERT_FALSE(answers[3].has_value());
  EXPECT_EQ(answers[3].error().code, ErrorCode::lease_lost);
  EXPECT_EQ(claim(claim_request(task(cluster, 1)), now_ + lease_).busy_until, now_ + 2 * lease_)
      << "the lost lease was moved";
}

TEST_P(ClaimContract, WhatALivingProcessHoldsIsNotReleased) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  const Backend other = open();
  EXPECT_EQ(other.ledger->release_dead_holders(now_).value(), 0U);
  EXPECT_EQ(claim(claim_request(task(cluster, 0)), now_).outcome, ClaimOutcome::in_progress);
}

FANFOLD_CONTRACT(ClaimContract);

}  // namespace
}  // namespace fanfold::conformance
