#include "engine/world_for_tests.hpp"

#include <algorithm>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> ids_of(const SqsEvent& event) {
  std::vector<std::string> ids;
  for (const SqsRecord& record : event.records) ids.push_back(record.message_id);
  return ids;
}

TEST(ProcessBatch, ReportsOnlyWhatStaysInTheQueue) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(4)).value();
  const SqsEvent event = world.receive();
  const BatchResponse response = world.process(event, messages([](const Message<Json>& message, const Context&) {
                                                 if (message.task == 1) return retry("not now", 1h);
                                                 return message.task == 2 ? fail("broken") : done();
                                               }));
  EXPECT_EQ(response.batch_item_failures, std::vector<std::string>{ids_of(event)[1]});
  EXPECT_EQ(response.to_json(), R"({"batchItemFailures":[{"itemIdentifier":")" + ids_of(event)[1] + R"("}]})");
  ASSERT_EQ(response.failed.size(), 1U);
  EXPECT_EQ(response.failed.front().what, "task 2 of " + cluster.key.p_key);
  EXPECT_EQ(response.failed.front().reason, "broken");
  const Progress progress = world.client->progress(cluster).value();
  EXPECT_EQ(progress.done_count, 2U);
  EXPECT_EQ(progress.failed_count, 1U);
}

TEST(ProcessBatch, LeavesTheDeletionToLambdaWhereTheEventIsItsOwn) {
  World world;
  const std::string url = "https://sqs.eu-central-1.amazonaws.com/123456789012/work";
  static_cast<void>(world.client->create_queue(url).value());
  static_cast<void>(world.client->send_message(url, 1).value());
  SqsEvent event{world.client->receive(url, {.wait = 0ms}).value()};
  event.records.front().event_source_arn = "arn:aws:sqs:eu-central-1:123456789012:work";
  EXPECT_TRUE(world.process(event, messages([](const Message<Json>&, const Context&) { return done(); }))
                  .batch_item_failures.empty());
  EXPECT_EQ(world.client->queue_port().counts(url).value().in_flight_count, 1U);
}

TEST(ProcessBatch, StartsNothingAfterTheDeadlineAndReturnsTheRestAtOnce) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(5)).value());
  const SqsEvent event = world.receive();
  int count = 0;
  const Handlers slow = messages([&](const Message<Json>&, const Context&) {
    ++count;
    world.advance(3s);
    return done();
  });
  const BatchResponse response = world.process(event, slow, {.deadline = world.store.clock().now() + 5s});
  EXPECT_EQ(count, 2);
  EXPECT_EQ(response.batch_item_failures.size(), 3U);
  EXPECT_EQ(world.counts().visible_count, 3U);
}

TEST(ProcessBatch, StartsNothingOnceItWasToldToStopAndTellsHandlers) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(5)).value());
  std::stop_source stop;
  int count = 0;
  bool told = false;
  const BatchResponse response = world.process(messages([&](const Message<Json>&, const Context& context) {
                                                 if (++count == 2) stop.request_stop();
                                                 told = context.stop.stop_requested();
                                                 return done();
                                               }),
                                               {.stop = stop.get_token()});
  EXPECT_EQ(count, 2);
  EXPECT_TRUE(told);
  EXPECT_EQ(response.batch_item_failures.size(), 3U);
  EXPECT_EQ(world.counts().visible_count, 3U);
}

TEST(ProcessBatch, ExtendsNoLeaseThatLastsLongerThanTheBatch) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(3)).value());
  const SqsEvent event = world.receive(10, std::chrono::minutes(6));
  world.process(event, messages([&](const Message<Json>& message, const Context&) {
                  if (message.task == 2) {
                    // An extension would have set the visibility to the lease's, and shown the messages again early.
                    EXPECT_EQ(*world.store.next_message_at() - world.store.clock().now(), std::chrono::minutes(5));
                  }
                  world.advance(30s);
                  return done();
                }),
                {.attempts = {.lease = 61s}, .deadline = world.store.clock().now() + 60s + 500ms});
}

