#include "wire/envelope_text.hpp"

#include <gtest/gtest.h>

namespace fanfold::wire {
namespace {

using namespace std::chrono_literals;

const Time expiry = parse_iso8601("2026-12-24T09:30:00.125Z").value();

Envelope a_task() {
  return {.type = RecordType::task,
          .id = "c1",
          .name = "thumbnails",
          .round = 2,
          .position = 7,
          .index = 18446744073709551615U,
          .body = Json::from_valid_text(R"({"path":"a b","size":3})"),
          .bucket_params = BucketParams{.bucket = "b", .key = "SQSMessage$c1-globals.json"},
          .expires_at = expiry,
          .trace = TraceContext{.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}};
}

Envelope a_message() {
  return {.type = RecordType::message,
          .id = "m1",
          .body = Json::from_valid_text("[1]"),
          .meta = Json::from_valid_text(R"({"stuff":"x"})"),
          .expires_at = expiry};
}

Envelope a_finish() {
  return {
      .type = RecordType::cluster, .id = "c1", .name = "n", .round = 1, .first_failure = true, .expires_at = expiry};
}

Error error_of(std::string_view text) {
  auto read = read_envelope(text);
  EXPECT_FALSE(read.has_value()) << text;
  return read ? Error{} : read.error();
}

std::string with(std::string_view old_part, std::string_view new_part) {
  std::string text = write_envelope(a_task());
  const std::size_t at = text.find(old_part);
  EXPECT_NE(at, std::string::npos) << old_part;
  return text.replace(at, old_part.size(), new_part);
}

TEST(Envelope, IsWrittenAsTheFormatSays) {
  EXPECT_EQ(
      write_envelope(a_task()),
      R"({"fanfold":1,"type":"task","pKey":"SQSMessage$c1","name":"thumbnails","round":2,"position":7,"index":18446744073709551615,)"
      R"("body":{"path":"a b","size":3},"bucketParams":{"Bucket":"b","Key":"SQSMessage$c1-globals.json"},"expiresAt":"2026-12-24T09:30:00.125Z",)"
      R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})");
  EXPECT_EQ(
      write_envelope(a_message()),
      R"({"fanfold":1,"type":"message","pKey":"SQSMessage$m1","body":[1],"meta":{"stuff":"x"},"expiresAt":"2026-12-24T09:30:00.125Z"})");
  EXPECT_EQ(
      write_envelope(a_finish()),
      R"({"fanfold":1,"type":"cluster","pKey":"SQSMessage$c1","name":"n","round":1,"firstFailure":true,"expiresAt":"2026-12-24T09:30:00.125Z"})");
}

TEST(Envelope, ReadsBackAsItWas) {
  for (const Envelope& content : {a_task(), a_message(), a_finish()})
    EXPECT_EQ(read_envelope(write_envelope(content)).value(), content);
}

TEST(Envelope, HasATraceStateBehindItsParent) {
  Envelope content = a_task();
  content.trace = TraceContext{.parent = content.trace->parent, .state = "congo=t61rcWkgMzE"};
  const std::string text = write_envelope(content);
  EXPECT_TRUE(text.ends_with(R"(-01","tracestate":"congo=t61rcWkgMzE"})")) << text;
  EXPECT_EQ(read_envelope(text).value(), content);
}

TEST(Envelope, IsReadWithoutATraceThatIsWrong) {
  Envelope expected = a_task();
  expected.trace = {};
  for (const std::string_view wrong : {R"("00-0")", "7", "null", "{}", R"("")"}) {
    const std::string text = with(R"("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")", wrong);
    EXPECT_EQ(read_envelope(text).value(), expected) << text;
  }
  EXPECT_EQ(read_envelope(with(R"(-01"})", R"(-01","tracestate":["a=b"]})")).value(), a_task());
}

