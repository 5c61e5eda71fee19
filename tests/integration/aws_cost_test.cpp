// ctest: labels=slow
// What a cluster costs, counted by a meter between fanfold and a server that stands in for AWS, beside what is
// promised and what `fanfold cost` says.
#include <fanfold/backends/aws.hpp>
#include <fanfold/backends/aws_cost.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include "../support/aws_meter.hpp"
#include "../support/aws_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace fanfold {
namespace {

using namespace std::chrono_literals;
using test::AwsMeter;
using test::AwsServer;
using test::MeterCounts;

constexpr std::uint64_t task_count = 2'500;
constexpr std::uint64_t worker_count = 4;
constexpr auto handler_time = 25ms;  // Longer than a chunk, so that no task is claimed together with another.
constexpr double tolerance = 0.05;

struct Measured {
  MeterCounts counts{};
  double seconds = 0;
};

class AwsCost : public ::testing::TestWithParam<aws::Workload> {
 protected:
  void SetUp() override {
    if (!AwsServer::is_installed()) GTEST_SKIP() << "NOT RUN: ./dev test installs the server into build/python";
    AwsServer::set_credentials();
    static const AwsServer server(AwsServer::Kind::ministack);
    ASSERT_TRUE(server.is_ready());
    endpoint_ = server.endpoint();
  }

  static Handlers handlers(const aws::Workload& workload, std::atomic<std::uint64_t>& handled,
                           std::atomic<std::uint64_t>& finished) {
    Handlers handlers;
    handlers.on_message = [&](const Message<std::string>&, const Context&) -> Outcome {
      ++handled;
      std::this_thread::sleep_for(handler_time);
      if (workload.result_bytes == 0) return done();
      return done(std::string(workload.result_bytes - 2, 'r'));
    };
    handlers.on_cluster_complete = [&](const MessageCluster<>&, const Context&) {
      ++finished;
      return done();
    };
    return handlers;
  }

  /// Creates a cluster and works it off, with a store of its own for each worker, as on several machines.
  Measured measure(const aws::Workload& workload, const std::string& name) {
    aws::Options options;
    options.table = name;
    if (workload.has_bucket) options.bucket = name;
    options.endpoint = endpoint_;
    EXPECT_TRUE(aws::setup({.store = options, .queue = name}).has_value());
    AwsMeter meter(endpoint_);
    options.endpoint = meter.endpoint();
    options.usage = std::make_shared<aws::Usage>();
    const auto started_at = std::chrono::steady_clock::now();
    const Client client = aws::open(options).value();
    const auto cluster =
        client
            .create_message_cluster(name,
                                    [&, index = std::uint64_t{0}]() mutable -> std::optional<std::string> {
                                      return index++ == task_count
                                                 ? std::nullopt
                                                 : std::optional(std::string(workload.payload_bytes - 2, 'x'));
                                    })
            .value();
    std::atomic<std::uint64_t> handled = 0;
    std::atomic<std::uint64_t> finished = 0;
    std::vector<std::thread> workers;
    for (std::uint64_t i = 0; i < worker_count; ++i) {
      workers.emplace_back([&] {
        const Client own = aws::open(options).value();
        Worker worker(own, handlers(workload, handled, finished), {.queue = name, .jobs = 1});
        EXPECT_TRUE(worker.run_until(cluster).has_value());
      });
    }
    for (std::thread& worker : workers) worker.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_at;
    EXPECT_EQ(handled, task_count);
    EXPECT_EQ(finished, 1U);
    MeterCounts counts = meter.counts();
    const Progress progress = client.progress(cluster).value();
    EXPECT_EQ(progress.done_count, task_count);
    EXPECT_EQ(progress.failed_count, 0U);
    const QueueCounts left = client.queue_port().counts(client.queue_port().resolve(name).value()).value();
    EXPECT_EQ(left.visible_count + left.in_flight_count + left.delayed_count, 0U);
    return {std::move(counts), took.count()};
  }

  std::string endpoint_;
};

void expect_near(double measured, double estimated, const char* what) {
  EXPECT_NEAR(estimated, measured, tolerance * measured) << what;
}

TEST_P(AwsCost, IsWhatIsPromisedAndWhatTheEstimateSays) {
  const aws::Workload& workload = GetParam();
  const std::string name = workload.result_bytes > 0 ? "results" : workload.has_bucket ? "bucket" : "table";
  const Measured measured = measure(workload, "cost-" + name);
  const MeterCounts& counts = measured.counts;
  constexpr auto tasks = static_cast<double>(task_count);
  const double sqs = static_cast<double>(counts.requests_of("sqs"));

  EXPECT_DOUBLE_EQ(counts.write_units_by_server, counts.write_units_by_size) << "the server and the published rules";
  const double extra = (workload.has_bucket ? 0 : 0.25) + (workload.result_bytes > 0 ? 1 : 0);
  EXPECT_LE(counts.write_units() / tasks, 2.1 + extra);
  EXPECT_LE(sqs / tasks, 0.33) << "of so small a cluster";

  const aws::CostEstimate estimate = aws::estimate_cost(workload);
  expect_near(counts.write_units(), estimate.write_units, "write units");
  expect_near(sqs, estimate.sqs_requests, "SQS requests");
  expect_near(static_cast<double>(counts.requests_of("s3 PUT")), estimate.s3_puts, "S3 PUT requests");
  expect_near(static_cast<double>(counts.requests_of("s3 GET")), estimate.s3_gets, "S3 GET requests");
  // By the rules, since the server knows none; and by the time that it took, which the server decides.
  const double periods = static_cast<double>(worker_count) * measured.seconds / 5;
  EXPECT_LE(counts.read_units_by_size, (workload.has_bucket ? 0 : 0.08 * tasks) + 1.5 * periods + 60);
}

aws::Workload workload_of(bool has_bucket, std::uint64_t result_bytes) {
  aws::Workload workload;
  workload.task_count = task_count;
  workload.payload_bytes = 200;
  workload.has_bucket = has_bucket;
  workload.result_bytes = result_bytes;
  workload.worker_count = worker_count;
  workload.task_duration = handler_time;
  return workload;
}

INSTANTIATE_TEST_SUITE_P(Clusters, AwsCost,
                         ::testing::Values(workload_of(true, 0), workload_of(false, 0), workload_of(true, 100)));

}  // namespace
}  // namespace fanfold
