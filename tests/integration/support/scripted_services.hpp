#pragma once

#include "backends/aws/dynamodb_table.hpp"
#include "backends/aws/sqs_queue.hpp"

#include "scripted_http_server.hpp"
#include "services_at.hpp"

#include <fanfold/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fanfold::aws {

/// As the services answer.
inline test::ScriptedReply reply(int status, std::string body,
                                 std::vector<std::pair<std::string, std::string>> headers = {}) {
  test::ScriptedReply reply = test::ScriptedReply::of(status, std::move(body));
  reply.headers = std::move(headers);
  reply.headers.emplace_back("x-amzn-RequestId", "R1");
  reply.headers.emplace_back("x-amz-request-id", "R1");
  return reply;
}

inline test::ScriptedReply s3_error(int status, const std::string& code) {
  return reply(status, "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>no</Message></Error>",
               {{"Content-Type", "application/xml"}});
}

/// SQS, DynamoDB and S3 as a test answers for them.
class AwsServices : public ::testing::Test {
 public:
  static OutgoingMessage text_message(std::string text) {
    OutgoingMessage message;
    message.text = std::move(text);
    return message;
  }
  static UpdateRequest update_of(std::string_view attribute) {
    UpdateRequest request;
    request.key = {"p", "r"};
    request.set.push_back({std::string(attribute), Value::of_binary("\x01\x02")});
    request.set_if_absent.push_back({"ttl", Value::of_number(7)});
    request.remove.emplace_back("w0");
    request.condition = {Clause::absent("gone"), Clause::equals("size", Value::of_number(3))};
    return request;
  }

  std::function<test::ScriptedReply(const test::ReceivedRequest&, int)> on_request;
  std::atomic<int> count{0};
  test::ScriptedHttpServer server{
      [this](const test::ReceivedRequest& request) { return on_request(request, ++count); }};
  ServicesAt services{server.url()};
  Usage& usage = services.usage;
  testing::ManualClock clock;
  const std::unique_ptr<DynamoDbTable> table =
      std::make_unique<DynamoDbTable>(*services.dynamodb, "fanfold", usage, true);
  S3Objects* const objects = &services.objects;
  const std::unique_ptr<SqsQueue> queue = std::make_unique<SqsQueue>(*services.sqs, clock, objects, "bucket", usage);
};

}  // namespace fanfold::aws