TEST(Envelope, TakesXRaysHeaderFromBesideIt) {
  const TraceContext beside{.parent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
                            .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
  Delivery delivery;
  delivery.trace = beside;
  delivery.text = write_envelope(a_task());
  EXPECT_EQ(*content_of(delivery).value().trace,
            (TraceContext{.parent = a_task().trace->parent, .aws_header = beside.aws_header}));
  for (const std::string& text : {write_envelope(a_message()), std::string(R"({"of":"somebody else"})")}) {
    delivery.text = text;
    EXPECT_EQ(*content_of(delivery).value().trace, beside);
  }
}

TEST(Envelope, KeepsABodyOfTheGreatestDepth) {
  Envelope content = a_message();
  content.body = Json::parse(std::string(json_depth_max, '[') + std::string(json_depth_max, ']')).value();
  EXPECT_EQ(read_envelope(write_envelope(content)).value(), content);
}

TEST(Envelope, IgnoresMembersThatItDoesNotKnow) {
  EXPECT_EQ(read_envelope(with(R"("round":2)", R"("later":[],"round":2)")).value(), a_task());
}

TEST(Envelope, OfANewerVersionIsNotRead) {
  const Error error = error_of(R"({"fanfold":2,"whatever":true})");
  EXPECT_EQ(error.code, ErrorCode::unsupported_version);
  EXPECT_EQ(error.message, "/fanfold: a message of format version 2; this fanfold reads version 1");
}

TEST(Envelope, NamesTheFieldThatIsWrong) {
  struct Row {
    std::string text;
    std::string message;
  };
  const Row rows[] = {
      {R"({"fanfold":"1"})", "/fanfold: expected integer, got string"},
      {R"({"fanfold":1})", "/type: missing"},
      {with(R"("task")", R"("job")"), R"(/type: expected one of "cluster", "task", "message"; got another string)"},
      {with(R"("pKey":"SQSMessage$c1")", R"("pKey":"c1")"), "/pKey: expected a key such as SQSMessage$<id>"},
      {with(R"("pKey":"SQSMessage$c1")", R"("pKey":"SQSMessage$c1#4")"),
       "/pKey: expected a key such as SQSMessage$<id>"},
      {with(R"("round":2)", R"("round":4294967296)"),
       "/round: expected an integer from 0 to 4294967295, got one out of range"},
      {with(R"("position":7)", R"("position":-1)"),
       "/position: expected an integer from 0 to 18446744073709551615, got one out of range"},
      {with(R"("position":7)", R"("position":"7")"), "/position: expected integer, got string"},
      {with(R"("index":18446744073709551615,)", ""), "/index: missing"},
      {with(R"("body":{"path":"a b","size":3},)", ""), "/body: missing"},
      {with(R"("Bucket":"b",)", ""), "/bucketParams/Bucket: missing"},
      {with("2026-12-24T09:30:00.125Z", "tomorrow"),
       "/expiresAt: expected a UTC time such as 2026-11-24T09:30:00.000Z"},
      {with(R"("name":"thumbnails")", R"("name":5)"), "/name: expected string, got integer"},
      {with(R"("round":2)", R"("round":2,"round":2)"), "/round: duplicate key"},
  };
  for (const Row& row : rows) {
    const Error error = error_of(row.text);
    EXPECT_EQ(error.code, ErrorCode::bad_input) << row.text;
    EXPECT_EQ(error.message, row.message) << row.text;
  }
}

TEST(Envelope, CutShortIsNamedByItsByte) {
  const std::string whole = write_envelope(a_task());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Error error = error_of(std::string_view(whole).substr(0, size));
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_TRUE(error.message.starts_with("byte ")) << error.message;
  }
}

TEST(Content, OfAForeignTextIsItsBodyUnderTheQueuesId) {
  for (const std::string text : {R"({"order":5})", "[]", "\"fanfold\"", "17", "null"}) {
    const Envelope content = content_of({.message_id = "q-1", .text = text}).value();
    EXPECT_EQ(content.type, RecordType::message);
    EXPECT_EQ(content.id, "q-1");
    EXPECT_EQ(content.body.text(), text);
    EXPECT_EQ(content.expires_at, Time{});
  }
}

TEST(Content, ThatIsNoJsonIsBadInput) {
  auto content = content_of({.message_id = "q-1", .text = "hello"});
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code, ErrorCode::bad_input);
  EXPECT_TRUE(content.error().message.starts_with("byte 0: ")) << content.error().message;
}

