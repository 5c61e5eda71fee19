// `fanfold run` of `true` beside a bare posix_spawn loop, xargs and GNU parallel, in one run; start; resume of a
// million done tasks.
#include "bench.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bench {

namespace {

std::string command() {
  const char* path = std::getenv("FANFOLD_BIN");
  if (path == nullptr) throw std::runtime_error("FANFOLD_BIN must name the fanfold command (./dev bench sets it)");
  return path;
}

std::string task(std::uint64_t index) { return "task number " + std::to_string(index); }

/// With the argument that the others give it: `true` does less without one, it does not even look at the locale.
pid_t spawn_true(std::string argument) {
  char name[] = "true";
  char* arguments[] = {name, argument.data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) != 0)
    throw std::runtime_error("cannot start /bin/true");
  return child;
}

/// The least that anything could take: two at a time, nothing kept.
double bare_loop(std::uint64_t count) {
  const Stopwatch time;
  std::uint64_t started = 0;
  std::uint64_t ended = 0;
  while (ended < count) {
    while (started < count && started - ended < 2) {
      spawn_true(task(started++));
    }
    if (wait(nullptr) > 0) ++ended;
  }
  return time.seconds();
}

double shell(const std::string& line) {
  const Stopwatch time;
  if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + line);
  return time.seconds();
}

void write_lines(const std::filesystem::path& file, std::uint64_t count) {
  std::ofstream out(file);
  for (std::uint64_t i = 0; i < count; ++i) out << task(i) << '\n';
}

void run_beside(const Scale& scale, const Report& report) {
  Folder folder;
  const auto count = scale.of(4'000);
  const auto tasks = (folder / "tasks.txt").string();
  write_lines(tasks, count);
  const auto per_task = [&](double seconds) { return seconds / static_cast<double>(count) * 1e6; };
  // In turns, since a machine is not equally quick all the time.
  constexpr int round_count = 5;
  std::vector<double> bares, ours_all, xargs_all, to_bare, xargs_to_bare;
  for (int round = 0; round < round_count; ++round) {
    bares.push_back(bare_loop(count));
    ours_all.push_back(shell(command() + " run --store " + (folder / ("run" + std::to_string(round) + ".db")).string() +
                             " --tasks " + tasks + " --jobs 2 -- true {task} 2>/dev/null >/dev/null"));
    xargs_all.push_back(shell("xargs -d '\\n' -P2 -n1 true < " + tasks));
    to_bare.push_back(ours_all.back() / bares.back());
    xargs_to_bare.push_back(xargs_all.back() / bares.back());
  }
  const double bare = percentile(bares, 0.5);
  const double ours = percentile(ours_all, 0.5);
  const double xargs = percentile(xargs_all, 0.5);
  report({"run_true_bare_loop", per_task(bare), "us/task", {}});
  report({"run_true_fanfold", per_task(ours), "us/task", {{"tasks", static_cast<double>(count)}}});
  report({"run_true_xargs", per_task(xargs), "us/task", {}});
  report({"run_true_fanfold_to_bare", percentile(to_bare, 0.5), "x", {{"rounds", round_count}}});
  report({"run_true_xargs_to_bare", percentile(xargs_to_bare, 0.5), "x", {{"rounds", round_count}}});
  if (std::system("command -v parallel >/dev/null") == 0) {
    const auto fewer = scale.of(2'000);
    const double parallel =
        shell("head -n " + std::to_string(fewer) + " " + tasks + " | parallel --will-cite -j2 true {} 2>/dev/null") /
        static_cast<double>(fewer);
    report({"run_true_parallel_to_bare", parallel / (bare / static_cast<double>(count)), "x", {}});
  }
}

void run_start(const Scale&, const Report& report) {
  Folder folder;
  write_lines(folder / "one.txt", 1);
  std::vector<double> samples;
  for (int i = 0; i < 20; ++i) {
    samples.push_back(shell(command() + " run --store " + (folder / ("start" + std::to_string(i) + ".db")).string() +
                            " --tasks " + (folder / "one.txt").string() + " -- true 2>/dev/null >/dev/null") *
                      1e3);
  }
  report({"run_one_task_median", percentile(samples, 0.5), "ms", {}});
}

/// Starts the command and kills it with -9 as soon as its cluster is there.
fanfold::ClusterHeader start_and_kill(const std::string& line, const std::string& store) {
  std::string shell_name = "sh";
  std::string option = "-c";
  std::string text = line;
  char* arguments[] = {shell_name.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, environ) != 0)
    throw std::runtime_error("cannot start a shell");
  for (int tries = 0; tries < 6'000; ++tries) {
    usleep(10'000);
    if (!std::filesystem::exists(store)) continue;
    const auto client = fanfold::sqlite::open({.file = store, .read_only = true});
    if (!client) continue;
    const auto page = client->list_clusters();
    if (!page || page->clusters.empty()) continue;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return page->clusters.front();
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  throw std::runtime_error("no cluster appeared within a minute");
}

void run_resume(const Scale& scale, const Report& report) {
  Folder folder;
  const auto count = scale.of(1'000'000);
  write_lines(folder / "tasks.txt", count);
  const auto store = (folder / "run.db").string();
  const auto line = "exec " + command() + " run --store " + store + " --durability normal --tasks " +
                    (folder / "tasks.txt").string() + " --json -- true {task} 2>/dev/null >" +
                    (folder / "out").string();
  const auto killed_once_created = start_and_kill(line, store);
  {
    // The rest is completed here by a handler that does nothing: a million processes would take a quarter of an hour.
    const auto client =
        fanfold::sqlite::open({.file = store, .durability = fanfold::sqlite::Durability::normal}).value();
    fanfold::Worker worker{
        client,
        {.on_message = [](const fanfold::Message<>&, const fanfold::Context&) { return fanfold::done(); }},
        {.queue = killed_once_created.queue_url, .jobs = 2}};
    worker.run_until(fanfold::MessageKey::of_message(killed_once_created.id)).value();
  }
  const double seconds = shell(line);
  report({"run_resume_1m_done", seconds, "s", {{"tasks", static_cast<double>(count)}}});
}

}  // namespace

std::vector<Benchmark> command_benchmarks() {
  return {
      {"run_true", "`fanfold run -- true`, two at a time, beside a bare posix_spawn loop, xargs and GNU parallel",
       run_beside},
      {"run_start", "`fanfold run` of one task on a new file, start to exit", run_start},
      {"run_resume", "`fanfold run` again when a million tasks are done", run_resume},
  };
}

}  // namespace bench
