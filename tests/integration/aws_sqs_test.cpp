// ctest: labels=integration,tsan
// What no server of the tests does, and SQS may: answers that are scripted by its documentation.
#include "aws/md5.hpp"
#include "backends/aws/pointer.hpp"

#include "support/scripted_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;
using test::ReceivedRequest;
using ::testing::HasSubstr;

using Sqs = AwsServices;

TEST_F(Sqs, EntriesOfABatchAreMatchedByTheirId) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(200,
                 R"({"Successful":[{"Id":"2","MessageId":"third","MD5OfMessageBody":")" + md5_text("three") + R"("}],
                          "Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"},{"Id":"1","SenderFault":false,"Code":"InternalError"}]})");
  };
  const std::vector<OutgoingMessage> messages{text_message("one"), text_message("two"), text_message("three"),
                                              text_message("four")};
  const auto answers = queue->send("https://queue", messages).value();
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0].error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(answers[1].error().code, ErrorCode::unavailable);
  EXPECT_EQ(answers[2].value(), "third");
  EXPECT_EQ(answers[3].error().code, ErrorCode::unavailable) << "of which the answer says nothing";
}

TEST_F(Sqs, ARefusalOfTheWholeCallIsNoRefusalOfItsTasks) {
  struct Refusal {
    std::string service_code;
    ErrorCode code;
  };
  for (const Refusal& refusal : {Refusal{"KmsAccessDenied", ErrorCode::permission_denied},
                                 Refusal{"InvalidAddress", ErrorCode::invalid_argument}}) {
    on_request = [&](const ReceivedRequest&, int) {
      return reply(400, R"({"__type":"com.amazonaws.sqs#)" + refusal.service_code + R"("})");
    };
    const TaskMessage task{.position = 0, .index = 0, .body = "1", .delay = {}};
    const auto sent = queue->send_tasks("https://queue", {}, std::span(&task, 1));
    ASSERT_FALSE(sent.has_value()) << refusal.service_code;
    EXPECT_EQ(sent.error().code, refusal.code);
  }
}

TEST_F(Sqs, AQueueThatWasJustMadeIsWaitedForUntilItIsKnown) {
  on_request = [](const ReceivedRequest& request, int number) {
    if (request.header("x-amz-target") == "AmazonSQS.CreateQueue") return reply(200, R"({"QueueUrl":"https://queue"})");
    if (number < 4) return reply(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})");
    return reply(200, R"({"Attributes":{}})");
  };
  EXPECT_EQ(queue->create("new", {}).value(), "https://queue");
  EXPECT_EQ(count, 4);
}

TEST_F(Sqs, AQueueThatIsGoneIsNamedWithWhatMakesIt) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"it does not exist"})");
  };
  const std::string url = "https://sqs.eu-west-1.amazonaws.com/123456789012/mail";
  const std::string told = "there is no queue mail in this account and region; fanfold setup aws --queue mail makes it";
  const std::vector<std::string> receipts{"r"};
  const std::vector<VisibilityChange> changes{{"r", 5s}};
  const OutgoingMessage message = text_message("text");
  const TaskMessage task{.position = 0, .index = 0, .body = "1", .delay = {}};
  const Error errors[] = {queue->receive(url, {}, {}).error(),
                          queue->counts(url).error(),
                          queue->attributes(url).error(),
                          queue->send(url, std::span(&message, 1)).value().at(0).error(),
                          queue->send_tasks(url, {}, std::span(&task, 1)).error(),
                          queue->remove(url, receipts).value().at(0).error(),
                          queue->change_visibility(url, changes).value().at(0).error(),
                          queue->resolve("mail").error()};
  for (const Error& error : errors) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.message, told);
    EXPECT_NE(error.remote_detail.find("it does not exist"), std::string::npos);
  }
}

TEST_F(Sqs, AMessageThatArrivedDamagedIsNotCountedAsSent) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(200, R"({"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":")" + md5_text("other") +
                          R"("}],"Failed":[]})");
  };
  const OutgoingMessage message = text_message("text");
  EXPECT_EQ(queue->send("https://queue", std::span(&message, 1)).value().at(0).error().code, ErrorCode::unavailable);
}

