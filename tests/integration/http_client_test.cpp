// ctest: labels=integration,tsan
#include "net/http_client.hpp"

#include "support/scripted_http_server.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

namespace fanfold::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

ScriptedReply ok(const ReceivedRequest&) { return ScriptedReply::of(200, "fine"); }

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

HttpRequest post(const std::string& url, std::string_view body) {
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.body = body;
  return request;
}

/// Keeps the outcome of a single attempt.
class Recorder : public Exchange {
 public:
  explicit Recorder(HttpRequest request) : request_(std::move(request)) {}
  const HttpRequest* begin(const RunOptions&) override {
    ++begin_count;
    return &request_;
  }
  std::optional<milliseconds> ended(HttpOutcome result, const RunOptions&) override {
    outcome = std::move(result);
    ++end_count;
    if (retries_left == 0) return std::nullopt;
    --retries_left;
    return retry_delay;
  }

  void is_slow() override {
    ++slow_count;
    end_count_when_slow = end_count;
  }

  HttpOutcome outcome;
  int slow_count = 0;
  int end_count_when_slow = -1;
  int begin_count = 0;
  int end_count = 0;
  int retries_left = 0;
  milliseconds retry_delay{0};

 private:
  HttpRequest request_;
};

class Recorders : public ExchangeSource {
 public:
  Exchange* next() override { return taken == all.size() ? nullptr : all[taken++].get(); }
  std::vector<std::unique_ptr<Recorder>> all;
  std::size_t taken = 0;
};

