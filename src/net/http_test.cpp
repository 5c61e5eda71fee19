#include "net/http.hpp"

#include <gtest/gtest.h>

namespace fanfold::net {
namespace {

TEST(RequestHeaders, AreKeptInOrderAndReadBack) {
  RequestHeaders headers;
  headers.add("Content-Type", "application/x-amz-json-1.0");
  headers.add("X-Empty", "");
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].name, "Content-Type");
  EXPECT_EQ(headers[0].value, "application/x-amz-json-1.0");
  EXPECT_EQ(headers[1].value, "");
  EXPECT_EQ(headers.find("Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(headers.find("Content"), "");
  EXPECT_STREQ(headers.line(0), "Content-Type: application/x-amz-json-1.0");
  headers.clear();
  EXPECT_EQ(headers.size(), 0U);
}

TEST(RequestHeaders, AreCutBackToWhatWasThereBefore) {
  RequestHeaders headers;
  headers.add("Kept", "1");
  headers.add("Signature", "a\nb");
  headers.truncate(2);
  EXPECT_TRUE(headers.invalid_name().has_value());
  headers.truncate(1);
  EXPECT_FALSE(headers.invalid_name().has_value());
  ASSERT_EQ(headers.size(), 1U);
  headers.add("Other", "2");
  EXPECT_STREQ(headers.line(0), "Kept: 1");
  EXPECT_STREQ(headers.line(1), "Other: 2");
  EXPECT_EQ(headers.find("Signature"), "");
  headers.truncate(0);
  EXPECT_EQ(headers.size(), 0U);
}

TEST(RequestHeaders, NameTheOneThatWouldSmuggleAnother) {
  for (const char* value : {"a\r\nX-Other: b", "a\nb", "\x01", "\x7f"}) {
    RequestHeaders headers;
    headers.add("Good", "fine \t \xc3\xa4");
    EXPECT_FALSE(headers.invalid_name().has_value());
    headers.add("X-Amz-Meta-Note", value);
    EXPECT_EQ(headers.invalid_name(), "X-Amz-Meta-Note");
  }
  for (const char* name : {"", "a b", "a:b", "a\n"}) {
    RequestHeaders headers;
    headers.add(name, "value");
    EXPECT_EQ(headers.invalid_name(), name);
  }
}

TEST(ResponseHeaders, AreFoundWhateverTheirCase) {
  const ResponseHeaders headers(
      "HTTP/1.1 200 OK\r\nx-amzn-RequestId:  abc \r\nDate: Mon, 24 Nov 2026 09:30:00 GMT\r\nEmpty:\r\n\r\n");
  EXPECT_EQ(headers.find("X-Amzn-Requestid"), "abc");
  EXPECT_EQ(headers.find("date"), "Mon, 24 Nov 2026 09:30:00 GMT");
  EXPECT_EQ(headers.find("empty"), "");
  EXPECT_FALSE(headers.find("x-amzn").has_value());
  EXPECT_FALSE(ResponseHeaders("garbage").find("date").has_value());
}

TEST(HttpDate, IsReadAsServersWriteIt) {
  using namespace std::chrono;
  EXPECT_EQ(parse_http_date("Tue, 24 Nov 2026 09:30:05 GMT"),
            sys_days(2026y / November / 24) + hours(9) + minutes(30) + seconds(5));
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT"),
            sys_days(2024y / February / 29) + hours(23) + minutes(59) + seconds(59));
}

TEST(HttpDate, IsEmptyForAnythingElse) {
  for (const char* text :
       {"", "now", "Tue, 24 Nov 2026 09:30:05 UTC", "Tue, 30 Feb 2026 09:30:05 GMT", "Tue, 24 Foo 2026 09:30:05 GMT",
        "Tue, 24 Nov 2026 24:00:00 GMT", "Tue, 24 Nov 2026 0x:30:05 GMT", "Tuesday, 24-Nov-26 09:30:05 GMT",
        "Tue, 00 Nov 2026 09:30:05 GMT"}) {
    EXPECT_FALSE(parse_http_date(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace fanfold::net
