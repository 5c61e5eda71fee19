// A long run: whether memory and the write-ahead log stay as small as they are at its beginning.
#include "bench.hpp"

#include <fanfold/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace bench {

namespace {

constexpr std::uint64_t tasks_per_cluster = 2'000;
constexpr auto pause = std::chrono::milliseconds(200);

double seconds_to_run(const Scale& scale) {
  const char* wanted = std::getenv("FANFOLD_BENCH_SECONDS");
  return wanted != nullptr ? std::atof(wanted) : static_cast<double>(scale.of(600));
}

/// The most that each tenth of the run had.
void report_memory(const std::vector<double>& resident, const Report& report) {
  constexpr std::size_t part_count = 10;
  const auto at = [&](std::size_t part) {
    return resident.begin() + static_cast<std::ptrdiff_t>(resident.size() * part / part_count);
  };
  for (std::size_t part = 0; part < part_count; ++part) {
    if (at(part) == at(part + 1)) continue;
    report({"soak_memory_tenth_" + std::to_string(part + 1), *std::max_element(at(part), at(part + 1)), "MiB", {}});
  }
}

/// Clusters are created, worked on, finished and deleted, five a second, while one after another single messages come.
void run_soak(const Scale& scale, const Report& report) {
  Folder folder;
  const auto file = folder / "bench.db";
  const auto client = fanfold::sqlite::open({.file = file}).value();
  std::stop_source stop;
  fanfold::Worker worker{
      client,
      {.on_message = [](const fanfold::Message<fanfold::Json>&, const fanfold::Context&) { return fanfold::done(); },
       .on_cluster_complete = [](const fanfold::MessageCluster<>&,
                                 const fanfold::Context&) { return fanfold::done(); }},
      {.queue = "bench", .jobs = 2}};
  std::jthread running([&] { worker.run(stop.get_token()).value(); });

  const double seconds = seconds_to_run(scale);
  const Stopwatch time;
  std::vector<double> resident;
  double log_peak = 0;
  std::uint64_t done_count = 0;
  std::uint64_t deleted_count = 0;
  std::vector<fanfold::MessageKey> unfinished;
  while (time.seconds() < seconds) {
    const auto cluster = client
                             .create_message_cluster(
                                 "bench",
                                 [index = std::uint64_t{0}]() mutable -> std::optional<std::string> {
                                   return index == tasks_per_cluster ? std::nullopt : std::optional(body_of(index++));
                                 })
                             .value();
    unfinished.push_back(cluster.key);
    for (int i = 0; i < 10; ++i) client.send_message("bench", i).value();
    std::this_thread::sleep_for(pause);
    std::erase_if(unfinished, [&](const fanfold::MessageKey& key) {
      const auto progress = client.progress(key).value();
      if (!progress.finish_handled) return false;
      done_count += progress.done_count;
      deleted_count += client.delete_cluster(key).has_value() ? 1 : 0;
      return true;
    });
    resident.push_back(resident_mib());
    std::error_code code;
    const auto log_bytes = std::filesystem::file_size(file.string() + "-wal", code);
    if (!code) log_peak = std::max(log_peak, static_cast<double>(log_bytes) / (1024 * 1024));
  }
  stop.request_stop();
  running.join();
  report({"soak_log_peak",
          log_peak,
          "MiB",
          {{"seconds", seconds},
           {"tasks_done", static_cast<double>(done_count)},
           {"clusters_deleted", static_cast<double>(deleted_count)},
           {"clusters_unfinished", static_cast<double>(unfinished.size())}}});
  report_memory(resident, report);
  report({"soak_file", static_cast<double>(std::filesystem::file_size(file)) / (1024 * 1024), "MiB", {}});
}

}  // namespace

std::vector<Benchmark> soak_benchmarks() {
  return {{.name = "soak",
           .what = "ten minutes (FANFOLD_BENCH_SECONDS) of small load: the log's and the memory's size; only by name",
           .run = run_soak,
           .only_by_name = true}};
}

}  // namespace bench
