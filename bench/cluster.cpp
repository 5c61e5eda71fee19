// A cluster of a million tasks: create, process with a handler that does nothing, finish handler. And what a creation
// takes in memory.
#include "bench.hpp"

#include <fanfold/json.hpp>

#include <atomic>

namespace bench {

namespace {

using fanfold::sqlite::Durability;

struct Counters {
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<std::uint64_t> finished = 0;
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
                 const Scale& scale, const Report& report) {
  Folder folder;
  const auto count = scale.of(1'000'000);
  const auto client = fanfold::sqlite::open({.file = folder / "bench.db", .durability = durability}).value();
  Counters counters;
  const Stopwatch whole;
  const auto cluster = client.create_message_cluster("bench", bodies(count), options).value();
  const double created = whole.seconds();
  fanfold::Worker worker{client, counting_handlers(counters), {.queue = "bench", .jobs = 2}};
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
      {"cluster_1m_full", "the same, every acknowledged write synced",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_full", Durability::full, {}, scale, report);
       }},
      {"cluster_1m_one_attempt", "the same as cluster_1m_normal where tasks have one attempt only",
       [](const Scale& scale, const Report& report) {
         run_cluster("cluster_1m_one_attempt", Durability::normal, {.attempts_max = 1}, scale, report);
       }},
      {"create_1m_memory_growth", "resident memory that creating 1M tasks from a generator adds at most", run_memory},
  };
}

}  // namespace bench
