#include "serve/request_parser.hpp"

#include "serve/target.hpp"

#include <gtest/gtest.h>

namespace fanfold::serve {
namespace {

constexpr std::size_t body_max = 100;

TEST(RequestParser, ReadsARequestThatComesByteByByte) {
  const std::string text =
      "POST /api/clusters/a%20b/stop?x=1&y=a+b%2B HTTP/1.1\r\nHost: localhost\r\nX-Fanfold: 1\r\nContent-Length: "
      "4\r\n\r\nbody";
  RequestParser parser(body_max);
  std::string pending;
  for (const char byte : text) {
    ASSERT_EQ(parser.state(), RequestParser::State::incomplete);
    pending += byte;
    pending.erase(0, parser.put(pending));
  }
  ASSERT_EQ(parser.state(), RequestParser::State::complete);
  const Request& request = parser.request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/clusters/a b/stop");
  EXPECT_EQ(request.parameter("x"), "1");
  EXPECT_EQ(request.parameter("y"), "a b+");
  EXPECT_EQ(request.parameter("z"), "");
  EXPECT_EQ(request.header("x-fanfold"), "1");
  EXPECT_EQ(request.body, "body");
  EXPECT_TRUE(parser.keeps_alive());
}

TEST(RequestParser, LeavesTheNextRequestToTheNextOne) {
  const std::string one = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
  RequestParser parser(body_max);
  EXPECT_EQ(parser.put(one + "GET /b HTTP/1.1\r\n"), one.size());
  EXPECT_EQ(parser.request().path, "/a");
}

TEST(RequestParser, AnswersHeadAsGet) {
  RequestParser parser(body_max);
  parser.put("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(parser.request().method, "GET");
  EXPECT_TRUE(parser.is_head());
  EXPECT_FALSE(parser.keeps_alive());
}

int refused_with(std::string_view text) {
  RequestParser parser(body_max);
  parser.put(text);
  return parser.state() == RequestParser::State::refused ? parser.refusal().status : 0;
}

TEST(RequestParser, RefusesWhatIsNoRequestAndWhatIsTooLong) {
  EXPECT_EQ(refused_with("\x16\x03\x01\x02\x01\x01"), 400);  // TLS
  EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refused_with("GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(refused_with("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  for (const char* coding : {"chunked", "xchunked", "gzip", "chunked, identity"}) {
    const std::string header = std::string("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ") + coding + "\r\n\r\n";
    EXPECT_EQ(refused_with(header), 501) << coding;
    EXPECT_EQ(refused_with(header + "1;aaaa"), 501) << coding;
  }
  EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), 400);
  EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"), 413);
  EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
}

TEST(Target, DecodesEscapesOnly) {
  EXPECT_EQ(percent_decoded("a%2Fb+c", false), "a/b+c");
  EXPECT_EQ(percent_decoded("a%2fb+c", true), "a/b c");
  for (const char* wrong : {"%", "%1", "%zz", "a%0", "%+1", "%00"})
    EXPECT_EQ(percent_decoded(wrong, false), std::nullopt) << wrong;
}

TEST(Target, TakesNamesWithoutValues) {
  Request request;
  ASSERT_TRUE(read_target("/a?unfinished&&name=", request));
  EXPECT_EQ(request.query.count("unfinished"), 1U);
  EXPECT_EQ(request.query.count("name"), 1U);
  EXPECT_EQ(request.query.size(), 2U);
  EXPECT_FALSE(read_target("a", request));
  EXPECT_FALSE(read_target("/a?b=%zz", request));
}

}  // namespace
}  // namespace fanfold::serve
