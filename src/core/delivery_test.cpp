#include "core/delivery.hpp"

#include "core/lease.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time start{seconds(1'000'000)};

Envelope task_of_round(std::uint32_t round) {
  Envelope content;
  content.type = RecordType::task;
  content.id = "cluster";
  content.round = round;
  return content;
}

Envelope finish_of_round(std::uint32_t round) {
  Envelope content = task_of_round(round);
  content.type = RecordType::cluster;
  return content;
}

ClusterHeader running() {
  ClusterHeader header;
  header.id = "cluster";
  return header;
}

ClusterHeader finished() {
  ClusterHeader header = running();
  header.status = Status::complete;
  header.status_code = StatusCode::complete;
  header.completed_at = start;
  return header;
}

ClusterHeader stopped() {
  ClusterHeader header = finished();
  header.status = Status::error;
  header.status_code = StatusCode::stopped;
  return header;
}

Admission admit(const ClusterHeader& header, Knowledge knowledge, std::uint32_t round = 0) {
  return admit_task(task_of_round(round), &header, knowledge, start);
}

TEST(AdmitTask, ClaimsWhileTheClusterRuns) { EXPECT_EQ(admit(running(), Knowledge::cached), Admission::claim); }

TEST(AdmitTask, ClaimsATaskOfAFinishedClusterSinceTheClaimTellsThatItEnded) {
  EXPECT_EQ(admit(finished(), Knowledge::cached), Admission::claim);
}

TEST(AdmitTask, RemovesATaskOfAStoppedOrDeletedClusterEvenByACachedHeader) {
  ClusterHeader tombstone = finished();
  tombstone.tombstone = true;
  EXPECT_EQ(admit(stopped(), Knowledge::cached), Admission::remove);
  EXPECT_EQ(admit(tombstone, Knowledge::cached), Admission::remove);
}

TEST(AdmitTask, RemovesATaskOfAPausedClusterOnlyAfterAStrongRead) {
  ClusterHeader paused = running();
  paused.paused = true;
  EXPECT_EQ(admit(paused, Knowledge::cached), Admission::read_strongly);
  EXPECT_EQ(admit(paused, Knowledge::strong), Admission::remove);
}

TEST(AdmitTask, DoesNotRemoveForAPauseOfAClusterThatIsFinished) {
  ClusterHeader paused = finished();
  paused.paused = true;
  EXPECT_EQ(admit(paused, Knowledge::strong), Admission::claim);
}

TEST(AdmitTask, AsksAgainBeforeItBelievesThatAHeaderIsOlderThanTheMessage) {
  EXPECT_EQ(admit(stopped(), Knowledge::cached, 1), Admission::read_strongly);
  EXPECT_EQ(admit(running(), Knowledge::strong, 1), Admission::put_back);
}

TEST(AdmitTask, RemovesATaskOfAnEarlierRoundOnlyAfterAStrongRead) {
  ClusterHeader retried = running();
  retried.round = 1;
  EXPECT_EQ(admit(retried, Knowledge::cached), Admission::read_strongly);
  EXPECT_EQ(admit(retried, Knowledge::strong), Admission::remove);
}

TEST(AdmitTask, LeavesWhatHasNoHeaderAloneUntilItsLifeIsOver) {
  Envelope task = task_of_round(0);
  task.expires_at = start + seconds(10);
  EXPECT_EQ(admit_task(task, nullptr, Knowledge::cached, start), Admission::read_strongly);
  EXPECT_EQ(admit_task(task, nullptr, Knowledge::strong, start), Admission::unknown);
  EXPECT_EQ(admit_task(task, nullptr, Knowledge::strong, task.expires_at), Admission::remove);
}

TEST(AdmitTask, LeavesAClusterOnTheMoveAloneAndRemovesWhatHasMoved) {
  ClusterHeader header = running();
  header.moved_to = "moving";
  EXPECT_EQ(admit(header, Knowledge::cached), Admission::read_strongly);
  EXPECT_EQ(admit(header, Knowledge::strong), Admission::put_back);
  header.moved_to = "aws";
  EXPECT_EQ(admit(header, Knowledge::strong), Admission::remove);
}

constexpr ClusterMessageFacts handled{.handler_there = true, .now = start, .header_age_max = milliseconds(0)};
constexpr ClusterMessageFacts not_handled{.handler_there = false, .now = start, .header_age_max = milliseconds(0)};

TEST(AdmitClusterMessage, ClaimsTheFinishOfAFinishedClusterEvenWhereItIsPausedOrStopped) {
  ClusterHeader paused = finished();
  paused.paused = true;
  const ClusterHeader halted = stopped();
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &paused, handled), Admission::claim);
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &halted, handled), Admission::claim);
}

TEST(AdmitClusterMessage, WaitsOneCacheAgeAfterAStop) {
  const ClusterHeader header = stopped();
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header,
                                  {.handler_there = true, .now = start + seconds(4), .header_age_max = seconds(5)}),
            Admission::put_back);
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header,
                                  {.handler_there = true, .now = start + seconds(5), .header_age_max = seconds(5)}),
            Admission::claim);
}

