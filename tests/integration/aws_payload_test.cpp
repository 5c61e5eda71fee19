// Messages that are too long for SQS, as a worker receives them and as Lambda gives them: the event has the pointer,
// and the message attribute.
#include "backends/aws/keys.hpp"
#include "backends/aws/pointer.hpp"
#include "backends/aws/sqs_queue.hpp"

#include "support/runtime_api_server.hpp"
#include "support/services_at.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>
#include <fanfold/json.hpp>
#include <fanfold/lambda.hpp>
#include <fanfold/testing/memory_store.hpp>
#include <fanfold/worker.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine.hpp"

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;
using test::ReceivedRequest;
using test::ScriptedReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* standard_arn = "arn:aws:sqs:eu-west-1:123456789012:work";
constexpr const char* fifo_arn = "arn:aws:sqs:eu-west-1:123456789012:work.fifo";
constexpr const char* standard_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/work";
constexpr const char* fifo_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/work.fifo";

/// A bucket, and a queue that keeps what was sent for the test to deliver. Remembers what was done, in order.
class Services {
 public:
  ScriptedReply answer(const ReceivedRequest& request) {
    const std::scoped_lock lock(mutex_);
    return request.method == "POST" ? answer_sqs(request) : answer_s3(request);
  }
  [[nodiscard]] std::vector<SqsRecord> sent(const std::string& arn) const {
    const std::scoped_lock lock(mutex_);
    std::vector<SqsRecord> records = sent_;
    for (SqsRecord& record : records) record.event_source_arn = arn;
    return records;
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, body] : objects_) keys.push_back(key);
    return keys;
  }
  void lose_objects() {
    const std::scoped_lock lock(mutex_);
    objects_.clear();
  }
  void deny() {
    const std::scoped_lock lock(mutex_);
    denies_ = true;
  }
  [[nodiscard]] std::vector<std::string> deletions() const {
    const std::scoped_lock lock(mutex_);
    return deletions_;
  }

 private:
  static ScriptedReply reply(int status, std::string body) {
    ScriptedReply reply = ScriptedReply::of(status, std::move(body));
    reply.headers = {{"x-amzn-RequestId", "R"}, {"ETag", "\"e\""}};
    return reply;
  }
  static ScriptedReply s3_error(int status, const std::string& code) {
    return reply(status, "<Error><Code>" + code + "</Code><Message>no</Message></Error>");
  }

  ScriptedReply answer_s3(const ReceivedRequest& request) {
    const std::string& key = request.target;
    if (request.method == "PUT") {
      objects_[key] = request.body;
      return reply(200, "");
    }
    if (request.method == "DELETE") {
      deletions_.emplace_back("object");
      objects_.erase(key);
      return reply(204, "");
    }
    if (denies_) return s3_error(403, "AccessDenied");
    const auto found = objects_.find(key);
    return found == objects_.end() ? s3_error(404, "NoSuchKey") : reply(200, found->second);
  }

  ScriptedReply answer_sqs(const ReceivedRequest& request) {
    const std::string operation = request.header("x-amz-target");
    if (operation == "AmazonSQS.ReceiveMessage") return deliver();
    detail::JsonDocument document;
    const auto read = document.read(request.body);
    if (!read) return reply(400, "{}");
    std::string successful;
    const auto entries = document.root().find("Entries");
    if (!entries) return reply(200, R"({"Attributes":{}})");
    for (const detail::JsonValue entry : entries->elements()) {
      const std::string id(entry.find("Id")->string());
      if (operation == "AmazonSQS.DeleteMessageBatch") deletions_.emplace_back("message");
      if (operation == "AmazonSQS.SendMessageBatch") keep(entry);
      successful += (successful.empty() ? "" : ",") + (R"({"Id":")" + id + R"(","MessageId":"m)") +
                    std::to_string(sent_.size() - 1) + R"("})";
    }
    return reply(200, R"({"Successful":[)" + successful + "]}");
  }

  /// Each message once.
  ScriptedReply deliver() {
    std::string text;
    detail::JsonWriter out(text);
    out.begin_object();
    out.plain_key("Messages");
    out.begin_array();
    for (; received_ < sent_.size(); ++received_) {
      const SqsRecord& record = sent_[received_];
      out.begin_object();
      out.plain_key("MessageId");
      out.string(record.message_id);
      out.plain_key("ReceiptHandle");
      out.string(record.receipt_handle);
      out.plain_key("Body");
      out.string(record.body);
      out.plain_key("MessageAttributes");
      out.begin_object();
      for (const auto& [name, attribute] : record.message_attributes) {
        out.key(name);
        out.begin_object();
        out.plain_key("DataType");
        out.string(attribute.data_type);
        out.plain_key("StringValue");
        out.string(attribute.string_value);
        out.end_object();
      }
      out.end_object();
      out.end_object();
    }
    out.end_array();
    out.end_object();
    return reply(200, text);
  }

  void keep(const detail::JsonValue& entry) {
    SqsRecord record;
    record.message_id = "m" + std::to_string(sent_.size());
    record.receipt_handle = "r" + std::to_string(sent_.size());
    record.body = entry.find("MessageBody")->string();
    record.attributes = {{"ApproximateReceiveCount", "1"}, {"SentTimestamp", "1545082649183"}};
    if (const auto group = entry.find("MessageGroupId")) record.attributes["MessageGroupId"] = group->string();
    if (const auto attributes = entry.find("MessageAttributes")) {
      for (const auto& attribute : attributes->members()) {
        record.message_attributes[std::string(attribute.key)] = {
            .data_type = std::string(attribute.value.find("DataType")->string()),
            .string_value = std::string(attribute.value.find("StringValue")->string())};
      }
    }
    sent_.push_back(std::move(record));
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> objects_;  // By "/bucket/key".
  std::vector<SqsRecord> sent_;
  std::size_t received_ = 0;
  std::vector<std::string> deletions_;
  bool denies_ = false;
};

