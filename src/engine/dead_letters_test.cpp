#include "engine/scene_for_tests.hpp"
#include "engine/sweep.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

/// A queue whose messages are given up after two receives.
struct RedriveScene : Scene {
  RedriveScene() {
    static_cast<void>(client->create_queue("dead").value());
    static_cast<void>(
        client->create_queue("work", {.redrive = RedrivePolicy{.dead_letter_queue = "dead", .receive_count_max = 2}})
            .value());
  }
  /// Receives everything twice without an attempt, until the queue gives it up.
  void receive_until_dead() const {
    for (int i = 0; i < 3; ++i) {
      while (!client->receive("work", {.wait = 0ms, .visibility = 1s}).value().empty()) {
      }
      advance(2s);
    }
  }
};

TEST(DeadLetter, ThatWasOnlyReceivedIsSentAgainAndNoAttemptCounted) {
  RedriveScene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(3)).value();
  scene.receive_until_dead();
  ASSERT_EQ(scene.message_count("dead"), 3U);
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.dead_letter_count, 3U);
  EXPECT_EQ(report.resent_count, 3U);
  EXPECT_EQ(report.failed_count, 0U);
  EXPECT_EQ(scene.message_count("dead"), 0U);
  EXPECT_EQ(scene.message_count("work"), 3U);
  EXPECT_EQ(scene.client->list_tasks(cluster).value().tasks.front().attempt_count, 0U);
}

TEST(DeadLetter, WhoseAttemptsAreUsedUpFailsItsTask) {
  RedriveScene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1), {.attempts_max = 1}).value();
  const auto record = scene.client->receive("work", {.visibility = 2s}).value().front();
  ASSERT_EQ(scene.client->is_complete(record, {.lease = 1s}).value().state, ClaimState::claimed);
  scene.advance(3s);
  scene.receive_until_dead();
  ASSERT_EQ(scene.message_count("dead"), 1U);
  EXPECT_EQ(scene.client->sweep().value().failed_count, 1U);
  EXPECT_TRUE(scene.progress(cluster).finished);
  EXPECT_EQ(scene.client->list_tasks(cluster).value().tasks.front().error.at(0).code, "attempts_used_up");
  EXPECT_EQ(scene.message_count("dead"), 0U);
}

TEST(DeadLetter, OfALiveLeaseIsLeftAlone) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  const auto record = scene.client->receive("work", {.visibility = 1s}).value().front();
  ASSERT_EQ(scene.client->is_complete(record, {.lease = 300s}).value().state, ClaimState::claimed);
  scene.receive_until_dead();
  ASSERT_EQ(scene.message_count("dead"), 1U);
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.dead_letter_count, 0U);
  EXPECT_EQ(scene.message_count("dead"), 1U);
}

TEST(DeadLetter, OfAnEndedTaskIsDeleted) {
  RedriveScene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  scene.client->fail_task(MessageKey::of_task(id_of(cluster), 0), "no").value();
  scene.receive_until_dead();
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.dead_letter_count, 2U);
  EXPECT_EQ(report.resent_count, 1U);
}

TEST(DeadLetter, ThatIsAFinishMessageIsSentAgain) {
  RedriveScene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", std::vector<int>()).value();
  scene.receive_until_dead();
  ASSERT_EQ(scene.message_count("dead"), 1U);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 1U);
  scene.work();
  EXPECT_TRUE(scene.progress(cluster).finish_handled);
}

TEST(DeadLetter, OfASingleMessageGoesBackWhereItCameFrom) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  const MessageKey key = scene.client->send_message("work", 7).value();
  scene.receive_until_dead();
  EXPECT_EQ(scene.client->sweep().value().dead_letter_count, 2U);
  scene.work();
  EXPECT_EQ(scene.client->get_message_record(key).value().status, Status::complete);
}

TEST(DeadLetter, IsDealtWithInTurnWhoeverSweptTheClusters) {
  RedriveScene scene;
  scene.client->send_message("work", 1).value();
  scene.receive_until_dead();
  scene.ledger->note_sweep(scene.now()).value();
  Client client = make_client(scene.memory.backend());
  static_cast<void>(client.receive("work", {.wait = 0ms}).value());  // One of its queues.
  const SweepReport report = Engine::of(client)->sweep_in_turn(1min).value();
  EXPECT_EQ(report.cluster_count, 0U);
  EXPECT_EQ(report.dead_letter_count, 1U);
}

/// What is in flight, and what everybody sees.
std::pair<std::uint64_t, std::uint64_t> hidden_and_shown(const Scene& scene) {
  const QueueCounts counts = scene.queue->counts("dead").value();
  return {counts.in_flight_count, counts.visible_count};
}

