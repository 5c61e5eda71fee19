#include <fanfold/sqs_event.hpp>

#include <gtest/gtest.h>

#include "wire/base64.hpp"
#include "wire/envelope_text.hpp"

namespace fanfold {
namespace {

constexpr std::string_view whole_event = R"({"Records":[{
  "messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEB","body":"{\"a\":1}",
  "attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1545082649183","SenderId":"AID","MessageGroupId":"g"},
  "messageAttributes":{
    "note":{"stringValue":"hi","stringListValues":[],"binaryListValues":[],"dataType":"String"},
    "blob":{"binaryValue":"AP8Q","dataType":"Binary"}},
  "md5OfBody":"e4e68fb7bd0e697a0ae8f1bb342846b3","eventSource":"aws:sqs",
  "eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue","awsRegion":"us-east-2"}]})";

std::string with(std::string_view old_part, std::string_view new_part) {
  std::string text(whole_event);
  const std::size_t at = text.find(old_part);
  EXPECT_NE(at, std::string::npos) << old_part;
  return text.replace(at, old_part.size(), new_part);
}

TEST(SqsEvent, IsReadAsLambdaSendsIt) {
  const SqsEvent event = SqsEvent::parse(whole_event).value();
  ASSERT_EQ(event.records.size(), 1U);
  const SqsRecord& record = event.records.front();
  EXPECT_EQ(record.message_id, "059f36b4-87a3-44ab-83d2-661975830a7d");
  EXPECT_EQ(record.receipt_handle, "AQEB");
  EXPECT_EQ(record.body, R"({"a":1})");
  EXPECT_EQ(record.attributes.at("ApproximateReceiveCount"), "2");
  EXPECT_EQ(record.message_attributes.at("note").string_value, "hi");
  EXPECT_EQ(record.message_attributes.at("note").data_type, "String");
  EXPECT_EQ(record.message_attributes.at("blob").binary_value, std::string("\0\xff\x10", 3));
  EXPECT_EQ(record.event_source_arn, "arn:aws:sqs:us-east-2:123456789012:my-queue");
  EXPECT_EQ(record.aws_region, "us-east-2");
}

