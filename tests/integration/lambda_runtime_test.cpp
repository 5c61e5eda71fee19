#include "support/runtime_api_server.hpp"

#include <fanfold/json.hpp>
#include <fanfold/lambda.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <gmock/gmock.h>

#include "wire/envelope_text.hpp"

namespace fanfold::lambda {
namespace {

using namespace std::chrono_literals;
using test::RuntimeApiServer;
using test::ScriptedReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* standard_arn = "arn:aws:sqs:us-east-2:123456789012:work";
constexpr const char* fifo_arn = "arn:aws:sqs:us-east-2:123456789012:work.fifo";

/// Messages in memory, and Lambda around them: it takes them from the queue, and deletes what the answer does not list.
class LambdaRuntime : public ::testing::Test {
 protected:
  std::string url_of(const std::string& arn) { return wire::queue_url_of(arn).value(); }

  std::vector<SqsRecord> send(const std::string& arn, const std::vector<int>& bodies, const std::string& group = {}) {
    for (const int body : bodies)
      static_cast<void>(client.send_message(url_of(arn), body, {.group_id = group}).value());
    return receive(arn);
  }
  std::vector<SqsRecord> receive(const std::string& arn) {
    return client.receive(url_of(arn), {.wait = 0ms, .visibility = 180s}).value();
  }
  /// Runs until Lambda has no more events.
  void run(const Handlers& handlers, const Options& options = {}) {
    const auto ended = lambda::run(client, handlers, options);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().message, "the Runtime API gives no event: status 500");
  }
  std::uint64_t visible_count(const std::string& arn) {
    return client.queue_port().counts(url_of(arn)).value().visible_count;
  }

