#include "engine/send.hpp"

#include "engine/scene_for_tests.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

TEST(Send, DeliversTheBodyUnderTheKeyThatItAnswered) {
  Scene scene;
  const MessageKey key = scene.client->send_message("work", 42).value();
  const auto records = scene.client->receive("work").value();
  ASSERT_EQ(records.size(), 1U);
  const auto message = scene.client->read_sqs_record<int>(records.front()).value();
  EXPECT_EQ(message.body, 42);
  EXPECT_EQ(message.key, key);
  EXPECT_EQ(message.url, "work");
  EXPECT_FALSE(message.task.has_value());
}

TEST(Send, OfABatchAnswersEachInItsPlace) {
  Scene scene;
  scene.queue->refusals[1] = {ErrorCode::too_large};
  const auto answers = scene.client->send_message_batch("work", numbers(3)).value();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(code_of(answers[1]), ErrorCode::too_large);
  EXPECT_TRUE(answers[2].has_value());
  EXPECT_EQ((scene.client->get_message_record<Json, int>(*answers[2]).value().body), 2);
  EXPECT_EQ(scene.message_count(), 2U);
}

TEST(Send, KeepsInTheRecordThatTheQueueRefusedTheMessage) {
  Scene scene;
  scene.queue->refusals[0] = {ErrorCode::too_large};
  EXPECT_EQ(code_of(scene.client->send_message("work", 1)), ErrorCode::too_large);
  EXPECT_EQ(scene.message_count(), 0U);
  const auto record = scene.client->get_message_record(MessageKey::of_message(scene.queue->last_message_id)).value();
  EXPECT_EQ(record.status, Status::error);
  EXPECT_EQ(record.error.at(0).code, "too_large");
}

TEST(Send, IsRepeatedForWhatTheQueueRefusesForTheMoment) {
  Scene scene;
  scene.queue->refusals[0] = {ErrorCode::throttled, ErrorCode::unavailable};
  EXPECT_TRUE(scene.client->send_message("work", 1).has_value());
  EXPECT_EQ(scene.message_count(), 1U);
}

TEST(Send, IsReportedOnceItWasRefusedTooOften) {
  Scene scene;
  scene.queue->refusals[0] = std::deque<ErrorCode>(50, ErrorCode::throttled);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1)), ErrorCode::throttled);
  EXPECT_EQ(scene.queue->send_count, message_send_count_max);
}

TEST(Send, OfManyThousandsKeepsTheOrderOfAnswers) {
  Scene scene;
  const auto answers = scene.client->send_message_batch("work", numbers(2'500)).value();
  ASSERT_EQ(answers.size(), 2'500U);
  for (const int i : {0, 999, 1'000, 2'499}) {
    EXPECT_EQ((scene.client->get_message_record<Json, int>(*answers[static_cast<std::size_t>(i)]).value().body), i);
  }
}

TEST(Send, RefusesOptionsOutOfTheirLimits) {
  Scene scene;
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.delay = 16min})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.delay = -1ms})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.group_id = "g"})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.expires_after = 0h})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->send_message("work", 1, {.meta = std::string(70'000, 'x')})), ErrorCode::too_large);
  EXPECT_EQ(scene.message_count(), 0U);
}

TEST(Send, RefusesWhatHasNoJsonFormAndSendsTheRest) {
  Scene scene;
  const std::vector<std::string> bodies{"a", "\xff", "b"};
  const auto answers = scene.client->send_message_batch("work", bodies).value();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(code_of(answers[1]), ErrorCode::invalid_argument);
  EXPECT_TRUE(answers[2].has_value());
  EXPECT_EQ(scene.message_count(), 2U);

  const double no_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(code_of(scene.client->send_message("work", no_number)), ErrorCode::invalid_argument);
  const auto refused = scene.client->create_message_cluster("work", bodies);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(refused.error().message.starts_with("task 1: ")) << refused.error().message;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  EXPECT_EQ(code_of(scene.client->update_cluster_globals(cluster, no_number)), ErrorCode::invalid_argument);
}

TEST(Send, ToAFifoQueueNeedsAGroupAndIsFreshEachTime) {
  Scene scene;
  static_cast<void>(scene.client->create_queue("work.fifo", {.fifo = true}).value());
  EXPECT_EQ(code_of(scene.client->send_message("work.fifo", 1)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->send_message("work.fifo", 1, {.delay = 1s, .group_id = "g"})),
            ErrorCode::invalid_argument);
  EXPECT_TRUE(scene.client->send_message("work.fifo", 1, {.group_id = "g"}).has_value());
  EXPECT_TRUE(scene.client->send_message("work.fifo", 1, {.group_id = "g"}).has_value());
  EXPECT_EQ(scene.message_count("work.fifo"), 2U);
}

TEST(Receive, RefusesOptionsOutOfTheirLimits) {
  Scene scene;
  EXPECT_EQ(code_of(scene.client->receive("work", {.count_max = 0})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->receive("work", {.count_max = 11})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->receive("work", {.wait = 21s})), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(scene.client->receive("work", {.visibility = 13h})), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace fanfold::engine
