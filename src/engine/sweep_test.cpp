#include "engine/sweep.hpp"

#include "engine/completion.hpp"
#include "engine/resend.hpp"
#include "engine/scene_for_tests.hpp"
#include "engine/sender.hpp"

#include <fanfold/testing/faults.hpp>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

TEST(Sweep, LeavesAHealthyClusterAsItIs) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(5)).value();
  const ClusterHeader before = scene.header(cluster);
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.cluster_count, 1U);
  EXPECT_EQ(report.resent_count, 0U);
  EXPECT_TRUE(report.reports.empty());
  EXPECT_EQ(scene.header(cluster), before);
}

/// A worker's sweep every minute, of a process that has done nothing before.
std::uint64_t clusters_swept_in_turn(const Scene& scene) {
  Client client = make_client(scene.memory.backend());
  return Engine::of(client)->sweep_in_turn(1min).value().cluster_count;
}

TEST(Sweep, InTurnLeavesTheClustersToWhoeverBeganOneLessThanItsIntervalBefore) {
  Scene scene;
  scene.client->create_message_cluster("work", numbers(5)).value();
  EXPECT_EQ(clusters_swept_in_turn(scene), 1U);
  scene.advance(59s);
  EXPECT_EQ(clusters_swept_in_turn(scene), 0U);
  scene.advance(1s);
  EXPECT_EQ(clusters_swept_in_turn(scene), 1U);
}

TEST(Sweep, InTurnIsNotKeptByItsOwnNote) {
  Scene scene;
  scene.client->create_message_cluster("work", numbers(5)).value();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Engine::of(*scene.client)->sweep_in_turn(1min).value().cluster_count, 1U);
    scene.advance(1s);
  }
}

TEST(Sweep, InTurnIsNotKeptByANoteOfAClockThatIsAhead) {
  Scene scene;
  scene.client->create_message_cluster("work", numbers(5)).value();
  scene.ledger->note_sweep(scene.now() + 24h).value();
  EXPECT_EQ(clusters_swept_in_turn(scene), 1U);
}

TEST(Sweep, ThatLeavesOffIsNotNotedAsOneOverAllClusters) {
  Scene scene;
  scene.client->create_message_cluster("work", numbers(5)).value();
  static_cast<void>(Engine::of(*scene.client)->sweep_until(scene.now()).value());
  EXPECT_FALSE(scene.ledger->noted_sweep().value().has_value());
  EXPECT_EQ(clusters_swept_in_turn(scene), 1U);
  EXPECT_EQ(scene.ledger->noted_sweep().value(), scene.now());
}

TEST(Sweep, SendsAgainWhatRetentionTook) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(5), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  EXPECT_EQ(scene.message_count(), 0U);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 5U);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 0U) << "at most once per visibility timeout";
  scene.work();
  EXPECT_TRUE(scene.progress(cluster).finished);
}

TEST(Sweep, SendsTheFinishMessageAgainOnceItsQueueLostIt) {
  Scene scene;
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(1), {.finish_queue = "ends", .expires_after = 24h * 60})
          .value();
  scene.work();
  static_cast<void>(scene.queue->purge("ends").value());
  EXPECT_EQ(scene.client->sweep().value().finish_message_count, 0U) << "it may be under way";
  scene.advance(24h * 4);
  EXPECT_EQ(scene.client->sweep().value().finish_message_count, 1U);
  EXPECT_EQ(scene.message_count("ends"), 1U);
  scene.work({}, "ends");
  EXPECT_TRUE(scene.progress(cluster).finish_handled);
  EXPECT_EQ(scene.client->sweep().value().cluster_count, 0U);
}

TEST(Sweep, StopsAClusterAtItsDeadlineWhereItAskedForThat) {
  Scene scene;
  const Cluster stopping =
      scene.client
          ->create_message_cluster("work", numbers(1), {.deadline = 1h, .deadline_action = DeadlineAction::stop})
          .value();
  const Cluster telling = scene.client->create_message_cluster("work", numbers(1), {.deadline = 1h}).value();
  EXPECT_EQ(scene.client->sweep().value().stopped_count, 0U);
  scene.advance(1h);
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.stopped_count, 1U);
  EXPECT_EQ(report.reports.size(), 2U);
  EXPECT_TRUE(scene.header(stopping).stopped());
  EXPECT_FALSE(scene.header(telling).finished());
  EXPECT_EQ(scene.header(telling).error.at(0).code, "deadline_exceeded");
  EXPECT_TRUE(scene.client->sweep().value().reports.empty()) << "said once";
}

