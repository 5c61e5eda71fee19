#include "backends/sqlite/header_codec.hpp"
#include "backends/sqlite/payload.hpp"
#include "backends/sqlite/receipt.hpp"

#include <gtest/gtest.h>

#include <array>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

ClusterHeader full_header() {
  ClusterHeader header;
  header.id = "id";
  header.name = "name";
  header.queue_url = "work";
  header.finish_queue_url = "folded";
  header.bucket_params = BucketParams{"bucket", "key"};
  header.parent = ParentTask{"parent", "work", 2, 3, 4, false};
  header.finish_handler_required = true;
  header.failures_allowed_percent = 12.5;
  header.attempts_max = 7;
  header.deadline = Time(5s);
  header.deadline_action = DeadlineAction::stop;
  header.task_count = std::uint64_t{1} << 35U;
  header.round = 3;
  header.round_size = 12;
  header.marked = true;
  header.failed_count = 2;
  header.status = Status::error;
  header.status_code = StatusCode::stopped;
  header.meta = Json::from_valid_text(R"({"a":1})");
  header.error.push_back({1, "exit 65", "bad", "0badf00d", Time(9s), true});
  header.completed_at = Time(10s);
  header.due.push_back({DueMark::Kind::add, "page-1", 1, Time(11s)});
  header.sender = "sender";
  header.finish_sent_at = Time(12s);
  header.tombstone = true;
  return header;
}

TEST(HeaderCodec, GivesBackEveryField) {
  const ClusterHeader header = full_header();
  EXPECT_EQ(decode_header(encode_header(header)), header);
}

TEST(HeaderCodec, KeepsATraceAndWritesHeadersWithoutOneAsBefore) {
  ClusterHeader header = full_header();
  EXPECT_EQ(encode_header(header).front(), 1) << "what an older fanfold reads";
  header.trace = {.parent = "00-1", .state = "a=b", .aws_header = "Root=1"};
  const std::string bytes = encode_header(header);
  EXPECT_EQ(decode_header(bytes), header);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_header(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode_header(bytes + 'x'));
}

TEST(HeaderCodec, RefusesBytesThatWereCutOrGrew) {
  const std::string bytes = encode_header(full_header());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_header(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode_header(bytes + 'x'));
}

TEST(HeaderCodec, KnowsWhatALaterFanfoldWrites) {
  std::string bytes = encode_header(full_header());
  EXPECT_FALSE(is_of_newer_format(bytes));
  EXPECT_FALSE(is_of_newer_format(""));
  bytes.front() = 3;
  EXPECT_FALSE(decode_header(bytes));
  EXPECT_TRUE(is_of_newer_format(bytes));
}

TEST(HeaderCodec, KeepsWhatTasksHaveInCommon) {
  Envelope common{.type = RecordType::task,
                  .id = "id",
                  .name = "name",
                  .round = 2,
                  .bucket_params = BucketParams{"b", "k"},
                  .expires_at = Time(8s),
                  .trace = TraceContext{.parent = "00-1", .state = "a=b", .aws_header = "Root=1"}};
  EXPECT_EQ(decode_common(encode_common(common)), common);
}

TEST(Payload, FindsEachTaskAgain) {
  const std::array<TaskData, 3> tasks{TaskData{"1", ""}, TaskData{"", "{}"}, TaskData{"\"three\"", "{\"m\":3}"}};
  const std::string bytes = pack_payloads(tasks);
  const auto view = PayloadView::of(bytes, tasks.size());
  ASSERT_TRUE(view);
  for (const std::size_t place : {2U, 0U, 1U}) {
    EXPECT_EQ(view->at(place).body, tasks[place].body);
    EXPECT_EQ(view->at(place).meta, tasks[place].meta);
  }
}

TEST(Payload, RefusesBytesOfAnotherLength) {
  const std::array<TaskData, 1> tasks{TaskData{"12345", ""}};
  const std::string bytes = pack_payloads(tasks);
  EXPECT_FALSE(PayloadView::of(bytes.substr(0, bytes.size() - 1), 1));
  EXPECT_FALSE(PayloadView::of(bytes, 2));
}

TEST(ReceiptText, NamesASlotsDeliveryShortly) {
  const Receipt receipt{true, 12, 999'999, 3, 1};
  const std::string text = receipt_text(receipt);
  EXPECT_LE(text.size(), 15U);  // What a std::string keeps without allocating.
  const auto parsed = parse_receipt(text);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->is_slot);
  EXPECT_EQ(parsed->number, 12);
  EXPECT_EQ(parsed->position, 999'999U);
  EXPECT_EQ(parsed->generation, 3U);
  EXPECT_EQ(parsed->receive_count, 1U);
}

TEST(ReceiptText, IsNotReadFromAnythingElse) {
  for (const char* text :
       {"", "m", "m1", "m1.", "m.1", "x1.1", "t1.2.3", "t1.2.3.4.5", "m1.1 ", "m-1.1", "m99999999999999999999.1"}) {
    EXPECT_FALSE(parse_receipt(text)) << text;
  }
}

}  // namespace
}  // namespace fanfold::sqlite