/// The queue of SQS and the bucket, and all else in memory.
class Payload : public ::testing::Test {
 public:
  Client open(bool with_bucket = true) {
    Backend backend = store.backend();
    backend.queue =
        std::make_unique<SqsQueue>(*at_.sqs, *backend.clock, with_bucket ? &at_.objects : nullptr, "photos", at_.usage);
    return make_client(std::move(backend));
  }
  /// Keeps the sizes of the bodies that it was given.
  Handlers sizes() {
    Handlers handlers;
    handlers.on_message = [this](const Message<Json>& message, const Context&) {
      seen.push_back(message.body.text().size());
      return done();
    };
    return handlers;
  }
  /// A message's error names where its payload is.
  static void expect_named(const std::string& key, const std::string& message) {
    EXPECT_THAT(message, HasSubstr("bucket photos, key " + key));
  }
  /// The key of the first message's payload.
  [[nodiscard]] std::string key() const { return read_pointer(services.sent(standard_arn).at(0).body).value().key; }

  const std::string long_body = std::string(sqs_bytes_max, 'x');  // In JSON two longer, and an envelope around it.
  Services services;
  /// On the system's time: a manual clock runs on while a worker waits, and its sweep would send again what is lost.
  testing::MemoryStore store{testing::MemoryOptions{.clock = nullptr}};
  std::vector<std::size_t> seen;

 private:
  test::ScriptedHttpServer server_{[this](const ReceivedRequest& request) { return services.answer(request); }};
  ServicesAt at_{server_.url()};
};

using LambdaPayload = Payload;
using WorkerPayload = Payload;

