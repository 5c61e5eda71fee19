#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/test_ledger.hpp"

#include <barrier>
#include <thread>

namespace fanfold::aws {

using namespace std::chrono_literals;
namespace {

using testing_aws::CallPhase;

ClaimAnswer claim(TestLedger& test, const ClaimRequest& request) {
  return test.ledger.claim(std::span(&request, 1), test.clock.now()).value().at(0);
}
EndAnswers end(TestLedger& test, const EndRequest& request) {
  return test.ledger.end(std::span(&request, 1), test.clock.now()).value();
}

/// Loses the answers of the next writes, which are applied.
void lose_answers(TestLedger& test, int count) {
  test.table.options().hook = [count](std::string_view operation, CallPhase phase) mutable -> std::optional<Error> {
    if (operation != "UpdateItem" || phase != CallPhase::after || count == 0) return std::nullopt;
    --count;
    return Error{ErrorCode::unavailable, "the answer got lost", {}};
  };
}

TEST(LeafWriter, ClaimsNeighboursInOneWrite) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(10);
  std::vector<ClaimRequest> requests;
  for (std::uint64_t position = 0; position < 10; ++position) requests.push_back(test.claim_of(cluster, position));
  test.table.reset_usage();
  for (const ClaimAnswer& answer : test.ledger.claim(requests, test.clock.now()).value())
    EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(test.table.usage().write_count, 1U);
  EXPECT_EQ(test.table.usage().read_count, 0U);
}

TEST(LeafWriter, RepeatsACombinedWriteOnceWithoutThoseThatAreInTheWay) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(10);
  claim(test, test.claim_of(cluster, 3));
  claim(test, test.claim_of(cluster, 7));
  std::vector<ClaimRequest> requests;
  for (std::uint64_t position = 0; position < 10; ++position) requests.push_back(test.claim_of(cluster, position));
  test.table.reset_usage();
  const auto answers = test.ledger.claim(requests, test.clock.now()).value();
  for (std::uint64_t position = 0; position < 10; ++position) {
    EXPECT_EQ(answers[position].outcome,
              position == 3 || position == 7 ? ClaimOutcome::in_progress : ClaimOutcome::claimed);
  }
  EXPECT_EQ(test.table.usage().write_count, 2U);
  EXPECT_EQ(test.table.usage().read_count, 0U) << "the refusal says who is in the way";
}

TEST(LeafWriter, LooksWhereARefusalDoesNotTellWhatIsThere) {
  TestLedger test;
  test.table.options().tells_what_is_there = false;
  const ClusterHeader cluster = test.cluster(10);
  claim(test, test.claim_of(cluster, 3));
  std::vector<ClaimRequest> requests{test.claim_of(cluster, 3), test.claim_of(cluster, 4)};
  test.table.reset_usage();
  const auto answers = test.ledger.claim(requests, test.clock.now()).value();
  EXPECT_EQ(answers[0].outcome, ClaimOutcome::in_progress);
  EXPECT_EQ(answers[1].outcome, ClaimOutcome::claimed);
  EXPECT_EQ(test.table.usage().read_count, 1U);
}

TEST(LeafWriter, TakesOverAnExpiredLeaseByASecondWrite) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  claim(test, test.claim_of(cluster, 0));
  test.clock.advance(31s);
  test.table.reset_usage();
  const ClaimAnswer answer = claim(test, test.claim_of(cluster, 0));
  EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answer.attempt, 2U);
  EXPECT_EQ(test.table.usage().write_count, 2U);
}

TEST(LeafWriter, LooksBeforeItClaimsALaterDelivery) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  claim(test, test.claim_of(cluster, 0));
  test.clock.advance(31s);
  ClaimRequest later = test.claim_of(cluster, 0);
  later.first_delivery = false;
  test.table.reset_usage();
  EXPECT_EQ(claim(test, later).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(test.table.usage().write_count, 1U);
  EXPECT_EQ(test.table.usage().read_count, 1U);
}

TEST(LeafWriter, TwoCopiesInOneCallAreRivals) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  const std::vector<ClaimRequest> requests{test.claim_of(cluster, 0), test.claim_of(cluster, 0)};
  const auto answers = test.ledger.claim(requests, test.clock.now()).value();
  EXPECT_EQ(answers[0].outcome, ClaimOutcome::claimed);
  EXPECT_EQ(answers[1].outcome, ClaimOutcome::in_progress);
}

