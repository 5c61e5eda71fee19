#include "engine/creation.hpp"

#include <fanfold/testing/faults.hpp>

#include "engine/scene_for_tests.hpp"
#include "engine/sender.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

TEST(Creation, SendsEveryTaskOnceAndLeavesNoMark) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(25), {.name = "n"}).value();
  const ClusterHeader header = scene.header(cluster);
  EXPECT_EQ(header.task_count, 25U);
  EXPECT_EQ(header.round_size, 25U);
  EXPECT_TRUE(header.marked);
  EXPECT_TRUE(header.due.empty());
  EXPECT_EQ(header.sender, "");
  EXPECT_EQ(scene.message_count(), 25U);
  const auto records = scene.client->receive("work").value();
  const auto message = scene.client->read_sqs_record<int>(records.front()).value();
  EXPECT_EQ(message.body, 0);
  EXPECT_EQ(message.key, MessageKey::of_task(id_of(cluster), 0));
}

TEST(Creation, ThatMayNotSendFailsNoTaskAndGoesOnOnceItMay) {
  Scene scene;
  const ClusterOptions options{.idempotency_key = "k"};
  scene.queue->refusals[3] = {ErrorCode::permission_denied};
  EXPECT_EQ(code_of(scene.client->create_message_cluster("work", numbers(5), options)), ErrorCode::permission_denied);
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(5), options).value();
  EXPECT_EQ(scene.message_count(), 9U) << "sent at once, since its sender gave up: the four that were, again";
  EXPECT_TRUE(scene.header(cluster).due.empty());
  EXPECT_EQ(scene.progress(cluster).failed_count, 0U);
  scene.work();
  EXPECT_EQ(scene.progress(cluster).done_count, 5U);
}

TEST(Creation, OfNoTasksIsFinishedAtOnce) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", std::vector<int>()).value();
  EXPECT_TRUE(scene.progress(cluster).finished);
  EXPECT_EQ(scene.progress(cluster).status, Status::complete);
  EXPECT_EQ(scene.message_count(), 1U) << "the finish message";
}

TEST(Creation, OfAnOpenClusterWhoseAnswerIsLostLeavesItOpen) {
  testing::MemoryStore store;
  const auto plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  plan->strike_next(testing::Fault::lost_answer, "ledger.create_cluster");
  const Client client = make_client(testing::with_faults(store.backend(), {.plan = plan}));
  const Cluster cluster = client.open_message_cluster("work", {.idempotency_key = "k"}).value();
  EXPECT_FALSE(client.progress(cluster).value().sealed);
  EXPECT_TRUE(cluster.add("one", numbers(2)).has_value());
}

/// Stores what is written first, and then cannot tell whether it did; or says so without having stored it.
class DoubtfulGlobals final : public GlobalStore {
 public:
  DoubtfulGlobals(std::unique_ptr<GlobalStore> inner, bool stores) : inner_(std::move(inner)), stores_(stores) {}
  [[nodiscard]] BucketParams location(std::string_view cluster_id) const override {
    return inner_->location(cluster_id);
  }
  Result<StoredGlobals> read(const BucketParams& where) override { return inner_->read(where); }
  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    if (has_doubted_) return inner_->write(where, globals, expected_version);
    has_doubted_ = true;
    const bool is_stored = stores_ && inner_->write(where, globals, expected_version).has_value();
    EXPECT_EQ(is_stored, stores_);
    return Error{ErrorCode::outcome_unknown, "an answer was lost", {}};
  }
  Result<void> remove(const BucketParams& where) override { return inner_->remove(where); }

 private:
  std::unique_ptr<GlobalStore> inner_;
  bool stores_;
  bool has_doubted_ = false;
};

TEST(Creation, GoesOnWhereNobodyCanTellWhetherTheGlobalsWereStored) {
  for (const bool stores : {true, false}) {
    testing::MemoryStore store;
    Backend backend = store.backend();
    backend.globals = std::make_unique<DoubtfulGlobals>(std::move(backend.globals), stores);
    const Client client = make_client(std::move(backend));
    const auto made = client.create_message_cluster("work", numbers(2), {.globals = 7});
    ASSERT_TRUE(made.has_value()) << to_string(made.error());
    EXPECT_EQ(client.get_cluster_globals<int>(*made).value(), 7);
  }
}

TEST(Creation, TakesAGenerator) {
  Scene scene;
  int next = 0;
  const Cluster cluster =
      scene.client
          ->create_message_cluster(
              "work", [&]() -> std::optional<int> { return next < 101 ? std::optional(next++) : std::nullopt; })
          .value();
  EXPECT_EQ(scene.progress(cluster).total_count, 101U);
  EXPECT_EQ(scene.message_count(), 101U);
}

