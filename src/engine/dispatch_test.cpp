#include "engine/world_for_tests.hpp"

#include <fanfold/detail/process_end.hpp>
#include <fanfold/testing/faults.hpp>

#include <stdexcept>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

Handlers counting(
    int& count, std::function<Outcome()> outcome = [] { return done(); }) {
  return messages([&count, outcome](const Message<Json>&, const Context&) {
    ++count;
    return outcome();
  });
}

void send_raw(World& world, std::string text) {
  OutgoingMessage message;
  message.text = std::move(text);
  const auto sent = world.client->queue_port().send(world.queue, std::span(&message, 1)).value();
  ASSERT_TRUE(sent.front().has_value());
}

TEST(Dispatch, RunsEndsAndDeletesEachTask) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3)).value();
  EXPECT_TRUE(world.process(counting(count)).batch_item_failures.empty());
  EXPECT_EQ(count, 3);
  const Progress progress = world.client->progress(cluster).value();
  EXPECT_EQ(progress.done_count, 3U);
  EXPECT_TRUE(progress.finished);
  EXPECT_EQ(world.message_count(), 1U);  // The finish message.
}

TEST(Dispatch, DeletesASecondCopyOfADoneTaskWithoutRunningIt) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  const SqsEvent event = world.receive();
  world.process(event, counting(count));
  world.process(event, counting(count));
  EXPECT_EQ(count, 2);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 2U);
}

TEST(Dispatch, LeavesACopyOfATaskThatIsLeasedElsewhereUntilThatLeaseEnds) {
  World world;
  int count = 0;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const SqsEvent event = world.receive(10, 5s);
  const auto claim = world.client->is_complete(event.records.front()).value();
  ASSERT_EQ(claim.state, ClaimState::claimed);
  world.advance(6s);
  const BatchResponse response = world.process(counting(count));
  EXPECT_EQ(response.batch_item_failures.size(), 1U);
  EXPECT_EQ(count, 0);
  world.advance(23s);
  EXPECT_TRUE(world.receive().records.empty());
  world.advance(2s);
  EXPECT_EQ(world.receive().records.size(), 1U);
}

/// A process whose claims reach the store so late that their leases are over by then.
struct SlowClaims {
  explicit SlowClaims(const testing::MemoryStore& store) {
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [this](std::string_view call) {
      if (on_call) on_call(call);
    };
    client.emplace(make_client(with_faults(store.backend(), std::move(options))));
  }
  std::function<void(std::string_view)> on_call{};
  std::optional<Client> client{};
};

TEST(Dispatch, ExtendsALeaseThatWasOverBeforeItsClaimWasAnswered) {
  World world;
  SlowClaims slow(world.store);
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(2)).value());
  const SqsEvent event = world.receive();
  slow.on_call = [&](std::string_view call) {
    if (call == "ledger.claim") world.advance(40s);
  };
  int count = 0;
  const Handlers handlers = messages([&](const Message<Json>&, const Context& context) {
    ++count;
    EXPECT_GT(context.deadline, world.store.clock().now());
    EXPECT_EQ(world.client->is_complete(event.records.front()).value().state, ClaimState::in_progress);
    return done();
  });
  EXPECT_TRUE(slow.client->process_batch(event, handlers).value().batch_item_failures.empty());
  EXPECT_EQ(count, 2);
}

TEST(Dispatch, BeginsNothingWhoseLeaseWasLostBeforeItsClaimWasAnswered) {
  World world;
  SlowClaims slow(world.store);
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  const SqsEvent event = world.receive();
  bool taken = false;
  slow.on_call = [&](std::string_view call) {
    if (call == "ledger.claim") world.advance(40s);
    if (call == "ledger.extend" && !std::exchange(taken, true)) {
      EXPECT_EQ(world.client->is_complete(event.records.front()).value().state, ClaimState::claimed);
    }
  };
  int count = 0;
  EXPECT_EQ(slow.client->process_batch(event, counting(count)).value().batch_item_failures,
            std::vector<std::string>{event.records.front().message_id});
  EXPECT_EQ(count, 1) << "the other one";
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 1U);
}

TEST(Dispatch, HidesARetriedTaskForItsBackoffAndThenRunsItAgain) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  const Handlers handlers = counting(count, [&] { return count == 1 ? retry("not now", 90s) : done(); });
  EXPECT_EQ(world.process(handlers).batch_item_failures.size(), 1U);
  world.advance(89s);
  EXPECT_TRUE(world.receive().records.empty());
  world.advance(2s);
  EXPECT_TRUE(world.process(handlers).batch_item_failures.empty());
  EXPECT_EQ(count, 2);
  EXPECT_EQ(world.task(cluster, 0).consumption_count, 2U);
  EXPECT_EQ(world.task(cluster, 0).status, Status::complete);
}