TEST_F(Sqs, ADeliveryThatArrivedDamagedIsLeft) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(200, R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r","Body":"good","MD5OfBody":")" +
                          md5_text("good") + R"("},{"MessageId":"b","ReceiptHandle":"r","Body":"bad","MD5OfBody":")" +
                          md5_text("good") + R"("}]})");
  };
  const auto deliveries = queue->receive("https://queue", {}, {}).value();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].message_id, "a");
}

// SQS tells every attribute; ElasticMQ, for one, has no retention and does not speak of it.
TEST_F(Sqs, AnAttributeThatTheServerDoesNotTellIsNoDifference) {
  on_request = [](const ReceivedRequest&, int) {  // Both answers in one: CreateQueue's and GetQueueAttributes'.
    return reply(200,
                 R"({"QueueUrl":"http://localhost/1/q","Attributes":{"VisibilityTimeout":"30","DelaySeconds":"0"}})");
  };
  QueueAttributes wanted;
  wanted.retention = std::chrono::days{14};
  EXPECT_EQ(queue->create("q", wanted).value(), "http://localhost/1/q");
  EXPECT_EQ(queue->attributes("http://localhost/1/q").value().retention, QueueAttributes{}.retention);
  wanted.visibility = 31s;
  EXPECT_EQ(queue->create("q", wanted).error().code, ErrorCode::already_exists);
}

TEST_F(Sqs, TheTraceHeaderIsASystemAttributeOfTheMessagesThatHaveOne) {  // By SQS's API reference of SendMessageBatch.
  std::string sent;
  on_request = [&](const ReceivedRequest& request, int) {
    sent = request.body;
    const bool is_two = sent.find(R"("Id":"1")") != std::string::npos;
    return reply(200, R"({"Successful":[{"Id":"0","MessageId":"a"})" +
                          std::string(is_two ? R"(,{"Id":"1","MessageId":"b"}]})" : "]}"));
  };
  const std::string header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
  std::vector<OutgoingMessage> messages{text_message("one"), text_message("two")};
  messages[1].content.trace = TraceContext{.aws_header = header};
  EXPECT_EQ(queue->send("https://queue", messages).value().at(1).value(), "b");
  EXPECT_EQ(sent,
            R"({"QueueUrl":"https://queue","Entries":[{"Id":"0","MessageBody":"one"},{"Id":"1","MessageBody":"two",)"
            R"("MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":")" +
                header + R"("}}}]})");

  TaskRangeMessage range{.common = {.type = RecordType::task, .id = "c", .trace = messages[1].content.trace}};
  const TaskMessage task{.position = 0, .index = 0, .body = "1", .delay = {}};
  EXPECT_TRUE(queue->send_tasks("https://queue", range, std::span(&task, 1)).value().empty());
  EXPECT_THAT(sent, HasSubstr(R"("MessageSystemAttributes":{"AWSTraceHeader":)"));
  range.common.trace = {};
  EXPECT_TRUE(queue->send_tasks("https://queue", range, std::span(&task, 1)).value().empty());
  EXPECT_EQ(sent.find("Attributes"), std::string::npos);
}

TEST_F(Sqs, TheTraceIsAskedForAndOneThatIsWrongIsLeftOut) {
  std::string asked;
  on_request = [&](const ReceivedRequest& request, int) {
    asked = request.body;
    return reply(200, R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r","Body":"1","Attributes":{"AWSTraceHeader":
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}},
      {"MessageId":"b","ReceiptHandle":"r","Body":"1","Attributes":{"AWSTraceHeader":"Root=0"},"MessageAttributes":{
        "traceparent":{"DataType":"String","StringValue":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},"tracestate":7}},
      {"MessageId":"c","ReceiptHandle":"r","Body":"1","Attributes":{"AWSTraceHeader":7},"MessageAttributes":{"traceparent":
        {"DataType":"Binary","BinaryValue":"AA=="}}}]})");
  };
  const auto deliveries = queue->receive("https://queue", {}, {}).value();
  ASSERT_EQ(deliveries.size(), 3U);
  EXPECT_EQ(deliveries[0].trace->parent, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
  EXPECT_EQ(*deliveries[1].trace, (TraceContext{.parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}));
  EXPECT_TRUE(deliveries[2].trace.empty());
  EXPECT_THAT(asked, HasSubstr(R"("SentTimestamp","MessageGroupId","AWSTraceHeader"])"));
}

