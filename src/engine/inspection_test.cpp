#include "engine/inspection.hpp"

#include "engine/scene_for_tests.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

bool has_cause(const std::vector<OpenReason>& reasons, std::string_view part) {
  return std::ranges::any_of(reasons,
                             [&](const OpenReason& reason) { return reason.cause.find(part) != std::string::npos; });
}

std::string failed_checks(const Verification& verification) {
  std::string text;
  for (const auto& check : verification.checks) {
    if (!check.holds) text += check.promise + " (" + check.found + ")\n";
  }
  return text;
}

TEST(Why, GroupsTasksThatShareACause) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(12)).value();
  const auto reasons = scene.client->why(cluster).value();
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons.front().count, 12U);
  EXPECT_EQ(reasons.front().index, 0U);
  EXPECT_EQ(reasons.front().cause, "it is not started; 12 messages wait in work");
  EXPECT_EQ(reasons.front().remedy, "run more workers on that queue");
}

TEST(Why, TellsALeaseALostMessageAndAPauseApart) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  const auto record = scene.client->receive("work", {.count_max = 1}).value().front();
  static_cast<void>(scene.client->is_complete(record).value());
  static_cast<void>(scene.queue->purge("work").value());
  auto reasons = scene.client->why(cluster).value();
  EXPECT_TRUE(has_cause(reasons, "a worker has it"));
  EXPECT_TRUE(has_cause(reasons, "its message is gone from work"));
  scene.client->pause_cluster(cluster).value();
  EXPECT_TRUE(has_cause(scene.client->why(cluster).value(), "the cluster is paused"));
}

/// Somebody deleted the queue.
class GoneQueue final : public PassingQueue {
 public:
  using PassingQueue::PassingQueue;
  Result<QueueCounts> counts(std::string_view url) override {
    return Error{ErrorCode::not_found, "there is no queue " + std::string(url), {}};
  }
};

TEST(Why, SaysThatTheQueueIsNotThere) {
  const testing::MemoryStore store;
  const Cluster cluster = make_client(store.backend()).create_message_cluster("work", numbers(2)).value();
  Backend backend = store.backend();
  backend.queue = std::make_unique<GoneQueue>(std::move(backend.queue));
  const auto reasons = make_client(std::move(backend)).why(cluster).value();
  ASSERT_EQ(reasons.size(), 2U);
  EXPECT_EQ(reasons[0].cause, "its queue work is not there");
  EXPECT_EQ(reasons[0].remedy, "make the queue again, then resume_cluster");
  EXPECT_EQ(reasons[1].cause, "its message is gone from work");
}

TEST(Why, SaysThatAnOpenClusterWaitsForItsSeal) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work").value();
  EXPECT_TRUE(has_cause(scene.client->why(cluster).value(), "it is open for more tasks"));
}

TEST(Why, SaysThatTheFinishHandlerFailedForGood) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", std::vector<int>()).value();
  const auto record = scene.client->receive("work", {.count_max = 1}).value().front();
  scene.client->mark_failed(scene.client->is_complete(record).value(), "no printer").value();
  ASSERT_TRUE(scene.progress(cluster).finish_handled);
  const auto reasons = scene.client->why(cluster).value();
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons.front().cause, "its finish handler failed for good, after attempt 1: no printer");
}

TEST(Why, SaysThatOnlyTheFinishMessageIsLeft) {
  Scene scene;
  const Cluster cluster =
      scene.client->create_message_cluster("work", std::vector<int>(), {.finish_handler_required = true}).value();
  const auto reasons = scene.client->why(cluster).value();
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_TRUE(has_cause(reasons, "its finish message"));
  EXPECT_EQ(reasons.front().remedy, "run a worker with a finish handler on that queue");
}

TEST(Why, OfWhatIsOverIsNothing) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  scene.work();
  scene.work();
  EXPECT_TRUE(scene.client->why(cluster).value().empty());
}

TEST(Why, ReportsAChildForWhichNobodyWaits) {
  Scene scene;
  const Cluster parent = scene.client->create_message_cluster("work", numbers(1)).value();
  const auto none = []() -> Result<std::optional<TaskData>> { return std::optional<TaskData>(); };
  const ParentTask task{.cluster_id = id_of(parent), .queue_url = "work", .round = 0, .position = 0, .index = 0};
  const auto child = scene.client->core()
                         ->create_cluster({.queue = "work", .options = {}, .open = false, .parent = task}, none)
                         .value();
  EXPECT_TRUE(has_cause(scene.client->why(child).value(), "created it and does not wait for it"));
}