TEST(LeafWriter, FindsItsOwnClaimAfterALostAnswer) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  const ClaimRequest request = test.claim_of(cluster, 0);
  lose_answers(test, 1);
  EXPECT_EQ(test.ledger.claim(std::span(&request, 1), test.clock.now()).error().code, ErrorCode::unavailable);
  const ClaimAnswer again = claim(test, request);
  EXPECT_EQ(again.outcome, ClaimOutcome::claimed);
  EXPECT_EQ(again.attempt, 1U);
}

TEST(LeafWriter, WhatBelongsToAMessageClaimedAfterALostAnswerExpiresWithIt) {
  TestLedger test;
  NewMessage message{.id = "m",
                     .url = "work",
                     .type = RecordType::message,
                     .body = Json::from_valid_text("1"),
                     .meta = std::nullopt,
                     .created_at = test.clock.now(),
                     .expires_at = test.clock.now() + std::chrono::days(30)};
  test.ledger.put_messages(std::span(&message, 1)).value();
  ClaimRequest request;
  request.ref = {RecordType::message, "m", 0, 0, false};
  request.token = test.ledger.new_token();
  request.lease_end = test.clock.now() + 30s;
  lose_answers(test, 1);
  EXPECT_FALSE(test.ledger.claim(std::span(&request, 1), test.clock.now()).has_value());
  EXPECT_EQ(claim(test, request).outcome, ClaimOutcome::claimed);
  EndRequest done = TestLedger::end_of(request);
  done.result = Json::from_valid_text("2");
  EXPECT_EQ(end(test, done).outcomes.at(0), EndOutcome::ended);
  for (const Item& item : test.table.items())
    EXPECT_EQ(item.number(ttl_name), ttl_of(message.expires_at)) << item.key.sort;
}

TEST(LeafWriter, FindsItsOwnEndAfterALostAnswerAndHandsUp) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(1);
  const ClaimRequest request = test.claim_of(cluster, 0);
  claim(test, request);
  lose_answers(test, 1);
  const EndRequest done = TestLedger::end_of(request);
  EXPECT_FALSE(test.ledger.end(std::span(&done, 1), test.clock.now()).has_value());
  const EndAnswers again = end(test, done);
  EXPECT_EQ(again.outcomes.at(0), EndOutcome::ended);
  EXPECT_EQ(again.finished.size(), 1U);
}

TEST(LeafWriter, HandsUpAgainWhatHadEndedBeforeTheLeafWasHandedUp) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(1);
  EndRequest failed = TestLedger::end_of(test.claim_of(cluster, 0), Verdict::failed);
  failed.condition = NotEnded{};  // Without a token of its own the writer does not know its write again.
  test.table.options().hook = [](std::string_view operation, CallPhase) -> std::optional<Error> {
    if (operation != "PutItem") return std::nullopt;
    return Error{ErrorCode::unavailable, "the header cannot be written", {}};
  };
  EXPECT_FALSE(test.ledger.end(std::span(&failed, 1), test.clock.now()).has_value());
  test.table.options().hook = {};
  const EndAnswers again = end(test, failed);
  EXPECT_EQ(again.outcomes.at(0), EndOutcome::already);
  ASSERT_EQ(again.finished.size(), 1U);
  EXPECT_EQ(again.finished.at(0).failed_count, 1U);
}

TEST(LeafWriter, HandsUpAgainWhenTheLeaseIsOverAndTheEndHasAResult) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(1);
  const ClaimRequest request = test.claim_of(cluster, 0);
  claim(test, request);
  EndRequest done = TestLedger::end_of(request);
  done.result = Json::from_valid_text("1");
  bool is_cut_off = false;
  test.table.options().hook = [&](std::string_view operation, CallPhase) -> std::optional<Error> {
    if (operation == "UpdateItem") is_cut_off = true;
    if (operation != "PutItem" || !is_cut_off) return std::nullopt;
    return Error{ErrorCode::unavailable, "the header cannot be written", {}};
  };
  EXPECT_FALSE(test.ledger.end(std::span(&done, 1), test.clock.now()).has_value());
  test.table.options().hook = {};
  test.clock.advance(31s);
  const EndAnswers again = end(test, done);
  EXPECT_EQ(again.outcomes.at(0), EndOutcome::ended);
  EXPECT_EQ(again.finished.size(), 1U);
}

