#include "contract.hpp"

namespace fanfold::conformance {
namespace {

class EndContract : public Contract {
 protected:
  [[nodiscard]] TaskState state_of(const ClusterHeader& cluster, std::uint64_t index) const {
    TaskQuery query;
    query.cluster_id = cluster.id;
    query.first_index = index;
    query.count_max = 1;
    return ledger().list_tasks(query).value().tasks.at(0);
  }
  [[nodiscard]] std::optional<Json> result_of(const ClusterHeader& cluster, std::uint64_t index) const {
    return ledger().read_record({cluster.id, index}, Consistency::strong).value().result;
  }
};

TEST_P(EndContract, ByTheHolderIsAppliedOnce) {
  const ClusterHeader cluster = make_cluster(2);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
  request.result = Json::from_valid_text("7");
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  EXPECT_EQ(end_outcome(request), EndOutcome::ended) << "a repeated request finds its own write";
  EXPECT_EQ(state_of(cluster, 0).status, Status::complete);
  EXPECT_EQ(state_of(cluster, 0).completed_at, now_);
  EXPECT_EQ(result_of(cluster, 0)->text(), "7");
  EXPECT_EQ(ledger().progress(cluster.id).value().done_count, 1U);
}

TEST_P(EndContract, RefusesAResultOverTheLimitByItsName) {
  const ClusterHeader cluster = make_cluster(1);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
  request.result = Json::from_valid_text('"' + std::string(result_bytes_max - 1, 'x') + '"');
  const auto refused = ledger().end(std::span(&request, 1), now_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  static_assert(result_bytes_max == 64 * 1024);
  EXPECT_EQ(refused.error().message, "a result holds at most 64 KiB");
  request.result = Json::from_valid_text('"' + std::string(result_bytes_max - 2, 'x') + '"');
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
}

TEST_P(EndContract, ByAStrangerChangesNothing) {
  const ClusterHeader cluster = make_cluster(2);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), ledger().new_token(), Verdict::done)), EndOutcome::lease_lost);
  claimed(task(cluster, 0));
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), ledger().new_token(), Verdict::done)), EndOutcome::lease_lost);
  EXPECT_EQ(state_of(cluster, 0).status, Status::in_progress);
}

TEST_P(EndContract, ByALateHolderChangesNothing) {
  const ClusterHeader cluster = make_cluster(2);
  const std::uint64_t late = claimed(task(cluster, 0));
  ClaimRequest successor = claim_request(task(cluster, 0));
  successor.lease_end = now_ + 2 * lease_;
  EXPECT_EQ(claim(successor, now_ + lease_).outcome, ClaimOutcome::claimed);

  EndRequest request = end_request(task(cluster, 0), late, Verdict::done);
  request.result = Json::from_valid_text("\"late\"");
  EXPECT_EQ(end(request, now_ + lease_).outcomes.at(0), EndOutcome::lease_lost);

  EndRequest own = end_request(task(cluster, 0), successor.token, Verdict::done);
  own.attempt = 2;
  own.result = Json::from_valid_text("\"successor\"");
  EXPECT_EQ(end(own, now_ + lease_).outcomes.at(0), EndOutcome::ended);
  EXPECT_EQ(end(request, now_ + lease_).outcomes.at(0), EndOutcome::already);
  EXPECT_EQ(result_of(cluster, 0)->text(), "\"successor\"");
}

TEST_P(EndContract, IsAllowedAfterTheLeaseWhenNobodyTookOver) {
  const ClusterHeader cluster = make_cluster(2);
  const EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
  EXPECT_EQ(end(request, now_ + 3 * lease_).outcomes.at(0), EndOutcome::ended);
}

TEST_P(EndContract, OfAnEndedTaskIsRefusedOnEveryCondition) {
  const ClusterHeader cluster = make_cluster(2);
  run_task(task(cluster, 0));
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), ledger().new_token(), Verdict::failed)), EndOutcome::already);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), NotEnded{}, Verdict::failed)), EndOutcome::already);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"child"}, Verdict::failed)), EndOutcome::already);
  EXPECT_EQ(state_of(cluster, 0).status, Status::complete);
}

TEST_P(EndContract, OnTheValueSeenIsRefusedOnceItChanged) {
  const ClusterHeader cluster = make_cluster(2);
  claimed(task(cluster, 0));
  const SeenState seen = claim(claim_request(task(cluster, 0), 0, 1), now_ + lease_).seen;
  ClaimRequest other = claim_request(task(cluster, 0), 0, 5);
  other.lease_end = now_ + 2 * lease_;
  EXPECT_EQ(claim(other, now_ + lease_).outcome, ClaimOutcome::claimed);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), seen, Verdict::failed)), EndOutcome::lease_lost);
  EXPECT_EQ(state_of(cluster, 0).status, Status::in_progress);
}

