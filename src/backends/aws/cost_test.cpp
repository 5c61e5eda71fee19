#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/test_ledger.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace fanfold::aws {

using namespace std::chrono_literals;
namespace {

/// Claims and ends these positions together. The answer counts the clusters that this finished.
std::size_t run_together(TestLedger& test, const ClusterHeader& cluster, std::span<const std::uint64_t> positions) {
  std::vector<ClaimRequest> claims;
  for (const std::uint64_t position : positions) claims.push_back(test.claim_of(cluster, position));
  const auto answers = test.ledger.claim(claims, test.clock.now()).value();
  std::vector<EndRequest> ends;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    EXPECT_EQ(answers[i].outcome, ClaimOutcome::claimed);
    ends.push_back(TestLedger::end_of(claims[i]));
  }
  return test.ledger.end(ends, test.clock.now()).value().finished.size();
}

double per_task(double units, std::uint64_t count) { return units / static_cast<double>(count); }

TEST(LedgerCost, OfATaskWithFullTrackingIsTwoWriteUnitsAndAThirtyFirst) {
  constexpr std::uint64_t count = 10'000;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  std::vector<std::uint64_t> order(count);
  for (std::uint64_t i = 0; i < count; ++i) order[i] = i;
  std::ranges::shuffle(order, std::mt19937_64(1));
  test.table.reset_usage();
  std::size_t finished_count = 0;
  // Single claims, as of tasks that are no neighbours.
  for (const std::uint64_t position : order) finished_count += run_together(test, cluster, std::span(&position, 1));
  const testing_aws::TableUsage usage = test.table.usage();
  EXPECT_EQ(finished_count, 1U);
  EXPECT_LE(per_task(usage.write_units, count), 2.1);
  EXPECT_GE(per_task(usage.write_units, count), 2.0) << "a measure that measures nothing";
  EXPECT_LE(usage.item_bytes_max, 2 * write_unit_bytes) << "of the header";
  EXPECT_LE(usage.read_units, 10) << "the last header read and the finish";
  const auto busiest = test.table.busiest_items(1);
  ASSERT_FALSE(busiest.empty());
  // At 10,000 tasks a second this takes one.
  EXPECT_LE(busiest.front().first, 500);
}

TEST(LedgerCost, OfALeafIsOneUnitEvenWhenItIsFull) {
  TestLedger test;
  const ClusterHeader cluster = test.cluster(tree_radix);
  std::vector<std::uint64_t> all(tree_radix);
  for (std::uint64_t i = 0; i < tree_radix; ++i) all[i] = i;
  EXPECT_EQ(run_together(test, cluster, all), 1U);
  std::size_t leaf_bytes = 0;
  for (const Item& item : test.table.items()) {
    if (item.key.sort == node_sort) leaf_bytes = std::max(leaf_bytes, item_bytes(item));
  }
  EXPECT_GT(leaf_bytes, tree_radix * cell_bytes);
  EXPECT_LE(leaf_bytes, 740U);
}

TEST(LedgerCost, OfNeighboursInABatchOfTenIsBelowHalfAUnitEach) {
  constexpr std::uint64_t count = 10'000;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  test.table.reset_usage();
  std::size_t finished_count = 0;
  for (std::uint64_t first = 0; first < count; first += 10) {
    std::vector<std::uint64_t> ten(10);
    for (std::uint64_t i = 0; i < 10; ++i) ten[i] = first + i;
    finished_count += run_together(test, cluster, ten);
  }
  EXPECT_EQ(finished_count, 1U);
  EXPECT_LE(per_task(test.table.usage().write_units, count), 0.5);
}

TEST(LedgerCost, OfACheapModeTaskIsOneWriteUnit) {
  constexpr std::uint64_t count = 1'024;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  test.table.reset_usage();
  std::size_t finished_count = 0;
  for (std::uint64_t position = 0; position < count; ++position) {
    EndRequest request = TestLedger::end_of(test.claim_of(cluster, position));
    request.condition = NotEnded{};
    finished_count += test.ledger.end(std::span(&request, 1), test.clock.now()).value().finished.size();
  }
  EXPECT_EQ(finished_count, 1U);
  EXPECT_LE(per_task(test.table.usage().write_units, count), 1.05);
}

