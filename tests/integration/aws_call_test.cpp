// ctest: labels=integration,tsan
#include "aws/call.hpp"
#include "aws/call_counts.hpp"
#include "aws/session.hpp"
#include "aws/test_files.hpp"
#include "aws/xml.hpp"

#include "support/scripted_http_server.hpp"

#include <fanfold/detail/json_fields.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace fanfold::aws {
namespace {

using namespace std::chrono;
using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

/// The smallest operation: an object with a number.
class Ask final : public JsonCall {
 public:
  explicit Ask(Service& service, std::string body = "{}") : JsonCall(service, "AmazonSQS", "Ask", std::move(body)) {}
  std::int64_t number = 0;

 private:
  Result<void> decode_json(detail::JsonValue root) override {
    const auto member = root.find("Number");
    if (!member) return detail::json_error_missing(root, "Number");
    if (!member->int64()) return detail::json_error_expected(*member, "integer");
    number = *member->int64();
    return {};
  }
};

ScriptedReply service_reply(int status, std::string body,
                            std::vector<std::pair<std::string, std::string>> headers = {}) {
  ScriptedReply reply = ScriptedReply::of(status, std::move(body));
  reply.headers = std::move(headers);
  reply.headers.emplace_back("x-amzn-RequestId", "R1");
  reply.headers.emplace_back("Content-Type", "application/x-amz-json-1.0");
  return reply;
}

std::string http_date(system_clock::time_point time) {
  const std::time_t seconds_since = system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds_since, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

class AwsCall : public ::testing::Test {
 public:
  AwsCall() {
    variables = {{"AWS_REGION", "eu-west-1"},
                 {"AWS_ACCESS_KEY_ID", "AKID"},
                 {"AWS_SECRET_ACCESS_KEY", "the-secret-key"},
                 {"AWS_SESSION_TOKEN", "the/session+token"},
                 {"AWS_ENDPOINT_URL", server.url()}};
  }

  Service& service(std::string_view name = "sqs") {
    if (!session) session = Session::open(variables_of(variables), {}).value();
    if (!service_) {
      service_ = session->service(name, [this](const std::string& line) { warnings.push_back(line); }).value();
    }
    return *service_;
  }
  Answer ask(const net::RunOptions& options = {}) {
    Ask call(service());
    service().run(call, options);
    number = call.number;
    return call.answer();
  }

  std::map<std::string, std::string> variables;
  std::function<ScriptedReply(const ReceivedRequest&, int)> on_request = [](const ReceivedRequest&, int) {
    return service_reply(200, R"({"Number":42})");
  };
  std::atomic<int> count{0};
  ScriptedHttpServer server{[this](const ReceivedRequest& request) { return on_request(request, ++count); }};
  std::unique_ptr<Session> session;
  std::unique_ptr<Service> service_;
  std::int64_t number = 0;
  std::vector<std::string> warnings;
};

TEST_F(AwsCall, IsSentAsTheServiceWantsIt) {
  const Answer answer = ask();
  ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_EQ(number, 42);
  EXPECT_EQ(answer.attempt_count, 1U);
  EXPECT_FALSE(answer.may_have_been_applied);
  const ReceivedRequest request = server.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(request.header("x-amz-target"), "AmazonSQS.Ask");
  EXPECT_EQ(request.header("content-type"), "application/x-amz-json-1.0");
  EXPECT_EQ(request.header("x-amz-security-token"), "the/session+token");
  EXPECT_TRUE(request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
  EXPECT_NE(request.header("authorization")
                .find("/eu-west-1/sqs/aws4_request, "
                      "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"),
            std::string::npos);
  EXPECT_TRUE(request.header("user-agent").starts_with("fanfold/"));
}

TEST_F(AwsCall, GoesThroughAllPartsOfTheEndpointsUrl) {
  variables["AWS_ENDPOINT_URL"] = server.url() + "/base/path/";
  ASSERT_FALSE(ask().error);
  EXPECT_EQ(server.requests().at(0).target, "/base/path/");
}

TEST_F(AwsCall, TriesAgainWhereTheServiceFails) {
  on_request = [](const ReceivedRequest&, int attempt) {
    return attempt < 3 ? service_reply(500, R"({"__type":"InternalFailure"})") : service_reply(200, R"({"Number":1})");
  };
  const Answer answer = ask();
  ASSERT_FALSE(answer.error);
  EXPECT_EQ(answer.attempt_count, 3U);
  EXPECT_TRUE(answer.may_have_been_applied);
}

TEST_F(AwsCall, EndsWithTheLastErrorWhereItKeepsFailing) {
  on_request = [](const ReceivedRequest&, int) {
    return service_reply(503, R"({"__type":"ServiceUnavailable","message":"later"})");
  };
  const Answer answer = ask();
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(*answer.error, (Error{ErrorCode::unavailable, "sqs Ask: the service failed",
                                  "status 503 ServiceUnavailable: later (request R1)"}));
  EXPECT_EQ(answer.attempt_count, 3U);
}

TEST_F(AwsCall, TakesThrottlingForBackpressure) {
  on_request = [](const ReceivedRequest&, int attempt) {
    return attempt <= 5
               ? service_reply(
                     400, R"({"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"})")
               : service_reply(200, R"({"Number":1})");
  };
  const Answer answer = ask();
  ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_EQ(answer.attempt_count, 6U) << "more than failures may have";
  EXPECT_FALSE(answer.may_have_been_applied);
}

TEST_F(AwsCall, TellsOfThrottlingThatLasts) {
  on_request = [](const ReceivedRequest&, int attempt) {
    const char* throttled = R"({"__type":"ThrottlingException","message":"Rate exceeded"})";
    if (attempt == 1) return service_reply(400, throttled, {{"Retry-After", "4"}});
    return attempt <= 3 ? service_reply(400, throttled) : service_reply(200, R"({"Number":1})");
  };
  ASSERT_FALSE(ask().error);
  EXPECT_EQ(warnings, std::vector<std::string>{"sqs Ask: the service asks to slow down; trying again"});
  ASSERT_FALSE(ask().error);
  EXPECT_EQ(warnings.size(), 1U) << "it is over";
}

TEST_F(AwsCall, TellsOfAnAnswerThatDoesNotComeWhileItIsWaitedFor) {
  on_request = [](const ReceivedRequest&, int) {
    ScriptedReply reply = service_reply(200, R"({"Number":1})");
    reply.delay = OutageNotice::slow_after + 2s;
    return reply;
  };
  const Answer answer = ask();
  ASSERT_FALSE(answer.error) << answer.error->message;
  EXPECT_EQ(answer.attempt_count, 1U);
  EXPECT_EQ(warnings, std::vector<std::string>{"sqs Ask: no answer for 5 s; still waiting"});
}

TEST_F(AwsCall, SaysNothingOfFailuresThatPass) {
  on_request = [](const ReceivedRequest&, int attempt) {
    return attempt == 1 ? service_reply(500, "") : service_reply(200, R"({"Number":1})");
  };
  ASSERT_FALSE(ask().error);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(AwsCall, TakesARefusalForTheEndOfAnOutage) {
  on_request = [](const ReceivedRequest&, int attempt) {
    const bool is_failure = attempt == 1 || attempt == 3;
    ScriptedReply reply =
        is_failure ? service_reply(500, "") : service_reply(400, R"({"__type":"ConditionalCheckFailedException"})");
    if (attempt == 3) reply.delay = OutageNotice::patience + 200ms;
    return reply;
  };
  for (int call = 0; call < 2; ++call) EXPECT_EQ(ask().service_code, "ConditionalCheckFailedException");
  EXPECT_EQ(count, 4);
  EXPECT_TRUE(warnings.empty()) << "the second failure is one of its own: " << warnings.front();
}

TEST_F(AwsCall, TakesARefusalForFinal) {
  on_request = [](const ReceivedRequest&, int) {
    return service_reply(
        400,
        R"({"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"a":{"N":"1"}}})");
  };
  const Answer answer = ask();
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, ErrorCode::conflict);
  EXPECT_EQ(answer.service_code, "ConditionalCheckFailedException");
  EXPECT_NE(answer.response.body.find("\"Item\""), std::string::npos) << "the old item is there to be read";
  EXPECT_EQ(count, 1);
}

TEST_F(AwsCall, SaysThatARefusedWriteMayHaveBeenItsOwn) {
  on_request = [](const ReceivedRequest&, int attempt) {
    ScriptedReply lost;
    lost.drop = true;
    return attempt == 1 ? lost : service_reply(400, R"({"__type":"ConditionalCheckFailedException"})");
  };
  const Answer answer = ask();
  EXPECT_EQ(answer.service_code, "ConditionalCheckFailedException");
  EXPECT_TRUE(answer.may_have_been_applied);
}

TEST_F(AwsCall, SaysSoTooWhereAKeptConnectionBroke) {
  ASSERT_FALSE(ask().error);
  on_request = [](const ReceivedRequest&, int attempt) {
    ScriptedReply lost;
    lost.reset = true;
    return attempt == 2 ? lost : service_reply(400, R"({"__type":"ConditionalCheckFailedException"})");
  };
  const Answer answer = ask();
  EXPECT_EQ(answer.service_code, "ConditionalCheckFailedException");
  EXPECT_EQ(answer.attempt_count, 1U);
  EXPECT_TRUE(answer.may_have_been_applied);
}

TEST_F(AwsCall, NeverBelievesAnAnswerThatIsNotAsDocumented) {
  const char* const garbage[] = {"",
                                 "{",
                                 "[]",
                                 "null",
                                 R"({"Number":"42"})",
                                 R"({"Other":1})",
                                 R"({"Number":42)",
                                 R"({"Number":42}{})",
                                 "<html><body>Welcome to the hotel's network</body></html>",
                                 "\x80\x81",
                                 R"({"Number":1,"Number":2})"};
  for (const char* body : garbage) {
    count = 0;
    on_request = [&](const ReceivedRequest&, int attempt) {
      return attempt == 1 ? service_reply(200, body) : service_reply(200, R"({"Number":7})");
    };
    const Answer mended = ask();
    EXPECT_FALSE(mended.error) << body;
    EXPECT_EQ(number, 7);
    EXPECT_TRUE(mended.may_have_been_applied);

    on_request = [&](const ReceivedRequest&, int) { return service_reply(200, body); };
    const Answer answer = ask();
    ASSERT_TRUE(answer.error) << body;
    EXPECT_EQ(answer.error->code, ErrorCode::unavailable) << body;
    EXPECT_TRUE(answer.error->message.starts_with("sqs Ask: the answer is not what the service documents: "))
        << answer.error->message;
  }
}

TEST_F(AwsCall, NeverTakesAProxysNotFoundForTheServices) {
  on_request = [](const ReceivedRequest&, int) { return ScriptedReply::of(404, "<html><h1>Not Found</h1></html>"); };
  EXPECT_EQ(ask().error.value().code, ErrorCode::unavailable);
}

TEST_F(AwsCall, TriesAgainWhereTheAnswerIsCut) {
  on_request = [](const ReceivedRequest&, int attempt) {
    ScriptedReply reply = service_reply(200, R"({"Number":42})");
    if (attempt == 1) reply.cut_body_at = 7;
    return reply;
  };
  EXPECT_FALSE(ask().error);
  EXPECT_EQ(number, 42);
}

TEST_F(AwsCall, StopsTryingWithTheDeadline) {
  on_request = [](const ReceivedRequest&, int) {
    return service_reply(400, R"({"__type":"ThrottlingException"})", {{"Retry-After", "15"}});
  };
  const auto begin = steady_clock::now();
  const Answer answer = ask({.stop = {}, .deadline = begin + seconds(5)});
  EXPECT_EQ(answer.error.value().code, ErrorCode::throttled) << "what happened is told rather than that time is over";
  EXPECT_LT(steady_clock::now() - begin, seconds(4)) << "a wait that the deadline would cut is not begun";
  EXPECT_EQ(count, 1);
}

TEST_F(AwsCall, StopsWaitingWhenToldTo) {
  on_request = [](const ReceivedRequest&, int) {
    return service_reply(400, R"({"__type":"ThrottlingException"})", {{"Retry-After", "15"}});
  };
  std::stop_source stop;
  const std::jthread stopper([&] {
    server.await_requests(1);
    stop.request_stop();
  });
  const auto begin = steady_clock::now();
  EXPECT_EQ(ask({.stop = stop.get_token(), .deadline = {}}).error.value().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - begin, seconds(10));
}

TEST_F(AwsCall, CorrectsAClockThatIsWrong) {
  // The service's clock is an hour ahead, and it refuses signatures that are more than five minutes off.
  const auto service_now = [] { return system_clock::now() + hours(1); };
  on_request = [&](const ReceivedRequest& request, int) {
    const std::string date = request.header("x-amz-date");
    std::tm parts{};
    ::strptime(date.c_str(), "%Y%m%dT%H%M%SZ", &parts);
    const auto difference = service_now() - system_clock::from_time_t(::timegm(&parts));
    const bool is_fresh = difference < minutes(5) && difference > -minutes(5);
    return is_fresh ? service_reply(200, R"({"Number":42})", {{"Date", http_date(service_now())}})
                    : service_reply(400, R"({"__type":"InvalidSignatureException","message":"Signature expired"})",
                                    {{"Date", http_date(service_now())}});
  };
  EXPECT_FALSE(ask().error);
  EXPECT_EQ(count, 2);
  EXPECT_FALSE(ask().error);
  EXPECT_EQ(count, 3) << "the clock stays corrected";
  const auto difference = session->time().now() - floor<milliseconds>(system_clock::now());
  EXPECT_GT(difference, minutes(59));
  EXPECT_LT(difference, minutes(61));
}

TEST_F(AwsCall, DoesNotSetTheClockByAProxy) {
  on_request = [&](const ReceivedRequest&, int) {
    ScriptedReply reply = ScriptedReply::of(502, "<html>");
    reply.headers = {{"Date", http_date(system_clock::now() - hours(24))}};
    return reply;
  };
  EXPECT_TRUE(ask().error);
  EXPECT_LT(abs(session->time().now() - floor<milliseconds>(system_clock::now())), seconds(10));
}

TEST_F(AwsCall, DoesNotRepeatASignatureThatIsRefusedForAnotherReason) {
  on_request = [&](const ReceivedRequest&, int) {
    return service_reply(403, R"({"__type":"InvalidSignatureException"})", {{"Date", http_date(system_clock::now())}});
  };
  EXPECT_EQ(ask().error.value().code, ErrorCode::permission_denied);
  EXPECT_EQ(count, 1);
}

TEST_F(AwsCall, FetchesOtherCredentialsWhereTheServiceSaysTheyHaveEnded) {
  std::atomic<int> fetch_count{0};
  ScriptedHttpServer container([&](const ReceivedRequest&) {
    const std::string id = "KEY" + std::to_string(++fetch_count);
    return ScriptedReply::of(200, R"({"AccessKeyId":")" + id +
                                      R"(","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"})");
  });
  variables.erase("AWS_ACCESS_KEY_ID");
  variables.erase("AWS_SECRET_ACCESS_KEY");
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  on_request = [](const ReceivedRequest& request, int) {
    return request.header("authorization").find("Credential=KEY1/") != std::string::npos
               ? service_reply(400, R"({"__type":"ExpiredTokenException"})")
               : service_reply(200, R"({"Number":42})");
  };
  EXPECT_FALSE(ask().error);
  EXPECT_EQ(fetch_count, 2);
  on_request = [](const ReceivedRequest&, int) { return service_reply(400, R"({"__type":"ExpiredTokenException"})"); };
  EXPECT_EQ(ask().error.value().code, ErrorCode::permission_denied) << "tried once more, not forever";
  EXPECT_EQ(fetch_count, 3);
}