TEST_F(Sqs, APurgeAnswersWithAnEmptyBodyAndNothingElseDoes) {  // By SQS's API reference of PurgeQueue.
  on_request = [](const ReceivedRequest&, int call) {
    return reply(200, call == 1 ? R"({"Attributes":{"ApproximateNumberOfMessages":"3"}})" : "");
  };
  EXPECT_EQ(queue->purge("http://localhost/1/q").value(), 3U);
  EXPECT_EQ(queue->counts("http://localhost/1/q").error().code, ErrorCode::unavailable);
}

TEST_F(Sqs, AnEmptyAnswerIsNoMessages) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, "{}"); };
  EXPECT_TRUE(queue->receive("https://queue", {}, {}).value().empty());
}

TEST_F(Sqs, AStaleReceiptIsHarmless) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(
        200,
        R"({"Failed":[{"Id":"0","SenderFault":true,"Code":"ReceiptHandleIsInvalid"},{"Id":"1","SenderFault":false,"Code":"InternalError"}]})");
  };
  const std::vector<std::string> receipts{"stale", "unlucky"};
  const auto answers = queue->remove("https://queue", receipts).value();
  EXPECT_TRUE(answers[0].has_value());
  EXPECT_FALSE(answers[1].has_value());
}

TEST_F(Sqs, AVisibilityChangeOfWhatIsNotInFlightIsHarmless) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(
        200,
        R"({"Failed":[{"Id":"0","SenderFault":true,"Code":"AWS.SimpleQueueService.MessageNotInflight"},{"Id":"1","SenderFault":false,"Code":"InternalError"}]})");
  };
  const std::vector<VisibilityChange> changes{{"deleted meanwhile", 5s}, {"unlucky", 5s}};
  const auto answers = queue->change_visibility("https://queue", changes).value();
  EXPECT_TRUE(answers[0].has_value());
  EXPECT_FALSE(answers[1].has_value());
}

TEST_F(Sqs, TooManyMessagesInFlightAreWaitedOut) {
  on_request = [](const ReceivedRequest&, int attempt) {
    if (attempt == 1) return reply(403, R"({"__type":"com.amazonaws.sqs#OverLimit","message":"no"})");
    return reply(200, R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r","Body":"good"}]})");
  };
  EXPECT_EQ(queue->receive("https://queue", {}, {}).value().size(), 1U);
  EXPECT_EQ(count, 2);
}

TEST_F(Sqs, APurgeWithinAMinuteOfAnotherIsNotTakenForOne) {
  on_request = [](const ReceivedRequest& request, int) {
    if (request.header("x-amz-target") == "AmazonSQS.GetQueueAttributes")
      return reply(200, R"({"Attributes":{"ApproximateNumberOfMessages":"3","ApproximateNumberOfMessagesNotVisible":"1",
                            "ApproximateNumberOfMessagesDelayed":"0"}})");
    return reply(403, R"({"__type":"com.amazonaws.sqs#PurgeQueueInProgress","message":"no"})");
  };
  EXPECT_EQ(queue->purge("https://queue").error().code, ErrorCode::throttled);
}

TEST_F(Sqs, ARedriveStartsTheTaskThatMovesDeadLettersBack) {
  std::string started;
  on_request = [&](const ReceivedRequest& request, int) {
    const std::string target = std::string(request.header("x-amz-target"));
    if (target == "AmazonSQS.ListDeadLetterSourceQueues") return reply(200, R"({"queueUrls":["https://queue"]})");
    if (target == "AmazonSQS.GetQueueAttributes")
      return reply(200, R"({"Attributes":{"QueueArn":"arn:aws:sqs:eu-west-1:1:dead","ApproximateNumberOfMessages":"3",
                            "ApproximateNumberOfMessagesNotVisible":"0","ApproximateNumberOfMessagesDelayed":"0"}})");
    started = target + request.body;
    return reply(200, R"({"TaskHandle":"t"})");
  };
  EXPECT_EQ(queue->redrive("https://dead").value(), 3U);
  EXPECT_EQ(started, R"(AmazonSQS.StartMessageMoveTask{"SourceArn":"arn:aws:sqs:eu-west-1:1:dead"})");
}

TEST_F(Sqs, AQueueThatIsNobodysDeadLetterQueueIsNotRedriven) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, R"({"queueUrls":[]})"); };
  EXPECT_EQ(queue->redrive("https://queue").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(count, 1);
}

