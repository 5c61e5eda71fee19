#include "contract.hpp"

#include <algorithm>
#include <thread>

namespace fanfold::conformance {
namespace {

class FinishContract : public Contract {};

TEST_P(FinishContract, ComesWithTheLastEndAndNotBefore) {
  const ClusterHeader cluster = make_cluster(3);
  EXPECT_TRUE(run_task(task(cluster, 0)).finished.empty());
  EXPECT_TRUE(run_task(task(cluster, 2)).finished.empty());
  EXPECT_FALSE(read(cluster.id).finished());
  const EndAnswers last = run_task(task(cluster, 1));
  ASSERT_EQ(last.finished.size(), 1U);
  EXPECT_EQ(last.finished[0].status, Status::complete);
  EXPECT_EQ(last.finished[0].status_code, StatusCode::complete);
  EXPECT_EQ(last.finished[0].failed_count, 0U);
  EXPECT_EQ(last.finished[0].completed_at, now_);
  EXPECT_EQ(last.finished[0], read(cluster.id)) << "the header as it now is, version included";
}

TEST_P(FinishContract, IsFoundAgainByTheSameEndWhenItsAnswerWasLost) {
  const ClusterHeader cluster = make_cluster(1);
  const EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
  EXPECT_EQ(end(request, now_).finished.size(), 1U);
  const EndAnswers again = end(request, now_ + 1s);
  EXPECT_EQ(again.outcomes.at(0), EndOutcome::ended);
  ASSERT_EQ(again.finished.size(), 1U);
  EXPECT_EQ(again.finished[0].completed_at, now_) << "it is decided once";
}

TEST_P(FinishContract, CountsFailures) {
  const ClusterHeader cluster = make_cluster(2);
  run_task(task(cluster, 0), Verdict::failed);
  const EndAnswers last = run_task(task(cluster, 1));
  ASSERT_EQ(last.finished.size(), 1U);
  EXPECT_EQ(last.finished[0].status, Status::error);
  EXPECT_EQ(last.finished[0].status_code, StatusCode::error);
  EXPECT_EQ(last.finished[0].failed_count, 1U);
}

TEST_P(FinishContract, ToleratesAsManyFailuresAsAllowed) {
  ClusterHeader header = new_header(4);
  header.failures_allowed_count = 1;
  const ClusterHeader by_count = make_cluster(header);
  for (std::uint64_t i = 0; i < 3; ++i) run_task(task(by_count, i));
  EXPECT_EQ(run_task(task(by_count, 3), Verdict::failed).finished.at(0).status, Status::complete);

  header = new_header(4);
  header.failures_allowed_percent = 50;
  const ClusterHeader by_percent = make_cluster(header);
  for (std::uint64_t i = 0; i < 2; ++i) run_task(task(by_percent, i), Verdict::failed);
  run_task(task(by_percent, 2));
  const ClusterHeader finished = run_task(task(by_percent, 3)).finished.at(0);
  EXPECT_EQ(finished.status, Status::complete);
  EXPECT_EQ(finished.failed_count, 2U);
}

TEST_P(FinishContract, OneFailureMoreThanAllowedIsAnError) {
  ClusterHeader header = new_header(4);
  header.failures_allowed_percent = 25;
  const ClusterHeader cluster = make_cluster(header);
  for (std::uint64_t i = 0; i < 2; ++i) run_task(task(cluster, i), Verdict::failed);
  run_task(task(cluster, 2));
  EXPECT_EQ(run_task(task(cluster, 3)).finished.at(0).status, Status::error);
}

TEST_P(FinishContract, DoesNotComeBeforeTheSeal) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  run_task(task(cluster, 0));
  EXPECT_TRUE(run_task(task(cluster, 1)).finished.empty());
  EXPECT_FALSE(read(cluster.id).finished());
  const EndAnswers sealed = ledger().seal(cluster.id, now_ + 1s).value();
  ASSERT_EQ(sealed.finished.size(), 1U);
  EXPECT_EQ(sealed.finished[0].status, Status::complete);
  EXPECT_EQ(sealed.finished[0].completed_at, now_ + 1s);
}

TEST_P(FinishContract, ComesWithTheLastEndAfterTheSeal) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  run_task(task(cluster, 0));
  EXPECT_TRUE(ledger().seal(cluster.id, now_).value().finished.empty());
  EXPECT_EQ(run_task(task(cluster, 1)).finished.size(), 1U);
}