TEST(Creation, WithTheSameKeyAndTasksIsTheSameCluster) {
  Scene scene;
  const Cluster first = scene.client->create_message_cluster("work", numbers(12), {.idempotency_key = "k"}).value();
  scene.restart();
  const Cluster second = scene.client->create_message_cluster("work", numbers(12), {.idempotency_key = "k"}).value();
  EXPECT_EQ(first.key, second.key);
  EXPECT_EQ(scene.message_count(), 12U);
}

TEST(Creation, WithTheSameKeyForAnotherQueueIsAnotherCluster) {
  Scene scene;
  const Cluster first = scene.client->create_message_cluster("work", numbers(1), {.idempotency_key = "k"}).value();
  const Cluster second = scene.client->create_message_cluster("play", numbers(1), {.idempotency_key = "k"}).value();
  EXPECT_NE(first.key, second.key);
}

TEST(Creation, WithTheSameKeyAndOtherTasksIsRefused) {
  Scene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(12), {.idempotency_key = "k"}).value());
  auto changed = numbers(12);
  changed[11] = 99;
  for (const auto& tasks : {numbers(11), numbers(13), changed, std::vector<int>()}) {
    EXPECT_EQ(code_of(scene.client->create_message_cluster("work", tasks, {.idempotency_key = "k"})),
              ErrorCode::different_tasks);
  }
  EXPECT_EQ(scene.message_count(), 12U);
}

TEST(Creation, CutOffAtAnySendIsResumedByTheSameCallOrBySweep) {
  for (const bool by_sweep : {false, true}) {
    for (std::size_t sends = 0; sends < 3; ++sends) {
      Scene scene;
      scene.queue->send_count_until_crash = sends;
      const ClusterOptions options{.idempotency_key = "k"};
      EXPECT_THROW(static_cast<void>(scene.client->create_message_cluster("work", numbers(25), options)),
                   ScriptedQueue::Crash);
      scene.restart();
      scene.advance(61s);
      if (by_sweep) {
        EXPECT_EQ(scene.client->sweep().value().resent_count, 25U);
      } else {
        static_cast<void>(scene.client->create_message_cluster("work", numbers(25), options).value());
      }
      scene.work();
      scene.work();
      const Cluster cluster = scene.client->create_message_cluster("work", numbers(25), options).value();
      const Progress progress = scene.progress(cluster);
      EXPECT_EQ(progress.done_count, 25U);
      EXPECT_TRUE(progress.finish_handled);
      EXPECT_TRUE(scene.header(cluster).due.empty());
      EXPECT_EQ(scene.message_count(), 0U);
    }
  }
}

/// A creation of 25 tasks that sent ten and is not heard of since.
struct CutOffScene : Scene {
  CutOffScene() {
    queue->send_count_until_crash = 1;
    EXPECT_THROW(static_cast<void>(client->create_message_cluster("work", numbers(25), options)), ScriptedQueue::Crash);
    restart();
  }
  ClusterOptions options{.idempotency_key = "k"};
};

TEST(Creation, ThatWasCutOffIsSentByTheSameCallOnceItsCreatorMayBeTakenForGone) {
  CutOffScene scene;
  const Time before = scene.memory.backend().clock->now();
  static_cast<void>(scene.client->create_message_cluster("work", numbers(25), scene.options).value());
  EXPECT_EQ(scene.message_count(), 10U + 25U) << "all are told to be there, so all were sent";
  EXPECT_EQ(scene.memory.backend().clock->now() - before, holder_lease);
}

TEST(Creation, ThatAnotherLivingCreatorIsAtIsAwaitedAndLeftToIt) {
  CutOffScene scene;
  testing::FaultyOptions faulty;
  faulty.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  // Before the other call looks again, this one's creator sends its last task and takes its mark away.
  faulty.on_call = [&, read_count = 0](std::string_view call) mutable {
    if (call != "ledger.read_cluster" || ++read_count != 2) return;
    Store store(scene.memory.backend());
    const auto ended = modify_header(store, cluster_id_of(scene.memory.backend().queue->resolve("work").value(), "k"),
                                     [](ClusterHeader& header) -> Result<HeaderChange> {
                                       header.due.clear();
                                       header.sender.clear();
                                       return HeaderChange::write;
                                     });
    EXPECT_TRUE(ended.has_value());
  };
  const Client other = make_client(testing::with_faults(scene.memory.backend(), faulty));
  static_cast<void>(other.create_message_cluster("work", numbers(25), scene.options).value());
  EXPECT_EQ(scene.message_count(), 10U);
}