TEST(Dispatch, LetsNoSecondCopyJumpTheBackoff) {
  World world;
  int count = 0;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const SqsEvent event = world.receive();
  world.process(event, counting(count, [] { return retry("not now", 90s); }));
  world.process(event, counting(count));
  EXPECT_EQ(count, 1);
}

TEST(Dispatch, FailsATaskForGoodWhenItsLastAttemptFails) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  for (int i = 0; i < 5; ++i) {
    world.process(counting(count, [] { return retry("never works"); }));
    world.advance(1h);
  }
  EXPECT_EQ(count, 3);
  const auto record = world.task(cluster, 0);
  EXPECT_EQ(record.status, Status::error);
  ASSERT_EQ(record.error.size(), 3U);
  EXPECT_TRUE(record.error.back().final);
  EXPECT_EQ(record.error.back().message, "never works");
  EXPECT_EQ(world.client->progress(cluster).value().failed_count, 1U);
}

TEST(Dispatch, TakesTheClustersAttemptsInPlaceOfTheConsumers) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1), {.attempts_max = 1}).value();
  world.process(counting(count, [] { return retry("never works"); }));
  EXPECT_EQ(world.task(cluster, 0).status, Status::error);
}

TEST(Dispatch, TakesAnExceptionForARetryAndAnErrorThatNoRetryMendsForTheEnd) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  world.process(messages([](const Message<Json>& message, const Context&) -> Outcome {
    if (message.task == 0) throw std::runtime_error("disk on fire");
    throw ErrorException(Error{ErrorCode::bad_input, "/qty: expected integer, got string", {}});
  }));
  EXPECT_EQ(world.task(cluster, 0).error.front().message, "disk on fire");
  EXPECT_NE(world.task(cluster, 0).status, Status::error);
  EXPECT_EQ(world.task(cluster, 1).status, Status::error);
  EXPECT_EQ(world.task(cluster, 1).error.front().code, "bad_input");
}

TEST(Dispatch, TakesWhatIsNoStandardExceptionForARetryToo) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  world.process(messages([](const Message<Json>&, const Context&) -> Outcome { throw 3; }));
  EXPECT_EQ(world.task(cluster, 0).error.front().code, "internal");
  EXPECT_NE(world.task(cluster, 0).status, Status::error);
}

TEST(Dispatch, LetsTheEndOfASimulatedProcessPass) {
  struct Crash : detail::ProcessEnd {};
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const SqsEvent event = world.receive();
  EXPECT_THROW(world.process(event, messages([](const Message<Json>&, const Context&) -> Outcome { throw Crash(); })),
               Crash);
}

TEST(Dispatch, FailsABodyOfTheWrongTypeWithThePathToTheField) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, std::vector<std::string>{"three"}).value();
  Handlers handlers;
  handlers.on_message = [](const Message<int>&, const Context&) { return done(); };
  EXPECT_TRUE(world.process(handlers).batch_item_failures.empty());
  const auto record = world.task(cluster, 0);
  EXPECT_EQ(record.status, Status::error);
  EXPECT_EQ(record.error.front().code, "bad_input");
  EXPECT_EQ(record.error.front().message, "/: expected integer, got string");
}

TEST(Dispatch, FailsAResultThatIsTooLarge) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  world.process(
      messages([](const Message<Json>&, const Context&) { return done(std::string(result_bytes_max, 'x')); }));
  EXPECT_EQ(world.task(cluster, 0).error.front().code, "too_large");
}

TEST(Dispatch, FailsATaskWhoseHoldersAllDied) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1), {.attempts_max = 2}).value();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(world.client->is_complete(world.receive(1).records.front()).value().state, ClaimState::claimed);
    world.advance(1min);
  }
  EXPECT_TRUE(world.process(counting(count)).batch_item_failures.empty());
  EXPECT_EQ(count, 0);
  EXPECT_EQ(world.task(cluster, 0).error.back().code, "attempts_used_up");
  EXPECT_TRUE(world.client->progress(cluster).value().finished);
}

TEST(Dispatch, FailsATaskThatKilledItsProcessByTheSignalsName) {
  World world(testing::MemoryOptions{.frees_dead_holders = true});
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  ASSERT_EQ(world.client->is_complete(world.receive(1, 1s).records.front()).value().state, ClaimState::claimed);
  world.store.crash_process(*world.ledger, 11);
  world.restart();
  static_cast<void>(world.ledger->release_dead_holders(world.store.clock().now()).value());
  world.advance(2s);
  world.process(counting(count));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(world.task(cluster, 0).error.back().code, "signal 11");
}

