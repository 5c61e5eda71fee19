// A trace context goes with everything that its cluster or message leads to.
#include "engine/push.hpp"
#include "engine/scene_for_tests.hpp"

#include <fanfold/worker.hpp>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

const TraceContext sent_trace{
    .parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    .state = "congo=t61rcWkgMzE",
    .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
const TraceContext other_trace{.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"};

struct Traced : Scene {
  using Scene::Scene;

  /// Handles what is there and comes, and answers the handlers that ran, in order, each with `!` where its context has
  /// another trace than `expected`.
  std::vector<std::string> run(const TraceContext& expected, Outcome outcome = done()) {
    std::vector<std::string> ran;
    const auto note = [&](std::string what, const Context& context) {
      ran.push_back(std::move(what) + (context.trace() == expected ? "" : "!"));
    };
    Handlers handlers;
    handlers.on_message = [&](const Message<>& message, const Context& context) {
      note(message.task ? "task " + std::to_string(*message.task) : "message", context);
      return outcome;
    };
    handlers.on_cluster_complete = [&](const MessageCluster<>&, const Context& context) {
      note("finish", context);
      return done();
    };
    handlers.on_first_failure = [&](const MessageCluster<>&, const Context& context) {
      note("first failure", context);
      return done();
    };
    while (true) {
      const auto records = client->receive("work", {.count_max = 10, .wait = 0ms}).value();
      if (records.empty()) return ran;
      static_cast<void>(client->process_batch({records}, handlers).value());
    }
  }
};

using Names = std::vector<std::string>;

TEST(Trace, OfAClusterIsThatOfItsTasksAndItsFinish) {
  Traced scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2), {.trace = sent_trace}).value();
  EXPECT_EQ(scene.header(cluster).trace, sent_trace);
  EXPECT_EQ(scene.run(sent_trace), (Names{"task 0", "task 1", "finish"}));
}

TEST(Trace, OfAnOpenClusterIsThatOfWhatIsAdded) {
  Traced scene;
  const Cluster cluster = scene.client->open_message_cluster("work", {.trace = sent_trace}).value();
  scene.restart();
  scene.client->cluster(cluster.key).add("page", numbers(1)).value();
  EXPECT_EQ(scene.run(sent_trace), (Names{"task 0"}));
  scene.client->cluster(cluster.key).seal().value();
  EXPECT_EQ(scene.run(sent_trace), (Names{"finish"}));
}

TEST(Trace, IsThatOfFurtherAttemptsAndRoundsToo) {
  Traced scene;
  const Cluster cluster =
      scene.client
          ->create_message_cluster("work", numbers(1),
                                   {.first_failure_notice = true, .attempts_max = 2, .trace = sent_trace})
          .value();
  EXPECT_EQ(scene.run(sent_trace, retry("not yet", 0ms)), (Names{"task 0", "task 0", "first failure", "finish"}));
  scene.restart();
  EXPECT_EQ(scene.client->retry_failed(cluster).value(), 1U);
  EXPECT_EQ(scene.run(sent_trace), (Names{"task 0", "finish"}));
}

TEST(Trace, IsThatOfWhatASweepSendsAgain) {
  Traced scene;
  static_cast<void>(
      scene.client->create_message_cluster("work", numbers(1), {.expires_after = 24h * 60, .trace = sent_trace})
          .value());
  scene.advance(24h * 4);
  scene.restart();
  EXPECT_EQ(scene.client->sweep().value().resent_count, 1U);
  EXPECT_EQ(scene.run(sent_trace), (Names{"task 0", "finish"}));
}

TEST(Trace, IsThatOfACreationThatWasCutOff) {
  Traced scene;
  const ClusterOptions options{.idempotency_key = "k", .trace = sent_trace};
  scene.queue->send_count_until_crash = 0;
  EXPECT_THROW(static_cast<void>(scene.client->create_message_cluster("work", numbers(1), options)),
               ScriptedQueue::Crash);
  scene.restart();
  scene.advance(61s);
  const Cluster again =
      scene.client->create_message_cluster("work", numbers(1), {.idempotency_key = "k", .trace = other_trace}).value();
  EXPECT_EQ(scene.header(again).trace, sent_trace) << "the first one stays";
  EXPECT_EQ(scene.run(sent_trace), (Names{"task 0", "finish"}));
}