TEST(LedgerCost, OfCreatingAnyNumberOfTasksIsAFewTrackingWrites) {
  for (const std::uint64_t count :
       {std::uint64_t{1}, std::uint64_t{1'000}, std::uint64_t{100'000}, std::uint64_t{1'000'000'000}}) {
    TestLedger test;
    test.cluster(count);
    const TreeShape shape(count);
    // The header twice, and a mark for each level.
    EXPECT_EQ(test.table.usage().write_count, 2 + shape.node_counts.size());
    EXPECT_LE(test.table.usage().write_units, 2 * 2 + static_cast<double>(shape.node_counts.size()));
  }
}

TEST(LedgerCost, OfPayloadsInTheTableIsAUnitPerKilobyte) {
  constexpr std::uint64_t count = 5'120;
  TestLedger test;
  const std::string body = "\"" + std::string(198, 'x') + "\"";
  const std::vector<TaskData> tasks(512, TaskData{body, {}});
  for (std::uint64_t first = 0; first < count; first += tasks.size()) test.ledger.put_tasks("c", first, tasks).value();
  EXPECT_LE(per_task(test.table.usage().write_units, count), 0.22);
}

TEST(LedgerCost, OfAResultIsOneUnitMore) {
  constexpr std::uint64_t count = 1'024;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  test.table.reset_usage();
  for (std::uint64_t position = 0; position < count; ++position) {
    const ClaimRequest claim = test.claim_of(cluster, position);
    test.ledger.claim(std::span(&claim, 1), test.clock.now()).value();
    EndRequest end = TestLedger::end_of(claim);
    end.result = Json::from_valid_text("42");
    test.ledger.end(std::span(&end, 1), test.clock.now()).value();
  }
  EXPECT_LE(per_task(test.table.usage().write_units, count), 3.1);
  EXPECT_LE(test.table.usage().read_units, 10);
}

TEST(LedgerCost, OfProgressHasABoundAtAnySize) {
  TestLedger test;
  constexpr std::uint64_t count = 320'000;
  const ClusterHeader cluster = test.cluster(count);
  // One task of each leaf: nothing can be counted above the leaves.
  std::vector<std::uint64_t> some;
  for (std::uint64_t position = 0; position < count; position += tree_radix) some.push_back(position);
  run_together(test, cluster, some);
  test.table.reset_usage();
  const Progress progress = test.ledger.progress(cluster.id).value();
  EXPECT_NEAR(static_cast<double>(progress.done_count), 10'000, 100);
  EXPECT_LE(test.table.usage().read_units, 201);
}

TEST(LedgerCost, OfAPageOfFailedTasksIsTheErrorsOfThoseAlone) {
  constexpr std::uint64_t count = 10 * tree_radix;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  std::vector<ClaimRequest> claims;
  std::vector<EndRequest> ends;
  for (std::uint64_t position = 0; position < count; ++position) claims.push_back(test.claim_of(cluster, position));
  ASSERT_EQ(test.ledger.claim(claims, test.clock.now()).value().size(), count);
  for (const ClaimRequest& claim : claims) {
    EndRequest& end = ends.emplace_back(TestLedger::end_of(claim, Verdict::failed));
    end.error = ErrorEntry{.attempt = 1, .code = "broken", .message = "broken", .final = true};
  }
  ASSERT_TRUE(test.ledger.end(ends, test.clock.now()).has_value());
  const auto reads_of = [&](TaskParts parts) {
    test.table.reset_usage();
    const TaskQuery query{
        .cluster_id = cluster.id, .filter = {.status = Status::error}, .count_max = 10, .parts = parts};
    EXPECT_EQ(test.ledger.list_tasks(query).value().tasks.size(), 10U);
    return test.table.usage().read_count;
  };
  EXPECT_LE(reads_of(TaskParts::errors), reads_of(TaskParts::states) + 1) << "all ten are of one leaf";
}

TEST(LedgerCost, OfAListOfTasksThatNeverFailedIsTheirLeavesAlone) {
  constexpr std::uint64_t count = 100 * tree_radix;
  TestLedger test;
  const ClusterHeader cluster = test.cluster(count);
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  run_together(test, cluster, all);
  test.table.reset_usage();
  std::uint64_t listed = 0;
  TaskQuery query{.cluster_id = cluster.id, .filter = {}, .count_max = 1'000, .parts = TaskParts::errors};
  for (std::optional<std::uint64_t> next = 0; next;) {
    query.first_index = *next;
    const TaskPage page = test.ledger.list_tasks(query).value();
    listed += page.tasks.size();
    next = page.next_index;
  }
  EXPECT_EQ(listed, count);
  // A leaf, or a part of it, in each page, and the header.
  EXPECT_LE(test.table.usage().read_units, 100 + 2 * 4);
}

/// Requests that finding the cluster of this name takes, among 1,000 of other names of which it is the newest or the
/// oldest.
std::uint64_t requests_of_finding(bool newest) {
  TestLedger test;
  const auto create = [&](int number, std::string name) {
    ClusterHeader header = test.header(1, "cluster" + std::to_string(number));
    header.name = std::move(name);
    header.created_at += std::chrono::seconds(number);
    test.ledger.create_cluster(header).value();
  };
  for (int i = 1; i <= 1'000; ++i) create(i, "another");
  create(newest ? 1'001 : 0, "wanted");
  test.table.reset_usage();
  ClusterQuery query;
  query.name = "wanted";
  query.count_max = 1;
  const ClusterPage page = test.ledger.list_clusters(query).value();
  EXPECT_EQ(page.clusters.size(), 1U);
  for (const ClusterHeader& header : page.clusters) EXPECT_EQ(header.name, "wanted");
  return test.table.usage().read_count;
}

TEST(LedgerCost, OfFindingAClusterByNameHardlyGrowsWithTheOthersThereAre) {
  constexpr std::uint64_t shards_count = 8;
  EXPECT_LE(requests_of_finding(true), shards_count + 1) << "the header";
  EXPECT_LE(requests_of_finding(false), 4 * shards_count + 1);
}

}  // namespace
}  // namespace fanfold::aws
