// ctest: labels=slow
// What the proxy of the failure tests does to requests and answers: each harm, and else none. In release only: it forks
// beside a thread, which may hold the lock of a sanitizer's allocator.
#include "../support/failure_proxy.hpp"
#include "support/scripted_http_server.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace fanfold::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* request_text =
    "POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 2\r\n\r\n{}";

class Proxied : public ::testing::Test {
 protected:
  /// A proxy that always does this to requests.
  FailureProxy& proxy(ProxyFault fault) {
    proxy_ = std::make_unique<FailureProxy>(
        server_.port(), ProxyPlan{.seed = 7, .delay_max = 1ms, .stall_max = 2ms, .late_max = 1ms, .always = fault});
    return *proxy_;
  }
  [[nodiscard]] std::optional<HttpText> ask(const std::string& text = request_text) {
    client_ = HttpStream::connect(proxy_->port());
    EXPECT_TRUE(client_.write(text));
    return client_.read(text.starts_with("HEAD"));
  }
  [[nodiscard]] std::string body_of_answer() {
    const auto answer = ask();
    return answer ? answer->body : "no answer";
  }

  std::function<ScriptedReply(const ReceivedRequest&)> on_request_ = [this](const ReceivedRequest&) {
    return ScriptedReply::of(200, "answer " + std::to_string(++answer_count_));
  };
  std::atomic<int> answer_count_{0};
  ScriptedHttpServer server_{[this](const ReceivedRequest& request) { return on_request_(request); }};
  std::unique_ptr<FailureProxy> proxy_;
  HttpStream client_;
};

TEST_F(Proxied, PassesRequestsAndAnswersOnUnchanged) {
  proxy(ProxyFault::none);
  const auto answer = ask();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(answer->body, "answer 1");
  EXPECT_TRUE(client_.write(request_text));
  EXPECT_EQ(client_.read()->body, "answer 2") << "on the connection that was kept";
  EXPECT_EQ(server_.connection_count(), 1U);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].body, "{}");
  EXPECT_EQ(requests[0].header("host"), "here");
  EXPECT_EQ(proxy_->count(ProxyService::sqs, ProxyFault::none), 2U);
}

TEST_F(Proxied, ReadsChunksAndAnswersWithoutLength) {
  proxy(ProxyFault::none);
  ScriptedReply chunked;
  chunked.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  on_request_ = [&](const ReceivedRequest&) { return chunked; };
  EXPECT_EQ(body_of_answer(), "abcde");
  chunked.raw = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end";
  EXPECT_EQ(body_of_answer(), "until the end");
}

TEST_F(Proxied, AnswersHeadWithoutABody) {
  proxy(ProxyFault::garbage);
  const auto answer = ask("HEAD /bucket HTTP/1.1\r\nHost: here\r\n\r\n");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(proxy_->count(ProxyService::s3, ProxyFault::garbage), 1U);
}

TEST_F(Proxied, CutsBeforeTheServerSeesTheRequest) {
  proxy(ProxyFault::cut_before);
  EXPECT_FALSE(ask().has_value());
  EXPECT_EQ(server_.request_count(), 0U);
}

TEST_F(Proxied, DropsTheAnswerOfWhatWasDone) {
  proxy(ProxyFault::answer_dropped);
  EXPECT_FALSE(ask().has_value());
  EXPECT_EQ(answer_count_, 1);
}

TEST_F(Proxied, CutsInsideTheAnswer) {
  proxy(ProxyFault::answer_cut);
  EXPECT_FALSE(ask().has_value());
  EXPECT_EQ(answer_count_, 1);
}

TEST_F(Proxied, AppliesARequestAfterItsCallerWasToldThatTheConnectionBroke) {
  proxy(ProxyFault::applied_late);
  EXPECT_FALSE(ask().has_value());
  server_.await_requests(1);
}

TEST_F(Proxied, DoublesARequestAndAnswersWithTheSecond) {
  proxy(ProxyFault::duplicated);
  EXPECT_EQ(body_of_answer(), "answer 2");
}

TEST_F(Proxied, RepeatsARequestAfterItsAnswer) {
  proxy(ProxyFault::repeated_late);
  EXPECT_EQ(body_of_answer(), "answer 1");
  server_.await_requests(2);
}

TEST_F(Proxied, HoldsAnswersBack) {
  for (const ProxyFault fault : {ProxyFault::delayed, ProxyFault::stalled, ProxyFault::reordered}) {
    proxy(fault);
    const std::string body = body_of_answer();
    EXPECT_EQ(body, "answer " + std::to_string(answer_count_));
  }
  EXPECT_EQ(answer_count_, 3);
}

TEST_F(Proxied, SpeaksForTheServiceThatAsksToSlowDown) {
  proxy(ProxyFault::throttled);
  EXPECT_NE(body_of_answer().find("RequestThrottled"), std::string::npos);
  EXPECT_EQ(server_.request_count(), 0U);
}

TEST_F(Proxied, FailsHalfOfWhatWasDoneAllTheSame) {
  for (const ProxyFault fault : {ProxyFault::status_500, ProxyFault::status_503, ProxyFault::garbage}) {
    proxy(fault);
    const int before = answer_count_;
    constexpr int count = 40;
    for (int i = 0; i < count; ++i) {
      const auto answer = ask();
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->status(), fault == ProxyFault::status_500 ? 500 : fault == ProxyFault::status_503 ? 503 : 200);
      EXPECT_EQ(answer->body.find("answer "), std::string::npos);
    }
    EXPECT_GT(answer_count_, before);
    EXPECT_LT(answer_count_, before + count);
  }
}

}  // namespace
}  // namespace fanfold::test
