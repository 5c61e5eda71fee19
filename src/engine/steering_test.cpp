#include "engine/steering.hpp"

#include "engine/round_keys.hpp"
#include "engine/scene_for_tests.hpp"

#include <fanfold/testing/faults.hpp>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

struct Running : Scene {
  explicit Running(int count = 12, ClusterOptions options = {})
      : cluster(client->create_message_cluster("work", numbers(count), std::move(options)).value()) {}
  /// Finished, and its finish message done, with these tasks failed.
  void finish(const std::vector<std::uint64_t>& failing = {}) const {
    work(failing);
    work();
    ASSERT_TRUE(progress(cluster).finish_handled);
  }
  /// Another process, in which `act` comes before the call of a port that is number `at` (from 0).
  [[nodiscard]] Client interrupted(std::size_t at, std::function<void()> act) {
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [this, at, act = std::move(act)](std::string_view call) {
      if (!call.starts_with("clock.") && call_count++ == at) act();
    };
    return make_client(testing::with_faults(memory.backend(), options));
  }
  /// One that fails fast: the first task that comes does, if it is one of these, and its finish message is done.
  void fail_fast(const std::vector<std::uint64_t>& failing) const {
    work_on(client->receive("work", {.count_max = 1}).value().front(), failing);
    ASSERT_TRUE(header(cluster).stopped());
    advance(60s);
    work();
    ASSERT_TRUE(progress(cluster).finish_handled);
  }
  Cluster cluster;
  std::size_t call_count = 0;
};

TEST(Stop, IsFinalAndKeepsTheReason) {
  Running scene;
  scene.client->stop_cluster(scene.cluster, "wrong input").value();
  const ClusterHeader header = scene.header(scene.cluster);
  EXPECT_EQ(header.status, Status::error);
  EXPECT_EQ(header.status_code, StatusCode::stopped);
  EXPECT_EQ(header.error.at(0).message, "wrong input");
  EXPECT_TRUE(header.finish_sent_at.has_value());
  scene.client->stop_cluster(scene.cluster).value();
  EXPECT_EQ(code_of(scene.client->pause_cluster(scene.cluster)), ErrorCode::stopped);
  EXPECT_EQ(code_of(scene.client->resume_cluster(scene.cluster)), ErrorCode::stopped);
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::stopped);
}

TEST(Stop, OfAFinishedClusterIsRefused) {
  Running scene;
  scene.finish();
  EXPECT_EQ(code_of(scene.client->stop_cluster(scene.cluster)), ErrorCode::sealed);
  EXPECT_EQ(code_of(scene.client->pause_cluster(scene.cluster)), ErrorCode::sealed);
  EXPECT_EQ(code_of(scene.client->resume_cluster(scene.cluster)), ErrorCode::sealed);
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
}

TEST(Pause, EndsWithAResumeThatSendsWhatIsOpenAgain) {
  Running scene;
  scene.client->pause_cluster(scene.cluster).value();
  EXPECT_TRUE(scene.progress(scene.cluster).paused);
  scene.client->pause_cluster(scene.cluster).value();
  static_cast<void>(scene.queue->purge("work").value());  // What workers do with the messages of a paused cluster.
  EXPECT_EQ(scene.client->resume_cluster(scene.cluster).value(), 12U);
  EXPECT_FALSE(scene.progress(scene.cluster).paused);
  EXPECT_TRUE(scene.header(scene.cluster).due.empty());
  scene.finish();
}

TEST(Resume, DelaysWhatIsLeasedToTheEndOfItsLease) {
  Running scene;
  const auto record = scene.client->receive("work", {.count_max = 1, .visibility = 60s}).value().front();
  ASSERT_EQ(scene.client->is_complete(record, {.lease = 50s}).value().state, ClaimState::claimed);
  static_cast<void>(scene.queue->purge("work").value());
  scene.advance(2s);
  EXPECT_EQ(scene.client->resume_cluster(scene.cluster).value(), 12U);
  EXPECT_EQ(scene.queue->counts("work").value().visible_count, 11U);
  scene.advance(48s);
  EXPECT_EQ(scene.queue->counts("work").value().visible_count, 12U);
}