TEST(ProcessBatch, TellsHandlersTheDeadlineWhereItComesBeforeTheLeasesEnd) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const Time deadline = world.store.clock().now() + 5s;
  Time told{};
  world.process(world.receive(), messages([&](const Message<Json>&, const Context& context) {
                  told = context.deadline;
                  return done();
                }),
                {.deadline = deadline});
  EXPECT_EQ(told, deadline);
}

TEST(ProcessBatch, KeepsTheLeasesOfThoseThatWaitBehindSlowNeighbours) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(5)).value();
  const BatchResponse response = world.process(messages([&](const Message<Json>&, const Context&) {
    world.advance(15s);
    return done();
  }));
  EXPECT_TRUE(response.batch_item_failures.empty());
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 5U);
}

TEST(ProcessBatch, StartsNoMoreNeighboursOnceTheirClusterWasStopped) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(5)).value();
  int count = 0;
  world.process(messages([&](const Message<Json>&, const Context&) {
    if (++count == 2) static_cast<void>(world.client->stop_cluster(cluster));
    world.advance(6s);
    return done();
  }));
  EXPECT_EQ(count, 2);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 2U);
}

TEST(ProcessBatch, ReturnsTheRestOfAFifoGroupUntouchedAfterAFailure) {
  World world;
  world.queue = "work.fifo";
  for (const char* group : {"a", "b"}) {
    for (int i = 0; i < 3; ++i)
      static_cast<void>(
          world.client->send_message(world.queue, std::string(group) + std::to_string(i), {.group_id = group}).value());
  }
  std::vector<std::string> ran;
  const Handlers handlers = messages([&](const Message<Json>& message, const Context& context) {
    ran.push_back(message.body.text());
    return message.body.text() == R"("a1")" && context.attempt == 1 ? retry("not now", 0ms) : done();
  });
  const BatchResponse response = world.process(handlers);
  EXPECT_EQ(ran, (std::vector<std::string>{R"("a0")", R"("a1")", R"("b0")", R"("b1")", R"("b2")"}));
  EXPECT_EQ(response.batch_item_failures.size(), 2U);
  ran.clear();
  world.process(handlers);
  EXPECT_EQ(ran, (std::vector<std::string>{R"("a1")", R"("a2")"}));
  EXPECT_EQ(world.message_count(), 0U);
}

TEST(ProcessBatch, GivesEachAttemptAHigherFencingNumberOverRoundsToo) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  std::vector<std::uint64_t> numbers_of_last;
  const Handlers handlers{.on_message =
                              [&](const Message<Json>& message, const Context& context) {
                                if (message.task == 0) return done();
                                numbers_of_last.push_back(context.fencing_number());
                                return context.attempt == 1 ? retry("not now", 0ms) : fail("never");
                              },
                          .on_cluster_complete = [](const MessageCluster<>&, const Context&) { return done(); }};
  for (std::uint32_t round = 0; round < 3; ++round) {
    while (!world.client->progress(cluster).value().finished) world.process(handlers);
    world.process(handlers);  // The finish message.
    EXPECT_EQ(world.client->retry_failed(cluster).value(), 1U);
  }
  EXPECT_EQ(numbers_of_last, (std::vector<std::uint64_t>{1, 2, (1ULL << 32U) + 1, (1ULL << 32U) + 2, (2ULL << 32U) + 1,
                                                         (2ULL << 32U) + 2}));
}

