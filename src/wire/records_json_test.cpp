#include <fanfold/records_json.hpp>

#include <gtest/gtest.h>

namespace fanfold {
namespace {

Time at(std::string_view text) { return parse_iso8601(text).value(); }

TEST(RecordsJson, GivesAMessageRecordItsStoredNames) {
  MessageRecord<Json, Json> record;
  record.p_key = record.r_key = "SQSMessage$m1";
  record.id = "m1";
  record.url = "resize";
  record.body = Json::from_valid_text(R"({"n":1})");
  record.started_at = record.updated_at = at("2026-11-24T09:30:00.000Z");
  record.expires_at = at("2026-12-24T09:30:00.000Z");
  record.status = Status::in_progress;
  record.status_code = StatusCode::in_progress;
  record.consumption_count = 2;
  record.error = {{.attempt = 1,
                   .code = "exit 1",
                   .message = "no",
                   .fingerprint = "7c1e0000",
                   .at = at("2026-11-24T09:30:01.000Z"),
                   .final = false}};
  EXPECT_EQ(
      to_json(record).text(),
      R"({"type":"message","url":"resize","pKey":"SQSMessage$m1","rKey":"SQSMessage$m1","id":"m1","body":{"n":1},)"
      R"("status":"IN PROGRESS","statusCode":100,"error":[{"attempt":1,"code":"exit 1","message":"no","fingerprint":"7c1e0000",)"
      R"("at":"2026-11-24T09:30:01.000Z","final":false}],"startedAt":"2026-11-24T09:30:00.000Z","completedAt":null,)"
      R"("updatedAt":"2026-11-24T09:30:00.000Z","expiresAt":"2026-12-24T09:30:00.000Z","consumtion_count":2})");
}

TEST(RecordsJson, GivesAClusterRecordItsStoredNames) {
  MessageClusterRecord<Json, Json> record;
  record.p_key = record.r_key = "SQSMessage$c1";
  record.url = "resize";
  record.name = "photos";
  record.status = Status::complete;
  record.status_code = StatusCode::complete;
  record.started_at = record.updated_at = record.expires_at = at("2026-11-24T09:30:00.000Z");
  record.completed_at = record.started_at;
  record.meta = Json::from_valid_text("[1]");
  record.bucket_params = BucketParams{"here", "SQSMessage$c1-globals.json"};
  record.completed_tasks = {{.meta = Json::from_valid_text("7"), .id = "c1#0", .status = Status::complete}};
  EXPECT_EQ(
      to_json(record).text(),
      R"({"type":"cluster","url":"resize","pKey":"SQSMessage$c1","rKey":"SQSMessage$c1","name":"photos",)"
      R"("status":"COMPLETE","statusCode":200,"startedAt":"2026-11-24T09:30:00.000Z","completedAt":"2026-11-24T09:30:00.000Z",)"
      R"("meta":[1],"updatedAt":"2026-11-24T09:30:00.000Z","expiresAt":"2026-11-24T09:30:00.000Z",)"
      R"("bucketParams":{"Bucket":"here","Key":"SQSMessage$c1-globals.json"},)"
      R"("completedTasks":[{"meta":7,"type":"task","id":"c1#0","status":"COMPLETE"}],"incompleteTasks":[]})");
}

}  // namespace
}  // namespace fanfold
