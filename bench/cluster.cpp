// A cluster of a million tasks: create, process with a handler that does nothing, finish handler. And what a creation
// takes in memory.
#include "bench.hpp"
#include "metrics/worker_counters.hpp"

#include <fanfold/json.hpp>

#include <atomic>
#include <optional>

namespace bench {

namespace {

using fanfold::sqlite::Durability;

namespace metrics = fanfold::metrics;

struct Counters {
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<std::uint64_t> finished = 0;
  std::optional<metrics::WorkerCounters> metrics{};  ///< Where the worker is watched, as by `fanfold work --metrics`.
};

fanfold::Handlers counting_handlers(Counters& counters) {
  return {.on_message =
              [&counters](const fanfold::Message<std::string>&, const fanfold::Context&) {
                counters.handled.fetch_add(1, std::memory_order_relaxed);
                return fanfold::done();
              },
          .on_cluster_complete =
              [&counters](const fanfold::MessageCluster<>&, const fanfold::Context&) {
                counters.finished.fetch_add(1);
                return fanfold::done();
              }};
}

void run_cluster(const std::string& name, Durability durability, const fanfold::ClusterOptions& options,
                 const Scale& scale, const Report& report, bool is_watched = false) {
  Folder folder;
  const auto count = scale.of(1'000'000);
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db", .durability = durability}).value();
  Counters counters;
  if (is_watched) counters.metrics.emplace();
  const Stopwatch whole;
  const auto cluster = client.create_message_cluster("bench", bodies(count), options).value();
  const double created = whole.seconds();
  fanfold::WorkerOptions worker_options{.queue = "bench", .jobs = 2};
  if (is_watched)
    worker_options.on_event = [&counters](const fanfold::WorkerEvent& event) { counters.metrics->see(event); };
  fanfold::Worker worker{client, counting_handlers(counters), std::move(worker_options)};
  const auto progress = worker.run_until(cluster).value();
  const double seconds = whole.seconds();
  const std::map<std::string, double> counts{{"tasks", static_cast<double>(count)},
                                             {"done", static_cast<double>(progress.done_count)},
                                             {"failed", static_cast<double>(progress.failed_count)},
                                             {"handled", static_cast<double>(counters.handled)},
                                             {"finish_handler_runs", static_cast<double>(counters.finished)}};
  report({name, static_cast<double>(count) / seconds, "tasks/s", counts});
  report({name + "_create", static_cast<double>(count) / created, "tasks/s", {}});
  report({name + "_process", static_cast<double>(count) / (seconds - created), "tasks/s", {}});
}

/// What `--metrics` adds to a task: its two events, and the beginning and end of its handler.
void run_counting(const Scale& scale, const Report& report) {
  metrics::WorkerCounters counters;
  fanfold::WorkerEvent event;
  event.cluster_id = event.record_id = "1ilr6nm7ntvq0ggbupuc7kolck";
  event.task = 17;
  const auto count = scale.of(10'000'000);
  const Stopwatch stopwatch;
  for (std::uint64_t i = 0; i < count; ++i) {
    event.kind = fanfold::WorkerEvent::Kind::claimed;
    counters.see(event);
    { const metrics::WorkerCounters::Running running(counters, metrics::Work::task); }
    event.kind = fanfold::WorkerEvent::Kind::done;
    counters.see(event);
  }
  const double nanoseconds = stopwatch.seconds() * 1e9 / static_cast<double>(count);
  metrics::PrometheusText text;
  counters.write(text);
  const std::string counted = R"(fanfold_ended_total{kind="task",outcome="done"} )";
  const double done = std::stod(text.text().substr(text.text().find(counted) + counted.size()));
  report({"counting_a_task", nanoseconds, "ns", {{"tasks", static_cast<double>(count)}, {"done", done}}});
}

void run_memory(const Scale& scale, const Report& report) {
  Folder folder;
  const auto count = scale.of(1'000'000);
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db", .durability = Durability::normal}).value();
  client.create_message_cluster("bench", bodies(1'000)).value();
  reset_resident_peak();
  const double before = resident_mib();
  const auto cluster = client.create_message_cluster("bench", bodies(count)).value();
  report({"create_1m_memory_growth",
          resident_peak_mib() - before,
          "MiB",
          {{"tasks", static_cast<double>(client.progress(cluster).value().total_count)}}});
}

}  // namespace

std::vector<Benchmark> cluster_benchmarks() {
  return {
      {"cluster_1m_normal", "1M tasks of 200 bytes, created, processed, folded; synchronous=NORMAL",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_normal", Durability::normal, {}, scale, report);
       }},
      {"cluster_1m_watched", "the same, every event counted as --metrics does",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_watched", Durability::normal, {}, scale, report, true);
       }},
      {"cluster_1m_full", "the same as cluster_1m_normal, every acknowledged write synced",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_full", Durability::full, {}, scale, report);
       }},
      {"cluster_1m_one_attempt", "the same as cluster_1m_normal where tasks have one attempt only",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_one_attempt", Durability::normal, {.attempts_max = 1}, scale, report);
       }},
      {"counting_a_task", "what --metrics takes to count a task, on one thread", run_counting},
      {"create_1m_memory_growth", "resident memory that creating 1M tasks from a generator adds at most", run_memory},
  };
}

}  // namespace bench