TEST(Trace, OfASingleMessageIsItsOwn) {
  Traced scene;
  scene.client->send_message("work", 1, {.trace = sent_trace}).value();
  EXPECT_EQ(scene.run(sent_trace), (Names{"message"}));
  const auto answers = scene.client->send_message_batch("work", numbers(2), {.trace = other_trace}).value();
  EXPECT_TRUE(answers.at(0).has_value() && answers.at(1).has_value());
  EXPECT_EQ(scene.run(other_trace), (Names{"message", "message"}));
  scene.client->send_message("work", 1).value();
  EXPECT_EQ(scene.run({}), (Names{"message"}));
}

TEST(Trace, StaysWithAMessageThatIsSentAgainBeforeItBecomesADeadLetter) {
  for (const bool is_foreign : {false, true}) {
    Traced scene;
    static_cast<void>(scene.client->create_queue("dead").value());
    static_cast<void>(scene.client->create_queue("work", {.redrive = RedrivePolicy{"dead", 1}}).value());
    OutgoingMessage foreign{.content = {.trace = sent_trace}, .text = "{}"};
    if (is_foreign)
      static_cast<void>(scene.queue->send("work", std::span(&foreign, 1)).value());
    else
      static_cast<void>(scene.client->send_message("work", 1, {.trace = sent_trace}).value());
    EXPECT_EQ(scene.run(sent_trace, retry("not yet", 0ms)), (Names{"message", "message", "message"})) << is_foreign;
  }
}

TEST(Trace, OfATaskIsThatOfItsChildClusterUnlessAnotherIsGiven) {
  for (const bool is_given : {false, true}) {
    Traced scene;
    static_cast<void>(scene.client->create_message_cluster("work", numbers(1), {.trace = sent_trace}).value());
    const auto records = scene.client->receive("work", {.wait = 0ms}).value();
    const Handlers handlers{.on_message = [&](const Message<>&, const Context& context) {
      return context.create_child_cluster("work", numbers(1),
                                          {.name = "child", .trace = is_given ? other_trace : TraceContext{}});
    }};
    static_cast<void>(scene.client->process_batch({records}, handlers).value());
    const auto children = scene.client->list_clusters({.name = "child"}).value().clusters;
    ASSERT_EQ(children.size(), 1U);
    EXPECT_EQ(children.front().trace, is_given ? other_trace : sent_trace);
  }
}

TEST(Trace, GoesWithAClusterThatIsMoved) {
  Traced here;
  Traced there;
  const Cluster cluster = here.client->create_message_cluster("work", numbers(1), {.trace = sent_trace}).value();
  push_cluster(Engine::of(*here.client)->store(), Engine::of(*there.client)->store(), id_of(cluster),
               {.target = "there"})
      .value();
  EXPECT_EQ(there.run(sent_trace), (Names{"task 0", "finish"}));
}

TEST(Trace, ThatIsWrongIsRefusedAndNamed) {
  Scene scene;
  const TraceContext wrong{.parent = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"};
  for (const auto& refused :
       {scene.client->send_message("work", 1, {.trace = wrong}),
        scene.client->open_message_cluster("work", {.trace = wrong}).transform([](const Cluster& one) {
          return one.key;
        })}) {
    EXPECT_EQ(code_of(refused), ErrorCode::invalid_argument);
    EXPECT_TRUE(refused.error().message.starts_with("trace.parent: ")) << refused.error().message;
  }
  EXPECT_EQ(scene.message_count(), 0U);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.trace = {.state = "a=b"}})), ErrorCode::invalid_argument);
}

TEST(Trace, OfXRayAloneIsTheParentToo) {
  Traced scene;
  static_cast<void>(
      scene.client->create_message_cluster("work", numbers(1), {.trace = {.aws_header = sent_trace.aws_header}})
          .value());
  EXPECT_EQ(scene.run({.parent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
                       .aws_header = sent_trace.aws_header}),
            (Names{"task 0", "finish"}));
}

TEST(Trace, OfAMessageIsToldWithItsFailure) {
  Scene scene;
  scene.client->send_message("work", 1, {.trace = sent_trace}).value();
  const auto records = scene.client->receive("work", {.wait = 0ms}).value();
  const Handlers handlers{.on_message = [](const Message<>&, const Context&) { return fail("no"); }};
  const BatchResponse response = scene.client->process_batch({records}, handlers).value();
  EXPECT_EQ(response.failed.at(0).trace_id, sent_trace.trace_id());
}

TEST(Trace, CostsNoAllocationATask) {
  Scene scene;
  static_cast<void>(scene.client->create_message_cluster("work", numbers(2), {.trace = sent_trace}).value());
  const auto deliveries = scene.queue->receive("work", {.count_max = 2, .wait = 0ms}, {}).value();
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].content->trace.get(), deliveries[1].content->trace.get()) << "one for all of a cluster";
}

}  // namespace
}  // namespace fanfold::engine