TEST_F(LambdaPayload, OfATaskIsFetchedAndLivesOnWithItsCluster) {
  const Client client = open();
  const Cluster cluster = client.create_message_cluster(standard_url, std::vector{long_body}).value();
  const SqsEvent event{services.sent(standard_arn)};
  ASSERT_EQ(event.records.size(), 1U);
  ASSERT_THAT(event.records[0].body, HasSubstr("PayloadS3Pointer"));
  EXPECT_THAT(client.process_batch(event, sizes()).value().batch_item_failures, IsEmpty());
  EXPECT_THAT(seen, ElementsAre(sqs_bytes_max + 2));
  EXPECT_EQ(client.progress(cluster).value().done_count, 1U);
  EXPECT_TRUE(key().starts_with(key_prefix)) << key();
  EXPECT_EQ(services.keys().size(), 1U);
  EXPECT_THAT(services.deletions(), IsEmpty()) << "Lambda deletes the message";
}

TEST_F(LambdaPayload, OfASingleMessageIsDeletedAfterItsMessage) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  EXPECT_THAT(client.process_batch({services.sent(standard_arn)}, sizes()).value().batch_item_failures, IsEmpty());
  EXPECT_THAT(seen, ElementsAre(sqs_bytes_max + 2));
  EXPECT_THAT(services.deletions(), ElementsAre("message", "object"));
  EXPECT_THAT(services.keys(), IsEmpty());
}

TEST_F(LambdaPayload, OfAMessageThatIsTriedAgainIsKept) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  Handlers handlers;
  handlers.on_message = [](const Message<Json>&, const Context&) { return retry("not now", 1h); };
  EXPECT_THAT(client.process_batch({services.sent(standard_arn)}, handlers).value().batch_item_failures,
              ElementsAre("m0"));
  EXPECT_THAT(services.deletions(), IsEmpty());
  EXPECT_EQ(services.keys().size(), 1U);
}

TEST_F(LambdaPayload, ThatMayNotBeReadLeavesItsMessageInTheQueueAndSaysWhere) {
  const Client client = open();
  const Cluster cluster = client.create_message_cluster(standard_url, std::vector{long_body, std::string("y")}).value();
  services.deny();
  const BatchResponse response = client.process_batch({services.sent(standard_arn)}, sizes()).value();
  ASSERT_EQ(response.batch_item_failures.size(), 1U);
  EXPECT_THAT(seen, ElementsAre(3U)) << "the other task";
  ASSERT_EQ(response.unread.size(), 1U);
  EXPECT_EQ(response.unread[0].message_id, response.batch_item_failures[0]);
  EXPECT_EQ(response.unread[0].error.code, ErrorCode::permission_denied);
  expect_named(key(), response.unread[0].error.message);
  EXPECT_THAT(services.deletions(), IsEmpty());
  EXPECT_EQ(client.progress(cluster).value().done_count, 1U);
}

TEST_F(LambdaPayload, ThatIsGoneLeavesItsMessageInTheQueueAndSaysWhere) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  services.lose_objects();
  const BatchResponse response = client.process_batch({services.sent(standard_arn)}, sizes()).value();
  EXPECT_THAT(response.batch_item_failures, ElementsAre("m0"));
  ASSERT_EQ(response.unread.size(), 1U);
  EXPECT_EQ(response.unread[0].error.code, ErrorCode::not_found);
  expect_named(key(), response.unread[0].error.message);
  EXPECT_THAT(seen, IsEmpty());
  EXPECT_THAT(services.deletions(), IsEmpty());
}