TEST(Content, HandedOverDecodedIsTakenAsItIs) {
  EXPECT_EQ(content_of({.content = a_task(), .text = "ignored"}).value(), a_task());
}

TEST(Record, OfADeliveryIsTheSameDeliveryAgain) {
  const Delivery delivery{.message_id = "q-1",
                          .receipt_handle = "r-1",
                          .receive_count = 4,
                          .sent_at = expiry,
                          .group_id = "g",
                          .content = a_task()};
  const SqsRecord record = record_of(delivery, "photos");
  EXPECT_EQ(record.attributes.at("ApproximateReceiveCount"), "4");
  EXPECT_EQ(record.event_source_arn, "photos");
  const Delivery again = delivery_of(record).value();
  EXPECT_EQ(again.content, delivery.content);
  EXPECT_EQ(again.message_id, "q-1");
  EXPECT_EQ(again.receipt_handle, "r-1");
  EXPECT_EQ(again.receive_count, 4U);
  EXPECT_EQ(again.sent_at, expiry);
  EXPECT_EQ(again.group_id, "g");
}

TEST(Record, WithAttributesThatAreNoNumbersIsBadInput) {
  SqsRecord record{.message_id = "q-1", .body = "{}", .attributes = {{"ApproximateReceiveCount", "often"}}};
  auto delivery = delivery_of(record);
  ASSERT_FALSE(delivery.has_value());
  EXPECT_EQ(delivery.error().message, "/attributes/ApproximateReceiveCount: expected a whole number as text");
}

TEST(QueueUrl, IsMadeFromTheArnsOfAllPartitions) {
  const std::pair<std::string, std::string> rows[] = {
      {"arn:aws:sqs:eu-west-1:123456789012:photos", "https://sqs.eu-west-1.amazonaws.com/123456789012/photos"},
      {"arn:aws-cn:sqs:cn-north-1:123456789012:photos", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/photos"},
      {"arn:aws-us-gov:sqs:us-gov-west-1:1:p.fifo", "https://sqs.us-gov-west-1.amazonaws.com/1/p.fifo"},
      {"arn:aws-iso:sqs:us-iso-east-1:1:p", "https://sqs.us-iso-east-1.c2s.ic.gov/1/p"},
      {"arn:aws-iso-b:sqs:us-isob-east-1:1:p", "https://sqs.us-isob-east-1.sc2s.sgov.gov/1/p"},
      {"arn:aws-iso-e:sqs:eu-isoe-west-1:1:p", "https://sqs.eu-isoe-west-1.cloud.adc-e.uk/1/p"},
      {"arn:aws-iso-f:sqs:us-isof-south-1:1:p", "https://sqs.us-isof-south-1.csp.hci.ic.gov/1/p"},
      {"arn:aws-eusc:sqs:eusc-de-east-1:1:p", "https://sqs.eusc-de-east-1.amazonaws.eu/1/p"},
      {"photos", "photos"},
  };
  for (const auto& [source, url] : rows) EXPECT_EQ(queue_url_of(source).value(), url);
}

TEST(QueueUrl, OfAnArnThatIsNoQueueIsBadInput) {
  for (const std::string source :
       {"arn:aws:sns:eu-west-1:1:p", "arn:aws:sqs:eu-west-1:p", "arn:aws:sqs::1:p", "arn:moon:sqs:r:1:p", "arn:"}) {
    auto url = queue_url_of(source);
    ASSERT_FALSE(url.has_value()) << source;
    EXPECT_EQ(url.error().code, ErrorCode::bad_input);
    EXPECT_TRUE(url.error().message.starts_with("/eventSourceARN: ")) << url.error().message;
  }
}

}  // namespace
}  // namespace fanfold::wire