void send_foreign(const Scene& scene, std::size_t count) {
  OutgoingMessage foreign;
  foreign.text = R"({"order":5})";
  const std::vector<OutgoingMessage> messages(count, foreign);
  static_cast<void>(scene.queue->send("dead", messages).value());
}

TEST(DeadLetter, OfSomebodyElseIsLeftForEverybodyToSeeAndReported) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  send_foreign(scene, 25);
  for (std::uint32_t sweep_count = 1; sweep_count <= 2; ++sweep_count) {
    const SweepReport report = scene.client->sweep().value();
    EXPECT_EQ(report.dead_letter_count, 0U);
    ASSERT_EQ(report.reports.size(), 1U);
    EXPECT_EQ(report.reports.front(),
              "25 messages that this store has no record of are left in dead-letter queue dead");
    EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{25}));
  }
  const auto letters = scene.queue->receive("dead", {.wait = 0ms}, {}).value();
  ASSERT_FALSE(letters.empty());
  EXPECT_EQ(letters.front().receive_count, 3U) << "one for each look";
}

TEST(DeadLetter, OfALiveLeaseIsGivenBackAtOnce) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  const auto record = scene.client->receive("work", {.visibility = 1s}).value().front();
  ASSERT_EQ(scene.client->is_complete(record, {.lease = 300s}).value().state, ClaimState::claimed);
  scene.receive_until_dead();
  EXPECT_EQ(scene.client->sweep().value().dead_letter_count, 0U);
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{1}));
}

TEST(DeadLetter, ShowsAgainAMinuteAfterASweepDiedOverIt) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  send_foreign(scene, 5);
  scene.receive_until_dead();
  scene.queue->send_count_until_crash = scene.queue->send_count;
  EXPECT_THROW(static_cast<void>(scene.client->sweep()), ScriptedQueue::Crash);
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{6}, std::uint64_t{0}));
  scene.restart();
  scene.advance(60s);
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{6}));
  EXPECT_EQ(scene.client->sweep().value().resent_count, 1U);
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{5}));
}

TEST(DeadLetter, ThatCannotBeDealtWithHidesOnlyItself) {
  RedriveScene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  scene.receive_until_dead();
  send_foreign(scene, 5);
  scene.queue->refusals[0] = std::deque<ErrorCode>(100, ErrorCode::permission_denied);
  EXPECT_FALSE(scene.progress(cluster).finished);
  const SweepReport report = scene.client->sweep().value();
  ASSERT_FALSE(report.reports.empty());
  EXPECT_NE(report.reports.back().find("dead-letter queue of work: permission_denied"), std::string::npos)
      << report.reports.back();
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{1}, std::uint64_t{5}));
}

TEST(DeadLetter, BehindMoreForeignOnesThanASweepLooksAtIsFoundByTheNextOnes) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(3)).value());
  send_foreign(scene, 1'200);
  scene.receive_until_dead();
  std::uint64_t resent_count = 0;
  for (int sweep_count = 0; sweep_count < 3; ++sweep_count) {
    const SweepReport report = scene.client->sweep().value();
    EXPECT_LE(report.dead_letter_count, 3U);
    resent_count += report.resent_count;
    EXPECT_GE(hidden_and_shown(scene).second, 10U) << "some show all the time";
    scene.advance(1min);
  }
  EXPECT_EQ(resent_count, 3U);
  scene.advance(10min);
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{1'200}));
}

TEST(DeadLetter, IsLookedForNoFurtherThanItsBoundOfForeignOnes) {
  RedriveScene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1)).value());
  send_foreign(scene, 10'000);
  const SweepReport report = scene.client->sweep().value();
  ASSERT_EQ(report.reports.size(), 1U);
  EXPECT_EQ(report.reports.front(),
            "500 messages that this store has no record of are left in dead-letter queue dead, and more behind them: "
            "the next sweep goes on");
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{490}, std::uint64_t{9'510}));
}

TEST(DeadLetter, OfSomebodyElseIsLookedAtOnceAMinuteForAllWorkersButForAFew) {
  RedriveScene scene;
  send_foreign(scene, 300);
  scene.ledger->note_sweep(scene.now()).value();
  Client client = make_client(scene.memory.backend());
  static_cast<void>(client.receive("work", {.wait = 0ms}).value());  // One of its queues.
  const SweepReport report = Engine::of(client)->sweep_in_turn(1min).value();
  ASSERT_EQ(report.reports.size(), 1U);
  EXPECT_TRUE(report.reports.front().starts_with("10 messages")) << report.reports.front();
  EXPECT_EQ(hidden_and_shown(scene), std::pair(std::uint64_t{0}, std::uint64_t{300}));
}

}  // namespace
}  // namespace fanfold::engine
