// ctest: labels=integration,tsan
// What other servers than AWS's answer, as it was seen, and what set-up says of a server that does not keep promises.
#include "backends/aws/sqs_queue.hpp"

#include "support/scripted_http_server.hpp"
#include "support/services_at.hpp"

#include <fanfold/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;
using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;
using ::testing::HasSubstr;

constexpr std::string_view queue_url = "http://localhost/1/q";

std::string operation_of(const ReceivedRequest& request) {
  const std::string target = request.header("x-amz-target");
  return target.empty() ? request.method : target.substr(target.find('.') + 1);
}

/// How many messages a SendMessageBatch has.
std::size_t entry_count_of(const ReceivedRequest& request) {
  std::size_t count = 0;
  for (std::size_t at = request.body.find("\"Id\":"); at != std::string::npos;
       at = request.body.find("\"Id\":", at + 1))
    ++count;
  return count;
}

ScriptedReply sent_all(const ReceivedRequest& request) {
  std::string text = R"({"Successful":[)";
  for (std::size_t i = 0; i < entry_count_of(request); ++i) {
    if (i > 0) text += ',';
    text += R"({"Id":")" + std::to_string(i) + R"(","MessageId":"m"})";
  }
  return ScriptedReply::of(200, text + "]}");
}

class OtherServers : public ::testing::Test {
 public:
  std::vector<Result<std::string>> send(const std::vector<std::string>& texts) {
    std::vector<OutgoingMessage> messages(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) messages[i].text = texts[i];
    return queue->send(queue_url, messages).value();
  }

  std::function<ScriptedReply(const ReceivedRequest&)> on_request;
  ScriptedHttpServer server{[this](const ReceivedRequest& request) { return on_request(request); }};
  ServicesAt services{server.url()};
  testing::ManualClock clock;
  const std::unique_ptr<SqsQueue> queue =
      std::make_unique<SqsQueue>(*services.sqs, clock, &services.objects, "bucket", services.usage);
};

// ElasticMQ, roto and LocalStack: 256 KiB a batch, as SQS had it before August 2025.
TEST_F(OtherServers, ABatchThatIsTooLongGoesMessageByMessage) {
  for (const char* code : {"com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
                           "InvalidAttributeValue"}) {
    std::atomic<int> alone_count = 0;
    on_request = [&](const ReceivedRequest& request) {
      if (entry_count_of(request) > 1) return ScriptedReply::of(400, std::string(R"({"__type":")") + code + R"("})");
      ++alone_count;
      return sent_all(request);
    };
    for (const auto& sent : send(std::vector<std::string>(3, std::string(100'000, 'x')))) EXPECT_TRUE(sent.has_value());
    EXPECT_EQ(alone_count, 3) << code;
  }
}

TEST_F(OtherServers, OneMessageThatIsRefusedSpoilsNoOther) {
  on_request = [](const ReceivedRequest& request) {
    if (request.body.find("spoiled") != std::string::npos)
      return ScriptedReply::of(400, R"({"__type":"InvalidMessageContents"})");
    return sent_all(request);
  };
  const auto answers = send({"good", "spoiled", "fine"});
  EXPECT_TRUE(answers[0].has_value());
  EXPECT_EQ(answers[1].error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(answers[2].has_value());
}

TEST_F(OtherServers, AMessageThatIsLongerThanAQueueSaysItTakesGoesIntoTheBucket) {
  std::string stored;
  on_request = [&](const ReceivedRequest& request) {
    if (request.method == "PUT") {
      stored = request.body;
      ScriptedReply made = ScriptedReply::of(200, "");
      made.headers.emplace_back("ETag", "\"e\"");
      return made;
    }
    if (operation_of(request) == "GetQueueAttributes") return ScriptedReply::of(200, R"({"Attributes":{}})");
    if (request.body.size() > 262'144)
      return ScriptedReply::of(400, R"({"__type":"InvalidAttributeValue","message":"MessageTooLong"})");
    return sent_all(request);
  };
  const std::string text(300'000, 'x');
  EXPECT_EQ(send({text}).at(0).value(), "m");
  EXPECT_EQ(stored, text);
  EXPECT_THAT(server.requests().back().body, HasSubstr("software.amazon.payloadoffloading.PayloadS3Pointer"));
}

// local-aws-sqs
TEST_F(OtherServers, AReceiveThatIsAnsweredWithoutABodyIsNoMessages) {
  on_request = [](const ReceivedRequest&) { return ScriptedReply::of(200, ""); };
  EXPECT_TRUE(queue->receive(queue_url, {}, {}).value().empty());
}

// local-aws-sqs, and others from before November 2024
TEST_F(OtherServers, AServerThatKnowsOnlyTheOlderNameOfAttributesIsAskedByIt) {
  on_request = [](const ReceivedRequest& request) {
    const bool tells = request.body.find("\"AttributeNames\"") != std::string::npos;
    return ScriptedReply::of(200, R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r","Body":"b")" +
                                      std::string(tells ? R"(,"Attributes":{"ApproximateReceiveCount":"4"})" : "") +
                                      "}]}");
  };
  EXPECT_EQ(queue->receive(queue_url, {}, {}).value().at(0).receive_count, 1U);
  EXPECT_EQ(queue->receive(queue_url, {}, {}).value().at(0).receive_count, 4U);
}

TEST_F(OtherServers, TheOlderProtocolIsNamed) {
  on_request = [](const ReceivedRequest&) {
    return ScriptedReply::of(400,
                             "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ErrorResponse><Error><Type>Sender</Type>"
                             "<Code>InvalidAction</Code></Error></ErrorResponse>");
  };
  EXPECT_THAT(queue->list().error().message, HasSubstr("XML of the older query protocol"));
  on_request = [](const ReceivedRequest&) {
    return ScriptedReply::of(200, "<ListQueuesResponse><ListQueuesResult></ListQueuesResult></ListQueuesResponse>");
  };
  EXPECT_THAT(queue->list().error().message, HasSubstr("XML of the older query protocol"));
}

TEST_F(OtherServers, AQueueWorksOnWithoutTheDeadLetterQueueThatItsPolicyNames) {
  on_request = [](const ReceivedRequest& request) {
    if (operation_of(request) == "GetQueueUrl")
      return ScriptedReply::of(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})");
    return ScriptedReply::of(
        200, R"({"Attributes":{"VisibilityTimeout":"30","RedrivePolicy":)"
             R"("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:1:q-dead\",\"maxReceiveCount\":\"5\"}"}})");
  };
  const QueueAttributes attributes = queue->attributes(queue_url).value();
  ASSERT_TRUE(attributes.redrive.has_value());
  EXPECT_EQ(attributes.redrive->dead_letter_queue, "http://localhost/1/q-dead");
  EXPECT_EQ(attributes.redrive->receive_count_max, 5U);
}

}  // namespace
}  // namespace fanfold::aws
