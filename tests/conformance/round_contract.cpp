#include "task_contract.hpp"

namespace fanfold::conformance {
namespace {

class RoundContract : public TaskContract {
 protected:
  /// Six tasks of which 1, 2 and 5 failed, everything about the finish done.
  [[nodiscard]] ClusterHeader failed_cluster() const {
    const ClusterHeader cluster = make_cluster(6);
    for (const std::uint64_t index : {0, 3, 4}) finish_with(task(cluster, index), index, std::to_string(index));
    for (const std::uint64_t index : {1, 2, 5}) run_task(task(cluster, index), Verdict::failed);
    ClusterHeader header = read(cluster.id);
    header.finish_sent_at = now_;
    header.finish_done = true;
    return ledger().update_cluster(header).value();
  }
  [[nodiscard]] static ClusterHeader next_round(ClusterHeader header, std::uint64_t carried) {
    ++header.round;
    header.round_size.reset();
    header.marked = false;
    header.round_hash = "hash";
    header.round_key = "key";
    header.failed_carried_count = carried;
    header.failed_count = 0;
    header.status = Status::in_progress;
    header.status_code = StatusCode::in_progress;
    header.completed_at.reset();
    header.finish_sent_at.reset();
    header.finish_done = false;
    return header;
  }
  /// By fail_fast, its finish message done.
  [[nodiscard]] ClusterHeader stopped(ClusterHeader header) const {
    header.status = Status::error;
    header.status_code = StatusCode::stopped;
    header.completed_at = header.finish_sent_at = now_;
    header.finish_done = true;
    return header;
  }
  ClusterHeader begin(const ClusterHeader& header, const std::vector<std::uint64_t>& indexes,
                      std::uint64_t carried) const {
    ledger().start_round(next_round(header, carried), indexes).value();
    EXPECT_TRUE(ledger().seal(header.id, now_).value().finished.empty());
    return read(header.id);
  }
};

TEST_P(RoundContract, TheFirstOneIsTheTasksThemselves) {
  const ClusterHeader cluster = make_cluster(5);
  EXPECT_THAT(ledger().read_round(cluster.id, 0, 1, 3).value(), ::testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(ledger().read_round(cluster.id, 0, 4, 3).value(), ::testing::ElementsAre(4));
}

TEST_P(RoundContract, IsATreeOfItsOwnOverTheIndexesGiven) {
  const ClusterHeader round = begin(failed_cluster(), {1, 5}, 1);
  EXPECT_EQ(round.round, 1U);
  EXPECT_EQ(round.round_size, 2U);
  EXPECT_EQ(round.round_hash, "hash");
  EXPECT_EQ(round.status, Status::in_progress);
  EXPECT_THAT(ledger().read_round(round.id, 1, 0, 10).value(), ::testing::ElementsAre(1, 5));
  EXPECT_THAT(ledger().read_round(round.id, 1, 1, 10).value(), ::testing::ElementsAre(5));
  const auto open_tasks = ledger().list_open_tasks(round.id, 0, 10, now_).value().tasks;
  ASSERT_EQ(open_tasks.size(), 2U);
  EXPECT_EQ(open_tasks[0].position, 0U);
  EXPECT_EQ(open_tasks[0].index, 1U);
  EXPECT_EQ(open_tasks[1].position, 1U);
  EXPECT_EQ(open_tasks[1].index, 5U);
}

TEST_P(RoundContract, FinishesWithItsOwnTasksAndCountsTheFailuresCarriedOver) {
  const ClusterHeader round = begin(failed_cluster(), {1, 5}, 1);
  EXPECT_TRUE(finish_with(task(round, 0), 1, "100").finished.empty());
  const EndAnswers last = finish_with(task(round, 1), 5, "500");
  ASSERT_EQ(last.finished.size(), 1U);
  EXPECT_EQ(last.finished[0].round, 1U);
  EXPECT_EQ(last.finished[0].failed_count, 0U);
  EXPECT_EQ(last.finished[0].failed_total_count(), 1U);
  EXPECT_EQ(last.finished[0].status, Status::error) << "a failure that was not retried counts on";

  const Progress progress = ledger().progress(round.id).value();
  EXPECT_EQ(progress.total_count, 6U);
  EXPECT_EQ(progress.done_count, 5U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(progress.round, 1U);
  EXPECT_EQ(results(round, 100), (std::vector<std::string>{"0=0", "1=100", "3=3", "4=4", "5=500"}));
}

TEST_P(RoundContract, ThatMendsEverythingEndsComplete) {
  const ClusterHeader round = begin(failed_cluster(), {1, 2, 5}, 0);
  run_task(task(round, 0));
  run_task(task(round, 1));
  EXPECT_EQ(run_task(task(round, 2)).finished.at(0).status, Status::complete);
}

TEST_P(RoundContract, OfNoTaskFinishesWhenItIsSealed) {
  const ClusterHeader before = failed_cluster();
  ledger().start_round(next_round(before, 3), {}).value();
  const EndAnswers sealed = ledger().seal(before.id, now_).value();
  ASSERT_EQ(sealed.finished.size(), 1U);
  EXPECT_EQ(sealed.finished[0].round, 1U);
  EXPECT_EQ(sealed.finished[0].failed_total_count(), 3U);
  EXPECT_EQ(sealed.finished[0].status, Status::error);
  const Progress progress = ledger().progress(before.id).value();
  EXPECT_EQ(progress.total_count, 6U);
  EXPECT_EQ(progress.done_count, 3U);
  EXPECT_EQ(progress.failed_count, 3U);
  EXPECT_TRUE(ledger().read_round(before.id, 1, 0, 10).value().empty());
  EXPECT_TRUE(ledger().list_open_tasks(before.id, 0, 10, now_).value().tasks.empty());
  EXPECT_EQ(results(sealed.finished[0], 100), (std::vector<std::string>{"0=0", "3=3", "4=4"}));

  // And the failures may be retried afterwards.
  ClusterHeader done = sealed.finished[0];
  done.finish_sent_at = now_;
  done.finish_done = true;
  const ClusterHeader third = begin(ledger().update_cluster(done).value(), {1, 2, 5}, 0);
  for (const std::uint64_t position : {0, 1, 2}) run_task(task(third, position));
  EXPECT_EQ(ledger().progress(before.id).value().done_count, 6U);
}

TEST_P(RoundContract, OldMessagesFindTheirTaskEnded) {
  const ClusterHeader before = failed_cluster();
  const ClusterHeader round = begin(before, {1, 5}, 1);
  EXPECT_EQ(claim(claim_request(task(before, 1)), now_).outcome, ClaimOutcome::failed);
  EXPECT_EQ(claim(claim_request(task(before, 0)), now_).outcome, ClaimOutcome::done);
  EXPECT_EQ(claim(claim_request(task(round, 0)), now_).outcome, ClaimOutcome::claimed);
}

TEST_P(RoundContract, OldEndsAndPropagationsDoNotTouchIt) {
  const ClusterHeader before = failed_cluster();
  const ClusterHeader round = begin(before, {1, 5}, 1);
  const std::vector<RecordRef> ended{task(before, 0), task(before, 1)};
  EXPECT_TRUE(ledger().propagate(ended, now_).value().finished.empty());
  EXPECT_EQ(end_outcome(end_request(task(before, 1), NotEnded{}, Verdict::done)), EndOutcome::already);
  EXPECT_EQ(read(round.id), round);
}

TEST_P(RoundContract, OnlyOneOfTwoCallersBeginsIt) {
  const ClusterHeader before = failed_cluster();
  ledger().start_round(next_round(before, 1), std::vector<std::uint64_t>{1, 5}).value();
  const auto late = ledger().start_round(next_round(before, 2), std::vector<std::uint64_t>{2});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::conflict);
  EXPECT_THAT(ledger().read_round(before.id, 1, 0, 10).value(), ::testing::ElementsAre(1, 5));
}

TEST_P(RoundContract, OfAnUnknownClusterIsNotFound) {
  EXPECT_EQ(ledger().start_round(next_round(new_header(1), 0), std::vector<std::uint64_t>{0}).error().code,
            ErrorCode::not_found);
}

TEST_P(RoundContract, TakesNoTasksThatAreAdded) {
  const ClusterHeader before = failed_cluster();
  ledger().start_round(next_round(before, 1), std::vector<std::uint64_t>{1, 5}).value();
  EXPECT_EQ(ledger().add_tasks(before.id, "late", bodies(1), now_).error().code, ErrorCode::sealed);
}

TEST_P(RoundContract, ASecondOneFollowsTheFirst) {
  const ClusterHeader first = begin(failed_cluster(), {1, 2, 5}, 0);
  run_task(task(first, 0));
  EndRequest failure = end_request(task(first, 1), claimed(task(first, 1)), Verdict::failed);
  failure.index = 2;
  EXPECT_EQ(end_outcome(failure), EndOutcome::ended);
  ClusterHeader finished = run_task(task(first, 2)).finished.at(0);
  finished.finish_sent_at = now_;
  finished.finish_done = true;
  const ClusterHeader second = begin(ledger().update_cluster(finished).value(), {2}, 0);
  EXPECT_EQ(second.round, 2U);
  EXPECT_EQ(ledger().progress(second.id).value().done_count, 5U);
  const ClusterHeader last = finish_with(task(second, 0), 2, "2").finished.at(0);
  EXPECT_EQ(last.status, Status::complete);
  EXPECT_EQ(ledger().recount(second.id, now_).value().done_count, 6U);
}

TEST_P(RoundContract, KeepsItsResultWhenAHolderOfTheRoundBeforeIsLate) {
  // Stopped by fail_fast while somebody had task 1 in hand.
  const ClusterHeader cluster = make_cluster(2);
  run_task(task(cluster, 0), Verdict::failed);
  EndRequest late = end_request(task(cluster, 1), claimed(task(cluster, 1)), Verdict::done);
  late.index = 1;
  late.result = Json::parse("\"late\"").value();
  const ClusterHeader round = begin(ledger().update_cluster(stopped(read(cluster.id))).value(), {0, 1}, 0);
  finish_with(task(round, 1), 1, "\"new\"");
  EXPECT_EQ(end_outcome(late), EndOutcome::ended);
  EXPECT_EQ(results(read(cluster.id), 100), std::vector<std::string>{"1=\"new\""});
}

TEST_P(RoundContract, HasNoResultOfTheRoundBefore) {
  const ClusterHeader cluster = make_cluster(2);
  run_task(task(cluster, 0), Verdict::failed);
  const std::uint64_t late = claimed(task(cluster, 1));
  const ClusterHeader before = ledger().update_cluster(stopped(read(cluster.id))).value();
  EndRequest done = end_request(task(cluster, 1), late, Verdict::done);
  done.index = 1;
  done.result = Json::parse("1").value();
  EXPECT_EQ(end_outcome(done), EndOutcome::ended);
  const ClusterHeader round = begin(read(before.id), {0, 1}, 0);
  for (const std::uint64_t position : {0, 1}) run_task(task(round, position));
  EXPECT_EQ(results(read(cluster.id), 100), std::vector<std::string>{});
}

TEST_P(RoundContract, CanBeReadAlthoughItWasStoppedBeforeItWasMarked) {
  const ClusterHeader before = failed_cluster();
  ledger().start_round(next_round(before, 0), std::vector<std::uint64_t>{1, 2, 5}).value();
  const ClusterHeader second =
      next_round(ledger().update_cluster(stopped(read(before.id))).value(), 0);  // Nobody had sealed it.
  ledger().start_round(second, std::vector<std::uint64_t>{1, 5}).value();
  ledger().seal(before.id, now_).value();
  EXPECT_THAT(ledger().read_round(before.id, 1, 0, 10).value(), ::testing::ElementsAre(1, 2, 5));
  EXPECT_EQ(ledger().recount(before.id, now_).value().done_count, 3U);
  EXPECT_EQ(ledger().list_tasks({.cluster_id = before.id}).value().tasks.size(), 6U);
}

FANFOLD_CONTRACT(RoundContract);

}  // namespace
}  // namespace fanfold::conformance
