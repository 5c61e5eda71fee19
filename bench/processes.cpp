// Eight processes on one file, beside one.
#include "bench.hpp"

#include <fanfold/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

using fanfold::sqlite::Durability;

/// Child role: works on the queue until the cluster is finished, then writes how many it did.
int work(const std::string& file, const std::string& cluster, const std::string& answer) {
  const auto client = fanfold::sqlite::open({.file = file, .durability = Durability::normal}).value();
  std::atomic<std::uint64_t> handled = 0;
  fanfold::Worker worker{client,
                         {.on_message =
                              [&](const fanfold::Message<std::string>&, const fanfold::Context&) {
                                handled.fetch_add(1, std::memory_order_relaxed);
                                return fanfold::done();
                              }},
                         {.queue = "bench", .jobs = 1}};
  worker.run_until(cluster).value();
  std::ofstream(answer) << handled.load() << '\n';
  return 0;
}

double run_with(std::size_t process_count, std::uint64_t count, std::map<std::string, double>& counts) {
  Folder folder;
  const auto file = folder / "bench.db";
  const auto client = fanfold::sqlite::open({.file = file, .durability = Durability::normal}).value();
  const auto cluster = client.create_message_cluster("bench", bodies(count)).value();
  std::vector<pid_t> children;
  const Stopwatch time;
  for (std::size_t i = 0; i < process_count; ++i) {
    children.push_back(
        spawn_child({"work", file.string(), cluster.key.p_key, (folder / ("answer" + std::to_string(i))).string()}));
  }
  for (const pid_t child : children) wait_for(child);
  const double seconds = time.seconds();
  std::uint64_t handled = 0;
  for (std::size_t i = 0; i < process_count; ++i) {
    std::uint64_t one = 0;
    std::ifstream(folder / ("answer" + std::to_string(i))) >> one;
    handled += one;
  }
  counts["handled_by_" + std::to_string(process_count)] = static_cast<double>(handled);
  counts["done_of_" + std::to_string(process_count)] = static_cast<double>(client.progress(cluster).value().done_count);
  return static_cast<double>(count) / seconds;
}

void run_processes(const Scale& scale, const Report& report) {
  std::map<std::string, double> counts;
  const auto count = scale.of(500'000);
  const double one = run_with(1, count, counts);
  const double eight = run_with(8, count, counts);
  report({"processes_1", one, "tasks/s", {}});
  report({"processes_8", eight, "tasks/s", counts});
  report({"processes_8_to_1", eight / one, "x", {}});
}

/// Child role: for as long as the cluster is unfinished it writes, one short call after the other, and notes how long
/// each took and whether it was refused.
int probe(const std::string& file, const std::string& cluster, const std::string& answer) {
  const auto client = fanfold::sqlite::open({.file = file, .durability = Durability::normal}).value();
  double longest = 0;
  std::uint64_t call_count = 0;
  std::uint64_t refused_count = 0;
  while (!client.progress(cluster).value().finished) {
    const Stopwatch time;
    if (!client.send_message("probe", call_count).has_value()) ++refused_count;
    longest = std::max(longest, time.seconds() * 1e3);
    ++call_count;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::ofstream(answer) << longest << ' ' << call_count << ' ' << refused_count << '\n';
  return 0;
}

/// Seven processes that work as hard as they can, and one that notes how long it has to wait for its turns.
void run_waits(const Scale& scale, const Report& report) {
  Folder folder;
  const auto file = folder / "bench.db";
  const auto client = fanfold::sqlite::open({.file = file, .durability = Durability::normal}).value();
  const auto count = scale.of(4'000'000);
  const auto cluster = client.create_message_cluster("bench", bodies(count)).value();
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(spawn_child({i == 0 ? "probe" : "work", file.string(), cluster.key.p_key,
                                    (folder / ("answer" + std::to_string(i))).string()}));
  }
  for (const pid_t child : children) wait_for(child);
  double longest = 0;
  double calls = 0;
  double refused = 0;
  std::ifstream(folder / "answer0") >> longest >> calls >> refused;
  report({"processes_8_longest_wait", longest, "ms", {{"calls", calls}, {"refused", refused}}});
}

/// Child role: answers each message of `ping` by writing the time at which its handler ran.
int echo(const std::string& file, const std::string& answer, const std::string& count) {
  const auto client = fanfold::sqlite::open({.file = file}).value();
  std::ofstream out(answer);
  std::stop_source stop;
  std::uint64_t left = std::stoull(count);
  fanfold::Worker worker{client,
                         {.on_message =
                              [&](const fanfold::Message<std::int64_t>& message, const fanfold::Context&) {
                                const auto now = std::chrono::steady_clock::now().time_since_epoch();
                                out << static_cast<double>(std::chrono::nanoseconds(now).count() - message.body) / 1e6
                                    << std::endl;
                                if (--left == 0) stop.request_stop();
                                return fanfold::done();
                              }},
                         {.queue = "ping", .jobs = 1}};
  worker.run(stop.get_token()).value();
  return 0;
}

}  // namespace

int run_child(const std::vector<std::string>& arguments) {
  try {
    if (arguments.size() == 4 && arguments[0] == "work") return work(arguments[1], arguments[2], arguments[3]);
    if (arguments.size() == 4 && arguments[0] == "probe") return probe(arguments[1], arguments[2], arguments[3]);
    if (arguments.size() == 4 && arguments[0] == "echo") return echo(arguments[1], arguments[2], arguments[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child %s: %s\n", arguments[0].c_str(), error.what());
    return 1;
  }
  return 2;
}

std::vector<Benchmark> process_benchmarks() {
  return {{"processes", "workers in 1 and in 8 processes on one file", run_processes},
          {"waits", "the longest wait for a write while seven other processes work on the file", run_waits}};
}

}  // namespace bench
