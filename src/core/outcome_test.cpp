#include "core/outcome.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time end_time{seconds(1'000'000)};
constexpr AttemptOptions attempt_options{.backoff_initial = milliseconds(1'000), .backoff_max = milliseconds(60'000)};

AttemptFacts attempt_of(std::uint32_t attempt, std::uint32_t attempts_max = 3) {
  return {.attempt = attempt, .attempts_max = attempts_max, .now = end_time, .options = attempt_options, .random = 0.5};
}

EndRequest decided(Outcome outcome, const AttemptFacts& facts, RecordType type = RecordType::task) {
  EndRequest end;
  end.ref.type = type;
  decide_end(std::move(outcome), facts, end);
  return end;
}

TEST(DecideEnd, KeepsTheResultOfWhatIsDone) {
  const EndRequest end = decided(Outcome::make_done(Json::from_valid_text("17")), attempt_of(2));
  EXPECT_EQ(end.verdict, Verdict::done);
  ASSERT_TRUE(end.result);
  EXPECT_EQ(end.result->text(), "17");
  EXPECT_EQ(end.attempt, 2U);
  EXPECT_FALSE(end.error);
}

TEST(DecideEnd, FailsAResultOverTheLimitByName) {
  const auto result_of = [](std::size_t bytes) {
    return Outcome::make_done(Json::from_valid_text('"' + std::string(bytes - 2, 'x') + '"'));
  };
  EXPECT_EQ(decided(result_of(result_bytes_max), attempt_of(1)).verdict, Verdict::done);
  const EndRequest end = decided(result_of(result_bytes_max + 1), attempt_of(1));
  EXPECT_EQ(end.verdict, Verdict::failed);
  EXPECT_FALSE(end.result);
  EXPECT_EQ(end.error->code, "too_large");
  EXPECT_EQ(end.error->message, "the result has 65537 bytes, at most 65536 are kept");
  EXPECT_TRUE(end.error->final);
}

TEST(DecideEnd, RetriesWithBackoffWhileAttemptsAreLeft) {
  const EndRequest end = decided(retry("not now"), attempt_of(2));
  EXPECT_EQ(end.verdict, Verdict::retry);
  EXPECT_EQ(end.retry_at, end_time + milliseconds(1'000));
  EXPECT_EQ(end.error->code, "failed");
  EXPECT_EQ(end.error->message, "not now");
  EXPECT_EQ(end.error->attempt, 2U);
  EXPECT_FALSE(end.error->final);
}

TEST(DecideEnd, TakesTheDelayThatTheHandlerAsksFor) {
  EXPECT_EQ(decided(retry("later", seconds(90)), attempt_of(1)).retry_at, end_time + seconds(90));
  EXPECT_EQ(decided(retry("before", milliseconds(-5)), attempt_of(1)).retry_at, end_time);
}

TEST(DecideEnd, FailsForGoodWhenTheLastAttemptAsksForARetry) {
  const EndRequest end = decided(retry("not now"), attempt_of(3));
  EXPECT_EQ(end.verdict, Verdict::failed);
  EXPECT_TRUE(end.error->final);
}

TEST(DecideEnd, FailsForGoodAtOnceWhenTheHandlerSaysSo) {
  const EndRequest end = decided(fail("not a picture").with_code("exit 65"), attempt_of(1));
  EXPECT_EQ(end.verdict, Verdict::failed);
  EXPECT_EQ(end.error->code, "exit 65");
}

TEST(DecideEnd, LetsATaskWaitForItsChild) {
  const EndRequest end = decided(Outcome::make_child("child"), attempt_of(1));
  EXPECT_EQ(end.verdict, Verdict::waiting);
  EXPECT_EQ(end.child_id, "child");
}

TEST(DecideEnd, FailsASingleMessageThatWouldWaitForAChild) {
  const EndRequest end = decided(Outcome::make_child("child"), attempt_of(1), RecordType::message);
  EXPECT_EQ(end.verdict, Verdict::failed);
  EXPECT_EQ(end.error->code, "invalid_argument");
}

TEST(DecideEnd, CutsOutputThatIsTooLongAndSaysSo) {
  const EndRequest whole = decided(done().with_output(std::string(output_bytes_max, 'x')), attempt_of(1));
  EXPECT_EQ(whole.output, std::string(output_bytes_max, 'x'));
  const EndRequest cut = decided(done().with_output(std::string(output_bytes_max + 1, 'x')), attempt_of(1));
  EXPECT_EQ(cut.output.size(), output_bytes_max);
  EXPECT_TRUE(cut.output.ends_with("(cut)\n"));
}

TEST(ThrownError, FailsForGoodWhereNoRetryMendsIt) {
  const Outcome outcome = outcome_of(Error{ErrorCode::bad_input, "/qty: expected integer, got string", "secret"});
  EXPECT_EQ(outcome.kind(), Outcome::Kind::fail);
  EXPECT_EQ(outcome.code(), "bad_input");
  EXPECT_EQ(outcome.reason(), "/qty: expected integer, got string");
}

TEST(ThrownError, IsARetryWhereOneMayHelp) {
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::throttled, ErrorCode::conflict, ErrorCode::cancelled,
                               ErrorCode::lease_lost, ErrorCode::outcome_unknown, ErrorCode::internal}) {
    EXPECT_EQ(outcome_of(Error{code, "x", {}}).kind(), Outcome::Kind::retry) << to_string(code);
  }
  for (const ErrorCode code :
       {ErrorCode::bad_input, ErrorCode::invalid_argument, ErrorCode::too_large, ErrorCode::not_found}) {
    EXPECT_EQ(outcome_of(Error{code, "x", {}}).kind(), Outcome::Kind::fail) << to_string(code);
  }
}

TEST(ThrownException, IsARetryThatKeepsItsWords) {
  const Outcome outcome = outcome_of_exception("disk on fire");
  EXPECT_EQ(outcome.kind(), Outcome::Kind::retry);
  EXPECT_EQ(outcome.code(), "internal");
  EXPECT_EQ(outcome.reason(), "disk on fire");
}

TEST(ErrorEntry, HoldsPresentableTextWhateverTheHandlerGave) {
  EXPECT_EQ(error_entry(1, "exit 1", "a\xFF", end_time, false).message, "a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace fanfold::core