TEST_F(Sqs, NoBatchIsLongerThanTenMessagesOrOneMegabyte) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, R"({"Successful":[],"Failed":[]})"); };
  std::vector<OutgoingMessage> messages(25, text_message("short"));
  for (int i = 0; i < 3; ++i) messages.push_back(text_message(std::string(600'000, 'x')));
  static_cast<void>(queue->send("https://queue", messages));
  // Ten, ten, five with the first long one, and one for each other long one. Each is tried once: its entries failed,
  // not the call.
  EXPECT_EQ(usage.sqs_send_count, 5U);
}

TEST_F(Sqs, AMessageThatIsTooLongGoesIntoTheBucketWithAPointerInItsPlace) {
  std::string key;
  on_request = [&](const ReceivedRequest& request, int) {
    if (request.method == "PUT") {
      key = request.target.substr(1);
      return reply(200, "", {{"ETag", "\"e\""}});
    }
    return reply(200, R"({"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":""}]})");
  };
  const OutgoingMessage message = text_message(std::string(sqs_bytes_max + 1, 'x'));
  EXPECT_EQ(queue->send("https://queue", std::span(&message, 1)).value().at(0).value(), "m");
  const std::string body = server.requests().back().body;
  EXPECT_THAT(body, HasSubstr("software.amazon.payloadoffloading.PayloadS3Pointer"));
  EXPECT_THAT(body, HasSubstr(R"("ExtendedPayloadSize":{"DataType":"Number","StringValue":"1048577"})"));
  EXPECT_TRUE(key.starts_with("bucket/fanfold-payloads/")) << key;
}

TEST_F(Sqs, AQueueThatTakesLessIsAskedOnceAndBelieved) {
  int asked = 0;
  std::size_t longest = 0;
  on_request = [&](const ReceivedRequest& request, int) {
    if (request.method == "PUT") return reply(200, "", {{"ETag", "\"e\""}});
    if (request.header("x-amz-target") == "AmazonSQS.GetQueueAttributes") {
      ++asked;
      return reply(200, R"({"Attributes":{"MaximumMessageSize":"262144"}})");
    }
    longest = std::max(longest, request.body.size());
    return reply(200, R"({"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":""}]})");
  };
  for (const std::size_t size : {262'144U, 262'145U, 300'000U}) {
    const OutgoingMessage message = text_message(std::string(size, 'x'));
    EXPECT_EQ(queue->send("https://queue", std::span(&message, 1)).value().at(0).value(), "m");
  }
  EXPECT_EQ(asked, 1);
  EXPECT_LT(longest, 263'000U) << "the others went into the bucket";
}

TEST_F(Sqs, APointerIsFollowedAndItsObjectGoesAfterItsMessage) {
  std::vector<std::string> methods;
  on_request = [&](const ReceivedRequest& request, int) {
    methods.push_back(request.method);
    if (request.method == "GET") return reply(200, "the payload", {{"ETag", "\"e\""}});
    if (request.method == "DELETE") return reply(204, "");
    if (request.header("x-amz-target") == "AmazonSQS.DeleteMessageBatch")
      return reply(200, R"({"Successful":[{"Id":"0"}]})");
    return reply(
        200,
        R"({"Messages":[{"MessageId":"a","ReceiptHandle":"r","MessageAttributes":{"SQSLargePayloadSize":{"DataType":"Number","StringValue":"11"}},
      "Body":"[\"software.amazon.payloadoffloading.PayloadS3Pointer\", {\"s3BucketName\": \"theirs\", \"s3Key\": \"some-key\"}]"}]})");
  };
  const auto deliveries = queue->receive("https://queue", {}, {}).value();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].text, "the payload");
  EXPECT_TRUE(queue->remove("https://queue", std::span(&deliveries[0].receipt_handle, 1)).value().at(0).has_value());
  EXPECT_THAT(methods, ::testing::ElementsAre("POST", "GET", "POST", "DELETE"));
  EXPECT_THAT(server.requests().at(2).body, HasSubstr(R"("ReceiptHandle":"r")"));
  EXPECT_EQ(server.requests().at(3).target, "/theirs/some-key");
}

}  // namespace
}  // namespace fanfold::aws