TEST_P(FinishContract, OfAnEmptyClusterComesWithTheSeal) {
  const ClusterHeader open = make_open_cluster();
  const EndAnswers sealed = ledger().seal(open.id, now_).value();
  ASSERT_EQ(sealed.finished.size(), 1U);
  EXPECT_EQ(sealed.finished[0].status, Status::complete);
  EXPECT_EQ(sealed.finished[0].round_size, 0U);
  EXPECT_TRUE(make_cluster(0).finished());
}

TEST_P(FinishContract, SealingTwiceIsSealingOnce) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(1), now_).value();
  EXPECT_TRUE(ledger().seal(cluster.id, now_).value().finished.empty());
  const ClusterHeader sealed = read(cluster.id);
  EXPECT_EQ(sealed.round_size, 1U);
  EXPECT_TRUE(sealed.marked);
  EXPECT_TRUE(ledger().seal(cluster.id, now_ + 1s).value().finished.empty());
  EXPECT_EQ(read(cluster.id).round_size, 1U);
  run_task(task(cluster, 0));
  EXPECT_EQ(ledger().seal(cluster.id, now_ + 2s).value().finished.size(), 1U) << "its end is still open";
  EXPECT_EQ(read(cluster.id).completed_at, now_);
}

TEST_P(FinishContract, SealingMarksWhatACreationOfKnownSizeLeftUnmarked) {
  const ClusterHeader header = new_header(1);
  ledger().put_tasks(header.id, 0, bodies(1)).value();
  ledger().create_cluster(header).value();
  run_task(task(header, 0));  // The creator died before it could seal; whether this finishes it is the backend's.
  const EndAnswers sealed = ledger().seal(header.id, now_).value();
  ASSERT_EQ(sealed.finished.size(), 1U);
  EXPECT_TRUE(sealed.finished[0].finished());
  EXPECT_TRUE(read(header.id).marked);
}

TEST_P(FinishContract, SealingAnUnknownClusterIsNotFound) {
  const auto answer = ledger().seal(fresh_id(), now_);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::not_found);
}

TEST_P(FinishContract, OfTwoClustersIsToldByOneCall) {
  const ClusterHeader one = make_cluster(1);
  const ClusterHeader other = make_cluster(2);
  run_task(task(other, 0));
  const std::vector<EndRequest> requests{end_request(task(one, 0), claimed(task(one, 0)), Verdict::done),
                                         end_request(task(other, 1), claimed(task(other, 1)), Verdict::done)};
  const EndAnswers answers = ledger().end(requests, now_).value();
  std::vector<std::string> ids;
  for (const ClusterHeader& header : answers.finished) ids.push_back(header.id);
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre(one.id, other.id));
}

