// How near a worker comes to what the calls alone allow, where every answer takes 5 ms; and what creating a million
// tasks takes in memory.
#include "aws_constant.hpp"
#include "aws_socket_loop.hpp"
#include "bench.hpp"

#include <fanfold/backends/aws.hpp>
#include <fanfold/json.hpp>

#include <atomic>
#include <thread>

namespace bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t job_count = 64;
constexpr auto answer_delay = 5ms;
/// Each job waits for a claim and a completion in turn.
constexpr double theory = job_count / 2.0 / 0.005;

fanfold::aws::Options options_for(const std::string& endpoint, const std::string& bucket,
                                  std::shared_ptr<fanfold::aws::Usage> usage = {}) {
  return {.table = "bench",
          .bucket = bucket,
          .region = "us-east-1",
          .profile = {},
          .endpoint = endpoint,
          .usage = std::move(usage)};
}

/// 64 threads on bare sockets, each with a claim and a completion in turn: the most that this machine and server give.
double rate_of_sockets(const ConstantServer& server, std::chrono::milliseconds time) {
  const std::string body(500, 'x');
  const std::string request =
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: DynamoDB_20120810.UpdateItem\r\nContent-Length: "
      "500\r\n\r\n" +
      body;
  std::atomic<std::uint64_t> pair_count = 0;
  std::vector<std::thread> threads;
  const auto until = std::chrono::steady_clock::now() + time;
  for (std::size_t i = 0; i < job_count; ++i) {
    threads.emplace_back([&] {
      SocketLoop loop(server.port());
      while (std::chrono::steady_clock::now() < until) {
        loop.ask(request);
        loop.ask(request);
        pair_count.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(pair_count) / std::chrono::duration<double>(time).count();
}

struct WorkerRate {
  double tasks_per_second = 0;
  fanfold::WorkerReport sums{};
  std::uint64_t handled = 0;
};

/// Counted from one second after the start to the end of `time`.
WorkerRate rate_of_worker(const ConstantServer& server, std::shared_ptr<fanfold::aws::Usage> usage,
                          std::chrono::milliseconds time) {
  const auto client = fanfold::aws::open(options_for(server.endpoint(), {}, std::move(usage))).value();
  std::atomic<std::uint64_t> handled = 0;
  fanfold::WorkerOptions options{.queue = constant_queue, .jobs = job_count};
  options.sweep_interval = 0ms;
  fanfold::Worker worker{client,
                         {.on_message =
                              [&](const fanfold::Message<std::string>&, const fanfold::Context&) {
                                handled.fetch_add(1, std::memory_order_relaxed);
                                return fanfold::done();
                              }},
                         options};
  std::stop_source stop;
  std::thread running([&] { worker.run(stop.get_token()).value(); });
  std::this_thread::sleep_for(1s);
  const std::uint64_t before = worker.report().done_count;
  const Stopwatch watch;
  std::this_thread::sleep_for(time);
  const std::uint64_t after = worker.report().done_count;
  const double seconds = watch.seconds();
  stop.request_stop();
  running.join();
  return {static_cast<double>(after - before) / seconds, worker.report(), handled};
}

void run_rate(const Scale& scale, const Report& report) {
  set_constant_credentials();
  const ConstantServer server(constant_answers(), answer_delay);
  const auto time = scale.quick ? 2'000ms : 10'000ms;
  const double bare = rate_of_sockets(server, time);
  report({"aws_rate_5ms_bare_sockets", bare, "tasks/s", {{"theory", theory}}});
  const auto usage = std::make_shared<fanfold::aws::Usage>();
  const double cpu_before = cpu_seconds();
  const WorkerRate got = rate_of_worker(server, usage, time);
  report({"aws_rate_5ms",
          got.tasks_per_second,
          "tasks/s",
          {{"done", static_cast<double>(got.sums.done_count)},
           {"handled", static_cast<double>(got.handled)},
           {"failed", static_cast<double>(got.sums.failed_count)},
           {"lease_lost", static_cast<double>(got.sums.lease_lost_count)},
           {"dynamodb_calls", static_cast<double>(usage->dynamodb_call_count)},
           {"deletes", static_cast<double>(usage->sqs_delete_count)},
           {"receives", static_cast<double>(usage->sqs_receive_count)},
           {"cpu_us_per_task", (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(got.sums.done_count)}}});
  report({"aws_rate_5ms_of_theory", 100 * got.tasks_per_second / theory, "%", {{"theory", theory}}});
}

void run_memory_on_aws(const Scale& scale, const Report& report) {
  set_constant_credentials();
  const ConstantServer server(constant_answers(), 0us);
  const auto usage = std::make_shared<fanfold::aws::Usage>();
  const auto client = fanfold::aws::open(options_for(server.endpoint(), "bench", usage)).value();
  const auto create = [&](std::uint64_t count) {
    return client
        .create_message_cluster(constant_queue,
                                [count, index = std::uint64_t{0}]() mutable -> std::optional<std::string> {
                                  return index == count ? std::nullopt : std::optional(body_of(index++));
                                })
        .value();
  };
  create(1'000);
  const std::uint64_t count = scale.of(1'000'000);
  const std::uint64_t sends_before = usage->sqs_send_count;
  const std::uint64_t puts_before = usage->s3_put_count;
  reset_resident_peak();
  const double before = resident_mib();
  const double cpu_before = cpu_seconds();
  const Stopwatch time;
  create(count);
  const double seconds = time.seconds();
  const double cpu = cpu_seconds() - cpu_before;
  report({"aws_create_1m_memory_growth",
          resident_peak_mib() - before,
          "MiB",
          {{"tasks", static_cast<double>(count)},
           {"sqs_sends", static_cast<double>(usage->sqs_send_count - sends_before)},
           {"s3_puts", static_cast<double>(usage->s3_put_count - puts_before)}}});
  report({"aws_create_1m_cpu", cpu * 1e6 / static_cast<double>(count), "us/task", {}});
  report({"aws_create_1m", static_cast<double>(count) / seconds, "tasks/s", {}});
}

}  // namespace

std::vector<Benchmark> aws_rate_benchmarks() {
  return {{"aws_rate_5ms", "64 jobs, 5 ms per answer, claim and complete each, beside what the calls allow", run_rate},
          {"aws_create_1m", "resident memory that creating 1M tasks from a generator adds at most", run_memory_on_aws}};
}

}  // namespace bench