TEST(Sweep, ReportsAnOpenClusterThatNobodyFeeds) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work", {.name = "album"}).value();
  scene.advance(25h);
  const SweepReport report = scene.client->sweep().value();
  ASSERT_EQ(report.reports.size(), 1U);
  EXPECT_NE(report.reports.front().find("(album) is open and got no tasks since"), std::string::npos)
      << report.reports.front();
}

TEST(Sweep, RepeatsAnAddThatWasCutOff) {
  Scene scene;
  const Cluster cluster = scene.client->open_message_cluster("work").value();
  scene.queue->send_count_until_crash = 0;
  EXPECT_THROW(static_cast<void>(cluster.add("a", numbers(3))), ScriptedQueue::Crash);
  scene.restart();
  scene.advance(31s);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 3U);
  EXPECT_EQ(scene.message_count(), 3U);
}

TEST(Sweep, OfMoreClustersThanItLooksAtGoesOnWhereTheLastOneEnded) {
  Scene scene;
  for (int i = 0; i < 250; ++i) {
    static_cast<void>(scene.client->open_message_cluster("work").value());
    scene.advance(1ms);
  }
  Store& store = Engine::of(*scene.client)->store();
  EXPECT_EQ(sweep(store, {.cluster_count_max = 100}).value().cluster_count, 100U);
  EXPECT_EQ(sweep(store, {.cluster_count_max = 100}).value().cluster_count, 100U);
  EXPECT_EQ(sweep(store, {.cluster_count_max = 100}).value().cluster_count, 50U) << "the oldest";
  EXPECT_EQ(sweep(store, {.cluster_count_max = 100}).value().cluster_count, 100U) << "the newest again";
}

TEST(Sweep, GoesOnAfterAClusterThatItCannotMend) {
  Scene scene;
  const Cluster sound = scene.client->create_message_cluster("work", numbers(2), {.expires_after = 24h * 60}).value();
  const Cluster broken = scene.client->create_message_cluster("play", numbers(3), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  scene.queue->refusals[2] = std::deque<ErrorCode>(100, ErrorCode::throttled);
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.cluster_count, 2U);
  ASSERT_EQ(report.reports.size(), 1U);
  EXPECT_EQ(report.reports.front(), "cluster " + id_of(broken) + ": throttled: refused");
  EXPECT_EQ(scene.message_count("work"), 2U);
  EXPECT_TRUE(scene.header(sound).due.empty());
  EXPECT_EQ(scene.header(broken).due.size(), 1U) << "the next sweep repeats it";
}

TEST(Sweep, TellsOfADeniedQueueOnceAndGoesOnWithTheOthers) {
  Scene scene;
  for (const char* const queue : {"play", "work", "play"})
    static_cast<void>(scene.client->create_message_cluster(queue, numbers(2), {.expires_after = 24h * 60}).value());
  scene.advance(24h * 4);
  scene.queue->denied = {"play"};
  const SweepReport report = scene.client->sweep().value();
  EXPECT_EQ(report.cluster_count, 3U);
  EXPECT_EQ(report.resent_count, 2U);
  EXPECT_EQ(report.reports,
            std::vector<std::string>{"queue play: permission_denied: refused: its clusters and dead letters are left"});
  EXPECT_EQ(report.denied, report.reports);
  EXPECT_FALSE(scene.ledger->noted_sweep().value().has_value()) << "who may sweep that queue too is not kept from it";
}

TEST(Sweep, OfNothingButADeniedQueueNamesIt) {
  Scene scene;
  static_cast<void>(scene.client->create_message_cluster("play", numbers(2)).value());
  scene.queue->denied = {"play"};
  const auto report = scene.client->sweep();
  EXPECT_EQ(code_of(report), ErrorCode::permission_denied);
  EXPECT_EQ(report.error().message, "queue play: refused");
}

