#include "core/sweep_plan.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using namespace std::chrono_literals;

constexpr Time now = Time(std::chrono::hours(1'000'000));
constexpr SweepFacts facts{.now = now, .repair_pause = 30s, .retention = 96h, .finish_retention = 48h};

ClusterHeader healthy() {
  ClusterHeader header;
  header.id = "c";
  header.task_count = 10;
  header.round_size = 10;
  header.marked = true;
  header.created_at = header.sent_at = now - 1h;
  header.expires_at = now + 1'000h;
  header.parent_ended = true;
  return header;
}

ClusterHeader done_cluster() {
  ClusterHeader header = healthy();
  header.status = Status::complete;
  header.finish_sent_at = now - 1h;
  return header;
}

bool is_idle(const SweepPlan& plan) {
  return !plan.writes() && !plan.follow_failures && !plan.report_idle && !plan.report_expired;
}

TEST(SweepPlan, LeavesAHealthyClusterAlone) {
  EXPECT_TRUE(is_idle(plan_sweep(healthy(), facts)));
  EXPECT_TRUE(is_idle(plan_sweep(done_cluster(), facts)));
}

TEST(SweepPlan, LeavesATombstoneAndAMovedClusterAlone) {
  ClusterHeader header;
  header.tombstone = true;
  EXPECT_TRUE(is_idle(plan_sweep(header, facts)));
  header.tombstone = false;
  header.moved_to = "aws";
  EXPECT_TRUE(is_idle(plan_sweep(header, facts)));
}

TEST(SweepPlan, RepeatsAMarkingThatWasCutOff) {
  ClusterHeader header = healthy();
  header.marked = false;
  EXPECT_TRUE(plan_sweep(header, facts).seal);
  header.round_size.reset();
  EXPECT_FALSE(plan_sweep(header, facts).seal) << "an open cluster is not sealed for its owner";
  header.round = 1;
  EXPECT_TRUE(plan_sweep(header, facts).seal) << "later rounds are never open";
}

TEST(SweepPlan, RepeatsWhatIsMarkedAsDueForAVisibilityTimeout) {
  ClusterHeader header = healthy();
  header.due = {{.kind = DueMark::Kind::creation, .id = "x", .round = 0, .since = now - 29s}};
  EXPECT_FALSE(plan_sweep(header, facts).resend);
  header.due.front().since = now - 30s;
  EXPECT_TRUE(plan_sweep(header, facts).resend);
  header.paused = true;
  EXPECT_FALSE(plan_sweep(header, facts).resend) << "resume_cluster sends, the workers would delete";
}

TEST(SweepPlan, SendsAgainWhatTheQueueNoLongerKeeps) {
  ClusterHeader header = healthy();
  header.created_at = header.sent_at = now - 96h;
  EXPECT_TRUE(plan_sweep(header, facts).resend);
  header.last_add_at = now - 95h;
  EXPECT_FALSE(plan_sweep(header, facts).resend);
}

TEST(SweepPlan, StopsOrReportsAtTheDeadlineAndOnlyOnce) {
  ClusterHeader header = healthy();
  header.deadline = now + 1ms;
  EXPECT_TRUE(is_idle(plan_sweep(header, facts)));
  header.deadline = now;
  EXPECT_TRUE(plan_sweep(header, facts).note_deadline);
  EXPECT_FALSE(plan_sweep(header, facts).stop);
  header.deadline_action = DeadlineAction::stop;
  EXPECT_TRUE(plan_sweep(header, facts).stop);
  header.deadline_reported = true;
  EXPECT_TRUE(is_idle(plan_sweep(header, facts)));
}

TEST(SweepPlan, ReportsAnOpenClusterWithoutAddsForADay) {
  ClusterHeader header = healthy();
  header.round_size.reset();
  header.marked = false;
  header.created_at = now - 30h;
  EXPECT_TRUE(plan_sweep(header, facts).report_idle);
  header.last_add_at = now - 23h;
  EXPECT_FALSE(plan_sweep(header, facts).report_idle);
}

TEST(SweepPlan, RepeatsEveryStepAfterTheFinish) {
  ClusterHeader header = done_cluster();
  header.finish_sent_at.reset();
  EXPECT_TRUE(plan_sweep(header, facts).follow_finish);
  header = done_cluster();
  header.parent_ended = false;
  EXPECT_TRUE(plan_sweep(header, facts).follow_finish);
  header.finish_done = true;
  EXPECT_TRUE(plan_sweep(header, facts).follow_finish) << "the parent's task is still to be ended";
}

TEST(SweepPlan, SendsTheFinishMessageAgainAfterItsQueuesRetention) {
  ClusterHeader header = done_cluster();
  header.finish_sent_at = now - 48h;
  EXPECT_TRUE(plan_sweep(header, facts).send_finish_again);
  header.finish_done = true;
  EXPECT_FALSE(plan_sweep(header, facts).send_finish_again);
}

TEST(SweepPlan, ReportsAClusterThatExpiredUnfinished) {
  ClusterHeader header = healthy();
  header.expires_at = now;
  EXPECT_TRUE(plan_sweep(header, facts).report_expired);
}

}  // namespace
}  // namespace fanfold::core