TEST(Creation, FailsATaskThatTheQueueRefusesForGoodByName) {
  Scene scene;
  scene.queue->refusals[3] = {ErrorCode::too_large};
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(12)).value();
  EXPECT_EQ(scene.progress(cluster).failed_count, 1U);
  const auto failed = scene.client->list_tasks(cluster, {.status = Status::error}).value();
  ASSERT_EQ(failed.tasks.size(), 1U);
  EXPECT_EQ(failed.tasks.front().index, 3U);
  EXPECT_EQ(failed.tasks.front().error.front().code, "too_large");
  EXPECT_TRUE(failed.tasks.front().error.front().final);
  EXPECT_EQ(scene.message_count(), 11U);
}

TEST(Creation, SendsAgainWhatTheQueueRefusesForTheMoment) {
  Scene scene;
  scene.queue->refusals[3] = {ErrorCode::throttled, ErrorCode::throttled};
  scene.queue->refusals[7] = {ErrorCode::unavailable};
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(12)).value();
  EXPECT_EQ(scene.message_count(), 12U);
  EXPECT_EQ(scene.progress(cluster).failed_count, 0U);
}

TEST(Creation, ThatTheQueueRefusesTooOftenIsReportedAndLeftToTheSweep) {
  Scene scene;
  scene.queue->refusals[3] = std::deque<ErrorCode>(100, ErrorCode::throttled);
  EXPECT_EQ(code_of(scene.client->create_message_cluster("work", numbers(12), {.idempotency_key = "k"})),
            ErrorCode::throttled);
  scene.queue->refusals.clear();
  scene.advance(2min);
  EXPECT_GT(scene.client->sweep().value().resent_count, 0U);
  scene.work();
  EXPECT_TRUE(scene.progress(MessageKey::of_message(cluster_id_of("work", "k"))).finished);
}

TEST(Creation, WritesGlobalsOnceAndNeverOverThem) {
  Scene scene;
  const ClusterOptions options{.idempotency_key = "k", .globals = std::string("first")};
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2), options).value();
  scene.client->update_cluster_globals(cluster, std::string("changed")).value();
  static_cast<void>(scene.client->create_message_cluster("work", numbers(2), options).value());
  EXPECT_EQ(scene.client->get_cluster_globals<std::string>(cluster).value(), "changed");
}

TEST(Creation, CarriesTheBucketParamsInEveryMessage) {
  Scene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1), {.globals = 42}).value());
  const auto records = scene.client->receive("work").value();
  EXPECT_EQ((scene.client->read_sqs_record<int, Json, int>(records.front()).value().globals().value()), 42);
}