TEST(Resume, CutOffIsRepeatedByTheSweep) {
  Running scene(25);
  scene.client->pause_cluster(scene.cluster).value();
  static_cast<void>(scene.queue->purge("work").value());
  scene.queue->send_count_until_crash = scene.queue->send_count + 1;
  EXPECT_THROW(static_cast<void>(scene.client->resume_cluster(scene.cluster)), ScriptedQueue::Crash);
  scene.restart();
  EXPECT_FALSE(scene.progress(scene.cluster).paused) << "the header comes first";
  EXPECT_EQ(scene.header(scene.cluster).due.size(), 1U) << "in the same write as the mark";
  EXPECT_EQ(scene.client->sweep().value().resent_count, 0U) << "the mark is young, and its sender may live";
  scene.advance(61s);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 25U);
  EXPECT_TRUE(scene.header(scene.cluster).due.empty());
}

TEST(Resume, ThatMayNotSendLeavesTheRestToTheNextSweepAtOnce) {
  Running scene(3);
  scene.queue->refusals[1] = {ErrorCode::permission_denied};
  EXPECT_EQ(code_of(scene.client->resume_cluster(scene.cluster)), ErrorCode::permission_denied);
  EXPECT_EQ(scene.header(scene.cluster).sender, "") << "nobody sends any more";
  scene.advance(31s);  // The pace of repairs; the sender's lease would have lasted for 60 s.
  EXPECT_EQ(scene.client->sweep().value().resent_count, 3U);
}

TEST(FailTask, EndsItByNameAndTheClusterWhereItWasTheLast) {
  Running scene(2);
  const std::string id = id_of(scene.cluster);
  scene.client->fail_task(MessageKey::of_task(id, 0), "cannot work").value();
  EXPECT_EQ(code_of(scene.client->fail_task(MessageKey::of_task(id, 0), "again")), ErrorCode::lease_lost);
  EXPECT_EQ(scene.client->get_message_record(MessageKey::of_task(id, 0)).value().error.at(0).code, "failed_by_hand");
  scene.client->fail_task(MessageKey::of_task(id, 1), "cannot work").value();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::error);
  EXPECT_EQ(scene.progress(scene.cluster).failed_count, 2U);
  EXPECT_EQ(code_of(scene.client->fail_task(MessageKey::of_task(id, 2), "none")), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->fail_task(scene.cluster, "no task")), ErrorCode::invalid_argument);
}

TEST(FailTask, TakesTheTaskFromItsHolder) {
  Running scene(1);
  const auto record = scene.client->receive("work").value().front();
  const Claim claim = scene.client->is_complete(record).value();
  scene.client->fail_task(MessageKey::of_task(id_of(scene.cluster), 0), "taken away").value();
  EXPECT_EQ(code_of(scene.client->mark_complete(claim)), ErrorCode::lease_lost);
  EXPECT_EQ(scene.progress(scene.cluster).failed_count, 1U);
}

TEST(Delete, TakesOnlyWhatIsOverAndLeavesATombstone) {
  Running scene(2, {.globals = 1});
  EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster)), ErrorCode::not_finished);
  scene.work();
  if (!scene.progress(scene.cluster).finish_handled) {
    EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster)), ErrorCode::not_finished);
  }
  scene.finish();
  scene.client->delete_cluster(scene.cluster).value();
  scene.client->delete_cluster(scene.cluster).value();
  EXPECT_TRUE(scene.header(scene.cluster).tombstone);
  EXPECT_EQ(code_of(scene.client->pause_cluster(scene.cluster)), ErrorCode::deleted);
  EXPECT_EQ(code_of(scene.client->stop_cluster(scene.cluster)), ErrorCode::deleted);
  EXPECT_EQ(code_of(scene.client->resume_cluster(scene.cluster)), ErrorCode::deleted);
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::deleted);
  EXPECT_EQ(code_of(scene.client->get_cluster_globals<int>(scene.cluster)), ErrorCode::not_found);
}

TEST(Delete, WithoutTheFinishHandlerTakesAStoppedClusterThatNoWorkerEverMeets) {
  Running scene(2, {.globals = 1, .finish_handler_required = true});
  scene.client->stop_cluster(scene.cluster).value();
  EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster)), ErrorCode::not_finished);
  scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true}).value();
  scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true}).value();
  EXPECT_TRUE(scene.header(scene.cluster).tombstone);
  scene.advance(60s);
  scene.work();
  EXPECT_EQ(scene.message_count(), 0U) << "whoever meets what it left behind deletes it";
}