 public:
  RuntimeApiServer lambda;
  ::fanfold::testing::MemoryStore store{
      {.clock = nullptr, .encode = [](const Envelope& envelope) { return wire::write_envelope(envelope); }}};
  Client client = make_client(store.backend());
};

Handlers handlers_of(std::function<Outcome(const Message<int>&, const Context&)> handle) {
  Handlers handlers;
  handlers.on_message = [handle = std::move(handle)](const Message<int>& message, const Context& context) {
    return handle(message, context);
  };
  return handlers;
}
Outcome succeed(const Message<int>&, const Context&) { return done(); }

std::string staying(const std::vector<SqsRecord>& records) {
  BatchResponse response;
  for (const SqsRecord& record : records) response.batch_item_failures.push_back(record.message_id);
  return response.to_json();
}

TEST_F(LambdaRuntime, AnswersEachEventWithTheIdsThatStayInTheQueue) {
  const auto first = send(standard_arn, {1, 2, 3});
  lambda.give(test::event_of(first, standard_arn));
  const auto second = send(standard_arn, {4});
  lambda.give(test::event_of(second, standard_arn));
  std::vector<int> ran;
  run(handlers_of([&](const Message<int>& message, const Context&) {
    ran.push_back(message.body);
    return message.body == 2 ? retry("not now", 1h) : done();
  }));
  EXPECT_THAT(ran, ElementsAre(1, 2, 3, 4));
  const auto answers = lambda.answers();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].request_id, "request-1");
  EXPECT_FALSE(answers[0].is_error);
  EXPECT_EQ(answers[0].body, staying({first[1]}));
  EXPECT_EQ(answers[1].request_id, "request-2");
  EXPECT_EQ(answers[1].body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, ProcessesTheQueuesOfEveryPartition) {
  for (const std::string arn : {"arn:aws-cn:sqs:cn-north-1:123456789012:work",
                                "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:work", standard_arn}) {
    lambda.give(test::event_of(send(arn, {1}), arn));
  }
  std::size_t count = 0;
  run(handlers_of([&](const Message<int>&, const Context&) {
    ++count;
    return done();
  }));
  EXPECT_EQ(count, 3U);
  for (const auto& answer : lambda.answers()) EXPECT_EQ(answer.body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, ReturnsTheRestOfAFifoGroupAfterAFailure) {
  send(fifo_arn, {});
  for (const char* group : {"a", "b"}) {
    for (const int body : {1, 2, 3}) {
      static_cast<void>(client.send_message(url_of(fifo_arn), body, {.group_id = group}).value());
    }
  }
  std::vector<SqsRecord> records = receive(fifo_arn);
  for (auto more = receive(fifo_arn); !more.empty(); more = receive(fifo_arn)) {
    records.insert(records.end(), more.begin(), more.end());
  }
  ASSERT_EQ(records.size(), 6U);
  lambda.give(test::event_of(records, fifo_arn));
  std::size_t count = 0;
  run(handlers_of([&](const Message<int>& message, const Context&) {
    ++count;
    return message.body == 2 ? retry("not now", 0ms) : done();
  }));
  EXPECT_EQ(count, 4U);
  ASSERT_EQ(lambda.answers().size(), 1U);
  std::vector<SqsRecord> kept;
  std::ranges::copy_if(records, std::back_inserter(kept),
                       [](const SqsRecord& record) { return record.body.find("\"body\":1") == std::string::npos; });
  EXPECT_EQ(kept.size(), 4U);
  EXPECT_EQ(lambda.answers()[0].body, staying(kept));
}

TEST_F(LambdaRuntime, RunsATaskOnceThoughAnEventHoldsItTwice) {
  const auto records = send(standard_arn, {1});
  lambda.give(test::event_of({records[0], records[0]}, standard_arn));
  lambda.give(test::event_of(records, standard_arn));
  std::size_t count = 0;
  run(handlers_of([&](const Message<int>&, const Context&) {
    ++count;
    return done();
  }));
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(lambda.answers().back().body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, TellsTheTraceOfEachEvent) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  ScriptedReply untraced = ScriptedReply::of(200, test::event_of(send(standard_arn, {2}), standard_arn));
  untraced.headers = {{"lambda-runtime-aws-request-id", "untraced"}};
  lambda.give_reply(untraced);
  std::vector<std::string> traces;
  run(handlers_of([&](const Message<int>&, const Context&) {
    const char* trace = std::getenv("_X_AMZN_TRACE_ID");
    traces.emplace_back(trace == nullptr ? "none" : trace);
    return done();
  }));
  EXPECT_THAT(traces, ElementsAre("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419", "none"));
  EXPECT_EQ(lambda.answers().back().request_id, "untraced");
}

TEST_F(LambdaRuntime, TellsTheTraceOfEachMessage) {
  const std::string header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
  static_cast<void>(client.send_message(url_of(standard_arn), 1, {.trace = {.aws_header = header}}).value());
  static_cast<void>(client.send_message(url_of(standard_arn), 2).value());
  auto records = receive(standard_arn);
  SqsRecord foreign = records.at(1);
  foreign.message_id = "foreign";
  foreign.body = "3";
  foreign.attributes["AWSTraceHeader"] = header;
  records.push_back(foreign);
  lambda.give(test::event_of(records, standard_arn));
  std::vector<std::string> traces;
  run(handlers_of([&](const Message<int>&, const Context& context) {
    traces.push_back(context.trace().parent + context.trace().aws_header);
    return done();
  }));
  const std::string told = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01" + header;
  EXPECT_THAT(traces, ElementsAre(told, "", told));
}

TEST_F(LambdaRuntime, StopsTheHandlerBeforeTheTimeoutAndReturnsWhatWasNotStarted) {
  const auto records = send(standard_arn, {1, 2, 3});
  lambda.give(test::event_of(records, standard_arn), 3s);
  std::size_t count = 0;
  run(handlers_of([&](const Message<int>&, const Context& context) {
        ++count;
        std::mutex mutex;
        std::condition_variable_any condition;
        std::unique_lock lock(mutex);
        condition.wait(lock, context.stop, [] { return false; });
        return retry("no time left", 0ms);
      }),
      {.reserve = 1s});
  EXPECT_LE(count, 1U);
  ASSERT_EQ(lambda.answers().size(), 1U);
  EXPECT_EQ(lambda.answers()[0].body, staying(records));
  EXPECT_GE(visible_count(standard_arn), 2U);
}

TEST_F(LambdaRuntime, StartsNothingWhereTheTimeIsOver) {
  const auto records = send(standard_arn, {1, 2});
  lambda.give(test::event_of(records, standard_arn), -1s);
  run(handlers_of([&](const Message<int>&, const Context&) {
    ADD_FAILURE();
    return done();
  }));
  EXPECT_EQ(lambda.answers().at(0).body, staying(records));
  EXPECT_EQ(visible_count(standard_arn), 2U);
}

TEST_F(LambdaRuntime, ClaimsUntilTheTimeoutAndTellsHandlersWhenNothingMoreIsStarted) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn), 10min);
  const auto before = std::chrono::system_clock::now();
  std::chrono::milliseconds left{};
  run(handlers_of([&](const Message<int>&, const Context& context) {
        left = std::chrono::floor<std::chrono::milliseconds>(context.deadline - before);
        return done();
      }),
      {.reserve = 1min});
  EXPECT_GT(left, 8min);
  EXPECT_LE(left, 9min + 1s);
}

