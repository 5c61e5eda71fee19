// ctest: labels=integration,tsan
// What no server of the tests does, and S3 may: answers that are scripted by its documentation.
#include "backends/aws/global_store.hpp"

#include "support/scripted_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using test::ReceivedRequest;
using test::ScriptedReply;

using S3 = AwsServices;

TEST_F(S3, AConflictWithAnotherWriteUnderWayIsTriedAgain) {
  on_request = [](const ReceivedRequest&, int attempt) {
    return attempt == 1 ? s3_error(409, "ConditionalRequestConflict") : reply(200, "", {{"ETag", "\"new\""}});
  };
  PutObject object;
  object.where = {"bucket", "a$b"};
  object.if_match = "\"old\"";
  EXPECT_EQ(objects->put(object).value(), "\"new\"");
  const ReceivedRequest request = server.requests().at(0);
  EXPECT_EQ(request.target, "/bucket/a%24b");
  EXPECT_EQ(request.header("if-match"), "\"old\"");
}

TEST_F(S3, ARefusedWriteIsAConflict) {
  on_request = [](const ReceivedRequest&, int) { return s3_error(412, "PreconditionFailed"); };
  PutObject object;
  object.where = {"bucket", "key"};
  object.if_absent = true;
  EXPECT_EQ(objects->put(object).error().code, ErrorCode::conflict);
  EXPECT_EQ(server.requests().at(0).header("if-none-match"), "*");
}

TEST_F(S3, ARefusalAfterALostAnswerIsNotCalledAConflict) {
  on_request = [](const ReceivedRequest&, int attempt) {
    if (attempt > 1) return s3_error(412, "PreconditionFailed");
    ScriptedReply lost;
    lost.drop = true;
    return lost;
  };
  PutObject object;
  object.where = {"bucket", "key"};
  object.if_match = "\"old\"";
  EXPECT_EQ(objects->put(object).error().code, ErrorCode::outcome_unknown);
}

TEST_F(S3, TheIdsOfWritesStayBelowTheTwoKilobytesThatMetadataMayHave) {
  on_request = [](const ReceivedRequest&, int) { return reply(200, "", {{"ETag", "\"new\""}}); };
  AwsGlobalStore globals(*objects, "bucket");
  StoredGlobals value;
  value.value = Json::parse("1").value();
  for (int i = 0; i < 100; ++i) value.write_ids.push_back(std::to_string(1'000 + i) + std::string(36, 'x'));
  ASSERT_TRUE(globals.write(globals.location("c"), value, "\"old\"").has_value());
  const std::string ids = std::string(server.requests().at(0).header("x-amz-meta-fanfold-write-ids"));
  EXPECT_LE(ids.size(), 1'900U);
  EXPECT_TRUE(ids.ends_with(value.write_ids.back())) << "the newest are kept";
}

TEST_F(S3, GlobalsThatAreGoneAreAConflictForWhoeverReplacesThem) {
  on_request = [](const ReceivedRequest&, int) { return s3_error(404, "NoSuchKey"); };
  AwsGlobalStore globals(*objects, "bucket");
  StoredGlobals value;
  value.value = Json::parse("1").value();
  EXPECT_EQ(globals.write(globals.location("c"), value, "\"old\"").error().code, ErrorCode::conflict);
  const Error missing = globals.read(globals.location("c")).error();
  EXPECT_EQ(missing.code, ErrorCode::not_found);
  EXPECT_EQ(missing.message, "no globals at SQSMessage$c-globals.json of bucket bucket");
}

TEST_F(S3, AMissingBucketIsNotAMissingObject) {
  on_request = [](const ReceivedRequest&, int) { return s3_error(404, "NoSuchBucket"); };
  const ObjectRef object{"bucket", "key"};
  const Error missing = objects->get(std::span(&object, 1)).front().error();
  EXPECT_EQ(missing.code, ErrorCode::invalid_argument);
  EXPECT_EQ(missing.message, "there is no bucket bucket; fanfold setup aws makes it, and FANFOLD_BUCKET names another");
  on_request = [](const ReceivedRequest&, int) { return s3_error(404, "NoSuchKey"); };
  EXPECT_EQ(objects->get(std::span(&object, 1)).front().error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace fanfold::aws