TEST_P(EndContract, OnTheValueSeenIsRefusedWhenTheLeaseWasExtended) {
  const ClusterHeader cluster = make_cluster(2);
  const Lease lease{task(cluster, 0), claimed(task(cluster, 0))};
  const SeenState seen = claim(claim_request(task(cluster, 0), 0, 1), now_ + lease_).seen;
  EXPECT_TRUE(ledger().extend(std::span(&lease, 1), now_ + 3 * lease_).value().at(0).has_value());
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), seen, Verdict::failed)), EndOutcome::lease_lost);
}

TEST_P(EndContract, OnNotEndedTakesFreeAndHeldTasks) {
  const ClusterHeader cluster = make_cluster(3);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), NotEnded{}, Verdict::done)), EndOutcome::ended);
  const std::uint64_t holder = claimed(task(cluster, 1));
  EXPECT_EQ(end_outcome(end_request(task(cluster, 1), NotEnded{}, Verdict::failed)), EndOutcome::ended);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 1), holder, Verdict::done)), EndOutcome::already);
  EXPECT_EQ(state_of(cluster, 0).status, Status::complete);
  EXPECT_EQ(state_of(cluster, 1).status, Status::error);
}

// What push rests on: whoever held the task can do nothing any more, and nobody else can take it.
TEST_P(EndContract, OnNotEndedWithARetryTakesTheTaskFromItsHolder) {
  const ClusterHeader cluster = make_cluster(2);
  const std::uint64_t token = claimed(task(cluster, 0));
  for (const std::uint64_t position : {0U, 1U}) {
    EndRequest taken = end_request(task(cluster, position), NotEnded{}, Verdict::retry);
    taken.attempt = 0;  // As whoever only takes it away: attempts stay what they are.
    taken.retry_at = now_ + 24h;
    EXPECT_EQ(end_outcome(taken), EndOutcome::ended);
  }
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::lease_lost);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::failed)), EndOutcome::lease_lost);
  const Lease lease{task(cluster, 0), token};
  EXPECT_FALSE(ledger().extend(std::span(&lease, 1), now_ + lease_).value().at(0).has_value());
  for (const std::uint64_t position : {0U, 1U}) {
    const ClaimAnswer answer = claim(claim_request(task(cluster, position)), now_ + 2 * lease_);
    EXPECT_EQ(answer.outcome, ClaimOutcome::in_progress);
    EXPECT_EQ(answer.attempt, position == 0 ? 1U : 0U);
  }
}

TEST_P(EndContract, OfTheLastTaskFinishesNoClusterThatWentElsewhere) {
  const ClusterHeader cluster = make_cluster(1);
  ClusterHeader moved = read(cluster.id);
  moved.moved_to = "elsewhere";
  ASSERT_TRUE(ledger().update_cluster(moved).has_value());
  const EndAnswers answers = end(end_request(task(cluster, 0), NotEnded{}, Verdict::done), now_);
  EXPECT_EQ(answers.outcomes.at(0), EndOutcome::ended);
  EXPECT_TRUE(answers.finished.empty());
  EXPECT_FALSE(read(cluster.id).finished());
}

TEST_P(EndContract, OfAWaitingTaskFollowsItsOwnChildAlone) {
  const ClusterHeader cluster = make_cluster(2);
  const std::uint64_t token = claimed(task(cluster, 0));
  EndRequest waiting = end_request(task(cluster, 0), token, Verdict::waiting);
  waiting.child_id = "child";
  EXPECT_EQ(end_outcome(waiting), EndOutcome::ended);
  EXPECT_EQ(end_outcome(waiting), EndOutcome::ended) << "a repeated request finds its own write";
  EXPECT_TRUE(state_of(cluster, 0).waiting_for_child);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::lease_lost);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"stranger"}, Verdict::done)), EndOutcome::lease_lost);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"child"}, Verdict::done)), EndOutcome::ended);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"child"}, Verdict::done)), EndOutcome::already);
  EXPECT_EQ(state_of(cluster, 0).status, Status::complete);
}

TEST_P(EndContract, OfATaskThatDoesNotWaitIsRefusedToAChild) {
  const ClusterHeader cluster = make_cluster(1);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"child"}, Verdict::done)), EndOutcome::lease_lost);
  claimed(task(cluster, 0));
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), WaitingFor{"child"}, Verdict::done)), EndOutcome::lease_lost);
}

TEST_P(EndContract, WithARetryKeepsTheErrorAndTheTaskOpen) {
  const ClusterHeader cluster = make_cluster(1);
  EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::retry);
  request.retry_at = now_ + 5s;
  request.error = error_entry(1, "not yet");
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  EXPECT_EQ(end_outcome(request), EndOutcome::ended) << "a repeated request finds its own write";
  const TaskState state = state_of(cluster, 0);
  EXPECT_EQ(state.status, Status::in_progress);
  EXPECT_EQ(state.lease_end, now_ + 5s);
  ASSERT_EQ(state.error.size(), 1U);
  EXPECT_EQ(state.error[0], error_entry(1, "not yet"));
  EXPECT_FALSE(read(cluster.id).finished());
}

TEST_P(EndContract, OfARetriedAttemptIsOverForItsHolder) {
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed(task(cluster, 0));
  EndRequest request = end_request(task(cluster, 0), token, Verdict::retry);
  request.retry_at = now_ + 5s;
  EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::lease_lost);
}

