// Holders whose lease ran out, and what is made of their answers.

#include "engine/scene_for_tests.hpp"

#include <fanfold/testing/faults.hpp>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

struct LateHolders : ::testing::Test {
  /// Runs handlers on these messages, in this process.
  void process(const std::vector<SqsRecord>& records, const Handlers& handlers) const {
    static_cast<void>(scene.client->process_batch(SqsEvent{records}, handlers).value());
  }
  [[nodiscard]] std::vector<SqsRecord> receive(std::size_t count_max) const {
    return scene.client->receive("work", {.count_max = count_max, .wait = 0ms}).value();
  }
  /// The lease of whoever runs is over, and another process does this task.
  void let_another_do(std::uint64_t index) const {
    scene.advance(60s);
    for (const SqsRecord& record : receive(10)) {
      const auto message = scene.client->read_sqs_record(record).value();
      if (message.task == index) scene.work_on(record, {});
    }
  }
  void expect_goes_on(const Cluster& cluster) const {
    const ClusterHeader header = scene.header(cluster);
    EXPECT_FALSE(header.stopped()) << "nothing of this round has failed";
    EXPECT_FALSE(header.first_failure_sent);
    EXPECT_EQ(scene.progress(cluster).failed_count, 0U);
  }
  [[nodiscard]] Cluster create(int count, ClusterOptions options = {}) const {
    options.fail_fast = true;
    options.first_failure_notice = true;
    return scene.client->create_message_cluster("work", numbers(count), std::move(options)).value();
  }
  /// A process that calls `act` before its next call of this name.
  [[nodiscard]] Client interrupted(std::string_view name, std::function<void()> act) {
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [name, act = std::move(act), is_over = false](std::string_view call) mutable {
      if (call == name && !std::exchange(is_over, true)) act();
    };
    return make_client(testing::with_faults(scene.memory.backend(), options));
  }

  Scene scene{};
};

TEST_F(LateHolders, StopNoClusterByFailingWhatAnotherHasDone) {
  const Cluster cluster = create(3);
  const Handlers handlers{.on_message = [&](const Message<int>& message, const Context&) {
    let_another_do(*message.task);
    return fail("too late");
  }};
  process(receive(1), handlers);
  EXPECT_EQ(scene.progress(cluster).done_count, 1U);
  expect_goes_on(cluster);
}

TEST_F(LateHolders, StopNoClusterByBeingDoneWhenAnotherFailsThemForTheirLastAttempt) {
  const Cluster cluster = create(3, {.attempts_max = 1});
  const Claim late = scene.client->is_complete(receive(1).front(), {.lease = 30s}).value();
  scene.advance(60s);
  const Client other = interrupted("ledger.end", [&] { scene.client->mark_complete(late).value(); });
  const Handlers handlers{.on_message = [](const Message<int>&, const Context&) { return done(); }};
  const std::vector<SqsRecord> records = receive(10);
  const auto again = std::ranges::find_if(
      records, [&](const SqsRecord& one) { return scene.client->read_sqs_record(one).value().task == 0U; });
  ASSERT_NE(again, records.end());
  static_cast<void>(other.process_batch(SqsEvent{{*again}}, handlers).value());
  EXPECT_EQ(scene.progress(cluster).done_count, 1U);
  expect_goes_on(cluster);
}

TEST_F(LateHolders, StopNoParentThroughAChildOfWhatAnotherHasDone) {
  const Cluster cluster = create(3);
  Outcome child = done();
  const Handlers parents{.on_message = [&](const Message<int>& message, const Context& context) {
    child = context.create_child_cluster("children", std::vector<int>{0});
    let_another_do(*message.task);
    return child;
  }};
  process(receive(1), parents);
  scene.work({0}, "children");
  scene.work({}, "children");
  EXPECT_EQ(scene.client->progress(MessageKey::of_message(child.child_id())).value().status, Status::error);
  expect_goes_on(cluster);
}

TEST_F(LateHolders, StopNoParentThroughAChildThatNobodyWaitsForYet) {
  const Cluster cluster = create(3);
  const Handlers parents{.on_message = [&](const Message<int>&, const Context& context) {
    const Outcome child = context.create_child_cluster("children", std::vector<int>{0});
    scene.client->stop_cluster(MessageKey::of_message(child.child_id())).value();
    return done();
  }};
  process(receive(1), parents);
  EXPECT_EQ(scene.progress(cluster).done_count, 1U);
  expect_goes_on(cluster);
}

TEST(FailTask, OfOneThatIsDoneStopsNoRoundForWhatFailedInTheOneBefore) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(4), {.fail_fast = true}).value();
  const auto records = scene.client->receive("work", {.count_max = 2}).value();
  const Claim first = scene.client->is_complete(records.at(0)).value();
  const Claim second = scene.client->is_complete(records.at(1)).value();
  scene.client->mark_failed(first, "one reason").value();
  scene.client->mark_failed(second, "another").value();
  scene.advance(60s);
  scene.work();
  ASSERT_EQ(scene.client->retry_failed(cluster, {.contains = "one reason"}).value(), 3U);
  ASSERT_EQ(scene.header(cluster).failed_carried_count, 1U);
  for (const SqsRecord& record : scene.client->receive("work", {.count_max = 10}).value()) {
    if (scene.client->read_sqs_record(record).value().task == 0U) scene.work_on(record, {});
  }
  const auto failed = scene.client->fail_task(MessageKey::of_task(id_of(cluster), 0), "by hand");
  EXPECT_EQ(code_of(failed), ErrorCode::lease_lost) << "it had ended before";
  EXPECT_FALSE(scene.header(cluster).stopped()) << "the failure that is there is of the round before";
}

}  // namespace
}  // namespace fanfold::engine