TEST(Sweep, OfTwoAtATimeDoesOneTurnOfAClusterOnly) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  ClusterHeader header = scene.header(cluster);
  header.sweeper = "another";
  header.sweeper_until = scene.now() + 1s;
  scene.ledger->update_cluster(header).value();
  EXPECT_EQ(scene.client->sweep().value().resent_count, 0U);
  scene.advance(1s);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 2U);
}

TEST(Resend, IsLeftToTheSenderThatIsAtIt) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  scene.advance(1h);
  ClusterHeader header = scene.header(cluster);
  header.sender = "another";
  header.sender_until = scene.now() + 1s;
  scene.ledger->update_cluster(header).value();
  const auto engine = Engine::of(*scene.client);
  EXPECT_EQ(resend(engine->store(), id_of(cluster), ResendReason::repair).value(), 0U);
  scene.advance(1s);
  EXPECT_EQ(resend(engine->store(), id_of(cluster), ResendReason::repair).value(), 2U);
  EXPECT_EQ(resend(engine->store(), id_of(cluster), ResendReason::repair).value(), 0U)
      << "at most once per visibility timeout";
}

/// The queue of a process that needs a second for each call that sends tasks.
struct SlowScene : Scene {
  SlowScene() {
    queue->on_send = [this] { advance(1s); };
  }
  [[nodiscard]] Result<SweepReport> sweep_for(std::chrono::milliseconds time) const {
    return Engine::of(*client)->sweep_until(now() + time);
  }
};

TEST(Resend, GoesOnWhereTheDeadlineOfASweepEndedIt) {
  SlowScene scene;
  const std::size_t per_send = Engine::of(*scene.client)->store().backend.bulk_count();
  const auto count = static_cast<int>(std::max<std::size_t>(5'000, 8 * per_send));
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(count), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  scene.queue->sent_task_count = 0;
  std::uint64_t resent = 0;
  int sweep_count = 0;
  for (; resent < static_cast<std::uint64_t>(count) && sweep_count < 1'000; ++sweep_count) {
    const SweepReport report = scene.sweep_for(2s).value();
    if (report.resent_count < 1) ADD_FAILURE() << "a sweep of two seconds came no further";
    resent += report.resent_count;
    scene.advance(1min);
  }
  EXPECT_GT(sweep_count, 2);
  EXPECT_EQ(scene.queue->sent_task_count, static_cast<std::uint64_t>(count)) << "nothing is sent twice";
  EXPECT_TRUE(scene.header(cluster).due.empty());
  EXPECT_EQ(scene.client->sweep().value().resent_count, 0U);
}

TEST(Resend, GoesOnWhereTheProcessDied) {
  SlowScene scene;
  const int count = 10'000;
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(count), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  scene.queue->sent_task_count = 0;
  scene.queue->send_count_until_crash = scene.queue->send_count + 500;  // The sender lease is renewed every 20 s.
  EXPECT_THROW(static_cast<void>(scene.client->sweep()), ScriptedQueue::Crash);
  const std::uint64_t sent = scene.queue->sent_task_count;
  ASSERT_GT(sent, 0U);
  ASSERT_LT(sent, static_cast<std::uint64_t>(count));
  scene.restart();
  scene.advance(2min);
  const std::uint64_t rest = scene.client->sweep().value().resent_count;
  EXPECT_GE(sent + rest, static_cast<std::uint64_t>(count));
  EXPECT_LT(rest, static_cast<std::uint64_t>(count) - sent / 2);
  EXPECT_TRUE(scene.header(cluster).due.empty());
  EXPECT_EQ(scene.message_count(),
            static_cast<std::uint64_t>(count) + (sent + rest - static_cast<std::uint64_t>(count)));
}

TEST(Resend, ThatAPersonAskedForBeginsAnew) {
  SlowScene scene;
  const int count = 5'000;
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(count), {.expires_after = 24h * 60}).value();
  scene.advance(24h * 4);
  ASSERT_LT(scene.sweep_for(2s).value().resent_count, static_cast<std::uint64_t>(count));
  EXPECT_EQ(scene.client->resume_cluster(cluster).value(), static_cast<std::uint64_t>(count));
  EXPECT_TRUE(scene.header(cluster).due.empty());
}

TEST(Sweep, BeginsNothingOnceItsTimeIsOverAndSaysSo) {
  Scene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(1), {.expires_after = 24h * 60}).value());
  scene.advance(24h * 4);
  const SweepReport report = Engine::of(*scene.client)->sweep_until(scene.now()).value();
  EXPECT_EQ(report.cluster_count, 0U);
  EXPECT_EQ(report.reports, std::vector<std::string>{"the time for this sweep is over: the next one goes on"});
  EXPECT_EQ(scene.client->sweep().value().resent_count, 1U);
}