TEST(ProcessBatch, CountsNoAttemptOfWhatItGivesBackUnstarted) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3), {.attempts_max = 1}).value();
  BatchOptions options;
  options.deadline = world.store.clock().now() + 2s;
  const Handlers slow = messages([&](const Message<Json>&, const Context&) {
    world.advance(3s);
    return done();
  });
  const auto first = world.client->process_batch(world.receive(), slow, options).value();
  EXPECT_EQ(first.batch_item_failures.size(), 2U);
  world.advance(31s);
  for (int i = 0; i < 3; ++i) world.process(messages([](const Message<Json>&, const Context&) { return done(); }));
  const Progress progress = world.client->progress(cluster).value();
  EXPECT_EQ(progress.done_count, 3U);
  EXPECT_EQ(progress.failed_count, 0U);
}

/// How many of a batch of three tasks of one attempt were claimed when each was begun.
std::vector<std::uint64_t> claimed_counts(World& world) {
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3), {.attempts_max = 1}).value();
  std::vector<std::uint64_t> counts;
  const SqsEvent event = world.receive();
  world.process(event, messages([&](const Message<Json>&, const Context&) {
                  counts.push_back(world.client->progress(cluster).value().in_progress_count);
                  return done();
                }));
  return counts;
}

TEST(ProcessBatch, ClaimsATaskWhenItBeginsWhereItsClusterAllowsOneAttempt) {
  World world;
  EXPECT_EQ(claimed_counts(world), (std::vector<std::uint64_t>{1, 1, 1}));
}

TEST(ProcessBatch, ClaimsTogetherWhatHasOneAttemptWhereTheStoreNotesWhatBegins) {
  World world({.notes_begins = true});
  EXPECT_EQ(claimed_counts(world), (std::vector<std::uint64_t>{3, 3, 3}));
}

TEST(ProcessBatch, ClaimsTogetherWhereTheClusterAllowsMoreAttemptsThanTheOptions) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3), {.attempts_max = 2}).value();
  std::vector<std::uint64_t> claimed_counts;
  const SqsEvent event = world.receive();
  world.process(event, messages([&](const Message<Json>&, const Context&) {
                  claimed_counts.push_back(world.client->progress(cluster).value().in_progress_count);
                  return done();
                }),
                {.attempts = {.attempts_max = 1}});
  EXPECT_EQ(claimed_counts, (std::vector<std::uint64_t>{3, 3, 3}));
}

TEST(ProcessBatch, WritesDownWhatHasRunBeforeItsLeaseEnds) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(10)).value();
  const SqsEvent event = world.receive();
  std::uint64_t done_before_last = 0;
  int count = 0;
  const Handlers slow = messages([&](const Message<Json>&, const Context&) {
    world.advance(4s);
    if (++count == 10) done_before_last = world.client->progress(cluster).value().done_count;
    return done();
  });
  world.process(event, slow);
  EXPECT_EQ(count, 10);
  EXPECT_GE(done_before_last, 6U) << "those that began more than a third of a lease ago";
}

TEST(ProcessBatch, ReportsARecordWhoseSourceIsNoQueue) {
  World world;
  SqsRecord record;
  record.message_id = "m1";
  record.body = "1";
  record.event_source_arn = "arn:aws:sns:eu-central-1:123456789012:topic";
  EXPECT_EQ(world.process(SqsEvent{{record}}, messages([](const Message<Json>&, const Context&) { return done(); }))
                .batch_item_failures,
            std::vector<std::string>{"m1"});
}

TEST(ProcessBatch, KeepsARecordThatCannotBeReadSaysWhyAndProcessesTheOthers) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3)).value();
  SqsEvent event = world.receive();
  event.records[1].event_source_arn.clear();
  event.records[1].error = Error{ErrorCode::bad_input, "/Records/1/eventSourceARN: missing", {}};
  const BatchResponse response =
      world.process(event, messages([](const Message<Json>&, const Context&) { return done(); }));
  EXPECT_EQ(response.batch_item_failures, std::vector<std::string>{ids_of(event)[1]});
  ASSERT_EQ(response.unread.size(), 1U);
  EXPECT_EQ(response.unread.front().message_id, ids_of(event)[1]);
  EXPECT_EQ(response.unread.front().error.message, "/Records/1/eventSourceARN: missing");
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 2U);
}