TEST_P(EndContract, OfARecordThatIsNotThereIsMissing) {
  EXPECT_EQ(end_outcome(end_request({RecordType::message, fresh_id(), 0, 0, false}, NotEnded{}, Verdict::done)),
            EndOutcome::missing);
  const ClusterHeader cluster = make_cluster(1);
  const std::uint64_t token = claimed(task(cluster, 0));
  put_an_end_to(cluster.id);
  ledger().remove_cluster(cluster.id, now_).value();
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::missing);
}

TEST_P(EndContract, KeepsTheFirstAndTheNewestErrors) {
  const ClusterHeader cluster = make_cluster(1);
  const auto rounds = static_cast<std::uint32_t>(error_count_max) + 4;
  for (std::uint32_t attempt = 1; attempt <= rounds; ++attempt) {
    ClaimRequest request = claim_request(task(cluster, 0), 0, 1'000);
    EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::claimed);
    EndRequest failure = end_request(task(cluster, 0), request.token, Verdict::retry);
    failure.attempt = attempt;
    failure.retry_at = now_;
    failure.error = error_entry(attempt, "attempt " + std::to_string(attempt));
    EXPECT_EQ(end_outcome(failure), EndOutcome::ended);
  }
  const auto errors = state_of(cluster, 0).error;
  EXPECT_LE(errors.size(), error_count_max);
  ASSERT_GE(errors.size(), 2U);
  EXPECT_EQ(errors.front().attempt, 1U);
  EXPECT_EQ(errors.back().attempt, rounds);
}

TEST_P(EndContract, KeepsWhatEachAttemptPrinted) {
  const ClusterHeader cluster = make_cluster(2);
  EndRequest first = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::retry);
  first.retry_at = now_;
  first.output = std::string("one\0two", 7);
  EXPECT_EQ(end_outcome(first), EndOutcome::ended);
  EndRequest second = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
  second.attempt = 2;
  second.output = "three";
  EXPECT_EQ(end_outcome(second), EndOutcome::ended);
  EXPECT_EQ(end_outcome(second), EndOutcome::ended);

  const auto outputs = ledger().read_outputs(task(cluster, 0), 0).value();
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].attempt, 1U);
  EXPECT_EQ(outputs[0].output, std::string("one\0two", 7));
  EXPECT_EQ(outputs[1].attempt, 2U);
  EXPECT_EQ(outputs[1].output, "three");
  EXPECT_EQ(outputs[1].round, 0U);
  EXPECT_TRUE(ledger().read_outputs(task(cluster, 1), 1).value().empty());
}

TEST_P(EndContract, AnswersEachOfManyInOrder) {
  const ClusterHeader cluster = make_cluster(3);
  std::vector<EndRequest> requests{
      end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done),
      end_request(task(cluster, 1), ledger().new_token(), Verdict::done),
      end_request(task(cluster, 2), claimed(task(cluster, 2)), Verdict::failed),
      end_request({RecordType::message, fresh_id(), 0, 0, false}, NotEnded{}, Verdict::done)};
  const EndAnswers answers = ledger().end(requests, now_).value();
  EXPECT_THAT(answers.outcomes, ::testing::ElementsAre(EndOutcome::ended, EndOutcome::lease_lost, EndOutcome::ended,
                                                       EndOutcome::missing));
  EXPECT_TRUE(answers.finished.empty());
}

TEST_P(EndContract, OfASingleMessageKeepsResultAndError) {
  const std::string id = fresh_id();
  const NewMessage message{.id = id,
                           .url = "work",
                           .type = RecordType::message,
                           .body = {},
                           .meta = {},
                           .created_at = now_,
                           .expires_at = now_ + 24h};
  EXPECT_TRUE(ledger().put_messages(std::span(&message, 1)).value().at(0).has_value());
  const RecordRef ref{RecordType::message, id, 0, 0, false};
  EndRequest failure = end_request(ref, claimed(ref), Verdict::retry);
  failure.retry_at = now_;
  failure.error = error_entry(1, "once more");
  EXPECT_EQ(end_outcome(failure), EndOutcome::ended);
  EndRequest success = end_request(ref, claimed(ref), Verdict::done);
  success.result = Json::from_valid_text("[1]");
  const EndAnswers answers = end(success, now_);
  EXPECT_EQ(answers.outcomes.at(0), EndOutcome::ended);
  EXPECT_TRUE(answers.finished.empty());

  const auto stored = ledger().read_record({id, std::nullopt}, Consistency::strong).value();
  EXPECT_EQ(stored.record.status, Status::complete);
  EXPECT_EQ(stored.record.status_code, StatusCode::complete);
  EXPECT_EQ(stored.record.completed_at, now_);
  EXPECT_EQ(stored.record.consumption_count, 2U);
  ASSERT_EQ(stored.record.error.size(), 1U);
  EXPECT_EQ(stored.record.error[0].message, "once more");
  EXPECT_EQ(stored.result->text(), "[1]");
}

FANFOLD_CONTRACT(EndContract);

}  // namespace
}  // namespace fanfold::conformance