TEST_F(LambdaRuntime, RefusesWhatIsNoEventAndGoesOn) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", R"("bad_input: )"},
      {"{", R"("bad_input: )"},
      {"[]", R"("bad_input: /: expected object, got array)"},
      {"{}", R"("bad_input: /Records: missing)"},
      {R"({"Records":{}})", R"("bad_input: /Records: expected array, got object)"},
      {R"({"Records":[{"receiptHandle":"r"}]})", R"("bad_input: /Records/0/messageId: missing)"}};
  for (const auto& [event, message] : bad) lambda.give(event);
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  run(handlers_of(succeed));
  const auto answers = lambda.answers();
  ASSERT_EQ(answers.size(), bad.size() + 1);
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_TRUE(answers[i].is_error);
    EXPECT_EQ(answers[i].error_type, "fanfold.bad_input");
    EXPECT_THAT(answers[i].body, HasSubstr(bad[i].second)) << bad[i].first;
    EXPECT_THAT(answers[i].body, HasSubstr(R"(","errorType":"fanfold.bad_input","stackTrace":[]})"));
  }
  EXPECT_EQ(answers.back().body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, ReturnsARecordThatLacksItsQueueAndProcessesTheOthers) {
  const auto records = send(standard_arn, {1, 2, 3});
  std::string event = test::event_of(records, standard_arn);
  const std::string source = std::string(R"("eventSourceARN":")") + standard_arn + '"';
  const std::size_t second = event.find(source, event.find(source) + 1);
  ASSERT_NE(second, std::string::npos);
  lambda.give(event.replace(second, source.size(), R"("untold":"")"));
  std::vector<int> ran;
  run(handlers_of([&](const Message<int>& message, const Context&) {
    ran.push_back(message.body);
    return done();
  }));
  EXPECT_THAT(ran, ElementsAre(1, 3));
  EXPECT_FALSE(lambda.answers().at(0).is_error);
  EXPECT_EQ(lambda.answers().at(0).body, staying({records[1]}));
}

TEST_F(LambdaRuntime, FailsAMessageThatNobodyCanReadAloneAndKeepsItInItsRecord) {
  auto records = send(standard_arn, {1, 2});
  records[0].body = "<order/>";
  lambda.give(test::event_of(records, standard_arn));
  run(handlers_of(succeed));
  EXPECT_EQ(lambda.answers().at(0).body, R"({"batchItemFailures":[]})");
  const auto record = client.get_message_record(MessageKey::of_message(records[0].message_id)).value();
  EXPECT_EQ(record.error.front().code, "bad_input");
}

TEST_F(LambdaRuntime, AnswersAnEmptyEventWithNothing) {
  lambda.give(R"({"Records":[]})");
  run(handlers_of(succeed));
  EXPECT_EQ(lambda.answers().at(0).body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, SweepsBySchedule) {
  lambda.give(R"({"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}})");
  run(handlers_of(succeed));
  EXPECT_THAT(lambda.answers().at(0).body, HasSubstr(R"("deadLetters":0)"));
  EXPECT_FALSE(lambda.answers().at(0).is_error);
}

