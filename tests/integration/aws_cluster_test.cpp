// ctest: labels=slow
// Whole clusters on a server that speaks as AWS does, and what they cost.
#include <fanfold/backends/aws.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include "../support/aws_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>

namespace fanfold {
namespace {

using namespace std::chrono_literals;
using test::AwsServer;

const AwsServer& ministack() {
  AwsServer::set_credentials();
  static const AwsServer server(AwsServer::Kind::ministack);
  return server;
}

class AwsCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!AwsServer::is_installed()) GTEST_SKIP() << "NOT RUN: ./dev test installs the server into build/python";
    ASSERT_TRUE(ministack().is_ready());
    static std::atomic<int> number = 0;
    const std::string name = "fanfold-" + std::to_string(++number);
    options_.endpoint = ministack().endpoint();
    options_.table = name;
    options_.bucket = name;
    options_.usage = usage_;
    queue_ = "work-" + std::to_string(number);
    setup_ = {.store = options_, .queue = queue_};
    setup_.visibility = 30s;
    report_ = aws::setup(setup_).value();
  }
  [[nodiscard]] Client open() const { return aws::open(options_).value(); }

  std::shared_ptr<aws::Usage> usage_ = std::make_shared<aws::Usage>();  // Shared with the clients of a test.
  aws::Options options_;
  aws::SetupOptions setup_;
  aws::SetupReport report_;
  std::string queue_;
};

TEST_F(AwsCluster, SetupMakesEverythingOnceAndChecksItAfterwards) {
  EXPECT_EQ(report_.made_count, 6U) << "table, time to live, bucket, lifecycle, dead-letter queue, queue";
  EXPECT_EQ(report_.warning_count, 0U);
  const aws::SetupReport again = aws::setup(setup_).value();
  EXPECT_EQ(again.made_count, 0U);
  EXPECT_EQ(again.warning_count, 0U);
}

TEST_F(AwsCluster, SetupThatFailsHalfWaySaysWhatItHadMade) {
  aws::SetupOptions elsewhere = setup_;
  elsewhere.store.region = "eu-west-1";
  const Error error = aws::setup(elsewhere).error();
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_EQ(error.message, "bucket " + options_.bucket +
                               " is in another region than eu-west-1, where the table is; made before that: table " +
                               options_.table + ", time to live of table " + options_.table);
}