TEST(SqsEvent, TellsTheTraceOfMessagesOfOtherPrograms) {
  const auto trace_of = [](const std::string& event) {
    return *wire::delivery_of(SqsEvent::parse(event).value().records.at(0)).value().content->trace;
  };
  EXPECT_TRUE(trace_of(std::string(whole_event)).empty());
  const std::string header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
  const std::string beside = R"("AWSTraceHeader":")" + header + R"(","SenderId")";
  EXPECT_EQ(trace_of(with(R"("SenderId")", beside)),
            (TraceContext{.parent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", .aws_header = header}));
  EXPECT_TRUE(trace_of(with(R"("SenderId")", R"("AWSTraceHeader":"Root=0","SenderId")")).empty());
  const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(
      trace_of(with(R"("note":)",
                    R"("traceparent":{"stringValue":")" + parent +
                        R"(","dataType":"String"},"tracestate":{"stringValue":"a=b","dataType":"String"},"note":)")),
      (TraceContext{.parent = parent, .state = "a=b"}));
}

TEST(SqsEvent, GivesBackTheTraceOfADelivery) {
  const TraceContext trace{.parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           .state = "a=b",
                           .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
  Delivery delivery{.message_id = "m", .content = Envelope{.id = "m", .trace = trace}};
  const SqsRecord record = wire::record_of(delivery, "work");
  EXPECT_EQ(record.attributes.at("AWSTraceHeader"), trace.aws_header);
  EXPECT_EQ(*wire::delivery_of(record).value().content->trace, trace);
  const Delivery foreign{.message_id = "m", .text = "{}", .trace = trace};
  EXPECT_EQ(*wire::delivery_of(wire::record_of(foreign, "work")).value().content->trace, trace);
  delivery.content->trace = {};
  EXPECT_FALSE(wire::record_of(delivery, "work").attributes.contains("AWSTraceHeader"));
}

TEST(SqsEvent, NamesTheFieldThatIsWrong) {
  const std::pair<std::string, std::string> rows[] = {
      {"[]", "/: expected object, got array"},
      {"{}", "/Records: missing"},
      {R"({"Records":{}})", "/Records: expected array, got object"},
      {R"({"Records":[{},{}]})", "/Records/0/messageId: missing"},
      {R"({"Records":["x"]})", "/Records/0: expected object, got string"},
  };
  for (const auto& [text, message] : rows) {
    auto event = SqsEvent::parse(text);
    ASSERT_FALSE(event.has_value()) << text;
    EXPECT_EQ(event.error().code, ErrorCode::bad_input) << text;
    EXPECT_EQ(event.error().message, message) << text;
  }
}

TEST(SqsEvent, NamesTheFieldThatIsWrongInTheRecordThatHasIt) {
  const std::pair<std::string, std::string> rows[] = {
      {with(R"("body":"{\"a\":1}",)", ""), "/Records/0/body: missing"},
      {with(R"("body":"{\"a\":1}")", R"("body":{"a":1})"), "/Records/0/body: expected string, got object"},
      {with(R"("receiptHandle":"AQEB",)", ""), "/Records/0/receiptHandle: missing"},
      {with(R"("ApproximateReceiveCount":"2")", R"("ApproximateReceiveCount":2)"),
       "/Records/0/attributes/ApproximateReceiveCount: expected string, got integer"},
      {with(R"("AP8Q")", R"("AP8")"), "/Records/0/messageAttributes/blob/binaryValue: expected base64"},
      {with(R"("binaryValue":"AP8Q",)", R"("binaryValue":7,)"),
       "/Records/0/messageAttributes/blob/binaryValue: expected string, got integer"},
      {with(R"(,"dataType":"Binary")", ""), "/Records/0/messageAttributes/blob/dataType: missing"},
      {with(R"("eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue",)", ""),
       "/Records/0/eventSourceARN: missing"},
      {with("arn:aws:sqs", "arn:aws:sns"), "/Records/0/eventSourceARN: expected a queue of sqs"},
      {with("arn:aws:sqs", "arn:venus:sqs"), "/Records/0/eventSourceARN: unknown AWS partition"},
  };
  for (const auto& [text, message] : rows) {
    const SqsEvent event = SqsEvent::parse(text).value();
    ASSERT_EQ(event.records.size(), 1U) << text;
    EXPECT_EQ(event.records.front().message_id, "059f36b4-87a3-44ab-83d2-661975830a7d") << text;
    ASSERT_TRUE(event.records.front().error) << text;
    EXPECT_EQ(event.records.front().error->code, ErrorCode::bad_input) << text;
    EXPECT_EQ(event.records.front().error->message, message) << text;
  }
}

TEST(SqsEvent, ReadsTheOthersWhereOneRecordIsWrong) {
  std::string text = R"({"Records":[)";
  for (const std::string_view id : {"first", "second", "third"}) {
    text += R"({"messageId":")" + std::string(id) + R"(","receiptHandle":"r","attributes":{"MessageGroupId":"g"})";
    if (id != "second") text += R"(,"body":"1")";
    text += R"(,"eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue.fifo"},)";
  }
  text.back() = ']';
  const SqsEvent event = SqsEvent::parse(text + "}").value();
  ASSERT_EQ(event.records.size(), 3U);
  EXPECT_FALSE(event.records[0].error);
  EXPECT_EQ(event.records[1].error.value().message, "/Records/1/body: missing");
  EXPECT_EQ(event.records[1].attributes.at("MessageGroupId"), "g");
  EXPECT_TRUE(event.records[1].event_source_arn.ends_with(".fifo"));
  EXPECT_FALSE(event.records[2].error);
}

TEST(SqsEvent, ThatIsNoJsonIsNamedByItsByte) {
  auto event = SqsEvent::parse("Records");
  ASSERT_FALSE(event.has_value());
  EXPECT_TRUE(event.error().message.starts_with("byte 0: ")) << event.error().message;
}

TEST(BatchResponse, IsWhatLambdaExpects) {
  EXPECT_EQ(BatchResponse{}.to_json(), R"({"batchItemFailures":[]})");
  const BatchResponse response{{"a", "b\"c"}};
  EXPECT_EQ(response.to_json(), R"({"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b\"c"}]})");
}

TEST(Base64, IsReadStrictly) {
  EXPECT_EQ(wire::decode_base64(""), "");
  EXPECT_EQ(wire::decode_base64("Zg=="), "f");
  EXPECT_EQ(wire::decode_base64("Zm8="), "fo");
  EXPECT_EQ(wire::decode_base64("Zm9v"), "foo");
  EXPECT_EQ(wire::decode_base64("+/8="), "\xfb\xff");
  for (const std::string_view wrong : {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm=v", "Zm-_"}) {
    EXPECT_EQ(wire::decode_base64(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace fanfold