TEST(Delete, WithoutTheFinishHandlerStillWaitsForTheTasks) {
  Running scene(2);
  EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true})),
            ErrorCode::not_finished);
  scene.client->pause_cluster(scene.cluster).value();
  EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true})),
            ErrorCode::not_finished);
}

TEST(Delete, WithoutTheFinishHandlerTakesItFromNobodyWhoRunsIt) {
  Running scene(1);
  scene.client->stop_cluster(scene.cluster).value();
  scene.advance(60s);
  std::optional<SqsRecord> finish;
  for (const SqsRecord& record : scene.client->receive("work", {.count_max = 10}).value()) {
    if (scene.client->read_sqs_record(record).value().type == RecordType::cluster) finish = record;
  }
  ASSERT_TRUE(finish.has_value());
  const Claim claim = scene.client->is_complete(*finish, {.lease = 20s}).value();
  ASSERT_EQ(claim.state, ClaimState::claimed);
  EXPECT_EQ(code_of(scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true})),
            ErrorCode::conflict);
  scene.advance(21s);
  scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true}).value();
  EXPECT_EQ(code_of(scene.client->mark_complete(claim)), ErrorCode::not_found);
}

TEST(Delete, WithoutTheFinishHandlerTakesAClusterWhoseFinishMessageWasNeverSent) {
  Running scene(1);
  scene.queue->send_count_until_crash = scene.queue->send_count;
  EXPECT_THROW(static_cast<void>(scene.client->stop_cluster(scene.cluster)), ScriptedQueue::Crash);
  scene.restart();
  scene.client->delete_cluster(scene.cluster, {.without_finish_handler = true}).value();
  EXPECT_TRUE(scene.header(scene.cluster).tombstone);
}

TEST(RetryFailed, SendsOnlyWhatFailed) {
  Running scene;
  scene.finish({2, 5});
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::error);
  EXPECT_EQ(scene.client->retry_failed(scene.cluster).value(), 2U);
  const Progress begun = scene.progress(scene.cluster);
  EXPECT_EQ(begun.round, 1U);
  EXPECT_FALSE(begun.finished);
  EXPECT_EQ(begun.failed_count, 0U);
  EXPECT_EQ(begun.done_count, 10U);
  EXPECT_EQ(scene.message_count(), 2U);
  scene.finish({5});
  const Progress after = scene.progress(scene.cluster);
  EXPECT_EQ(after.done_count, 11U);
  EXPECT_EQ(after.failed_count, 1U);
  EXPECT_EQ(after.status, Status::error);
  EXPECT_EQ(scene.client->retry_failed(scene.cluster).value(), 1U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
}

TEST(RetryFailed, ByFilterCarriesTheOtherFailuresOver) {
  Running scene(3);
  const std::string id = id_of(scene.cluster);
  scene.client->fail_task(MessageKey::of_task(id, 0), "no decoder").value();
  scene.client->fail_task(MessageKey::of_task(id, 1), "no room").value();
  scene.finish();
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.contains = "room"}).value(), 1U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).failed_count, 1U);
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::error);
  EXPECT_EQ(scene.header(scene.cluster).failed_total_count(), 1U);
  const auto groups = scene.client->errors(scene.cluster).value();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.fingerprint = groups.front().fingerprint.substr(0, 4)}).value(),
            1U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
}

TEST(RetryFailed, WaitsForTheFinishAndItsMessage) {
  Running scene(2);
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::not_finished);
  const std::string id = id_of(scene.cluster);
  for (const std::uint64_t index : {0U, 1U}) scene.client->fail_task(MessageKey::of_task(id, index), "no").value();
  ASSERT_TRUE(scene.progress(scene.cluster).finished);
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::not_finished);
}

TEST(RetryFailed, OfNothingIsNotFound) {
  Running scene(2);
  scene.finish();
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::not_found);
  EXPECT_EQ(scene.progress(scene.cluster).round, 0U);
}

TEST(RetryFailed, UnderOneKeyIsOneRound) {
  Running scene(3);
  scene.finish({1});
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.idempotency_key = "r"}).value(), 1U);
  scene.restart();
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.idempotency_key = "r"}).value(), 1U);
  scene.finish({1});
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.idempotency_key = "r"}).value(), 1U);
  EXPECT_EQ(scene.progress(scene.cluster).round, 1U);
  EXPECT_EQ(scene.message_count(), 0U);
}

