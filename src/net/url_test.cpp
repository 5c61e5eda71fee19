#include "net/url.hpp"

#include <gtest/gtest.h>

namespace fanfold::net {
namespace {

TEST(Url, IsTakenApart) {
  const Url plain = parse_url("https://sqs.eu-west-1.amazonaws.com").value();
  EXPECT_EQ(plain, (Url{"https", "sqs.eu-west-1.amazonaws.com", 0, ""}));
  const Url local = parse_url("HTTP://LocalHost:4566/prefix/").value();
  EXPECT_EQ(local, (Url{"http", "localhost", 4566, "/prefix"}));
  const Url address = parse_url("http://[fd00:ec2::23]:80/v1/x%20y").value();
  EXPECT_EQ(address, (Url{"http", "[fd00:ec2::23]", 80, "/v1/x%20y"}));
}

TEST(Url, NamesThePortOnlyWhereItIsNotTheSchemesOwn) {
  EXPECT_EQ(parse_url("http://127.0.0.1:4566").value().authority(), "127.0.0.1:4566");
  EXPECT_EQ(parse_url("http://host:80").value().authority(), "host");
  EXPECT_EQ(parse_url("https://host:443").value().origin(), "https://host");
  EXPECT_EQ(parse_url("https://host:80").value().authority(), "host:80");
}

TEST(Url, IsRefusedWhereItIsNoEndpoint) {
  for (const char* text : {"",
                           "host",
                           "host:8000",
                           "ftp://host",
                           "http://",
                           "http:///path",
                           "http://:80",
                           "http://user:password@host",
                           "http://host/?a=b",
                           "http://host/#part",
                           "http://host:0",
                           "http://host:65536",
                           "http://host:8x",
                           "http://host:",
                           "http://ho st",
                           "http://h\xc3\xb6st",
                           "http://host\r\nX: y",
                           "http://[::1",
                           "http://[x]",
                           "file:///etc/passwd"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, ErrorCode::invalid_argument) << text;
  }
  EXPECT_FALSE(parse_url("http://host/" + std::string(url_bytes_max, 'a')).has_value());
}

TEST(PercentEncoding, EncodesAllButTheUnreservedCharacters) {
  EXPECT_EQ(percent_encoded("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encoded("SQSMessage$a/b c%+\xc3\xa4"), "SQSMessage%24a%2Fb%20c%25%2B%C3%A4");
  EXPECT_EQ(percent_encoded_path("/SQSMessage$a-globals.json"), "/SQSMessage%24a-globals.json");
  EXPECT_EQ(percent_encoded_path("/a//b/../c d/"), "/a//b/../c%20d/");
}

TEST(Query, IsSortedByEncodedNameAndValue) {
  EXPECT_EQ(query_text({}), "");
  EXPECT_EQ(query_text({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(query_text({{"b", "2"}, {"a", "z"}, {"a", "b c"}, {"A", "&="}, {"a-b", ""}}),
            "A=%26%3D&a=b%20c&a=z&a-b=&b=2");
}

}  // namespace
}  // namespace fanfold::net
