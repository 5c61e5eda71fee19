#include "contract.hpp"

namespace fanfold::conformance {
namespace {

/// Of ledgers that can tell what became of a claim whose holder is gone.
class NotedClaimContract : public Contract {
 protected:
  void SetUp() override {
    if (!ledger().notes_begins()) GTEST_SKIP() << "claims count at once here";
  }

  /// Claims by a noted token, of one attempt, and expects to get it.
  std::uint64_t claimed_noted(Ledger& ledger, const RecordRef& ref) const {
    ClaimRequest request = claim_request(ref, ledger.new_noted_token().value(), 1);
    EXPECT_EQ(ledger.claim(std::span(&request, 1), now_).value().at(0).outcome, ClaimOutcome::claimed);
    return request.token;
  }
  /// What the next one gets once the lease is over.
  [[nodiscard]] ClaimAnswer claim_late(const RecordRef& ref) const {
    ClaimRequest request = claim_request(ref, 0, 1);
    request.lease_end = now_ + 3 * lease_;
    return claim(request, now_ + lease_);
  }
};

TEST_P(NotedClaimContract, TokensAreFreshAndNeverZero) {
  const std::uint64_t first = ledger().new_noted_token().value();
  EXPECT_NE(first, 0U);
  EXPECT_NE(first, ledger().new_noted_token().value());
  EXPECT_NE(first, ledger().new_token());
}

TEST_P(NotedClaimContract, BeginsOnce) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed_noted(ledger(), task(cluster, 0));
  EXPECT_TRUE(ledger().begin_noted(token));
  EXPECT_FALSE(ledger().begin_noted(token));
  EXPECT_FALSE(ledger().begin_noted(ledger().new_token())) << "is not noted";
}

TEST_P(NotedClaimContract, IsGivenBackWhereItsLeaseIsOverBeforeItBegan) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed_noted(ledger(), task(cluster, 0));
  const ClaimAnswer next = claim_late(task(cluster, 0));
  EXPECT_EQ(next.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(next.attempt, 1U);
  EXPECT_FALSE(ledger().begin_noted(token)) << "its handler must not run beside the next one's";
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::lease_lost);
}

TEST_P(NotedClaimContract, HasCountedWhereItsLeaseIsOverAfterItBegan) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed_noted(ledger(), task(cluster, 0));
  EXPECT_TRUE(ledger().begin_noted(token));
  EXPECT_EQ(claim_late(task(cluster, 0)).outcome, ClaimOutcome::exhausted);
}

TEST_P(NotedClaimContract, IsStillHeldForAsLongAsItsLease) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed_noted(ledger(), task(cluster, 0));
  EXPECT_EQ(claim(claim_request(task(cluster, 0)), now_ + lease_ - 1ms).outcome, ClaimOutcome::in_progress);
  EXPECT_TRUE(ledger().begin_noted(token));
}

TEST_P(NotedClaimContract, IsDoneWhereItsHandlerWasDoneWhenItsLeaseWasOver) {
  const ClusterHeader cluster = make_cluster(1);
  const RecordRef ref = task(cluster, 0);
  const std::uint64_t token = claimed_noted(ledger(), ref);
  EXPECT_TRUE(ledger().begin_noted(token));
  ledger().note_done(token);
  EXPECT_EQ(claim_late(ref).outcome, ClaimOutcome::done);
  EXPECT_EQ(ledger().propagate(std::span(&ref, 1), now_ + lease_).value().finished.size(), 1U);
  EXPECT_EQ(read(cluster.id).status, Status::complete);
  EXPECT_EQ(end_outcome(end_request(ref, token, Verdict::done)), EndOutcome::ended) << "and its holder is not told off";
}

TEST_P(NotedClaimContract, HasCountedOnceItsNoteIsForgotten) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed_noted(ledger(), task(cluster, 0));
  ledger().forget_noted(token);
  EXPECT_FALSE(ledger().begin_noted(token));
  EXPECT_EQ(claim_late(task(cluster, 0)).outcome, ClaimOutcome::exhausted);
}

TEST_P(NotedClaimContract, ALookThatClaimsNothingSeesThatItDidNotCount) {
  const ClusterHeader cluster = make_cluster(1);
  claimed_noted(ledger(), task(cluster, 0));
  ClaimRequest look = claim_request(task(cluster, 0), 0, 0);
  EXPECT_EQ(claim(look, now_ + lease_).attempt, 0U);
}

TEST_P(NotedClaimContract, OfAProcessThatIsGoneCountsAsFarAsItWas) {
  const ClusterHeader cluster = make_cluster(4);
  {
    const Backend other = open();
    claimed_noted(*other.ledger, task(cluster, 0));
    const std::uint64_t begun = claimed_noted(*other.ledger, task(cluster, 1));
    EXPECT_TRUE(other.ledger->begin_noted(begun));
    const std::uint64_t done = claimed_noted(*other.ledger, task(cluster, 2));
    EXPECT_TRUE(other.ledger->begin_noted(done));
    other.ledger->note_done(done);
  }
  static_cast<void>(ledger().release_dead_holders(now_).value());
  const ClaimAnswer next = claim(claim_request(task(cluster, 0), 0, 1), now_);
  EXPECT_EQ(next.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(next.attempt, 1U);
  EXPECT_EQ(claim(claim_request(task(cluster, 1), 0, 1), now_).outcome, ClaimOutcome::exhausted);
  EXPECT_EQ(claim(claim_request(task(cluster, 2), 0, 1), now_).outcome, ClaimOutcome::done);
  EXPECT_EQ(ledger().progress(cluster.id).value().done_count, 1U);
  EXPECT_EQ(ledger().recount(cluster.id, now_).value().leased_count, 1U);
  EXPECT_EQ(ledger().progress(cluster.id).value().in_progress_count, 1U);
}

TEST_P(NotedClaimContract, OfASingleMessageCountsAsFarAsItWas) {
  const auto request_of = [&](const std::string& id, std::uint64_t token) {
    ClaimRequest request = claim_request({RecordType::message, id, 0, 0, false}, token, 1);
    request.record = NewMessage{.id = id,
                                .url = "work",
                                .type = RecordType::message,
                                .body = Json::from_valid_text("1"),
                                .meta = std::nullopt,
                                .created_at = now_,
                                .expires_at = now_ + std::chrono::days(30)};
    return request;
  };
  const std::string waiting = fresh_id();
  const std::string done = fresh_id();
  {
    const Backend other = open();
    const ClaimRequest first = request_of(waiting, other.ledger->new_noted_token().value());
    EXPECT_EQ(other.ledger->claim(std::span(&first, 1), now_).value().at(0).outcome, ClaimOutcome::claimed);
    const ClaimRequest second = request_of(done, other.ledger->new_noted_token().value());
    EXPECT_EQ(other.ledger->claim(std::span(&second, 1), now_).value().at(0).outcome, ClaimOutcome::claimed);
    EXPECT_TRUE(other.ledger->begin_noted(second.token));
    other.ledger->note_done(second.token);
  }
  static_cast<void>(ledger().release_dead_holders(now_).value());
  EXPECT_EQ(claim(request_of(waiting, ledger().new_token()), now_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(claim(request_of(done, ledger().new_token()), now_).outcome, ClaimOutcome::done);
}

FANFOLD_CONTRACT(NotedClaimContract);

}  // namespace
}  // namespace fanfold::conformance