TEST_F(AwsCall, FailsWithTheReasonWhereThereAreNoCredentials) {
  variables = {{"AWS_REGION", "eu-west-1"}, {"AWS_ENDPOINT_URL", server.url()}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  const Answer answer = ask();
  EXPECT_EQ(answer.error.value().code, ErrorCode::permission_denied);
  EXPECT_EQ(count, 0);
}

/// What this process has counted of one operation so far.
CallCount counted_of(std::string_view operation) {
  const auto counts = call_counts();
  const auto found = std::ranges::find(counts, operation, &CallCount::operation);
  return found == counts.end() ? CallCount{} : *found;
}

EndCounts difference(const EndCounts& after, const EndCounts& before) {
  EndCounts difference{};
  for (std::size_t i = 0; i < call_end_count; ++i) difference[i] = after[i] - before[i];
  return difference;
}

TEST_F(AwsCall, IsCountedByHowItAndEachOfItsAttemptsEnded) {
  const CallCount before = counted_of("Ask");
  on_request = [](const ReceivedRequest&, int attempt) {
    switch (attempt) {
      case 1: return service_reply(400, R"({"__type":"ThrottlingException"})");
      case 2: return service_reply(500, R"({"__type":"InternalFailure"})");
      case 3: return service_reply(200, R"({"Number":1})");
      default: return service_reply(400, R"({"__type":"ConditionalCheckFailedException"})");
    }
  };
  EXPECT_FALSE(ask().error);
  EXPECT_TRUE(ask().error);
  const CallCount after = counted_of("Ask");
  EXPECT_EQ(after.service, "sqs");
  // ok, refused, throttled, failed, cancelled
  EXPECT_EQ(difference(after.attempts, before.attempts), (EndCounts{1, 1, 1, 1, 0}));
  EXPECT_EQ(difference(after.calls, before.calls), (EndCounts{1, 1, 0, 0, 0}));
}

TEST_F(AwsCall, IsCountedWithoutAnAttemptWhereItIsGivenUpBetweenTwoOrHasNoCredentials) {
  const CallCount before = counted_of("Ask");
  on_request = [](const ReceivedRequest&, int) {
    return service_reply(400, R"({"__type":"ThrottlingException"})", {{"Retry-After", "15"}});
  };
  std::stop_source stop;
  {
    const std::jthread stopper([&] {
      server.await_requests(1);
      stop.request_stop();
    });
    EXPECT_TRUE(ask({.stop = stop.get_token(), .deadline = {}}).error);
  }
  service_.reset();
  session.reset();
  variables = {{"AWS_REGION", "eu-west-1"}, {"AWS_ENDPOINT_URL", server.url()}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  EXPECT_TRUE(ask().error);
  const CallCount after = counted_of("Ask");
  EXPECT_EQ(difference(after.calls, before.calls), (EndCounts{0, 0, 0, 1, 1}));
  const EndCounts attempts = difference(after.attempts, before.attempts);
  const auto at = [&](CallEnd end) { return attempts[static_cast<std::size_t>(end)]; };
  EXPECT_EQ(at(CallEnd::throttled) + at(CallEnd::cancelled), 1U) << "the stop may come before the answer";
}

TEST_F(AwsCall, StopsRetriesOfAllCallsWhereMostFail) {
  on_request = [](const ReceivedRequest&, int) { return service_reply(500, R"({"__type":"InternalFailure"})"); };
  variables["AWS_MAX_ATTEMPTS"] = "100";
  EXPECT_TRUE(ask({.stop = {}, .deadline = steady_clock::now() + milliseconds(200)}).error);
  std::vector<std::unique_ptr<Ask>> calls;
  for (int i = 0; i < 300; ++i) calls.push_back(std::make_unique<Ask>(service()));
  variables["AWS_MAX_ATTEMPTS"] = "2";
  service().run_all(std::span(calls), {.stop = {}, .deadline = steady_clock::now() + seconds(20), .in_flight_max = 64});
  EXPECT_LE(count, 300 + 101 + 10) << "100 retries are all that 500 tokens buy";
}

TEST_F(AwsCall, RunsManyAtOnceAndTellsEachItsAnswer) {
  on_request = [](const ReceivedRequest& request, int attempt) {
    if (attempt % 7 == 0) return service_reply(400, R"({"__type":"ThrottlingException"})");
    return service_reply(200, R"({"Number":)" + request.body + "}");
  };
  std::vector<std::unique_ptr<Ask>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(std::make_unique<Ask>(service(), std::to_string(i)));
  service().run_all(std::span(calls), {.stop = {}, .deadline = {}, .in_flight_max = 32});
  for (int i = 0; i < 200; ++i) {
    ASSERT_FALSE(calls[static_cast<std::size_t>(i)]->answer().error);
    EXPECT_EQ(calls[static_cast<std::size_t>(i)]->number, i);
  }
  EXPECT_LE(server.connection_count(), 32U);
}

TEST_F(AwsCall, TellsThoseThatNeverBeganWhy) {
  std::stop_source stop;
  stop.request_stop();
  std::vector<std::unique_ptr<Ask>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(std::make_unique<Ask>(service()));
  service().run_all(std::span(calls), {.stop = stop.get_token(), .deadline = {}, .in_flight_max = 2});
  for (const auto& call : calls) EXPECT_EQ(call->answer().error.value().code, ErrorCode::cancelled);
  EXPECT_EQ(count, 0);
}

TEST_F(AwsCall, SignsAndSendsObjectKeysEncodedOnce) {
  on_request = [](const ReceivedRequest&, int) { return service_reply(200, "content"); };
  Service& s3 = service("s3");
  const BucketAddress bucket = bucket_address(s3.options().endpoint, "my-bucket", "auto").value();
  ServiceRequest request;
  request.operation = "PutObject";
  request.method = "PUT";
  request.url = bucket.url;
  request.path = "/" + net::percent_encoded("SQSMessage$a-globals.json");
  request.headers.add("If-None-Match", "*");
  request.body = "{}";
  Call call(s3, std::move(request));
  s3.run(call, {});
  EXPECT_FALSE(call.answer().error);
  const ReceivedRequest received = server.requests().at(0);
  EXPECT_EQ(received.target, "/my-bucket/SQSMessage%24a-globals.json");
  EXPECT_EQ(received.header("x-amz-content-sha256"),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_NE(received.header("authorization").find("SignedHeaders=host;if-none-match;x-amz-content-sha256;"),
            std::string::npos);
}

TEST_F(AwsCall, UnderstandsS3) {
  on_request = [](const ReceivedRequest& request, int) {
    ScriptedReply reply = ScriptedReply::of(request.method == "HEAD" ? 404 : 412,
                                            "<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>");
    reply.headers = {{"x-amz-request-id", "R"}};
    return reply;
  };
  Service& s3 = service("s3");
  for (const auto& [method, code] : {std::pair{"HEAD", ErrorCode::not_found}, std::pair{"PUT", ErrorCode::conflict}}) {
    ServiceRequest request;
    request.operation = "X";
    request.method = method;
    Call call(s3, std::move(request));
    s3.run(call, {});
    EXPECT_EQ(call.answer().error.value().code, code);
  }
}

TEST_F(AwsCall, KeepsSecretsOutOfWhatItTells) {
  // Services repeat what was signed in the answer that refuses a signature.
  on_request = [](const ReceivedRequest& request, int) {
    const std::string echo =
        "The Canonical String should have been x-amz-security-token:" + request.header("x-amz-security-token") +
        " the-secret-key " + request.header("authorization");
    return service_reply(403, R"({"__type":"InvalidSignatureException","message":")" + echo + R"("})");
  };
  const Answer answer = ask();
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->remote_detail.find("the/session+token"), std::string::npos);
  EXPECT_EQ(answer.error->remote_detail.find("the-secret-key"), std::string::npos);
  EXPECT_EQ(answer.error->remote_detail.find("Signature="), std::string::npos);
  EXPECT_NE(answer.error->remote_detail.find("x-amz-security-token:[redacted] [redacted] [redacted]"),
            std::string::npos)
      << answer.error->remote_detail;
}

}  // namespace
}  // namespace fanfold::aws