TEST(LeafWriter, AFollowedLeaseNeedsNoLook) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  const ClaimRequest request = test.claim_of(cluster, 0);
  claim(test, request);
  test.table.reset_usage();
  const Lease lease{request.ref, request.token};
  EXPECT_TRUE(test.ledger.extend(std::span(&lease, 1), test.clock.now() + 60s).value().at(0).has_value());
  EXPECT_EQ(end(test, TestLedger::end_of(request)).outcomes.at(0), EndOutcome::ended);
  EXPECT_EQ(test.table.usage().write_count, 2U);
  EXPECT_EQ(test.table.usage().read_count, 0U);
}

TEST(LeafWriter, EndsAClaimOfAnotherProcessAfterALook) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(2);
  const ClaimRequest request = test.claim_of(cluster, 0);
  claim(test, request);
  AwsLedger other(test.table, *test.blobs, test.clock);
  const EndRequest done = TestLedger::end_of(request);
  EXPECT_EQ(other.end(std::span(&done, 1), test.clock.now()).value().outcomes.at(0), EndOutcome::ended);
}

TEST(LeafWriter, ALateHolderLeavesNeitherResultNorError) {
  TestLedger test;
  const std::vector<TaskData> payloads(2, TaskData{"1", {}});
  test.ledger.put_tasks(test.header(2).id, 0, payloads).value();
  const ClusterHeader cluster = test.cluster(2);
  const ClaimRequest late = test.claim_of(cluster, 0);
  claim(test, late);
  test.clock.advance(31s);
  claim(test, test.claim_of(cluster, 0));
  EndRequest request = TestLedger::end_of(late, Verdict::failed);
  request.error = ErrorEntry{
      .attempt = 1, .code = "internal", .message = "late", .fingerprint = "0", .at = test.clock.now(), .final = true};
  EXPECT_EQ(end(test, request).outcomes.at(0), EndOutcome::lease_lost);
  EXPECT_TRUE(test.ledger.read_record({cluster.id, 0}, Consistency::strong).value().record.error.empty());
}

/// Claims and ends all tasks of a leaf, one by each thread, at the same moment. The answer counts the writes.
std::uint64_t run_at_once(std::uint64_t thread_count) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(thread_count);
  std::barrier start(static_cast<std::ptrdiff_t>(thread_count));
  // Each write takes a while, as on a network, so that others arrive meanwhile.
  test.table.options().hook = [](std::string_view, CallPhase phase) -> std::optional<Error> {
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (phase == CallPhase::before && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return std::nullopt;
  };
  std::atomic<std::size_t> finished_count = 0;
  test.table.reset_usage();
  std::vector<std::thread> threads;
  for (std::uint64_t position = 0; position < thread_count; ++position) {
    threads.emplace_back([&, position] {
      const ClaimRequest request = test.claim_of(cluster, position);
      start.arrive_and_wait();
      EXPECT_EQ(claim(test, request).outcome, ClaimOutcome::claimed);
      start.arrive_and_wait();
      finished_count += end(test, TestLedger::end_of(request)).finished.size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finished_count, 1U) << "one of them is told";
  const std::uint64_t write_count = test.table.usage().write_count;
  EXPECT_EQ(test.ledger.recount(cluster.id, test.clock.now()).value().done_count, thread_count);
  return write_count;
}

TEST(LeafWriter, ThreadsThatWriteOneLeafAtOnceShareWrites) {
  constexpr std::uint64_t thread_count = 8;
  constexpr int try_count_max = 20;  // On a busy machine they may all come one after the other.
  bool is_shared = false;
  for (int tries = 0; tries < try_count_max && !is_shared; ++tries)
    is_shared = run_at_once(thread_count) < 2 * thread_count;
  EXPECT_TRUE(is_shared);
}

}  // namespace
}  // namespace fanfold::aws