TEST(HttpClient, SendsNothingInAChildOfForkWhoseParentGoesOnWithItsConnections) {
  ScriptedHttpServer server(ok);
  HttpClient client({});
  const HttpRequest request = get(server.url());
  ASSERT_TRUE(client.send(request, {}).has_value());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto answer = client.send(request, {});
    ::_exit(!answer && answer.error().code == ErrorCode::invalid_argument ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_TRUE(client.send(request, {}).has_value());
  EXPECT_EQ(server.connection_count(), 1U);
}

TEST(HttpClient, SendsExactlyTheRequestAndReadsTheAnswer) {
  ScriptedHttpServer server([](const ReceivedRequest&) {
    ScriptedReply reply = ScriptedReply::of(418, "short and stout");
    reply.headers = {{"X-Answer", "42"}};
    return reply;
  });
  HttpClient client({});
  HttpRequest request = post(server.url() + "/a/%24b//../c?d=%20&e=", "the body");
  request.headers.add("X-Amz-Target", "Service.Operation");
  const HttpResponse response = client.send(request, {}).value();
  EXPECT_EQ(response.status, 418);
  EXPECT_EQ(response.body, "short and stout");
  EXPECT_EQ(response.headers.find("x-answer"), "42");

  const ReceivedRequest received = server.requests().at(0);
  EXPECT_EQ(received.method, "POST");
  EXPECT_EQ(received.target, "/a/%24b//../c?d=%20&e=");
  EXPECT_EQ(received.body, "the body");
  EXPECT_EQ(received.header("x-amz-target"), "Service.Operation");
  EXPECT_EQ(received.header("host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_FALSE(received.has_header("accept"));
  EXPECT_FALSE(received.has_header("content-type"));
  EXPECT_FALSE(received.has_header("expect"));
}

TEST(HttpClient, SendsEveryMethodOneAfterTheOtherOnOneConnection) {
  ScriptedHttpServer server(ok);
  HttpClient client({});
  for (const char* method : {"GET", "PUT", "HEAD", "DELETE", "POST", "GET", "HEAD", "PUT"}) {
    HttpRequest request = get(server.url() + "/key");
    request.method = method;
    if (request.method == "PUT" || request.method == "POST") request.body = "content";
    EXPECT_EQ(client.send(request, {}).value().body, request.method == "HEAD" ? "" : "fine") << method;
    const ReceivedRequest received = server.requests().back();
    EXPECT_EQ(received.method, method);
    EXPECT_EQ(received.body, request.body);
  }
  EXPECT_EQ(server.connection_count(), 1U);
}

TEST(HttpClient, SendsLargeBodiesWithoutWaitingForConsent) {
  ScriptedHttpServer server(ok);
  HttpClient client({});
  const std::string body(3'000'000, 'x');
  EXPECT_EQ(client.send(post(server.url(), body), {}).value().status, 200);
  EXPECT_EQ(server.requests().at(0).body.size(), body.size());
}

TEST(HttpClient, TakesACloseAfterTheAnswerForNoFailure) {
  for (const bool is_announced : {true, false}) {
    ScriptedHttpServer server([&](const ReceivedRequest&) {
      ScriptedReply reply = ScriptedReply::of(200, "fine");
      (is_announced ? reply.close : reply.close_silently) = true;
      return reply;
    });
    HttpClient client({});
    for (int i = 0; i < 20; ++i) {
      Recorder recorder(post(server.url(), "body"));
      client.run(recorder, {});
      ASSERT_FALSE(recorder.outcome.error) << recorder.outcome.error->message << recorder.outcome.error->remote_detail;
      EXPECT_EQ(recorder.begin_count, 1);
    }
    EXPECT_EQ(server.connection_count(), 20U);
  }
}

TEST(HttpClient, RepeatsWhatAKeptConnectionLostAndSaysSo) {
  ScriptedHttpServer server([](const ReceivedRequest& request) {
    ScriptedReply reply = ScriptedReply::of(200, "fine");
    reply.reset = request.connection == 0 && request.body == "second";
    return reply;
  });
  HttpClient client({});
  Recorder first(post(server.url(), "first"));
  client.run(first, {});
  EXPECT_FALSE(first.outcome.was_sent_again);
  Recorder second(post(server.url(), "second"));
  client.run(second, {});
  ASSERT_FALSE(second.outcome.error);
  EXPECT_TRUE(second.outcome.was_sent_again) << "the first copy may have been applied";
  EXPECT_EQ(server.request_count(), 3U);
}

TEST(HttpClient, ReportsWhatNeverBecameAnAnswer) {
  struct Case {
    const char* name;
    ScriptedReply reply;
    ErrorCode code;
  };
  ScriptedReply cut = ScriptedReply::of(200, "0123456789");
  cut.cut_body_at = 5;
  ScriptedReply dropped;
  dropped.drop = true;
  ScriptedReply reset;
  reset.reset = true;
  ScriptedReply garbage;
  garbage.raw = "\x16\x03\x01\x02garbage garbage garbage\r\n\r\n";
  ScriptedReply empty_status;
  empty_status.raw = "HTTP/1.1\r\n\r\n";
  ScriptedReply cut_head;
  cut_head.raw = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Le";
  ScriptedReply long_headers = ScriptedReply::of(200, "");
  long_headers.headers = {{"X-Long", std::string(70'000, 'x')}};
  ScriptedReply long_body = ScriptedReply::of(200, std::string(1001, 'x'));
  for (const Case& tested :
       {Case{"cut", cut, ErrorCode::unavailable}, Case{"dropped", dropped, ErrorCode::unavailable},
        Case{"reset", reset, ErrorCode::unavailable}, Case{"garbage", garbage, ErrorCode::unavailable},
        Case{"no status", empty_status, ErrorCode::unavailable}, Case{"head", cut_head, ErrorCode::unavailable},
        Case{"headers", long_headers, ErrorCode::too_large}, Case{"body", long_body, ErrorCode::too_large}}) {
    ScriptedHttpServer server([&](const ReceivedRequest&) { return tested.reply; });
    HttpClient client({});
    HttpRequest request = get(server.url());
    request.response_bytes_max = 1000;
    Recorder recorder(std::move(request));
    client.run(recorder, {});
    ASSERT_TRUE(recorder.outcome.error) << tested.name;
    EXPECT_EQ(recorder.outcome.error->code, tested.code) << tested.name << recorder.outcome.error->message;
    EXPECT_TRUE(recorder.outcome.may_have_been_seen) << tested.name;
  }
}

TEST(HttpClient, KnowsThatNobodySawARequestWithoutAConnection) {
  std::string url;
  {
    const ScriptedHttpServer gone(ok);
    url = gone.url();
  }
  HttpClient client({});
  Recorder recorder(get(url));
  client.run(recorder, {});
  ASSERT_TRUE(recorder.outcome.error);
  EXPECT_EQ(recorder.outcome.error->code, ErrorCode::unavailable);
  EXPECT_EQ(recorder.outcome.error->message, "no connection to " + url);
  EXPECT_FALSE(recorder.outcome.may_have_been_seen);
}

TEST(HttpClient, TellsASlowServerFromTheCallersDeadline) {
  ScriptedHttpServer server([](const ReceivedRequest&) {
    ScriptedReply reply;
    reply.delay = seconds(60);
    return reply;
  });
  HttpClient client({});
  HttpRequest request = get(server.url());
  request.timeout = milliseconds(50);
  const Result<HttpResponse> slow = client.send(request, {});
  EXPECT_EQ(slow.error().code, ErrorCode::unavailable);
  EXPECT_EQ(slow.error().message, server.url() + " did not answer within 50 ms");

  request.timeout = seconds(30);
  const auto begin = steady_clock::now();
  EXPECT_EQ(client.send(request, {.deadline = begin + milliseconds(50)}).error().code, ErrorCode::deadline_exceeded);
  EXPECT_LT(steady_clock::now() - begin, seconds(5));
  EXPECT_EQ(client.send(request, {.deadline = begin}).error().code, ErrorCode::deadline_exceeded);
}

TEST(HttpClient, TellsOnceOfAnAttemptThatIsSlowAndGoesOnWithIt) {
  ScriptedHttpServer server([](const ReceivedRequest& request) {
    ScriptedReply reply = ok(request);
    if (request.target == "/slow") reply.delay = milliseconds(400);
    return reply;
  });
  HttpClient client({});
  HttpRequest request = get(server.url() + "/slow");
  request.slow_after = milliseconds(50);
  Recorder slow(request);
  client.run(slow, {});
  EXPECT_FALSE(slow.outcome.error);
  EXPECT_EQ(slow.slow_count, 1);
  EXPECT_EQ(slow.end_count_when_slow, 0) << "it was told before the answer";
  request.url = server.url() + "/quick";
  request.slow_after = milliseconds(10'000);
  Recorder quick(request);
  client.run(quick, {});
  EXPECT_EQ(quick.slow_count, 0);
}

TEST(HttpClient, IsStoppedWithinMilliseconds) {
  ScriptedHttpServer server([](const ReceivedRequest&) {
    ScriptedReply reply;
    reply.delay = seconds(60);
    return reply;
  });
  HttpClient client({});
  std::stop_source stop;
  steady_clock::time_point stopped_at;
  const std::jthread stopper([&] {
    server.await_requests(1);
    stopped_at = steady_clock::now();
    stop.request_stop();
  });
  Recorder recorder(get(server.url()));
  client.run(recorder, {.stop = stop.get_token()});
  EXPECT_EQ(recorder.outcome.error.value().code, ErrorCode::cancelled);
  EXPECT_TRUE(recorder.outcome.may_have_been_seen);
  EXPECT_LT(steady_clock::now() - stopped_at, seconds(5)) << "a busy machine may take its time, the server takes 60 s";

  Recorder late(get(server.url()));
  client.run(late, {.stop = stop.get_token()});
  EXPECT_EQ(late.outcome.error.value().code, ErrorCode::cancelled);
  EXPECT_EQ(late.begin_count, 0);
  EXPECT_EQ(server.request_count(), 1U);
}

TEST(HttpClient, IsStoppedWhileItWaitsForTheNextAttempt) {
  ScriptedHttpServer server(ok);
  HttpClient client({});
  std::stop_source stop;
  const std::jthread stopper([&] {
    server.await_requests(1);
    stop.request_stop();
  });
  Recorder recorder(get(server.url()));
  recorder.retries_left = 1;
  recorder.retry_delay = seconds(60);
  const auto begin = steady_clock::now();
  client.run(recorder, {.stop = stop.get_token()});
  EXPECT_EQ(recorder.outcome.error.value().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - begin, seconds(5));
}

TEST(HttpClient, MakesTheNextAttemptAfterTheDelay) {
  ScriptedHttpServer server(ok);
  HttpClient client({});
  Recorder recorder(get(server.url()));
  recorder.retries_left = 2;
  recorder.retry_delay = milliseconds(20);
  const auto begin = steady_clock::now();
  client.run(recorder, {});
  EXPECT_EQ(recorder.begin_count, 3);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(40));
}

TEST(HttpClient, KeepsManyRequestsInFlightAndNoMoreThanAllowed) {
  std::atomic<int> now_count{0};
  std::atomic<int> most{0};
  ScriptedHttpServer server([&](const ReceivedRequest& request) {
    const int count = ++now_count;
    for (int seen = most; seen < count && !most.compare_exchange_weak(seen, count);) {
    }
    std::this_thread::sleep_for(milliseconds(5));
    --now_count;
    return ScriptedReply::of(200, request.body);
  });
  HttpClient client({});
  std::vector<std::string> bodies;
  for (int i = 0; i < 200; ++i) bodies.push_back("body " + std::to_string(i));
  Recorders recorders;
  for (const std::string& body : bodies) recorders.all.push_back(std::make_unique<Recorder>(post(server.url(), body)));
  client.run(recorders, {.in_flight_max = 20});
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    ASSERT_FALSE(recorders.all[i]->outcome.error);
    EXPECT_EQ(recorders.all[i]->outcome.response.body, bodies[i]);
  }
  EXPECT_LE(most, 20);
  EXPECT_GT(most, 10);
  EXPECT_LE(server.connection_count(), 20U);
}

TEST(HttpClient, KeepsTheConnectionsOfABulkCallWhileSingleCallsComeInBetween) {
  constexpr std::size_t bulk_count = 12;
  ScriptedHttpServer server([&](const ReceivedRequest& request) {
    std::this_thread::sleep_for(milliseconds(request.body.empty() ? 0 : 20));  // So that each needs a connection.
    return ScriptedReply::of(200, "fine");
  });
  HttpClient client({});
  for (int round = 0; round < 3; ++round) {
    Recorders bulk;
    for (std::size_t i = 0; i < bulk_count; ++i)
      bulk.all.push_back(std::make_unique<Recorder>(post(server.url(), "slow")));
    client.run(bulk, {});
    for (const auto& recorder : bulk.all) EXPECT_FALSE(recorder->outcome.error);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.send(get(server.url()), {}).has_value());
  }
  EXPECT_EQ(server.connection_count(), bulk_count);
}

TEST(HttpClient, LeavesWhatItHasNotBegunToTheSourceWhenStopped) {
  std::stop_source stop;
  ScriptedHttpServer server([&](const ReceivedRequest&) {
    stop.request_stop();
    ScriptedReply reply;
    reply.delay = seconds(60);
    return reply;
  });
  HttpClient client({});
  Recorders recorders;
  for (int i = 0; i < 100; ++i) recorders.all.push_back(std::make_unique<Recorder>(get(server.url())));
  client.run(recorders, {.stop = stop.get_token(), .in_flight_max = 4});
  EXPECT_EQ(recorders.taken, 4U);
  for (std::size_t i = 0; i < recorders.taken; ++i) {
    EXPECT_EQ(recorders.all[i]->end_count, 1);
    EXPECT_EQ(recorders.all[i]->outcome.error.value().code, ErrorCode::cancelled);
  }
}

TEST(HttpClient, ServesManyThreadsAtOnce) {
  ScriptedHttpServer server([](const ReceivedRequest& request) { return ScriptedReply::of(200, request.body); });
  HttpClient client({});
  std::vector<std::jthread> callers;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const std::string body = std::to_string(i) + "/" + std::to_string(j);
        if (client.send(post(server.url(), body), {}).value().body == body) ++right;
      }
    });
  }
  callers.clear();
  EXPECT_EQ(right, 16 * 50);
  EXPECT_LE(server.connection_count(), 16U);
}