TEST(RetryFailed, UnderAnOldKeyIsNoOtherRoundAfterOthersWereBegun) {
  Running scene(3);
  const Client& client = *scene.client;
  const auto retry_and_fail = [&](const std::string& key) {
    EXPECT_EQ(client.retry_failed(scene.cluster, {.idempotency_key = key}).value(), 3U) << key;
    scene.finish({0, 1, 2});
  };
  scene.finish({0, 1, 2});
  retry_and_fail("first");
  retry_and_fail("");
  for (const char* key : {"3", "4", "5", "6", "7", "8", "9"}) retry_and_fail(key);
  EXPECT_EQ(client.retry_failed(scene.cluster, {.idempotency_key = "first"}).value(), 3U);
  EXPECT_EQ(client.retry_failed(scene.cluster, {.idempotency_key = "9"}).value(), 3U);
  EXPECT_EQ(scene.header(scene.cluster).round, 9U);
  retry_and_fail("10");
  EXPECT_EQ(client.retry_failed(scene.cluster, {.idempotency_key = "3"}).value(), 3U);
  EXPECT_EQ(scene.header(scene.cluster).round, 10U) << "the latest eight are known";
}

TEST(RetryFailed, KnowsTheKeyThatAnOlderFanfoldKept) {
  const KeyedRound latest{.round = 2, .task_count = 7};
  EXPECT_EQ(round_with_key("hash", "hash", latest)->task_count, 7U);
  const std::string keys = with_round_key("hash", "new", {.round = 3, .task_count = 5}, latest);
  EXPECT_EQ(keys, "new/3/5 hash/2/7");
  EXPECT_EQ(round_with_key(keys, "hash", {.round = 3, .task_count = 5})->round, 2U);
  EXPECT_FALSE(round_with_key(keys, "has", latest).has_value());
  EXPECT_FALSE(round_with_key("", "", latest).has_value());
}

TEST(RetryFailed, CutOffIsRepeatedByTheSweep) {
  Running scene(40);
  std::vector<std::uint64_t> all(40);
  for (std::uint64_t i = 0; i < all.size(); ++i) all[i] = i;
  scene.finish(all);
  scene.queue->send_count_until_crash = scene.queue->send_count + 2;
  EXPECT_THROW(static_cast<void>(scene.client->retry_failed(scene.cluster)), ScriptedQueue::Crash);
  scene.restart();
  EXPECT_EQ(scene.message_count(), 20U);
  scene.advance(61s);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 40U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
}

TEST(RetryFailed, ThatMayNotSendGoesOnByTheSameCallOnceItMay) {
  Running scene(3);
  scene.finish({1});
  scene.queue->refusals[0] = {ErrorCode::permission_denied};
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster, {.idempotency_key = "r"})), ErrorCode::permission_denied);
  EXPECT_EQ(scene.message_count(), 0U);
  EXPECT_EQ(scene.client->retry_failed(scene.cluster, {.idempotency_key = "r"}).value(), 1U);
  EXPECT_EQ(scene.message_count(), 1U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
}

TEST(RetryFailed, OfAClusterThatFailedFastRunsWhatWasKeptFromRunningToo) {
  Running scene(25, {.fail_fast = true});
  scene.fail_fast({0});
  EXPECT_EQ(scene.client->retry_failed(scene.cluster).value(), 25U);
  scene.finish();
  EXPECT_EQ(scene.progress(scene.cluster).status, Status::complete);
  EXPECT_EQ(scene.progress(scene.cluster).done_count, 25U);
}

TEST(RetryFailed, OfAClusterThatFailedFastMissesNoTaskThatFailsMeanwhile) {
  // Whoever had a task when the cluster was stopped fails it after its lease, before each call of a port in turn.
  bool is_over = false;
  for (std::size_t at = 0; !is_over; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    Running scene(5, {.fail_fast = true});
    const auto records = scene.client->receive("work", {.count_max = 2}).value();
    const Claim late = scene.client->is_complete(records.at(1), {.lease = 30s}).value();
    scene.work_on(records.at(0), {0, 1, 2, 3, 4});
    ASSERT_TRUE(scene.header(scene.cluster).stopped());
    scene.advance(60s);
    scene.work();
    ASSERT_TRUE(scene.progress(scene.cluster).finish_handled);

    const Client client = scene.interrupted(at, [&] { scene.client->mark_failed(late, "too late").value(); });
    EXPECT_EQ(client.retry_failed(scene.cluster).value(), 5U);
    is_over = scene.call_count <= at;

    const Progress progress = scene.progress(scene.cluster);
    const Recount recount = scene.ledger->recount(id_of(scene.cluster), scene.now()).value();
    EXPECT_EQ(progress.failed_count, recount.failed_count);
    EXPECT_EQ(progress.done_count, recount.done_count);
    EXPECT_FALSE(scene.header(scene.cluster).stopped()) << "what failed in the round before says nothing of this one";
    scene.finish();
    EXPECT_EQ(scene.progress(scene.cluster).done_count, 5U);
  }
}

