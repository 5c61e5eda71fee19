// ctest: labels=integration,tsan
// What no server of the tests does, and DynamoDB may: answers that are scripted by its documentation.
#include "backends/aws/bulk.hpp"

#include "support/scripted_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using test::ReceivedRequest;
using ::testing::HasSubstr;

using DynamoDb = AwsServices;

TEST_F(DynamoDb, AnUpdateIsWrittenWithPlaceholdersForEveryName) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(
        200,
        R"({"Attributes":{"pKey":{"S":"p"},"rKey":{"S":"r"},"t0":{"B":"AQI="}},"ConsumedCapacity":{"CapacityUnits":1.0}})");
  };
  const UpdateRequest request = update_of("t0");
  const auto answer = std::move(table->update(std::span(&request, 1)).front()).value();
  EXPECT_FALSE(answer.refused);
  ASSERT_TRUE(answer.item.has_value());
  EXPECT_EQ(answer.item->text("t0"), "\x01\x02");
  EXPECT_EQ(usage.dynamodb_write_thousandths, 1'000U);
  const std::string body = server.requests().at(0).body;
  EXPECT_THAT(body, HasSubstr(R"("UpdateExpression":"SET #0=:0,#1=if_not_exists(#1,:1) REMOVE #2")"));
  EXPECT_THAT(body, HasSubstr(R"("ConditionExpression":"attribute_not_exists(#3) AND #4=:2")"));
  EXPECT_THAT(body, HasSubstr(R"("#4":"size")"));
  EXPECT_THAT(body, HasSubstr(R"(":0":{"B":"AQI="})"));
  EXPECT_THAT(body, HasSubstr(R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD")"));
}

TEST_F(DynamoDb, AnUpdateThatNobodyLooksAtAnswersNothing) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, "{}"); };
  UpdateRequest request = update_of("t0");
  request.answers_item = false;
  const auto answer = std::move(table->update(std::span(&request, 1)).front()).value();
  EXPECT_FALSE(answer.refused);
  EXPECT_FALSE(answer.item.has_value());
  EXPECT_THAT(server.requests().at(0).body, HasSubstr(R"("ReturnValues":"NONE")"));
}

TEST_F(DynamoDb, ARefusalTellsWhatIsThere) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(
        400,
        R"({"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"pKey":{"S":"p"},"rKey":{"S":"r"},"t0":{"B":"Aw=="}}})");
  };
  const UpdateRequest request = update_of("t0");
  const auto answer = std::move(table->update(std::span(&request, 1)).front()).value();
  EXPECT_TRUE(answer.refused);
  ASSERT_TRUE(answer.item.has_value());
  EXPECT_EQ(answer.item->text("t0"), "\x03");
}

TEST_F(DynamoDb, ARefusalMayTellNothing) {
  on_request = [](const ReceivedRequest&, int) {
    return reply(400, R"({"__type":"ConditionalCheckFailedException"})");
  };
  const UpdateRequest request = update_of("t0");
  const auto answer = std::move(table->update(std::span(&request, 1)).front()).value();
  EXPECT_TRUE(answer.refused);
  EXPECT_FALSE(answer.item.has_value());
}

TEST_F(DynamoDb, AnAnswerWithoutTheItemIsNotBelieved) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, "{}"); };
  const UpdateRequest request = update_of("t0");
  EXPECT_EQ(table->update(std::span(&request, 1)).front().error().code, ErrorCode::unavailable);
}

TEST_F(DynamoDb, ThrottlingIsWaitedOut) {
  on_request = [](const ReceivedRequest&, int attempt) {
    if (attempt < 3) return reply(400, R"({"__type":"ProvisionedThroughputExceededException"})");
    return reply(200, R"({"Item":{"pKey":{"S":"p"},"rKey":{"S":"r"}}})");
  };
  EXPECT_TRUE(table->get({"p", "r"}, Consistency::strong).value().has_value());
  EXPECT_EQ(count, 3);
}

TEST_F(DynamoDb, WhatABatchLeavesUnprocessedIsAskedForAgain) {
  on_request = [](const ReceivedRequest&, int attempt) {
    if (attempt == 1) {
      return reply(
          200,
          R"({"Responses":{"fanfold":[{"pKey":{"S":"b"},"rKey":{"S":"r"}}]},"UnprocessedKeys":{"fanfold":{"Keys":[{"pKey":{"S":"a"},"rKey":{"S":"r"}}]}}})");
    }
    return reply(
        200, R"({"Responses":{"fanfold":[{"pKey":{"S":"a"},"rKey":{"S":"r"},"n":{"N":"1"}}]},"UnprocessedKeys":{}})");
  };
  const std::vector<ItemKey> keys{{"a", "r"}, {"b", "r"}, {"c", "r"}};
  const auto items = read_items(*table, clock, keys, Consistency::strong).value();
  EXPECT_EQ(items[0]->number("n"), 1U);
  EXPECT_TRUE(items[1].has_value());
  EXPECT_FALSE(items[2].has_value());
  EXPECT_EQ(count, 2);
}

TEST_F(DynamoDb, WritesThatABatchLeavesAreWrittenAgain) {
  on_request = [](const ReceivedRequest&, int attempt) {
    if (attempt > 1) return reply(200, R"({"UnprocessedItems":{}})");
    return reply(
        200,
        R"({"UnprocessedItems":{"fanfold":[{"PutRequest":{"Item":{"pKey":{"S":"a"},"rKey":{"S":"r"}}}},{"DeleteRequest":{"Key":{"pKey":{"S":"b"},"rKey":{"S":"r"}}}}]}})");
  };
  const Item item{{"a", "r"}, {}};
  const ItemKey key{"b", "r"};
  write_items(*table, clock, std::span(&item, 1), std::span(&key, 1)).value();
  EXPECT_EQ(count, 2);
  EXPECT_THAT(server.requests().at(1).body, HasSubstr(R"("DeleteRequest")"));
}

TEST_F(DynamoDb, ATransactionThatMetAnotherIsRefusedAndOneThatIsThrottledIsThrottled) {
  std::string reason = "TransactionConflict";
  on_request = [&](const ReceivedRequest&, int) {
    return reply(400, R"({"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":")" +
                          reason + R"("}]})");
  };
  const std::vector<PutRequest> puts{{{{"a", "r"}, {}}, {}}, {{{"b", "r"}, {}}, {Clause::absent("pKey")}}};
  EXPECT_TRUE(table->transact(puts).value().refused);
  reason = "ThrottlingError";
  EXPECT_EQ(table->transact(puts).error().code, ErrorCode::throttled);
}

TEST_F(DynamoDb, AnItemThatIsTooLargeIsRefusedBeforeTheCall) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, "{}"); };
  PutRequest request{{{"a", "r"}, {}}, {}};
  request.item.set("body", Value::of(std::string(item_bytes_max, 'x')));
  EXPECT_EQ(table->put(std::span(&request, 1)).front().error().code, ErrorCode::too_large);
  EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace fanfold::aws
