#include "task_contract.hpp"

#include <set>
#include <thread>

namespace fanfold::conformance {
namespace {

TEST_P(TaskContract, PayloadsAreKeptAsGiven) {
  const std::string id = fresh_id();
  const std::vector<TaskData> tasks{{R"({"a":"ü"})", R"({"m":1})"}, {"null", ""}, {"[1,2]", ""}};
  ledger().put_tasks(id, 0, tasks).value();
  ledger().put_tasks(id, 3, bodies(2, 3)).value();
  const auto stored = ledger().read_tasks(id, 0, 10).value();
  ASSERT_EQ(stored.size(), 5U);
  EXPECT_EQ(stored[0].body, R"({"a":"ü"})");
  EXPECT_EQ(stored[0].meta, R"({"m":1})");
  EXPECT_EQ(stored[1].body, "null");
  EXPECT_EQ(stored[1].meta, "");
  EXPECT_EQ(stored[4].body, R"({"task":4})");
  const auto part = ledger().read_tasks(id, 2, 2).value();
  ASSERT_EQ(part.size(), 2U);
  EXPECT_EQ(part[0].body, "[1,2]");
}

TEST_P(TaskContract, StoringTheSamePayloadsAgainIsFine) {
  const std::string id = fresh_id();
  ledger().put_tasks(id, 0, bodies(3)).value();
  ledger().put_tasks(id, 0, bodies(3)).value();
  EXPECT_EQ(ledger().read_tasks(id, 0, 10).value().size(), 3U);
}

TEST_P(TaskContract, StoringTheSamePayloadsAgainIsFineAfterTheSeal) {
  const ClusterHeader cluster = make_cluster(3);
  EXPECT_TRUE(ledger().put_tasks(cluster.id, 0, bodies(3)).has_value());
}

TEST_P(TaskContract, StoringOtherPayloadsIsRefused) {
  const std::string id = fresh_id();
  ledger().put_tasks(id, 0, bodies(3)).value();
  const auto refused = ledger().put_tasks(id, 0, bodies(3, 1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::different_tasks);
  EXPECT_EQ(ledger().read_tasks(id, 0, 1).value().at(0).body, R"({"task":0})");
}

TEST_P(TaskContract, AddingReservesIndexesOneAfterTheOther) {
  const ClusterHeader cluster = make_open_cluster();
  const AddedTasks first = ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  EXPECT_EQ(first.first_index, 0U);
  EXPECT_EQ(first.count, 2U);
  EXPECT_FALSE(first.existed);
  const AddedTasks second = ledger().add_tasks(cluster.id, "two", bodies(3, 2), now_ + 1s).value();
  EXPECT_EQ(second.first_index, 2U);
  EXPECT_EQ(second.count, 3U);
  const ClusterHeader now = read(cluster.id);
  EXPECT_EQ(now.task_count, 5U);
  EXPECT_EQ(now.last_add_at, now_ + 1s);
  EXPECT_FALSE(now.sealed());
  EXPECT_EQ(ledger().read_tasks(cluster.id, 4, 1).value().at(0).body, R"({"task":4})");
}

TEST_P(TaskContract, AddingLeavesADueMark) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  const auto due = read(cluster.id).due;
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].kind, DueMark::Kind::add);
  EXPECT_EQ(due[0].id, "one");
  EXPECT_EQ(due[0].since, now_);
}

TEST_P(TaskContract, AddingTwiceWithOneKeyAddsOnce) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  ledger().add_tasks(cluster.id, "two", bodies(1, 2), now_).value();
  const AddedTasks again = ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(again.first_index, 0U);
  EXPECT_EQ(again.count, 2U);
  EXPECT_EQ(read(cluster.id).task_count, 3U);
  ledger().seal(cluster.id, now_).value();
  EXPECT_TRUE(ledger().add_tasks(cluster.id, "two", bodies(1, 2), now_).value().existed)
      << "a lost answer is asked for again, sealed or not";
}

TEST_P(TaskContract, AddingOtherTasksWithAUsedKeyIsRefused) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().add_tasks(cluster.id, "one", bodies(2), now_).value();
  EXPECT_EQ(ledger().add_tasks(cluster.id, "one", bodies(2, 7), now_).error().code, ErrorCode::different_tasks);
  EXPECT_EQ(ledger().add_tasks(cluster.id, "one", bodies(3), now_).error().code, ErrorCode::different_tasks);
  EXPECT_EQ(read(cluster.id).task_count, 2U);
}