TEST_F(LambdaRuntime, SweepsTheDeadLettersOfTheQueuesThatItsEnvironmentNames) {
  const Client other = make_client(store.backend());
  static_cast<void>(other.create_queue("dead").value());
  static_cast<void>(
      other.create_queue("mail", {.redrive = RedrivePolicy{.dead_letter_queue = "dead", .receive_count_max = 1}})
          .value());
  static_cast<void>(other.send_message("mail", 1).value());
  const auto received = other.receive("mail", {.wait = 0ms, .visibility = 180s}).value();
  const VisibilityChange at_once{received.at(0).receipt_handle, 0ms};
  static_cast<void>(other.queue_port().change_visibility("mail", std::span(&at_once, 1)).value());
  ASSERT_TRUE(other.receive("mail", {.wait = 0ms}).value().empty());
  const std::string scheduled = R"({"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}})";
  ::setenv("FANFOLD_QUEUES", "nowhere-else, mail", 1);
  lambda.give(scheduled);
  run(handlers_of(succeed));
  ::unsetenv("FANFOLD_QUEUES");
  EXPECT_THAT(lambda.answers().at(0).body, HasSubstr(R"("deadLetters":1)"));
  EXPECT_EQ(other.queue_port().counts("mail").value().visible_count, 1U);
}

TEST_F(LambdaRuntime, ListsWhatAHandlerThrewFor) {
  const auto records = send(standard_arn, {1, 2});
  lambda.give(test::event_of(records, standard_arn));
  run(handlers_of([](const Message<int>& message, const Context&) -> Outcome {
    if (message.body == 1) throw std::runtime_error("disk on fire");
    return done();
  }));
  EXPECT_EQ(lambda.answers().at(0).body, staying({records[0]}));
}

TEST_F(LambdaRuntime, ListsWhatAHandlerThrewForWhateverItWas) {
  const auto records = send(standard_arn, {1, 2});
  lambda.give(test::event_of(records, standard_arn));
  run(handlers_of([](const Message<int>& message, const Context&) -> Outcome {
    if (message.body == 1) throw 7;  // NOLINT(hicpp-exception-baseclass)
    return done();
  }));
  EXPECT_EQ(lambda.answers().at(0).body, staying({records[0]}));
}

TEST_F(LambdaRuntime, RefusesAnswersThatLambdaWouldNotTake) {
  auto records = send(standard_arn, {1, 2, 3, 4, 5, 6, 7});
  for (std::size_t i = 0; i < records.size(); ++i) records[i].message_id = std::string(900'000 + i, 'm');
  lambda.give(test::event_of(records, standard_arn), -1s);
  run(handlers_of(succeed));
  const auto answer = lambda.answers().at(0);
  EXPECT_TRUE(answer.is_error);
  EXPECT_EQ(answer.error_type, "fanfold.too_large");
  EXPECT_THAT(answer.body, HasSubstr("Lambda takes at most 6291556; all messages of the event stay in the queue"));
}

TEST_F(LambdaRuntime, AnswersWithAnErrorWhereLambdaFindsTheAnswerTooLarge) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  lambda.on_answer(ScriptedReply::of(413, R"({"errorMessage":"too large","errorType":"RequestEntityTooLarge"})"));
  run(handlers_of(succeed));
  ASSERT_EQ(lambda.answers().size(), 2U);
  EXPECT_EQ(lambda.answers()[1].request_id, "request-1");
  EXPECT_EQ(lambda.answers()[1].error_type, "fanfold.too_large");
}

TEST_F(LambdaRuntime, GoesOnWhereNobodyWaitsForTheAnswerAnyMore) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  lambda.give(test::event_of(send(standard_arn, {2}), standard_arn));
  lambda.on_answer(ScriptedReply::of(403, R"({"errorMessage":"stale","errorType":"InvalidRequestID"})"));
  run(handlers_of(succeed));
  EXPECT_EQ(lambda.answers().size(), 2U);
}

TEST_F(LambdaRuntime, AnswersAgainWhereTheConnectionBreaks) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  ScriptedReply cut;
  cut.reset = true;
  lambda.on_answer(cut);
  cut.reset = false;
  cut.drop = true;
  lambda.on_answer(cut);
  run(handlers_of(succeed));
  ASSERT_GE(lambda.answers().size(), 3U);
  for (const auto& answer : lambda.answers()) EXPECT_EQ(answer.body, R"({"batchItemFailures":[]})");
}

TEST_F(LambdaRuntime, EndsWhereTheAnswerMeetsABrokenRuntimeApi) {
  lambda.give(test::event_of(send(standard_arn, {1}), standard_arn));
  lambda.on_answer(ScriptedReply::of(500, "broken"));
  const auto ended = lambda::run(client, handlers_of(succeed));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::unavailable);
  EXPECT_EQ(ended.error().message, "the Runtime API takes no answer: status 500");
  EXPECT_EQ(ended.error().remote_detail, "broken");
}

