#include <fanfold/types.hpp>

#include <gtest/gtest.h>

namespace fanfold {
namespace {

TEST(Time, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(to_iso8601(Time(std::chrono::milliseconds(0))), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(Time(std::chrono::milliseconds(1'795'512'600'007))), "2026-11-24T09:30:00.007Z");
}

TEST(Time, IsReadBackExactly) {
  for (const std::int64_t milliseconds :
       {std::int64_t{0}, std::int64_t{951'782'399'999}, std::int64_t{1'795'512'600'007}}) {
    const Time time{std::chrono::milliseconds(milliseconds)};
    EXPECT_EQ(parse_iso8601(to_iso8601(time)).value(), time);
  }
  EXPECT_EQ(parse_iso8601("2026-11-24T09:30:00Z").value(), Time(std::chrono::milliseconds(1'795'512'600'000)));
}

TEST(Time, RefusesWhatIsNoUtcTime) {
  for (const char* text :
       {"", "2026-11-24", "2026-11-24T09:30:00", "2026-11-24T09:30:00+01:00", "2026-02-30T00:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T09:30:00.0Z", "2026-11-24 09:30:00Z", "x026-11-24T09:30:00Z"}) {
    const auto time = parse_iso8601(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, ErrorCode::bad_input) << text;
  }
}

TEST(MessageKey, OfATaskHasItsClustersPKey) {
  const auto key = MessageKey::of_task("abc", 17);
  EXPECT_EQ(key.p_key, "SQSMessage$abc");
  EXPECT_EQ(key.r_key, "SQSMessage$abc#17");
}

TEST(MessageKey, IsTakenApartInEveryFormThatUsersHave) {
  const auto parts = [](const MessageKey& key) { return parse_key(key).value(); };
  EXPECT_EQ(parts(MessageKey::of_message("abc")).id, "abc");
  EXPECT_EQ(parts("abc").id, "abc");
  EXPECT_FALSE(parts("SQSMessage$abc").index);
  EXPECT_EQ(parts(MessageKey::of_task("abc", 17)).index, 17U);
  EXPECT_EQ(parts("SQSMessage$abc#18446744073709551615").index, 18446744073709551615U);
  EXPECT_EQ(parts("SQSMessage$abc#17").id, "abc");
}

TEST(MessageKey, IsRefusedWhereItsHalvesDisagreeOrItIsMalformed) {
  for (const MessageKey& key :
       {MessageKey("SQSMessage$a", "SQSMessage$b"), MessageKey(""), MessageKey("SQSMessage$"),
        MessageKey("SQSMessage$a#"), MessageKey("SQSMessage$a#1x"), MessageKey("SQSMessage$a#-1"), MessageKey("a b"),
        MessageKey("SQSMessage$a#18446744073709551616")}) {
    const auto parts = parse_key(key);
    ASSERT_FALSE(parts) << key.p_key;
    EXPECT_EQ(parts.error().code, ErrorCode::bad_input) << key.p_key;
  }
}

TEST(StoredNames, AreTheOwners) {
  for (const Status status : {Status::pre_flight, Status::in_progress, Status::complete, Status::error}) {
    EXPECT_EQ(status_from(to_string(status)), status);
  }
  EXPECT_EQ(to_string(Status::pre_flight), "PRE FLIGHT");
  EXPECT_EQ(record_type_from("task"), RecordType::task);
  EXPECT_EQ(record_type_from("batch"), std::nullopt);
  EXPECT_EQ(status_from("DONE"), std::nullopt);
}

}  // namespace
}  // namespace fanfold