TEST(Creation, RefusesOptionsOutOfTheirLimits) {
  Scene scene;
  const auto refuse = [&](ClusterOptions options, ErrorCode code, std::string_view part) {
    auto created = scene.client->create_message_cluster("work", numbers(1), std::move(options));
    ASSERT_FALSE(created.has_value()) << part;
    EXPECT_EQ(created.error().code, code) << part;
    EXPECT_NE(created.error().message.find(part), std::string::npos) << created.error().message;
  };
  refuse({.name = std::string(201, 'x')}, ErrorCode::too_large, "name has at most 200 bytes");
  refuse({.name = "\xff"}, ErrorCode::invalid_argument, "name is not valid UTF-8");
  refuse({.idempotency_key = std::string(1'025, 'x')}, ErrorCode::too_large, "idempotency_key has at most 1024 bytes");
  refuse({.meta = std::string(70'000, 'x')}, ErrorCode::too_large, "meta has at most 65536 bytes");
  refuse({.failures_allowed_percent = 101}, ErrorCode::invalid_argument, "failures_allowed_percent goes from 0 to 100");
  refuse({.failures_allowed_percent = std::numeric_limits<double>::quiet_NaN()}, ErrorCode::invalid_argument,
         "failures_allowed_percent");
  refuse({.attempts_max = 0}, ErrorCode::invalid_argument, "attempts_max goes from 1 to 1000");
  refuse({.attempts_max = 1'001}, ErrorCode::invalid_argument, "attempts_max goes from 1 to 1000");
  refuse({.deadline = 0ms}, ErrorCode::invalid_argument, "deadline is longer than zero");
  refuse({.expires_after = 24h}, ErrorCode::invalid_argument,
         "expires_after is at least 144 h: queue work keeps messages for 96 h");
  EXPECT_EQ(scene.client->list_clusters().value().clusters.size(), 0U);
}

TEST(Creation, PassesOnWhatTheGeneratorThrowsAndLeavesNoCluster) {
  Scene scene;
  int next = 0;
  const auto broken = [&]() -> std::optional<int> {
    if (next == 15) throw std::runtime_error("no more");
    return next++;
  };
  EXPECT_THROW(static_cast<void>(scene.client->create_message_cluster("work", broken)), std::runtime_error);
  EXPECT_EQ(scene.client->list_clusters().value().clusters.size(), 0U);
  EXPECT_EQ(scene.message_count(), 0U) << "nothing is visible before every payload is stored";
}

TEST(Creation, UnderADeletedClustersKeyIsRefused) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1), {.idempotency_key = "k"}).value();
  scene.work();
  scene.work();
  scene.client->delete_cluster(cluster).value();
  EXPECT_EQ(code_of(scene.client->create_message_cluster("work", numbers(1), {.idempotency_key = "k"})),
            ErrorCode::deleted);
}

TEST(OpenCluster, FinishesOnlyOnceItIsSealed) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work", {.name = "album"}).value();
  EXPECT_EQ(cluster.add("page 1", numbers(3)).value().first_index, 0U);
  scene.work();
  EXPECT_EQ(scene.progress(cluster).done_count, 3U);
  EXPECT_FALSE(scene.progress(cluster).finished);
  EXPECT_EQ(cluster.add("page 2", numbers(12)).value().first_index, 3U);
  cluster.seal().value();
  EXPECT_FALSE(scene.progress(cluster).finished);
  scene.work();
  EXPECT_TRUE(scene.progress(cluster).finished);
  EXPECT_EQ(scene.progress(cluster).done_count, 15U);
  cluster.seal().value();
}

TEST(OpenCluster, SealedWhenAllHadEndedFinishesThen) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work").value();
  static_cast<void>(cluster.add("a", numbers(2)).value());
  scene.work();
  cluster.seal().value();
  EXPECT_TRUE(scene.progress(cluster).finished);
  EXPECT_EQ(scene.message_count(), 1U) << "the finish message";
}

TEST(OpenCluster, AddsUnderOneKeyOnce) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work").value();
  EXPECT_FALSE(cluster.add("a", numbers(4)).value().existed);
  const AddedTasks again = cluster.add("a", numbers(4)).value();
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(again.count, 4U);
  EXPECT_EQ(scene.message_count(), 4U);
  EXPECT_EQ(code_of(cluster.add("a", numbers(5))), ErrorCode::different_tasks);
  EXPECT_EQ(code_of(cluster.add("", numbers(5))), ErrorCode::invalid_argument);
}

TEST(OpenCluster, SendsTheRestOfAnAddThatWasCutOff) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work", {.idempotency_key = "k"}).value();
  scene.queue->send_count_until_crash = 1;
  EXPECT_THROW(static_cast<void>(cluster.add("a", numbers(25))), ScriptedQueue::Crash);
  EXPECT_EQ(scene.message_count(), 10U);
  EXPECT_EQ(scene.header(cluster).due.size(), 1U);
  scene.queue->send_count_until_crash.reset();
  EXPECT_TRUE(cluster.add("a", numbers(25)).value().existed);
  EXPECT_TRUE(scene.header(cluster).due.empty());
  scene.work();
  EXPECT_EQ(scene.progress(cluster).done_count, 25U);
}

TEST(OpenCluster, TakesNothingOnceItIsSealedOrStopped) {
  Scene scene;
  const Cluster sealed = scene.client->open_message_cluster("work").value();
  static_cast<void>(sealed.add("a", numbers(1)).value());
  sealed.seal().value();
  EXPECT_EQ(code_of(sealed.add("b", numbers(1))), ErrorCode::sealed);
  const Cluster stopped = scene.client->open_message_cluster("work").value();
  scene.client->stop_cluster(stopped).value();
  EXPECT_EQ(code_of(stopped.add("b", numbers(1))), ErrorCode::stopped);
  EXPECT_EQ(code_of(stopped.seal()), ErrorCode::stopped);
}

TEST(ClusterId, IsDerivedFromQueueAndKeyAlone) {
  EXPECT_EQ(cluster_id_of("q", "k"), cluster_id_of("q", "k"));
  EXPECT_NE(cluster_id_of("q", "k"), cluster_id_of("q", "l"));
  EXPECT_NE(cluster_id_of("ab", "c"), cluster_id_of("a", "bc"));
  EXPECT_EQ(cluster_id_of("q", "k").size(), 26U);
}

TEST(ChildId, HoldsClusterRoundAndIndexButNotThePosition) {
  const ParentTask task{.cluster_id = "c", .queue_url = "q", .round = 1, .position = 2, .index = 3};
  ParentTask other = task;
  other.position = 9;
  EXPECT_EQ(child_id_of(task), child_id_of(other));
  other = task;
  other.round = 2;
  EXPECT_NE(child_id_of(task), child_id_of(other));
  other = task;
  other.index = 4;
  EXPECT_NE(child_id_of(task), child_id_of(other));
}

}  // namespace
}  // namespace fanfold::engine