TEST(AdmitClusterMessage, IsPutBackWithoutAHandlerOnlyWhereTheClusterRequiresOne) {
  ClusterHeader header = finished();
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header, not_handled), Admission::claim);
  header.finish_handler_required = true;
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header, not_handled), Admission::put_back);
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header, handled), Admission::claim);
}

TEST(AdmitClusterMessage, LetsAnEarlyNoticeThroughWhileTheClusterRuns) {
  Envelope notice = finish_of_round(0);
  notice.first_failure = true;
  ClusterHeader header = running();
  header.finish_handler_required = true;
  EXPECT_EQ(admit_cluster_message(notice, &header, not_handled), Admission::claim);
}

TEST(AdmitClusterMessage, ClaimsTheFinishOfAnEarlierRoundSinceTheClaimTellsThatItEnded) {
  ClusterHeader header = running();
  header.round = 1;
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header, handled), Admission::claim);
}

TEST(AdmitClusterMessage, IsRemovedWhenTheClusterIsGone) {
  ClusterHeader tombstone = finished();
  tombstone.tombstone = true;
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &tombstone, handled), Admission::remove);
}

TEST(AdmitClusterMessage, IsLeftAloneWithoutAHeaderUntilItsLifeIsOver) {
  Envelope finish = finish_of_round(0);
  finish.expires_at = handled.now + seconds(1);
  EXPECT_EQ(admit_cluster_message(finish, nullptr, handled), Admission::unknown);
  finish.expires_at = handled.now;
  EXPECT_EQ(admit_cluster_message(finish, nullptr, handled), Admission::remove);
}

TEST(AdmitClusterMessage, IsPutBackWhileTheHeaderDoesNotKnowOfTheFinish) {
  const ClusterHeader header = running();
  EXPECT_EQ(admit_cluster_message(finish_of_round(0), &header, handled), Admission::put_back);
  EXPECT_EQ(admit_cluster_message(finish_of_round(1), &header, handled), Admission::put_back);
}

TEST(Expiry, ConcernsOnlyMessagesThatCarryOne) {
  Envelope content;
  EXPECT_FALSE(is_expired(content, start));
  content.expires_at = start;
  EXPECT_TRUE(is_expired(content, start));
  EXPECT_FALSE(is_expired(content, start - milliseconds(1)));
}

TEST(NextStep, FollowsTheAnswerOfTheClaim) {
  EXPECT_EQ(next_step(ClaimOutcome::claimed), NextStep::run);
  EXPECT_EQ(next_step(ClaimOutcome::in_progress), NextStep::leave);
  EXPECT_EQ(next_step(ClaimOutcome::waiting), NextStep::check_child);
  EXPECT_EQ(next_step(ClaimOutcome::done), NextStep::repeat_finish);
  EXPECT_EQ(next_step(ClaimOutcome::failed), NextStep::repeat_finish);
  EXPECT_EQ(next_step(ClaimOutcome::exhausted), NextStep::fail);
  EXPECT_EQ(next_step(ClaimOutcome::crashed), NextStep::fail);
  EXPECT_EQ(next_step(ClaimOutcome::missing), NextStep::look_again);
}

TEST(ClaimError, NamesTheSignalAndTheAttemptOfACrash) {
  ClaimAnswer answer;
  answer.outcome = ClaimOutcome::crashed;
  answer.attempt = 2;
  answer.crash_signal = 11;
  const ErrorEntry error = claim_error(answer, 3, start);
  EXPECT_EQ(error.code, "signal 11");
  EXPECT_EQ(error.attempt, 2U);
  EXPECT_TRUE(error.final);
  EXPECT_EQ(error.at, start);
  EXPECT_EQ(error.fingerprint.size(), 8U);
}

TEST(ClaimError, SaysThatTheAttemptsAreUsedUp) {
  ClaimAnswer answer;
  answer.outcome = ClaimOutcome::exhausted;
  answer.attempt = 3;
  const ErrorEntry error = claim_error(answer, 3, start);
  EXPECT_EQ(error.code, "attempts_used_up");
  EXPECT_EQ(error.message, "the last of 3 attempts ended without an answer: its process died or lost its lease");
}

TEST(Redrive, LeavesAMessageOnlyWhileTheQueueDeliversItOnceMore) {
  EXPECT_TRUE(is_received_again(9, 10));
  EXPECT_FALSE(is_received_again(10, 10));
  EXPECT_FALSE(is_received_again(11, 10));
  EXPECT_TRUE(is_received_again(1'000, std::nullopt));
}

TEST(Hiding, IsBoundedOnBothSides) {
  EXPECT_EQ(hidden_for(start, start - seconds(1)), milliseconds(0));
  EXPECT_EQ(hidden_for(start, start + seconds(3)), seconds(3));
  EXPECT_EQ(hidden_for(start, start + std::chrono::hours(100)), visibility_max);
}

}  // namespace
}  // namespace fanfold::core