TEST_P(FinishContract, IsDecidedOnceUnderConcurrency) {
  constexpr std::uint64_t count = 48;
  constexpr std::uint64_t thread_count = 4;
  const ClusterHeader cluster = make_cluster(count);
  std::atomic<std::uint64_t> finish_count = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < thread_count; ++thread) {
    threads.emplace_back([&, thread] {
      const Backend own = open();
      for (std::uint64_t position = thread; position < count; position += thread_count) {
        ClaimRequest request = claim_request(task(cluster, position));
        request.token = own.ledger->new_token();
        EXPECT_EQ(own.ledger->claim(std::span(&request, 1), now_).value().at(0).outcome, ClaimOutcome::claimed);
        const EndRequest done = end_request(request.ref, request.token, Verdict::done);
        finish_count += own.ledger->end(std::span(&done, 1), now_).value().finished.size();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finish_count, 1U);
  EXPECT_EQ(read(cluster.id).status, Status::complete);
  EXPECT_EQ(ledger().recount(cluster.id, now_).value().done_count, count);
}

TEST_P(FinishContract, RivalsForOneTaskEndItOnce) {
  constexpr int thread_count = 4;
  const ClusterHeader cluster = make_cluster(1);
  std::atomic<int> claimed_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < thread_count; ++thread) {
    threads.emplace_back([&] {
      const Backend own = open();
      ClaimRequest request = claim_request(task(cluster, 0));
      request.token = own.ledger->new_token();
      if (own.ledger->claim(std::span(&request, 1), now_).value().at(0).outcome != ClaimOutcome::claimed) return;
      ++claimed_count;
      const EndRequest done = end_request(request.ref, request.token, Verdict::done);
      EXPECT_EQ(own.ledger->end(std::span(&done, 1), now_).value().outcomes.at(0), EndOutcome::ended);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(claimed_count, 1);
}

TEST_P(FinishContract, IsToldByPropagateUntilAllThatFollowsIsDone) {
  ClusterHeader header = new_header(1);
  header.parent = ParentTask{
      .cluster_id = "parent", .queue_url = "work", .round = 0, .position = 0, .index = 0, .fails_with_child = true};
  header.parent_ended = false;
  const ClusterHeader cluster = make_cluster(header);
  const RecordRef ended = task(cluster, 0);
  EXPECT_TRUE(ledger().propagate(std::span(&ended, 1), now_).value().finished.empty());
  run_task(ended);

  const auto told = [&] { return ledger().propagate(std::span(&ended, 1), now_).value().finished.size(); };
  EXPECT_EQ(told(), 1U);
  ClusterHeader now = read(cluster.id);
  now.parent_ended = true;
  now = ledger().update_cluster(now).value();
  EXPECT_EQ(told(), 1U) << "the finish message is not sent";
  now.finish_sent_at = now_;
  now = ledger().update_cluster(now).value();
  EXPECT_EQ(told(), 1U) << "the finish message has not ended";
  now.finish_done = true;
  ledger().update_cluster(now).value();
  EXPECT_EQ(told(), 0U);
}

TEST_P(FinishContract, IsToldByPropagateOfTheFinishMessageItself) {
  const ClusterHeader cluster = make_cluster(1);
  run_task(task(cluster, 0));
  const RecordRef finish{RecordType::cluster, cluster.id, 0, 0, false};
  ClaimRequest request = claim_request(finish);
  request.record = NewMessage{.id = cluster.id + ".0.finish",
                              .url = "work",
                              .type = RecordType::cluster,
                              .body = {},
                              .meta = {},
                              .created_at = now_,
                              .expires_at = now_ + 24h};
  EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(end_outcome(end_request(finish, request.token, Verdict::done)), EndOutcome::ended);
  EXPECT_EQ(ledger().propagate(std::span(&finish, 1), now_).value().finished.size(), 1U);
}

TEST_P(FinishContract, OfAStoppedClusterIsNotUndoneByItsLastTask) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed(task(cluster, 0));
  ClusterHeader stopped = read(cluster.id);
  stopped.status = Status::error;
  stopped.status_code = StatusCode::stopped;
  stopped.completed_at = now_;
  ledger().update_cluster(stopped).value();
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::ended);
  EXPECT_EQ(read(cluster.id).status_code, StatusCode::stopped);
  EXPECT_EQ(ledger().progress(cluster.id).value().done_count, 1U) << "it is counted all the same";
}

FANFOLD_CONTRACT(FinishContract);

}  // namespace
}  // namespace fanfold::conformance
