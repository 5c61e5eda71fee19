#include "queue_contract.hpp"

#include "wire/envelope_text.hpp"

#include <set>

namespace fanfold::conformance {
namespace {

TEST_P(QueueContract, DeliversWhatWasSent) {
  OutgoingMessage sent = message("a");
  sent.content.type = RecordType::task;
  sent.content.name = "thumbnails";
  sent.content.round = 2;
  sent.content.position = 3;
  sent.content.index = 4;
  sent.content.bucket_params = BucketParams{"bucket", "key"};
  sent.content.expires_at = now_ + 24h;
  sent.content.trace =
      TraceContext{.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                   .state = "congo=t61rcWkgMzE",
                   .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
  const std::string id = send(sent, url_);
  const auto deliveries = receive();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].message_id, id);
  EXPECT_EQ(deliveries[0].receive_count, 1U);
  EXPECT_FALSE(deliveries[0].receipt_handle.empty());
  EXPECT_GT(deliveries[0].visible_at, now_);
  sent.content.trace = carried(sent.content.trace);
  EXPECT_EQ(wire::content_of(deliveries[0]).value(), sent.content);
}

TEST_P(QueueContract, DeliversForeignTextAsItIs) {
  OutgoingMessage foreign;
  foreign.text = "not ours {";
  send(foreign, url_);
  const auto deliveries = receive();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].text, "not ours {");
  EXPECT_FALSE(deliveries[0].content.has_value());
}

TEST_P(QueueContract, DeliversXRaysHeaderBesideForeignText) {
  OutgoingMessage foreign;
  foreign.text = "{}";
  foreign.content.trace =
      TraceContext{.parent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
                   .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
  send(foreign, url_);
  const auto deliveries = receive();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].text, "{}");
  EXPECT_EQ(wire::content_of(deliveries[0]).value().trace,
            capabilities().keeps_trace_headers ? foreign.content.trace : SharedTrace());
}

TEST_P(QueueContract, TasksHaveTheTraceThatTheyAreSentWith) {
  const ClusterHeader cluster = make_cluster(2);
  TaskRangeMessage range;
  range.common = {.type = RecordType::task, .id = cluster.id, .expires_at = cluster.expires_at};
  range.common.trace =
      TraceContext{.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                   .state = "congo=t61rcWkgMzE",
                   .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
  const auto payloads = bodies(2);
  const std::vector<TaskMessage> tasks{{0, 0, payloads[0].body, 0ms}, {1, 1, payloads[1].body, 0ms}};
  ASSERT_TRUE(queue().send_tasks(url_, range, tasks).value().empty());
  std::size_t count = 0;
  for (std::size_t i = 0; i < capabilities().receive_tries_max && count < 2; ++i) {
    for (const Delivery& delivery : receive()) {
      ++count;
      EXPECT_EQ(wire::content_of(delivery).value().trace, carried(range.common.trace));
    }
  }
  EXPECT_EQ(count, 2U);
}

TEST_P(QueueContract, HidesADeliveryUntilItsVisibilityIsOver) {
  send("a");
  ASSERT_EQ(receive(10, 2s).size(), 1U);
  EXPECT_TRUE(receive().empty());
  pass(2s + 100ms);
  const auto again = receive();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].receive_count, 2U);
}

TEST_P(QueueContract, AReceiveThatHidesNothingTakesEachMessageOnce) {
  const ClusterHeader cluster = make_cluster(3);
  TaskRangeMessage range;
  range.common = {.type = RecordType::task, .id = cluster.id, .expires_at = cluster.expires_at};
  const auto payloads = bodies(3);
  std::vector<TaskMessage> tasks;
  for (std::uint64_t i = 0; i < 3; ++i) tasks.push_back({i, i, payloads[i].body, 0ms});
  ASSERT_TRUE(queue().send_tasks(url_, range, tasks).value().empty());
  ReceiveOptions options;
  options.count_max = queue().receive_count_max();
  options.wait = 0ms;
  options.visibility = 0ms;
  std::set<std::uint64_t> seen;
  for (const Delivery& delivery : queue().receive(url_, options, {}).value())
    EXPECT_TRUE(seen.insert(wire::content_of(delivery).value().index).second) << "twice in one answer";
  pass(10ms);
  EXPECT_EQ(receive(3).size(), 3U) << "all are still there";
}

TEST_P(QueueContract, GivesEveryDeliveryAReceiptOfItsOwn) {
  send("a");
  const auto first = receive(1, 1s);
  pass(1s + 100ms);
  const auto second = receive(1, 30s);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(first[0].message_id, second[0].message_id);
  EXPECT_NE(first[0].receipt_handle, second[0].receipt_handle);
}