TEST(Stop, IsFinalForAClusterThatFailedFastBeforeToo) {
  Running scene(3, {.fail_fast = true});
  scene.work_on(scene.client->receive("work", {.count_max = 1}).value().front(), {0, 1, 2});
  ASSERT_TRUE(scene.header(scene.cluster).stopped());
  scene.client->stop_cluster(scene.cluster, "wrong input").value();
  scene.client->stop_cluster(scene.cluster, "wrong input").value();
  EXPECT_EQ(scene.header(scene.cluster).error.size(), 2U);
  EXPECT_EQ(scene.header(scene.cluster).error.back().message, "wrong input");
  scene.advance(60s);
  scene.work();
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::stopped);
}

TEST(Stop, IsFinalForAClusterThatIsRetriedAtThatMoment) {
  // One that failed fast, before each call of a port that retry_failed makes, in turn.
  bool is_over = false;
  for (std::size_t at = 0; !is_over; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    Running scene(3, {.fail_fast = true});
    scene.fail_fast({0, 1, 2});
    const Client client =
        scene.interrupted(at, [&] { static_cast<void>(scene.client->stop_cluster(scene.cluster).value()); });
    static_cast<void>(client.retry_failed(scene.cluster).has_value());
    is_over = scene.call_count <= at;
    EXPECT_TRUE(is_over || scene.header(scene.cluster).stopped());
  }
}

TEST(Stop, IsFinalHoweverOftenAClusterFailedFastBefore) {
  Running scene(2, {.fail_fast = true});
  for (std::size_t round = 0; round <= error_count_max; ++round) {
    scene.fail_fast({0, 1});
    ASSERT_EQ(scene.client->retry_failed(scene.cluster).value(), 2U) << round;
  }
  scene.client->stop_cluster(scene.cluster, "enough").value();
  const ClusterHeader header = scene.header(scene.cluster);
  EXPECT_EQ(header.error.size(), error_count_max);
  EXPECT_EQ(header.error.back().message, "enough");
  scene.advance(60s);
  scene.work();
  EXPECT_EQ(code_of(scene.client->retry_failed(scene.cluster)), ErrorCode::stopped);
}

TEST(Delete, TakesNoClusterThatIsRetriedAtThatMoment) {
  bool is_over = false;
  for (std::size_t at = 0; !is_over; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    Running scene(3);
    scene.finish({1});
    bool is_retried = false;
    const Client client =
        scene.interrupted(at, [&] { is_retried = scene.client->retry_failed(scene.cluster).has_value(); });
    const auto deleted = client.delete_cluster(scene.cluster);
    is_over = scene.call_count <= at;
    EXPECT_NE(is_retried, deleted.has_value()) << "one of the two is refused";
    if (is_retried) {
      EXPECT_EQ(code_of(deleted), ErrorCode::not_finished);
      scene.finish();
      EXPECT_EQ(scene.progress(scene.cluster).done_count, 3U);
    }
  }
}

TEST(RetryFailed, FindsTheTasksOfItsRoundForFailTask) {
  Running scene;
  scene.finish({2, 5, 9});
  static_cast<void>(scene.client->retry_failed(scene.cluster).value());
  const std::string id = id_of(scene.cluster);
  EXPECT_EQ(code_of(scene.client->fail_task(MessageKey::of_task(id, 3), "done before")), ErrorCode::lease_lost);
  for (const std::uint64_t index : {2U, 5U, 9U})
    scene.client->fail_task(MessageKey::of_task(id, index), "again").value();
  EXPECT_TRUE(scene.progress(scene.cluster).finished);
  EXPECT_EQ(scene.progress(scene.cluster).failed_count, 3U);
}

}  // namespace
}  // namespace fanfold::engine
