#include <fanfold/backends/aws_cost.hpp>

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;

constexpr double million = 1e6;

Workload million_tasks() {
  Workload workload;
  workload.task_count = 1'000'000;
  workload.task_duration = 5ms;
  return workload;
}

TEST(CostEstimate, OfAMillionTasksIsWhatTheDesignReachesFor) {
  const CostEstimate estimate = estimate_cost(million_tasks());
  EXPECT_NEAR(estimate.write_units / million, 2 + 1.0 / 31, 0.01);
  EXPECT_LE(estimate.sqs_requests / million, 0.32);
  EXPECT_NEAR(estimate.s3_puts, million / 512, 1);
}

TEST(CostEstimate, InMoneyIsEachCountTimesItsPrice) {
  CostEstimate estimate;
  estimate.sqs_requests = 1e6;
  estimate.write_units = 2e6;
  estimate.read_units = 4e6;
  estimate.s3_puts = 1e3;
  estimate.s3_gets = 1e6;
  const Prices prices{.source = "a test",
                      .sqs_request = 1,
                      .dynamodb_write_unit = 10,
                      .dynamodb_read_unit = 100,
                      .s3_put = 1'000,
                      .s3_get = 10'000};
  EXPECT_DOUBLE_EQ(estimate.cost(prices), 1 + 20 + 400 + 1 + 10'000);
}

TEST(CostEstimate, OfResultsIsAUnitEachAndMoreForLongOnes) {
  Workload workload = million_tasks();
  const double without = estimate_cost(workload).write_units;
  workload.result_bytes = 200;
  EXPECT_DOUBLE_EQ(estimate_cost(workload).write_units, without + million);
  workload.result_bytes = 10'000;
  EXPECT_DOUBLE_EQ(estimate_cost(workload).write_units, without + 10 * million);
}

TEST(CostEstimate, OfPayloadsInTheTableIsAUnitPerKilobyte) {
  Workload workload = million_tasks();
  const double with_bucket = estimate_cost(workload).write_units;
  workload.has_bucket = false;
  const CostEstimate estimate = estimate_cost(workload);
  EXPECT_NEAR(estimate.write_units - with_bucket, 0.21 * million, 0.01 * million);
  EXPECT_EQ(estimate.s3_puts, 0);
}

TEST(CostEstimate, OfNeighboursClaimedTogetherIsBelowHalfAUnit) {
  Workload workload = million_tasks();
  workload.claimed_together = 10;
  EXPECT_LE(estimate_cost(workload).write_units / million, 0.5);
}

TEST(CostEstimate, OfLongTasksHasTheExtensionsOfTheirLeasesAndAReceiveForEach) {
  Workload workload = million_tasks();
  workload.task_duration = 65s;
  const CostEstimate estimate = estimate_cost(workload);
  EXPECT_NEAR(estimate.write_units / million, 2 + 1.0 / 31 + 6, 0.01);
  EXPECT_GT(estimate.sqs_requests / million, 2);
}

TEST(CostEstimate, ChargesLongMessagesByTheirSize) {
  Workload workload = million_tasks();
  workload.payload_bytes = 64 * 1024;
  EXPECT_NEAR(estimate_cost(workload).sqs_requests / million, 2.1, 0.02) << "sent once, received once";
  workload.payload_bytes = 2'000'000;
  EXPECT_NEAR(estimate_cost(workload).s3_puts / million, 1.333, 0.001) << "a payload each, and pages of three";
}

TEST(CostEstimate, OfSingleMessagesIsFourUnits) {
  Workload workload = million_tasks();
  workload.is_single = true;
  const CostEstimate estimate = estimate_cost(workload);
  EXPECT_NEAR(estimate.write_units / million, 4, 0.001);
  EXPECT_EQ(estimate.s3_puts, 0);
}

TEST(CostEstimate, OfNothingIsAlmostNothing) {
  const CostEstimate estimate = estimate_cost({});
  EXPECT_LT(estimate.cost({}), 0.0001);
  EXPECT_GT(estimate.cost({}), 0);
}

TEST(CostEstimate, OfRetriesIsWhatEachFurtherAttemptTakes) {
  const CostEstimate without = estimate_cost(million_tasks());
  Workload workload = million_tasks();
  workload.retry_count = 1'000;
  workload.failed_count = 10;
  const CostEstimate estimate = estimate_cost(workload);
  EXPECT_DOUBLE_EQ(estimate.write_units, without.write_units + 3 * 1'000 + 10);
  EXPECT_GT(estimate.sqs_requests, without.sqs_requests + 1'000);
  EXPECT_GT(estimate.duration, without.duration);
}

TEST(CostEstimate, OfARoundIsThatOfAClusterOfItsTasks) {
  Workload workload = million_tasks();
  const CostEstimate without = estimate_cost(workload);
  workload.round_count = 1;
  workload.round_task_count = 1'000;
  const CostEstimate estimate = estimate_cost(workload);
  Workload of_round = million_tasks();
  of_round.task_count = 1'000;
  EXPECT_DOUBLE_EQ(estimate.write_units - without.write_units, estimate_cost(of_round).write_units);
}

TEST(CostEstimate, OfWhatWasSentIsTheWorkAlone) {
  Workload workload = million_tasks();
  workload.has_bucket = false;
  const CostEstimate whole = estimate_cost(workload);
  workload.is_sent = true;
  const CostEstimate work = estimate_cost(workload);
  EXPECT_NEAR(work.write_units / million, 2 + 1.0 / 31, 0.01);
  EXPECT_LT(work.sqs_requests, whole.sqs_requests - 0.1 * million);
  EXPECT_LT(work.read_units, whole.read_units);
}

}  // namespace
}  // namespace fanfold::aws