TEST(ProcessBatch, RunsNothingOfAFifoGroupAfterARecordThatCannotBeRead) {
  for (const bool is_group_known : {true, false}) {
    World world;
    world.queue = "work.fifo";
    for (const char* group : {"a", "b"}) {
      for (int i = 0; i < 3; ++i)
        static_cast<void>(
            world.client->send_message(world.queue, std::string(group) + std::to_string(i), {.group_id = group})
                .value());
    }
    SqsEvent event = world.receive();
    ASSERT_EQ(event.records.size(), 6U);
    event.records[1].error = Error{ErrorCode::bad_input, "/Records/1/body: missing", {}};
    if (!is_group_known) event.records[1].attributes.clear();
    std::vector<std::string> ran;
    const BatchResponse response = world.process(event, messages([&](const Message<Json>& message, const Context&) {
                                                   ran.push_back(message.body.text());
                                                   return done();
                                                 }));
    const std::vector<std::string> free = is_group_known
                                              ? std::vector<std::string>{R"("a0")", R"("b0")", R"("b1")", R"("b2")"}
                                              : std::vector<std::string>{R"("a0")"};
    EXPECT_EQ(ran, free);
    EXPECT_EQ(response.batch_item_failures.size(), 6U - free.size());
    EXPECT_EQ(response.unread.size(), 1U);
  }
}

TEST(ProcessBatch, RefusesOptionsOutsideTheirLimitsByName) {
  World world;
  const auto response = world.client->process_batch(SqsEvent{}, Handlers{}, {.attempts = {.attempts_max = 0}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(response.error().message, "attempts_max: expected 1 to 1,000");
}

TEST(ProcessBatch, RunsWhatCrashedAmongOthersAfterAllElseHasEnded) {
  World world(testing::MemoryOptions{.frees_dead_holders = true});
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3)).value();
  for (const SqsRecord& record : world.receive(2, 1s).records) {
    ASSERT_EQ(world.client->is_complete(record).value().state, ClaimState::claimed);
  }
  world.store.crash_process(*world.ledger, 11);
  world.restart();
  static_cast<void>(world.ledger->release_dead_holders(world.store.clock().now()).value());
  world.advance(2s);
  std::vector<std::uint64_t> ran;
  world.process(messages([&](const Message<Json>& message, const Context&) {
    ran.push_back(*message.task);
    return done();
  }));
  ASSERT_EQ(ran.size(), 3U);
  EXPECT_EQ(ran.front(), 2U);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 3U);
}

TEST(ByHand, ClaimsOnceAndSaysHowLongItIsBusy) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const SqsRecord record = world.receive().records.front();
  const Claim claim = world.client->is_complete(record).value();
  EXPECT_EQ(claim.state, ClaimState::claimed);
  EXPECT_EQ(claim.attempt, 1U);
  world.advance(10s);
  const Claim second = world.client->is_complete(record).value();
  EXPECT_EQ(second.state, ClaimState::in_progress);
  EXPECT_EQ(second.busy_for, 20s);
}

TEST(ByHand, CallsNothingCompleteThatOthersHoldAtItsLastDelivery) {
  World world;
  world.create_queue_with_dead_letters(2);
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  ASSERT_EQ(world.client->is_complete(world.receive(1, 1s).records.front()).value().state, ClaimState::claimed);
  world.advance(2s);
  const Claim last = world.client->is_complete(world.receive().records.front()).value();
  EXPECT_EQ(last.state, ClaimState::in_progress);
  EXPECT_GT(last.busy_for, 0s);
}

