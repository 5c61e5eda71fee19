// How soon an idle worker starts on a message, and how soon the finish handler follows the last task.
#include "bench.hpp"

#include <fanfold/json.hpp>

#include <atomic>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

std::int64_t now_nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Leaves the worker idle between two messages, so that each one has to wake it.
constexpr auto idle_time = std::chrono::milliseconds(10);

void run_in_process(const Scale& scale, const Report& report) {
  Folder folder;
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db"}).value();
  const auto count = scale.of(500);
  std::mutex mutex;
  std::vector<double> samples;
  std::stop_source stop;
  fanfold::Worker worker{client,
                         {.on_message =
                              [&](const fanfold::Message<std::int64_t>& message, const fanfold::Context&) {
                                const std::lock_guard lock(mutex);
                                samples.push_back(static_cast<double>(now_nanoseconds() - message.body) / 1e6);
                                return fanfold::done();
                              }},
                         {.queue = "ping", .jobs = 1}};
  std::jthread running([&] { worker.run(stop.get_token()).value(); });
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_for(idle_time);
    client.send_message("ping", now_nanoseconds()).value();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  stop.request_stop();
  running.join();
  report(
      {"latency_in_process_p50", percentile(samples, 0.5), "ms", {{"handled", static_cast<double>(samples.size())}}});
  report({"latency_in_process_p99", percentile(samples, 0.99), "ms", {}});
}

void run_across(const Scale& scale, const Report& report) {
  Folder folder;
  const auto count = scale.of(500);
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db"}).value();
  client.create_queue("ping").value();
  const pid_t child =
      spawn_child({"echo", (folder / "bench.db").string(), (folder / "answer").string(), std::to_string(count)});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_for(idle_time);
    client.send_message("ping", now_nanoseconds()).value();
  }
  wait_for(child);
  std::ifstream answer(folder / "answer");
  std::vector<double> samples;
  for (double sample = 0; answer >> sample;) samples.push_back(sample);
  report({"latency_across_p50", percentile(samples, 0.5), "ms", {{"handled", static_cast<double>(samples.size())}}});
  report({"latency_across_p99", percentile(samples, 0.99), "ms", {}});
}

void run_finish(const Scale& scale, const Report& report) {
  Folder folder;
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db"}).value();
  std::atomic<std::int64_t> last = 0;
  std::vector<double> samples;
  const fanfold::Handlers handlers{.on_message =
                                       [&](const fanfold::Message<int>&, const fanfold::Context&) {
                                         last = now_nanoseconds();
                                         return fanfold::done();
                                       },
                                   .on_cluster_complete =
                                       [&](const fanfold::MessageCluster<>&, const fanfold::Context&) {
                                         samples.push_back(static_cast<double>(now_nanoseconds() - last) / 1e6);
                                         return fanfold::done();
                                       }};
  fanfold::Worker worker{client, handlers, {.queue = "bench", .jobs = 1}};
  for (std::uint64_t i = 0; i < scale.of(500); ++i) {
    worker.run_until(client.create_message_cluster("bench", std::vector{1, 2, 3}).value()).value();
  }
  report({"latency_last_to_finish_p50",
          percentile(samples, 0.5),
          "ms",
          {{"finish_handler_runs", static_cast<double>(samples.size())}}});
  report({"latency_last_to_finish_p99", percentile(samples, 0.99), "ms", {}});
}

}  // namespace

std::vector<Benchmark> latency_benchmarks() {
  return {
      {"latency_in_process", "send to handler, idle worker in the same process, FULL", run_in_process},
      {"latency_across", "send to handler, idle worker in another process, FULL", run_across},
      {"latency_last_to_finish", "end of the last task's handler to the start of the finish handler, FULL", run_finish},
  };
}

}  // namespace bench