TEST_F(LambdaRuntime, WaitsForEventsThatAreSlowToCome) {
  ScriptedReply slow = ScriptedReply::of(200, R"({"Records":[]})");
  slow.headers = {{"Lambda-Runtime-Aws-Request-Id", "slow"}};
  slow.delay = 700ms;
  lambda.give_reply(slow);
  run(handlers_of(succeed));
  EXPECT_EQ(lambda.answers().at(0).request_id, "slow");
  EXPECT_EQ(lambda.http().request_count(), 3U);
}

TEST_F(LambdaRuntime, AsksAgainWhereTheConnectionBreaksBeforeAnEvent) {
  ScriptedReply broken;
  broken.drop = true;
  lambda.give_reply(broken);
  broken.raw = "SSH-2.0-OpenSSH\r\n";
  lambda.give_reply(broken);
  lambda.give(R"({"Records":[]})");
  run(handlers_of(succeed));
  EXPECT_EQ(lambda.answers().size(), 1U);
}

TEST_F(LambdaRuntime, SaysSoWhereAnEventIsCutOff) {
  ScriptedReply cut = ScriptedReply::of(200, test::event_of(send(standard_arn, {1}), standard_arn));
  cut.headers = {{"Lambda-Runtime-Aws-Request-Id", "cut"}};
  cut.cut_body_at = 100;
  lambda.give_reply(cut);
  lambda.give(R"({"Records":[]})");
  run(handlers_of(succeed));
  ASSERT_EQ(lambda.answers().size(), 2U);
  EXPECT_EQ(lambda.answers()[0].request_id, "cut");
  EXPECT_TRUE(lambda.answers()[0].is_error);
  EXPECT_EQ(lambda.answers()[0].error_type, "fanfold.unavailable");
  EXPECT_THAT(lambda.answers()[0].body, HasSubstr("the event did not arrive whole"));
}

TEST_F(LambdaRuntime, EndsWhereEventsKeepComingWithoutARequestId) {
  for (int i = 0; i < 10; ++i) lambda.give_reply(ScriptedReply::of(200, R"({"Records":[]})"));
  const auto ended = lambda::run(client, handlers_of(succeed));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "the Runtime API gives events without a request id");
  EXPECT_EQ(lambda.http().request_count(), 5U);
}

TEST_F(LambdaRuntime, EndsWhereTheRuntimeApiForbidsIt) {
  lambda.give_reply(ScriptedReply::of(403, R"({"errorMessage":"no","errorType":"InvalidStateTransition"})"));
  const auto ended = lambda::run(client, handlers_of(succeed));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "the Runtime API gives no event: status 403");
  EXPECT_EQ(lambda.http().request_count(), 1U);
}

TEST_F(LambdaRuntime, ReportsThatItCannotStart) {
  const auto ended =
      lambda::run(Error{ErrorCode::invalid_argument, "no region is configured", {}}, handlers_of(succeed));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "no region is configured");
  ASSERT_EQ(lambda.answers().size(), 1U);
  EXPECT_EQ(lambda.answers()[0].request_id, "init");
  EXPECT_EQ(lambda.answers()[0].error_type, "fanfold.invalid_argument");
  EXPECT_EQ(lambda.answers()[0].body,
            R"({"errorMessage":"invalid_argument: no region is configured","errorType":"fanfold.invalid_argument",)"
            R"("stackTrace":[]})");
}

TEST_F(LambdaRuntime, RefusesOptionsOutOfTheirLimitsAtItsStart) {
  const auto ended = lambda::run(client, handlers_of(succeed), {.attempts_max = 0});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "attempts_max: expected 1 to 1,000");
  EXPECT_EQ(lambda.answers().at(0).request_id, "init");
}

TEST_F(LambdaRuntime, SaysWhatIsMissingWhereItDoesNotRunInLambda) {
  ::unsetenv("AWS_LAMBDA_RUNTIME_API");
  const auto ended = lambda::run(client, handlers_of(succeed));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(ended.error().message, HasSubstr("AWS_LAMBDA_RUNTIME_API is not set"));
}

}  // namespace
}  // namespace fanfold::lambda