TEST_P(TaskContract, AddingAfterTheSealIsRefused) {
  const ClusterHeader cluster = make_open_cluster();
  ledger().seal(cluster.id, now_).value();
  EXPECT_EQ(ledger().add_tasks(cluster.id, "one", bodies(1), now_).error().code, ErrorCode::sealed);
}

TEST_P(TaskContract, AddingToAStoppedClusterIsRefused) {
  ClusterHeader cluster = make_open_cluster();
  cluster.status = Status::error;
  cluster.status_code = StatusCode::stopped;
  ledger().update_cluster(cluster).value();
  EXPECT_EQ(ledger().add_tasks(cluster.id, "one", bodies(1), now_).error().code, ErrorCode::stopped);
}

TEST_P(TaskContract, ConcurrentAddsNeverShareAnIndex) {
  if (!capabilities().isolates_transactions)
    GTEST_SKIP() << "a refused transaction takes back what others wrote meanwhile on this server";
  constexpr std::uint64_t thread_count = 4;
  constexpr std::uint64_t add_count = 5;
  const ClusterHeader cluster = make_open_cluster();
  std::mutex mutex;
  std::set<std::uint64_t> firsts;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < thread_count; ++thread) {
    threads.emplace_back([&, thread] {
      const Backend own = open();
      for (std::uint64_t i = 0; i < add_count; ++i) {
        const std::string key = std::to_string(thread) + "/" + std::to_string(i);
        const AddedTasks added = own.ledger->add_tasks(cluster.id, key, bodies(3, thread * 1000 + i), now_).value();
        const std::scoped_lock lock(mutex);
        firsts.insert(added.first_index);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(firsts.size(), thread_count * add_count);
  EXPECT_EQ(read(cluster.id).task_count, 3 * thread_count * add_count);
}

TEST_P(TaskContract, OpenOnesAreListedWithTheEndOfTheirLease) {
  const ClusterHeader cluster = make_cluster(6);
  run_task(task(cluster, 0));
  run_task(task(cluster, 2), Verdict::failed);
  claimed(task(cluster, 3));
  EndRequest waiting = end_request(task(cluster, 4), claimed(task(cluster, 4)), Verdict::waiting);
  waiting.child_id = "child";
  EXPECT_EQ(end_outcome(waiting), EndOutcome::ended);

  const auto page = ledger().list_open_tasks(cluster.id, 0, 10, now_ + 1s).value();
  ASSERT_EQ(page.tasks.size(), 4U);
  EXPECT_FALSE(page.next_position.has_value());
  EXPECT_EQ(page.tasks[0].position, 1U);
  EXPECT_EQ(page.tasks[0].not_before, now_ + 1s);
  EXPECT_FALSE(page.tasks[0].waiting);
  EXPECT_EQ(page.tasks[1].position, 3U);
  EXPECT_EQ(page.tasks[1].not_before, now_ + lease_);
  EXPECT_EQ(page.tasks[2].position, 4U);
  EXPECT_TRUE(page.tasks[2].waiting);
  EXPECT_EQ(page.tasks[2].child_id, "child");
  EXPECT_EQ(page.tasks[3].position, 5U);
}

TEST_P(TaskContract, OpenOnesArePaged) {
  const ClusterHeader cluster = make_cluster(7);
  run_task(task(cluster, 3));
  std::vector<std::uint64_t> positions;
  std::optional<std::uint64_t> next = 0;
  for (int page_count = 0; next && page_count < 10; ++page_count) {
    const auto page = ledger().list_open_tasks(cluster.id, *next, 2, now_).value();
    EXPECT_LE(page.tasks.size(), 2U);
    for (const auto& open_task : page.tasks) positions.push_back(open_task.position);
    next = page.next_position;
  }
  EXPECT_THAT(positions, ::testing::ElementsAre(0, 1, 2, 4, 5, 6));
}

TEST_P(TaskContract, AreListedByIndexAndPaged) {
  const ClusterHeader cluster = make_cluster(5);
  EXPECT_THAT(listed(query(cluster)), ::testing::ElementsAre(0, 1, 2, 3, 4));
  TaskQuery later = query(cluster);
  later.first_index = 3;
  EXPECT_THAT(listed(later), ::testing::ElementsAre(3, 4));
}

TEST_P(TaskContract, AreListedWithTheirState) {
  const std::string id = fresh_id();
  const std::vector<TaskData> tasks{{R"({"n":1})", R"("mine")"}, {"2", ""}};
  ledger().put_tasks(id, 0, tasks).value();
  ClusterHeader header = new_header(2);
  header.id = id;
  ledger().create_cluster(header).value();
  ledger().seal(id, now_).value();
  claimed(task(header, 0));

  TaskQuery whole;
  whole.cluster_id = id;
  auto page = ledger().list_tasks(whole).value();
  ASSERT_EQ(page.tasks.size(), 2U);
  EXPECT_EQ(page.tasks[0].status, Status::in_progress);
  EXPECT_EQ(page.tasks[0].attempt_count, 1U);
  EXPECT_EQ(page.tasks[0].lease_end, now_ + lease_);
  EXPECT_EQ(page.tasks[0].body.text(), R"({"n":1})");
  ASSERT_TRUE(page.tasks[0].meta.has_value());
  EXPECT_EQ(page.tasks[0].meta->text(), R"("mine")");
  EXPECT_EQ(page.tasks[1].status, Status::pre_flight);
  EXPECT_EQ(page.tasks[1].attempt_count, 0U);
  EXPECT_FALSE(page.tasks[1].lease_end.has_value());
  EXPECT_FALSE(page.tasks[1].meta.has_value());

  whole.parts = TaskParts::states;
  page = ledger().list_tasks(whole).value();
  ASSERT_EQ(page.tasks.size(), 2U);
  EXPECT_EQ(page.tasks[0].status, Status::in_progress);
}

TEST_P(TaskContract, AreFilteredByStatusFingerprintAndMessage) {
  const ClusterHeader cluster = make_cluster(6);
  run_task(task(cluster, 0));
  const auto fail = [&](std::uint64_t position, const std::string& message, const std::string& fingerprint) {
    EndRequest request = end_request(task(cluster, position), claimed(task(cluster, position)), Verdict::failed);
    request.error = error_entry(1, message, fingerprint);
    EXPECT_EQ(end_outcome(request), EndOutcome::ended);
  };
  fail(1, "no decode delegate", "7c1e0000");
  fail(3, "disk is full", "7c1f0000");
  fail(4, "no decode delegate", "7c1e0000");
  claimed(task(cluster, 5));

  const TaskQuery failed{.cluster_id = cluster.id, .filter = {.status = Status::error}, .parts = TaskParts::errors};
  const TaskState first = ledger().list_tasks(failed).value().tasks.at(0);
  EXPECT_EQ(first.error.size(), 1U);
  EXPECT_TRUE(first.body.is_null());

  const auto with_status = [](Status status) {
    return TaskFilter{.status = status, .fingerprint = {}, .contains = {}};
  };
  EXPECT_THAT(listed(query(cluster, with_status(Status::complete))), ::testing::ElementsAre(0));
  EXPECT_THAT(listed(query(cluster, with_status(Status::error))), ::testing::ElementsAre(1, 3, 4));
  EXPECT_THAT(listed(query(cluster, with_status(Status::pre_flight))), ::testing::ElementsAre(2));
  EXPECT_THAT(listed(query(cluster, with_status(Status::in_progress))), ::testing::ElementsAre(5));
  EXPECT_THAT(listed(query(cluster, {.status = {}, .fingerprint = "7c1e", .contains = {}})),
              ::testing::ElementsAre(1, 4));
  EXPECT_THAT(listed(query(cluster, {.status = {}, .fingerprint = "7c1", .contains = "full"})),
              ::testing::ElementsAre(3));
  EXPECT_TRUE(listed(query(cluster, {.status = Status::complete, .fingerprint = "7c", .contains = {}})).empty());
}

TEST_P(TaskContract, ResultsComeInTaskOrderAndPaged) {
  const ClusterHeader cluster = make_cluster(6);
  for (const std::uint64_t index : {4, 0, 5, 2}) finish_with(task(cluster, index), index, std::to_string(index * 10));
  run_task(task(cluster, 1));
  run_task(task(cluster, 3), Verdict::failed);
  const std::vector<std::string> expected{"0=0", "2=20", "4=40", "5=50"};
  EXPECT_EQ(results(cluster, 3), expected);
  EXPECT_EQ(results(cluster, 100), expected);
}

TEST_P(TaskContract, ResultsHoldUpTo64KilobytesEach) {
  const ClusterHeader cluster = make_cluster(1);
  const std::string large = "\"" + std::string(result_bytes_max - 2, 'x') + "\"";
  finish_with(task(cluster, 0), 0, large);
  EXPECT_EQ(ledger().read_results(cluster.id, 0, 1).value().results.at(0).result.text(), large);
}

FANFOLD_CONTRACT(TaskContract);

}  // namespace
}  // namespace fanfold::conformance