TEST_F(LambdaPayload, WithoutABucketLeavesItsMessageInTheQueueAndSaysWhere) {
  static_cast<void>(open().send_message(standard_url, long_body).value());
  const BatchResponse response = open(false).process_batch({services.sent(standard_arn)}, sizes()).value();
  EXPECT_THAT(response.batch_item_failures, ElementsAre("m0"));
  ASSERT_EQ(response.unread.size(), 1U);
  EXPECT_EQ(response.unread[0].error.code, ErrorCode::invalid_argument);
  expect_named(key(), response.unread[0].error.message);
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(LambdaPayload, ThatCannotBeFetchedHoldsBackTheRestOfItsFifoGroup) {
  const Client client = open();
  const std::vector<std::pair<std::string, std::string>> messages{
      {"a", "1"}, {"a", long_body}, {"a", "22"}, {"b", "333"}};
  for (const auto& [group, body] : messages)
    static_cast<void>(client.send_message(fifo_url, body, {.group_id = group}).value());
  services.lose_objects();
  const BatchResponse response = client.process_batch({services.sent(fifo_arn)}, sizes()).value();
  EXPECT_THAT(response.batch_item_failures, ElementsAre("m1", "m2"));
  EXPECT_THAT(seen, ElementsAre(3U, 5U));
}

TEST_F(WorkerPayload, ThatIsGoneIsToldAndHoldsNothingElseBack) {
  const Client client = open();
  const Cluster cluster = client.create_message_cluster(standard_url, std::vector{long_body, std::string("y")}).value();
  services.lose_objects();
  std::mutex mutex;
  std::vector<std::string> errors;
  std::stop_source stop;
  WorkerOptions options;
  options.queue = standard_url;
  options.poll = 0s;
  options.on_event = [&](const WorkerEvent& event) {
    const std::scoped_lock lock(mutex);
    if (event.kind == WorkerEvent::Kind::error) errors.emplace_back(event.detail);
    if (event.kind == WorkerEvent::Kind::done) stop.request_stop();
  };
  static_cast<void>(Worker(client, sizes(), options).run(stop.get_token()).value());
  EXPECT_THAT(seen, ElementsAre(3U)) << "the other task";
  ASSERT_EQ(errors.size(), 1U);
  expect_named(key(), errors[0]);
  EXPECT_THAT(services.deletions(), ElementsAre("message")) << "the other task's";
  EXPECT_EQ(client.progress(cluster).value().done_count, 1U);
}

TEST_F(WorkerPayload, ThatIsGoneIsAnErrorWhereNothingElseCame) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  services.lose_objects();
  const auto received = client.receive(standard_url, {.count_max = 10, .wait = 0ms, .visibility = 30s});
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, ErrorCode::not_found);
  expect_named(key(), received.error().message);
}

TEST_F(LambdaPayload, IsReadAndClaimedByHand) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  const SqsRecord record = services.sent(standard_arn).at(0);
  EXPECT_EQ(client.read_sqs_record<std::string>(record).value().body, long_body);
  const Claim claim = client.is_complete(record).value();
  ASSERT_EQ(claim.state, ClaimState::claimed);
  EXPECT_TRUE(client.mark_complete(claim).has_value());
  EXPECT_THAT(services.deletions(), ElementsAre("message", "object"));
}

TEST_F(LambdaPayload, ThatCannotBeFetchedIsAnErrorByHand) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  services.deny();
  const SqsRecord record = services.sent(standard_arn).at(0);
  const auto read = client.read_sqs_record(record);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::permission_denied);
  const auto claim = client.is_complete(record);
  ASSERT_FALSE(claim.has_value());
  expect_named(key(), claim.error().message);
}

TEST_F(LambdaPayload, ThatCannotBeFetchedIsInTheFunctionsLog) {
  const Client client = open();
  static_cast<void>(client.send_message(standard_url, long_body).value());
  services.deny();
  test::RuntimeApiServer lambda;
  lambda.give(test::event_of(services.sent(standard_arn), standard_arn));
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(lambda::run(client, sizes()).has_value()) << "ends where the Runtime API has no more events";
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_EQ(lambda.answers().size(), 1U);
  EXPECT_EQ(lambda.answers()[0].body, R"({"batchItemFailures":[{"itemIdentifier":"m0"}]})");
  EXPECT_THAT(log, HasSubstr("message m0 stays in the queue: permission_denied: "));
  expect_named(key(), log);
}

}  // namespace
}  // namespace fanfold::aws
