// What a task costs on AWS, by count: a cluster is created and worked off on a server that stands in for AWS, behind a
// meter that counts requests and units.
#include "bench.hpp"

#include "../tests/support/aws_meter.hpp"
#include "../tests/support/aws_server.hpp"

#include <fanfold/backends/aws.hpp>
#include <fanfold/json.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

using namespace std::chrono_literals;
using fanfold::test::AwsMeter;
using fanfold::test::AwsServer;
using fanfold::test::MeterCounts;

constexpr std::size_t worker_count = 8;
/// Longer than a chunk, so that no task is claimed together with another.
constexpr auto handler_time = 25ms;

struct Kind {
  std::string name;
  bool has_bucket = true;
  bool has_results = false;
  bool takes_batches = false;  ///< process_batch on ten neighbours, as in Lambda, in place of workers.
};

const AwsServer& ministack() {
  if (!AwsServer::is_installed()) throw std::runtime_error("no server: ./dev bench aws installs it into build/python");
  AwsServer::set_credentials();
  static const AwsServer server(AwsServer::Kind::ministack);
  if (!server.is_ready()) throw std::runtime_error("the server did not come up");
  return server;
}

struct Done {
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<std::uint64_t> finished = 0;
};

fanfold::Handlers handlers_for(const Kind& kind, Done& done) {
  return {.on_message = [&kind, &done](const fanfold::Message<std::string>& task,
                                       const fanfold::Context&) -> fanfold::Outcome {
            done.handled.fetch_add(1);
            if (!kind.takes_batches) std::this_thread::sleep_for(handler_time);
            return kind.has_results ? fanfold::done(task.body.size()) : fanfold::done();
          },
          .on_cluster_complete =
              [&done](const fanfold::MessageCluster<>&, const fanfold::Context&) {
                done.finished.fetch_add(1);
                return fanfold::done();
              }};
}

/// One thread per worker, each with a store of its own, as processes on several machines have.
void work(const fanfold::aws::Options& options, const std::string& queue, const fanfold::MessageKey& cluster,
          const Kind& kind, Done& done) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < worker_count; ++i) {
    threads.emplace_back([&] {
      const auto client = fanfold::aws::open(options).value();
      const auto handlers = handlers_for(kind, done);
      if (!kind.takes_batches) {
        fanfold::Worker worker{client, handlers, {.queue = queue, .jobs = 1}};
        worker.run_until(cluster).value();
        return;
      }
      while (done.finished == 0) {
        const auto records = client.receive(queue, {.count_max = 10, .wait = 1s, .visibility = 60s}).value();
        if (!records.empty()) client.process_batch({records}, handlers).value();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void report_creation(const Kind& kind, std::uint64_t task_count, const MeterCounts& counts, const Report& report) {
  if (!kind.has_bucket) return;
  report({"aws_cost_" + kind.name + "_tracking_writes_at_creation",
          static_cast<double>(counts.write_count),
          "writes",
          {{"tasks", static_cast<double>(task_count)}, {"write_units", counts.write_units()}}});
}

void report_units(const Kind& kind, std::uint64_t task_count, double seconds, const MeterCounts& counts,
                  const std::map<std::string, double>& rights, const Report& report) {
  const auto tasks = static_cast<double>(task_count);
  const std::string name = "aws_cost_" + kind.name;
  auto writes = rights;
  writes["by_server"] = counts.write_units_by_server;
  writes["by_size_rules"] = counts.write_units_by_size;
  writes["refused"] = counts.refused_units_by_size;
  report({name + "_write_units", counts.write_units() / tasks, "units/task", writes});
  const double worker_periods = static_cast<double>(worker_count) * seconds / 5;
  report({name + "_read_units",
          counts.read_units_by_size / tasks,
          "units/task",
          {{"units", counts.read_units_by_size},
           {"by_server", counts.read_units_by_server},
           {"per_worker_and_5s", counts.read_units_by_size / worker_periods}}});
  report({name + "_largest_item", static_cast<double>(counts.item_bytes_max), "bytes", {}});
  report({name + "_busiest_item", counts.busiest_item_units, "units", {}});
}

void report_requests(const Kind& kind, std::uint64_t task_count, const MeterCounts& counts, const Report& report) {
  const auto tasks = static_cast<double>(task_count);
  for (const auto& [service, unit] : {std::pair("sqs", "requests/task"), std::pair("s3", "requests/task")}) {
    std::map<std::string, double> parts;
    for (const auto& [operation, count] : counts.requests) {
      if (operation.starts_with(service)) parts[operation.substr(operation.find(' ') + 1)] = static_cast<double>(count);
    }
    report({"aws_cost_" + kind.name + "_" + service, static_cast<double>(counts.requests_of(service)) / tasks, unit,
            parts});
  }
}

void run_kind(const Kind& kind, const Scale& scale, const Report& report) {
  const std::uint64_t task_count = scale.quick ? 10'000 : 100'000;
  const std::string name = "bench-" + kind.name;
  fanfold::aws::Options options{.table = name,
                                .bucket = kind.has_bucket ? name : std::string(),
                                .region = {},
                                .profile = {},
                                .endpoint = ministack().endpoint(),
                                .usage = {}};
  fanfold::aws::setup({.store = options, .queue = name}).value();
  AwsMeter meter(options.endpoint);
  options.endpoint = meter.endpoint();
  options.usage = std::make_shared<fanfold::aws::Usage>();  // So that the server is asked for its ConsumedCapacity.

  const auto client = fanfold::aws::open(options).value();
  const Stopwatch time;
  const auto cluster =
      client
          .create_message_cluster(name,
                                  [task_count, index = std::uint64_t{0}]() mutable -> std::optional<std::string> {
                                    return index == task_count ? std::nullopt : std::optional(body_of(index++));
                                  })
          .value();
  report_creation(kind, task_count, meter.counts(), report);
  Done done;
  work(options, name, cluster, kind, done);
  const double seconds = time.seconds();
  const MeterCounts counts = meter.counts();
  const auto progress = client.progress(cluster).value();
  const std::map<std::string, double> rights{{"tasks", static_cast<double>(task_count)},
                                             {"done", static_cast<double>(progress.done_count)},
                                             {"failed", static_cast<double>(progress.failed_count)},
                                             {"handled", static_cast<double>(done.handled)},
                                             {"finish_handler_runs", static_cast<double>(done.finished)}};
  report_units(kind, task_count, seconds, counts, rights, report);
  report_requests(kind, task_count, counts, report);
}

Benchmark benchmark_of(const Kind& kind, const std::string& what) {
  return {"aws_cost_" + kind.name, what,
          [kind](const Scale& scale, const Report& report) { run_kind(kind, scale, report); }};
}

}  // namespace

std::vector<Benchmark> aws_cost_benchmarks() {
  return {
      benchmark_of({.name = "bucket"}, "units and requests per task, payloads in a bucket"),
      benchmark_of({.name = "table", .has_bucket = false}, "the same, payloads of 200 bytes in the table"),
      benchmark_of({.name = "results", .has_results = true}, "the same with a bucket, each task with a result"),
      benchmark_of({.name = "neighbours", .takes_batches = true}, "the same, batches of ten neighbours"),
  };
}

}  // namespace bench