TEST(Resend, EndsATaskWhoseChildFinishedUnnoticed) {
  Scene scene;
  const Cluster parent = scene.client->create_message_cluster("work", numbers(1)).value();
  const auto record = scene.client->receive("work").value().front();
  const Claim claim = scene.client->is_complete(record).value();
  // The child finishes before its parent's task waits for it, and whoever writes `waiting` dies right after.
  const auto none = []() -> Result<std::optional<TaskData>> { return std::optional<TaskData>(); };
  const ParentTask task{.cluster_id = id_of(parent), .queue_url = "work", .round = 0, .position = 0, .index = 0};
  const auto child = scene.client->core()
                         ->create_cluster({.queue = "work", .options = {}, .open = false, .parent = task}, none)
                         .value();
  ASSERT_TRUE(scene.progress(child).finished);
  EndRequest wait;
  wait.ref = claim.ticket.ref;
  wait.condition = claim.ticket.token;
  wait.verdict = Verdict::waiting;
  wait.child_id = id_of(child);
  ASSERT_EQ(scene.ledger->end(std::span(&wait, 1), scene.now()).value().outcomes.front(), EndOutcome::ended);
  scene.advance(1h);
  const auto engine = Engine::of(*scene.client);
  EXPECT_EQ(resend(engine->store(), id_of(parent), ResendReason::repair).value(), 0U);
  EXPECT_TRUE(scene.progress(parent).finished);
  EXPECT_TRUE(scene.header(child).parent_ended);
}

TEST(Sweep, StopsNoRoundForADeadlineThatWasThatOfTheOneBefore) {
  // The last task fails and the cluster is retried, before each call of a port that the sweep makes, in turn.
  bool is_over = false;
  for (std::size_t at = 0; !is_over; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    Scene scene;
    const Cluster cluster =
        scene.client
            ->create_message_cluster("work", numbers(1), {.deadline = 1h, .deadline_action = DeadlineAction::stop})
            .value();
    scene.advance(61min);
    std::size_t call_count = 0;
    bool is_retried = false;
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [&](std::string_view call) {
      if (call.starts_with("clock.") || call_count++ != at) return;
      scene.work({0});
      is_retried = scene.client->retry_failed(cluster).has_value();
    };
    static_cast<void>(make_client(testing::with_faults(scene.memory.backend(), options)).sweep().has_value());
    is_over = call_count <= at;
    EXPECT_TRUE(is_retried || scene.header(cluster).stopped());
    EXPECT_FALSE(is_retried && scene.header(cluster).stopped()) << "what is retried has no deadline any more";
  }
}

TEST(Sweep, SendsAllAnewWhereWhatABrokenOffResendHadSentIsLostToRetention) {
  Scene scene;
  scene.client->create_queue("work", {.retention = 1h}).value();
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(40), {.expires_after = std::chrono::days(10)}).value();
  modify_header(Engine::of(*scene.client)->store(), id_of(cluster), [&](ClusterHeader& header) {
    put_place_of_resend(header, 30, scene.now());
    return Result<HeaderChange>(HeaderChange::write);
  }).value();
  static_cast<void>(scene.queue->purge("work").value());  // As retention does.
  scene.advance(2h);
  EXPECT_EQ(scene.client->sweep().value().resent_count, 40U);
}

}  // namespace
}  // namespace fanfold::engine