TEST_F(AwsCluster, RunsEveryTaskAndItsFinishOnceAndCostsWhatIsPromised) {
  constexpr int count = 3'000;
  const Client client = open();
  std::vector<int> tasks(count);
  for (int i = 0; i < count; ++i) tasks[static_cast<std::size_t>(i)] = i;
  const auto made = client.create_message_cluster(queue_, tasks, {.name = "all"}).value();
  const std::uint64_t creation_thousandths = usage_->dynamodb_write_thousandths;
  EXPECT_LE(creation_thousandths, 20'000U) << "the header a few times, the tree's right edge";

  std::mutex mutex;
  std::map<int, int> runs;
  std::atomic<int> finishes = 0;
  std::atomic<long> sum = 0;
  Handlers handlers;
  handlers.on_message = [&](const Message<int>& task, const Context&) {
    const std::scoped_lock lock(mutex);
    ++runs[task.body];
    return done();
  };
  handlers.on_cluster_complete = [&](const MessageCluster<>& cluster, const Context&) {
    ++finishes;
    sum = static_cast<long>(cluster.record.completed_at.has_value());
    return done();
  };
  WorkerOptions options;
  options.queue = queue_;
  options.jobs = 16;
  options.sweep_interval = 0ms;
  Worker worker(client, handlers, options);
  const Progress progress = worker.run_until(made).value();
  EXPECT_EQ(progress.done_count, static_cast<std::uint64_t>(count));
  EXPECT_EQ(progress.status, Status::complete);
  EXPECT_EQ(finishes, 1);
  EXPECT_EQ(sum, 1);
  EXPECT_EQ(runs.size(), static_cast<std::size_t>(count));
  for (const auto& [task, run_count] : runs) EXPECT_EQ(run_count, 1) << task;

  const double per_task = static_cast<double>(usage_->dynamodb_write_thousandths) / 1'000 / count;
  const std::uint64_t sqs_count = usage_->sqs_send_count + usage_->sqs_receive_count + usage_->sqs_delete_count +
                                  usage_->sqs_visibility_count + usage_->sqs_other_count;
  const double requests_per_task = static_cast<double>(sqs_count) / count;
  EXPECT_LE(per_task, 2.1);
  EXPECT_LE(requests_per_task, 0.35)
      << "the last polls of so small a cluster weigh more than they would in a large one";
  RecordProperty("write_units_per_task", std::to_string(per_task));
  RecordProperty("sqs_requests_per_task", std::to_string(requests_per_task));
}

TEST_F(AwsCluster, RetriesFailsAndFoldsWhatIsLeft) {
  const Client client = open();
  const auto made =
      client.create_message_cluster(queue_, std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {.name = "some"}).value();
  std::atomic<int> tries = 0;
  Handlers handlers;
  handlers.on_message = [&](const Message<int>& task, const Context& context) -> Outcome {
    if (task.body == 3) return fail("never");
    if (task.body == 5 && context.attempt == 1) {
      ++tries;
      return retry("not yet", 1s);
    }
    return done(task.body * 10);
  };
  WorkerOptions options;
  options.queue = queue_;
  options.jobs = 4;
  Worker worker(client, handlers, options);
  const Progress progress = worker.run_until(made).value();
  EXPECT_EQ(progress.done_count, 9U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(progress.status, Status::error);
  EXPECT_EQ(tries, 1);
  std::vector<int> results;
  for (const auto& task : client.results<int>(made)) results.push_back(task.value().result);
  EXPECT_THAT(results, ::testing::ElementsAre(0, 10, 20, 40, 50, 60, 70, 80, 90));
}

TEST_F(AwsCluster, LosesNoUpdateOfItsGlobals) {
  constexpr int thread_count = 16;
  constexpr int update_count = 10;
  const Client client = open();
  const auto made = client.create_message_cluster(queue_, std::vector<int>{1}, {.globals = 0}).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&, i] {
      // Half of them over a connection of their own, as another process.
      const Client own = i % 2 == 0 ? client : open();
      for (int k = 0; k < update_count; ++k) {
        const auto updated = own.update_cluster_globals(made, [](int value) { return value + 1; });
        EXPECT_TRUE(updated.has_value()) << (updated ? "" : to_string(updated.error()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client.get_cluster_globals<int>(made).value(), thread_count * update_count);
}

TEST_F(AwsCluster, StopsAHandlerByTheEndOfItsLeaseWhereTheServiceTakesRequestsAndAnswersNone) {
  const Client client = open();
  const auto cluster = client.create_message_cluster(queue_, std::vector<int>{1}).value();
  constexpr auto lease = 3s;
  std::promise<void> began;
  std::promise<std::chrono::steady_clock::time_point> told;
  std::atomic<int> attempt_count = 0;
  Handlers handlers;
  handlers.on_message = [&](const Message<int>&, const Context& context) {
    if (++attempt_count > 1) return done();
    began.set_value();
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, context.stop, 20s, [] { return false; });
    told.set_value(std::chrono::steady_clock::now());
    return retry("cut short", 0s);
  };
  WorkerOptions options;
  options.queue = queue_;
  options.jobs = 1;
  options.attempts.lease = lease;
  Worker worker(client, handlers, options);
  std::jthread running([&] { EXPECT_TRUE(worker.run_until(cluster).has_value()); });
  began.get_future().wait();
  ministack().freeze();
  const auto frozen_at = std::chrono::steady_clock::now();
  const auto told_at = told.get_future().get();
  ministack().thaw();
  EXPECT_LT(told_at - frozen_at, lease + 300ms);
  EXPECT_GT(told_at - frozen_at, 1s) << "a lease that is extended is not given up at the first delay";
  running.join();
  EXPECT_EQ(client.progress(cluster).value().done_count, 1U);
}

}  // namespace
}  // namespace fanfold