TEST(Verify, HoldsAtEveryStepOfAClustersLife) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(12)).value();
  const auto check = [&](std::string_view when) {
    const Verification verification = scene.client->verify(cluster).value();
    EXPECT_TRUE(verification.holds()) << when << ": " << failed_checks(verification);
    EXPECT_GE(verification.checks.size(), 5U);
  };
  check("created");
  const auto records = scene.client->receive("work", {.count_max = 5}).value();
  check("received");
  for (const SqsRecord& record : records) scene.work_on(record, {1});
  check("half done");
  scene.work({7});
  check("finished");
  scene.work();
  check("finish handled");
  static_cast<void>(scene.client->retry_failed(cluster).value());
  check("retried");
  scene.work();
  scene.work();
  check("finished again");
  const Verification last = scene.client->verify(cluster).value();
  EXPECT_EQ(last.recount.done_count, 12U);
  EXPECT_EQ(last.progress.done_count, 12U);
}

TEST(Verify, HoldsForAStoppedCluster) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(12)).value();
  scene.client->stop_cluster(cluster).value();
  const Verification verification = scene.client->verify(cluster).value();
  EXPECT_TRUE(verification.holds()) << failed_checks(verification);
}

TEST(Verify, FindsAHeaderThatSaysFinishedTooEarly) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(3)).value();
  ClusterHeader header = scene.header(cluster);
  header.status = Status::complete;
  header.status_code = StatusCode::complete;
  scene.ledger->update_cluster(header).value();
  EXPECT_FALSE(scene.client->verify(cluster).value().holds());
}

TEST(Verify, FindsAWrongCountOfFailuresAndAStatusThatHidesThem) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(3)).value();
  scene.work({1});
  scene.work();
  ClusterHeader header = scene.header(cluster);
  header.failed_count = 0;
  header.status = Status::complete;
  scene.ledger->update_cluster(header).value();
  const Verification verification = scene.client->verify(cluster).value();
  EXPECT_FALSE(verification.holds());
  EXPECT_NE(failed_checks(verification).find("its failures are counted as they are"), std::string::npos);
}

TEST(Verify, FindsAMissingFinishMessage) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  ClusterHeader header = scene.header(cluster);
  header.finish_done = true;
  scene.ledger->update_cluster(header).value();
  EXPECT_FALSE(scene.client->verify(cluster).value().holds());
}

TEST(Errors, AreGroupedByFingerprintMostFrequentFirst) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(5)).value();
  const std::string id = id_of(cluster);
  const std::pair<std::uint64_t, std::string> failures[] = {
      {0, "no room"}, {1, "no decoder for file 17"}, {3, "no decoder for file 4711"}, {4, "no decoder for file 1"}};
  for (const auto& [index, reason] : failures) scene.client->fail_task(MessageKey::of_task(id, index), reason).value();
  const auto groups = scene.client->errors(cluster).value();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 3U);
  EXPECT_EQ(groups[0].first_index, 1U);
  EXPECT_EQ(groups[0].message, "no decoder for file 17");
  EXPECT_EQ(groups[0].code, "failed_by_hand");
  EXPECT_EQ(groups[1].count, 1U);
}

TEST(Lists, LeaveOutBodiesAndErrorsWhereOnlyStatesAreAskedFor) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  scene.client->fail_task(MessageKey::of_task(id_of(cluster), 1), "no room").value();
  const TaskState whole = scene.client->list_tasks(cluster, {.status = Status::error}).value().tasks.at(0);
  EXPECT_EQ(whole.body.text(), "1");
  EXPECT_EQ(whole.error.size(), 1U);
  const TaskState state = scene.client->list_task_states(cluster, {.status = Status::error}).value().tasks.at(0);
  EXPECT_EQ(state.index, 1U);
  EXPECT_EQ(state.completed_at, whole.completed_at);
  EXPECT_EQ(state.body, Json());
  EXPECT_TRUE(state.error.empty());
}

TEST(Lists, RefuseAPageOfNoOrTooManyLines) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  EXPECT_EQ(code_of(scene.client->list_tasks(cluster, {}, 0, 0)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->list_tasks(cluster, {}, 0, 1'001)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->list_clusters({.count_max = 0})), ErrorCode::invalid_argument);
}

TEST(Keys, OfNoClusterAreNotFoundEverywhere) {
  Scene scene;
  const MessageKey nobody("SQSMessage$nobody");
  EXPECT_EQ(code_of(scene.client->progress(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->why(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->verify(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->errors(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->get_message_cluster(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->pause_cluster(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->resume_cluster(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->stop_cluster(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->retry_failed(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->delete_cluster(nobody)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->cluster(nobody).seal()), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->cluster(nobody).add("a", numbers(1))), ErrorCode::not_found);
}

}  // namespace
}  // namespace fanfold::engine