TEST(ByHand, CompletesTheTaskAndTheClusterAndDeletesTheMessage) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  const SqsRecord record = world.receive().records.front();
  const Claim claim = world.client->is_complete(record).value();
  ASSERT_TRUE(world.client->mark_complete(claim, std::string("thumbnail")).has_value());
  EXPECT_TRUE(world.client->progress(cluster).value().finished);
  EXPECT_EQ(world.message_count(), 1U);  // The finish message.
  const Claim again = world.client->is_complete(record).value();
  EXPECT_EQ(again.state, ClaimState::complete);
  EXPECT_EQ(again.status, Status::complete);
  for (auto& result : world.client->results<std::string>(cluster)) EXPECT_EQ(result.value().result, "thumbnail");
}

TEST(ByHand, DeletesASingleMessageOnceItsRecordHasEnded) {
  World world;
  static_cast<void>(world.client->send_message(world.queue, 1).value());
  static_cast<void>(world.client->send_message(world.queue, 2).value());
  const SqsEvent event = world.receive();
  ASSERT_TRUE(world.client->mark_complete(world.client->is_complete(event.records[0]).value()).has_value());
  EXPECT_EQ(world.message_count(), 1U);
  ASSERT_TRUE(world.client->mark_failed(world.client->is_complete(event.records[1]).value(), "unusable").has_value());
  EXPECT_EQ(world.message_count(), 0U);
}

TEST(ByHand, LeavesTheMessageOfALostClaimToWhoeverTookOver) {
  World world;
  static_cast<void>(world.client->send_message(world.queue, 1).value());
  const SqsRecord record = world.receive(1, 100s).records.front();
  const Claim late = world.client->is_complete(record).value();
  world.advance(31s);
  ASSERT_EQ(world.client->is_complete(record).value().state, ClaimState::claimed);
  const auto marked = world.client->mark_complete(late);
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, ErrorCode::lease_lost);
  EXPECT_EQ(world.message_count(), 1U);
}

TEST(ByHand, LosesItsClaimToWhoeverTookOver) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const SqsRecord record = world.receive(1, 100s).records.front();
  const Claim late = world.client->is_complete(record).value();
  world.advance(31s);
  const Claim successor = world.client->is_complete(record).value();
  EXPECT_EQ(successor.state, ClaimState::claimed);
  EXPECT_EQ(successor.attempt, 2U);
  const auto marked = world.client->mark_complete(late);
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, ErrorCode::lease_lost);
  EXPECT_TRUE(world.client->mark_complete(successor).has_value());
}

TEST(ByHand, FailsForGoodWithTheReasonGiven) {
  World world;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  const SqsRecord record = world.receive().records.front();
  ASSERT_TRUE(world.client->mark_failed(world.client->is_complete(record).value(), "not a picture").has_value());
  EXPECT_EQ(world.task(cluster, 0).error.back().message, "not a picture");
  const Claim again = world.client->is_complete(record).value();
  EXPECT_EQ(again.state, ClaimState::complete);
  EXPECT_EQ(again.status, Status::error);
}

TEST(ByHand, RefusesAResultThatIsTooLargeAndKeepsTheClaim) {
  World world;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(1)).value());
  const Claim claim = world.client->is_complete(world.receive().records.front()).value();
  const auto marked = world.client->mark_complete(claim, std::string(result_bytes_max, 'x'));
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, ErrorCode::too_large);
  EXPECT_TRUE(world.client->mark_complete(claim).has_value());
}

TEST(ByHand, KeepsWhatNobodyCanReadInItsRecord) {
  World world;
  OutgoingMessage message;
  message.text = "<order/>";
  static_cast<void>(world.client->queue_port().send(world.queue, std::span(&message, 1)).value());
  const SqsRecord record = world.receive().records.front();
  const Claim claim = world.client->is_complete(record).value();
  EXPECT_EQ(claim.state, ClaimState::complete);
  EXPECT_EQ(claim.status, Status::error);
  EXPECT_EQ(world.record(MessageKey::of_message(record.message_id)).error.front().code, "bad_input");
}

}  // namespace
}  // namespace fanfold::engine