TEST(Dispatch, SendsATaskAgainInPlaceOfALastReceiveThatIsNoAttempt) {
  World world;
  int count = 0;
  world.create_queue_with_dead_letters(2);
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  ASSERT_EQ(world.client->is_complete(world.receive(1, 1s).records.front()).value().state, ClaimState::claimed);
  world.advance(2s);
  const SqsEvent second = world.receive();
  ASSERT_EQ(second.records.size(), 1U);
  EXPECT_TRUE(world.process(second, counting(count)).batch_item_failures.empty());
  EXPECT_EQ(world.message_count(), 1U);
  world.advance(30s);
  const SqsEvent third = world.receive();
  ASSERT_EQ(third.records.size(), 1U);
  EXPECT_NE(third.records.front().message_id, second.records.front().message_id);
  world.process(third, counting(count));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 1U);
  EXPECT_EQ(world.client->queue_port().counts("dead").value().visible_count, 0U);
}

TEST(Dispatch, NeitherDeletesNorHidesWhatAnotherHolderTook) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  const SqsEvent event = world.receive(1, 100s);
  std::optional<Claim> successor;
  const Handlers handlers = messages([&](const Message<Json>&, const Context&) {
    world.advance(31s);  // The lease runs out while the handler runs, and another worker takes over.
    successor = world.client->is_complete(event.records.front()).value();
    return done();
  });
  EXPECT_EQ(world.process(event, handlers).batch_item_failures.size(), 1U);
  ASSERT_TRUE(successor && successor->state == ClaimState::claimed);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 0U);
  EXPECT_EQ(world.counts().in_flight_count, 1U);
  EXPECT_TRUE(world.client->mark_complete(*successor).has_value());
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 1U);
}

TEST(Dispatch, DeletesTheTasksOfAPausedClusterAndRunsThemAfterItsResumption) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3)).value();
  ASSERT_TRUE(world.client->pause_cluster(cluster).has_value());
  world.process(counting(count));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(world.message_count(), 0U);
  EXPECT_EQ(world.client->resume_cluster(cluster).value(), 3U);
  world.process(counting(count));
  EXPECT_EQ(count, 3);
}

TEST(Dispatch, DoesNotTrustACachedHeaderThatIsPaused) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  ASSERT_TRUE(world.client->pause_cluster(cluster).has_value());
  const Client elsewhere = make_client(world.store.backend());
  ASSERT_TRUE(elsewhere.resume_cluster(cluster).has_value());
  world.process(counting(count));
  EXPECT_EQ(count, 1);
}

TEST(Dispatch, StartsNothingOfAStoppedCluster) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  ASSERT_TRUE(world.client->stop_cluster(cluster).has_value());
  world.process(counting(count));
  EXPECT_EQ(count, 0);
}

TEST(Dispatch, ReturnsAMessageOfANewerFormatToItsQueue) {
  World world;
  int count = 0;
  send_raw(world, R"({"fanfold":2,"type":"message"})");
  EXPECT_EQ(world.process(counting(count)).batch_item_failures.size(), 1U);
  EXPECT_EQ(count, 0);
  world.advance(11s);
  EXPECT_EQ(world.receive().records.size(), 1U);
}

TEST(Dispatch, RunsAForeignMessageAndKeepsARecordOfIt) {
  World world;
  send_raw(world, R"({"order": 17})");
  const SqsEvent event = world.receive();
  std::string body;
  world.process(event, messages([&](const Message<Json>& message, const Context&) {
                  body = message.body.text();
                  return done();
                }));
  EXPECT_EQ(body, R"({"order": 17})");
  EXPECT_EQ(world.record(MessageKey::of_message(event.records.front().message_id)).status, Status::complete);
  EXPECT_EQ(world.message_count(), 0U);
}

TEST(Dispatch, FailsAForeignMessageThatIsNotJsonAndKeepsItInItsRecord) {
  World world;
  int count = 0;
  send_raw(world, "<order/>");
  const SqsEvent event = world.receive();
  EXPECT_TRUE(world.process(event, counting(count)).batch_item_failures.empty());
  EXPECT_EQ(count, 0);
  const auto record = world.record(MessageKey::of_message(event.records.front().message_id));
  EXPECT_EQ(record.status, Status::error);
  EXPECT_EQ(record.body.text(), R"("<order/>")");
  ASSERT_EQ(record.error.size(), 1U);
  EXPECT_EQ(record.error.front().code, "bad_input");
  EXPECT_TRUE(record.error.front().message.starts_with("byte 0: "));
  EXPECT_EQ(world.message_count(), 0U);
}

TEST(Dispatch, FailsAMessageOfOursThatLacksAFieldByItsPath) {
  World world;
  int count = 0;
  send_raw(world, R"({"fanfold":1,"type":"message","pKey":"SQSMessage$abc","expiresAt":"2030-01-01T00:00:00.000Z"})");
  const SqsEvent event = world.receive();
  world.process(event, counting(count));
  const auto record = world.record(MessageKey::of_message(event.records.front().message_id));
  EXPECT_EQ(record.status, Status::error);
  EXPECT_EQ(record.error.front().message, "/body: missing");
}