TEST(HttpClient, FollowsNoRedirect) {
  ScriptedHttpServer server([](const ReceivedRequest& request) {
    ScriptedReply reply = ScriptedReply::of(307, "");
    reply.headers = {{"Location", "http://" + request.header("host") + "/elsewhere"}};
    return reply;
  });
  HttpClient client({});
  EXPECT_EQ(client.send(get(server.url()), {}).value().status, 307);
  EXPECT_EQ(server.request_count(), 1U);
}

TEST(HttpClient, RefusesWhatCannotBeSent) {
  HttpClient client({});
  HttpRequest request = get("http://127.0.0.1:1/");
  request.headers.add("X-Note", "a\r\nX-Smuggled: b");
  EXPECT_EQ(client.send(request, {}).error(),
            (Error{ErrorCode::invalid_argument, "header 'X-Note' has characters that no header can have", ""}));
  EXPECT_EQ(client.send(get("file:///etc/passwd"), {}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.send(get("http://"), {}).error().code, ErrorCode::invalid_argument);
}

TEST(HttpClient, NamesACaBundleThatCannotBeUsed) {
  HttpClient client({.ca_bundle = "/does/not/exist.pem"});
  ScriptedHttpServer server(ok);
  const Result<HttpResponse> response = client.send(get("https://127.0.0.1:" + std::to_string(server.port())), {});
  EXPECT_EQ(response.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(response.error().message, "the CA bundle '/does/not/exist.pem' cannot be used");
}

TEST(HttpClient, TakesTheProxyOfTheEnvironmentExceptWhereToldNotTo) {
  ScriptedHttpServer proxy([](const ReceivedRequest&) { return ScriptedReply::of(200, "by proxy"); });
  ScriptedHttpServer server(ok);
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  HttpClient client({});
  HttpRequest request = get(server.url() + "/x");
  EXPECT_EQ(client.send(request, {}).value().body, "by proxy");
  EXPECT_EQ(proxy.requests().at(0).target, server.url() + "/x");
  request.without_proxy = true;
  EXPECT_EQ(client.send(request, {}).value().body, "fine");
  request.without_proxy = false;
  EXPECT_EQ(client.send(request, {}).value().body, "by proxy");
  ::unsetenv("http_proxy");
}

}  // namespace
}  // namespace fanfold::net