TEST_P(QueueContract, RemovesByReceipt) {
  send("a");
  const auto deliveries = receive(1, 1s);
  ASSERT_EQ(deliveries.size(), 1U);
  remove(deliveries[0], url_);
  pass(1s + 100ms);
  EXPECT_TRUE(receive().empty());
}

TEST_P(QueueContract, AStaleReceiptRemovesNothingAndIsNoError) {
  if (!capabilities().knows_stale_receipts) GTEST_SKIP() << "this server takes receipts of earlier deliveries";
  send("a");
  const auto first = receive(1, 1s);
  ASSERT_EQ(first.size(), 1U);
  pass(1s + 100ms);
  ASSERT_EQ(receive(1, 1s).size(), 1U);
  remove(first[0], url_);
  pass(1s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, AStaleReceiptHidesNothingAndIsNoError) {
  if (!capabilities().knows_stale_receipts) GTEST_SKIP() << "this server takes receipts of earlier deliveries";
  send("a");
  const auto first = receive(1, 1s);
  ASSERT_EQ(first.size(), 1U);
  pass(1s + 100ms);
  ASSERT_EQ(receive(1, 2s).size(), 1U);
  hide(first[0], 10min);
  pass(2s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, ChangesTheVisibilityOfADelivery) {
  send("a");
  const auto first = receive(1, 1s);
  ASSERT_EQ(first.size(), 1U);
  hide(first[0], 10s);
  pass(2s);
  EXPECT_TRUE(receive().empty());
  hide(first[0], 0ms);
  EXPECT_EQ(receive().size(), 1U) << "zero returns it at once";
}

TEST_P(QueueContract, DelaysAMessage) {
  OutgoingMessage late = message("a");
  late.delay = 2s;
  send(late, url_);
  EXPECT_TRUE(receive().empty());
  pass(2s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, DelaysEveryMessageWhereTheQueueSaysSo) {
  QueueAttributes attributes;
  attributes.delay = 2s;
  const std::string url = fresh_queue(attributes);
  send(message("a"), url);
  EXPECT_TRUE(receive(1, 30s, url).empty());
  pass(2s + 100ms);
  EXPECT_EQ(receive(1, 30s, url).size(), 1U);
}

TEST_P(QueueContract, DeliversAtMostWhatWasAskedFor) {
  for (int i = 0; i < 5; ++i) send(std::to_string(i));
  ReceiveOptions options;
  options.wait = 0ms;
  options.count_max = 2;
  EXPECT_LE(queue().receive(url_, options, {}).value().size(), 2U);
}

TEST_P(QueueContract, SendsMoreThanOneBatch) {
  std::vector<OutgoingMessage> messages;
  for (int i = 0; i < 25; ++i) messages.push_back(message(std::to_string(i)));
  const auto answers = queue().send(url_, messages).value();
  ASSERT_EQ(answers.size(), 25U);
  std::set<std::string> ids;
  for (const auto& answer : answers) ids.insert(answer.value());
  EXPECT_EQ(ids.size(), 25U);
  std::set<std::string> received;
  for (int tries = 0; tries < 20 && received.size() < 25; ++tries) {
    for (const Delivery& delivery : receive()) received.insert(delivery.message_id);
  }
  EXPECT_EQ(received, ids);
}

TEST_P(QueueContract, RefusesOneMessageAndTakesTheOthers) {
  if (!capabilities().refuses_long_messages) GTEST_SKIP() << "this backend takes messages of any length";
  std::vector<OutgoingMessage> messages{message("a"), message("b"), message("c")};
  messages[1].content.body = Json::from_valid_text("\"" + std::string(1024 * 1024 + 1, 'x') + "\"");
  const auto answers = queue().send(url_, messages).value();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[0].has_value());
  ASSERT_FALSE(answers[1].has_value());
  EXPECT_EQ(answers[1].error().code, ErrorCode::too_large);
  EXPECT_TRUE(answers[2].has_value());
}

TEST_P(QueueContract, SendsTheTasksOfACluster) {
  const ClusterHeader cluster = make_cluster(12);
  TaskRangeMessage range;
  range.common.type = RecordType::task;
  range.common.id = cluster.id;
  range.common.name = "named";
  range.common.expires_at = cluster.expires_at;
  const auto payloads = bodies(12);
  std::vector<TaskMessage> tasks;
  for (std::uint64_t i = 0; i < 12; ++i) tasks.push_back({i, i, payloads[i].body, i == 11 ? milliseconds(2s) : 0ms});
  EXPECT_TRUE(queue().send_tasks(url_, range, tasks).value().empty());

  std::map<std::uint64_t, std::string> received;
  for (int tries = 0; tries < 20 && received.size() < 11; ++tries) {
    for (const Delivery& delivery : receive()) {
      const Envelope content = wire::content_of(delivery).value();
      EXPECT_EQ(content.id, cluster.id);
      EXPECT_EQ(content.name, "named");
      EXPECT_EQ(content.position, content.index);
      received[content.index] = content.body.text();
    }
  }
  EXPECT_EQ(received.size(), 11U) << "the twelfth is delayed";
  EXPECT_EQ(received[7], R"({"task":7})");
  pass(2s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, SendingATaskAgainDeliversItAgain) {
  const ClusterHeader cluster = make_cluster(1);
  TaskRangeMessage range;
  range.common.type = RecordType::task;
  range.common.id = cluster.id;
  const auto payloads = bodies(1);
  const TaskMessage one{0, 0, payloads[0].body, 0ms};
  EXPECT_TRUE(queue().send_tasks(url_, range, std::span(&one, 1)).value().empty());
  const auto first = receive(1, 2s);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(queue().send_tasks(url_, range, std::span(&one, 1)).value().empty());
  remove(first[0], url_);
  pass(2s + 100ms);
  EXPECT_EQ(receive().size(), 1U) << "sent again, then the old one deleted: one must be left";
}

TEST_P(QueueContract, CountsWhatItHolds) {
  if (!capabilities().counts_are_exact) GTEST_SKIP() << "counts of this backend are approximate";
  for (int i = 0; i < 4; ++i) send(std::to_string(i));
  OutgoingMessage late = message("late");
  late.delay = 60s;
  send(late, url_);
  ASSERT_EQ(receive(1).size(), 1U);
  const QueueCounts counts = queue().counts(url_).value();
  EXPECT_EQ(counts.visible_count, 3U);
  EXPECT_EQ(counts.in_flight_count, 1U);
  EXPECT_EQ(counts.delayed_count, 1U);
}

TEST_P(QueueContract, ForgetsMessagesAfterTheirRetention) {
  if (!capabilities().counts_are_exact) GTEST_SKIP() << "the shortest retention of this backend is too long for a test";
  QueueAttributes attributes;
  attributes.retention = 60s;
  const std::string url = fresh_queue(attributes);
  send(message("a"), url);
  pass(61s);
  EXPECT_TRUE(receive(1, 30s, url).empty());
  EXPECT_EQ(queue().counts(url).value().visible_count, 0U);
}

TEST_P(QueueContract, CountsSingleMessagesThatNobodyHandledWithinTheRetention) {
  if (!capabilities().counts_are_exact) GTEST_SKIP() << "the shortest retention of this backend is too long for a test";
  QueueAttributes attributes;
  attributes.retention = 60s;
  const std::string url = fresh_queue(attributes);
  send(message("handled"), url);
  const auto handled = receive(1, 30s, url);
  ASSERT_EQ(handled.size(), 1U);
  queue().remove(url, std::span(&handled.front().receipt_handle, 1)).value();
  send(message("a"), url);
  send(message("b"), url);
  OutgoingMessage finish = message("finish of a cluster, which the sweep sends again");
  finish.content.type = RecordType::cluster;
  send(finish, url);
  const auto count = queue().counts(url).value().expired_count;
  if (!count) GTEST_SKIP() << "this backend cannot tell";
  EXPECT_EQ(*count, 0U);
  pass(61s);
  EXPECT_EQ(queue().counts(url).value().expired_count, 2U) << "before anybody looks for messages";
  EXPECT_TRUE(receive(10, 30s, url).empty());
  EXPECT_EQ(queue().counts(url).value().expired_count, 2U);
}

TEST_P(QueueContract, PurgesAll) {
  for (int i = 0; i < 3; ++i) send(std::to_string(i));
  ASSERT_EQ(receive(1, 1s).size(), 1U);
  const std::uint64_t count = queue().purge(url_).value();
  if (capabilities().counts_are_exact) {
    EXPECT_EQ(count, 3U);
  }
  pass(1s + 100ms);
  EXPECT_TRUE(receive().empty());
}

TEST_P(QueueContract, CreatingAnEqualQueueAgainIsFine) {
  QueueAttributes attributes;
  attributes.visibility = 45s;
  const std::string name = "q" + fresh_id();
  const std::string url = queue().create(name, attributes).value();
  EXPECT_EQ(queue().create(name, attributes).value(), url);
  EXPECT_EQ(queue().resolve(name).value(), url);
  EXPECT_EQ(queue().resolve(url).value(), url);
  EXPECT_EQ(queue().attributes(url).value(), attributes);
  EXPECT_THAT(queue().list().value(), ::testing::Contains(url));
}

TEST_P(QueueContract, CreatingAnotherQueueOfTheSameNameNamesWhatDiffers) {
  const std::string name = "q" + fresh_id();
  queue().create(name, {}).value();
  QueueAttributes other;
  other.visibility = 31s;
  const auto refused = queue().create(name, other);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("visibility"));
}

TEST_P(QueueContract, AttributesOutOfBoundsAreRefused) {
  const auto refused = [&](const QueueAttributes& attributes, const std::string& suffix = "") {
    const auto answer = queue().create("q" + fresh_id() + suffix, attributes);
    return !answer.has_value() && answer.error().code == ErrorCode::invalid_argument;
  };
  QueueAttributes attributes;
  attributes.visibility = std::chrono::hours(13);
  EXPECT_TRUE(refused(attributes));
  attributes = {};
  attributes.retention = 59s;
  EXPECT_TRUE(refused(attributes));
  attributes = {};
  attributes.delay = 16min;
  EXPECT_TRUE(refused(attributes));
  attributes = {};
  attributes.fifo = true;
  EXPECT_TRUE(refused(attributes)) << "a FIFO queue's name ends in .fifo";
}

TEST_P(QueueContract, AnUnknownQueueIsMadeOrNotFound) {
  const std::string name = "q" + fresh_id();
  const auto resolved = queue().resolve(name);
  if (capabilities().queues_made_at_use) {
    EXPECT_TRUE(resolved.has_value());
  } else {
    ASSERT_FALSE(resolved.has_value());
    EXPECT_EQ(resolved.error().code, ErrorCode::not_found);
  }
}

TEST_P(QueueContract, MovesToTheDeadLetterQueueInPlaceOfOneDeliveryTooMany) {
  const std::string dead = fresh_queue({});
  QueueAttributes attributes;
  attributes.redrive = RedrivePolicy{dead, 2};
  const std::string url = fresh_queue(attributes);
  const std::string id = send(message("a"), url);
  for (std::uint32_t count = 1; count <= 2; ++count) {
    const auto deliveries = receive(1, 1s, url);
    ASSERT_EQ(deliveries.size(), 1U);
    EXPECT_EQ(deliveries[0].receive_count, count);
    EXPECT_TRUE(receive(1, 1s, dead).empty());
    pass(1s + 100ms);
  }
  EXPECT_TRUE(receive(1, 1s, url).empty());
  const auto letters = receive(1, 1s, dead);
  ASSERT_EQ(letters.size(), 1U);
  if (letters[0].content) {
    EXPECT_EQ(letters[0].content->id, "a");
  }
}

TEST_P(QueueContract, RedrivesFromTheDeadLetterQueue) {
  if (!capabilities().redrives_by_call) GTEST_SKIP() << "this backend does not redrive by call";
  const std::string dead = fresh_queue({});
  QueueAttributes attributes;
  attributes.redrive = RedrivePolicy{dead, 1};
  const std::string url = fresh_queue(attributes);
  send(message("a"), url);
  ASSERT_EQ(receive(1, 1s, url).size(), 1U);
  pass(1s + 100ms);
  EXPECT_TRUE(receive(1, 1s, url).empty());
  EXPECT_EQ(queue().redrive(dead).value(), 1U);
  const auto again = receive(1, 1s, url);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].receive_count, 1U);
  EXPECT_EQ(queue().redrive(url).error().code, ErrorCode::invalid_argument);
}

TEST_P(QueueContract, AStoppedReceiveReturnsNothing) {
  send("a");
  std::stop_source stop;
  stop.request_stop();
  ReceiveOptions options;
  options.wait = 20s;
  EXPECT_TRUE(queue().receive(url_, options, stop.get_token()).value().empty());
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, IsSharedBetweenProcesses) {
  send("a");
  const Backend other = open();
  ReceiveOptions options;
  options.wait = 0ms;
  std::size_t count = 0;
  for (std::size_t tries = 0; tries < capabilities().receive_tries_max && count == 0; ++tries) {
    count = other.queue->receive(url_, options, {}).value().size();
  }
  EXPECT_EQ(count, 1U);
  EXPECT_TRUE(receive().empty());
}

FANFOLD_CONTRACT(QueueContract);

}  // namespace
}  // namespace fanfold::conformance