TEST(Dispatch, ReportsAMessageWhoseLifeIsOverInItsRecord) {
  World world;
  int count = 0;
  const MessageKey key =
      world.client->send_message(world.queue, 1, {.expires_after = std::chrono::hours(24 * 10)}).value();
  const SqsEvent event = world.receive();
  world.advance(std::chrono::hours(24 * 10) + 1s);
  world.process(event, counting(count));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(world.record(key).error.front().code, "expired");
}

TEST(Dispatch, PutsAMessageBackThatNobodyHandles) {
  World world;
  static_cast<void>(world.client->send_message(world.queue, 1).value());
  EXPECT_EQ(world.process(Handlers{}).batch_item_failures.size(), 1U);
  EXPECT_EQ(world.message_count(), 1U);
}

TEST(Dispatch, PicksTheHandlerByTheClustersName) {
  World world;
  int named = 0;
  int other = 0;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1), {.name = "album"}).value());
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1), {.name = "other"}).value());
  Handlers handlers = counting(other);
  handlers.named["album"] = counting(named);
  world.process(handlers);
  EXPECT_EQ(named, 1);
  EXPECT_EQ(other, 1);
}

TEST(CheapMode, RunsCopiesAndStillCountsEachTaskOnce) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  const SqsEvent event = world.receive();
  world.process(event, counting(count), {.deduplicate = false});
  world.process(event, counting(count), {.deduplicate = false});
  EXPECT_EQ(count, 4);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 2U);
}

TEST(CheapMode, ClaimsFinishMessagesAllTheSame) {
  World world;
  int finish_count = 0;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  int count = 0;
  Handlers handlers = counting(count);
  handlers.on_cluster_complete = [&](const MessageCluster<>&, const Context&) {
    ++finish_count;
    return done();
  };
  world.process(handlers, {.deduplicate = false});
  const SqsEvent finish = world.receive();
  world.process(finish, handlers, {.deduplicate = false});
  world.process(finish, handlers, {.deduplicate = false});
  EXPECT_EQ(finish_count, 1);
}

TEST(CheapMode, FailsATaskAfterAsManyReceivesAsItMayHaveAttempts) {
  World world;
  int count = 0;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  for (int i = 0; i < 4; ++i) {
    world.process(counting(count, [] { return retry("never works"); }), {.deduplicate = false});
    world.advance(1h);
  }
  EXPECT_EQ(count, 3);
  EXPECT_EQ(world.client->progress(cluster).value().failed_count, 1U);
}

TEST(CheapMode, FailsATaskThatNeverWorksAlsoWhereItsQueueAllowsFewerReceivesThanAttempts) {
  World world;
  int count = 0;
  world.create_queue_with_dead_letters(2);
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  for (int i = 0; i < 10; ++i) {
    world.process(counting(count, [] { return retry("never works"); }), {.deduplicate = false});
    world.advance(1h);
  }
  EXPECT_LE(count, 6);
  EXPECT_EQ(world.client->progress(cluster).value().failed_count, 1U);
}

TEST(Sweep, SendsASingleMessageAgainThatADeadLetterQueueGotWithoutAnAttempt) {
  World world;
  int count = 0;
  world.create_queue_with_dead_letters(1);
  const MessageKey key = world.client->send_message(world.queue, 1).value();
  ASSERT_EQ(world.receive(1, 1s).records.size(), 1U);
  world.advance(2s);
  ASSERT_TRUE(world.receive().records.empty());
  ASSERT_EQ(world.client->queue_port().counts("dead").value().visible_count, 1U);
  EXPECT_EQ(world.client->sweep().value().dead_letter_count, 1U);
  world.process(counting(count));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(world.record(key).status, Status::complete);
}

TEST(Sweep, LooksAtTheDeadLettersOfQueuesWhoseEventsItsProcessTook) {
  World world;
  int count = 0;
  world.create_queue_with_dead_letters(1);
  static_cast<void>(world.client->send_message(world.queue, 1).value());
  const SqsEvent event = world.receive(1, 1s);
  world.advance(2s);
  ASSERT_TRUE(world.receive().records.empty());
  const Client function = make_client(world.store.backend());
  EXPECT_EQ(function.sweep().value().dead_letter_count, 0U) << "it knows of no queue";
  static_cast<void>(function.process_batch(SqsEvent{}, counting(count)).value());
  SqsRecord other = event.records.front();
  other.message_id = "another";
  other.body = R"({"some":"body"})";
  static_cast<void>(function.process_batch(SqsEvent{{other}}, counting(count)).value());
  EXPECT_EQ(function.sweep().value().dead_letter_count, 1U);
}

}  // namespace
}  // namespace fanfold::engine
