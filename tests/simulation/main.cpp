#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "scenario.hpp"

namespace fanfold::simulation {
namespace {

constexpr std::uint64_t job_count_max = 64;
constexpr int exit_violated = 1;
constexpr int exit_misused = 2;

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t count = 2'000;
  std::uint64_t jobs = 2;
  Engine engine = Engine::memory;
  bool replay = false;  ///< One seed, told step by step.
  bool coverage = false;
  bool until_violated = false;  ///< Fails unless a promise is seen broken: for builds that are wrong on purpose.
};

int usage() {
  std::fputs(
      "usage: fanfold_simulation [--aws] [N | --seeds N] [--first SEED] [--jobs N] [--coverage] [--until-violated]\n"
      "           N seeds, from SEED (1) on\n"
      "       fanfold_simulation [--aws] --seed SEED\n"
      "           one seed again, told step by step\n"
      "--aws              the ledger and globals of AWS, over a table and a bucket in memory, with faults at each of "
      "their calls\n"
      "--coverage         how often each call met each fault, not only those that never did\n"
      "--until-violated   fails unless a promise is seen broken: for builds that are wrong on purpose\n",
      stderr);
  return exit_misused;
}

bool read_number(const char* text, std::uint64_t& number) {
  const auto [end, code] = std::from_chars(text, text + std::strlen(text), number);
  return code == std::errc() && *end == '\0';
}

bool read_arguments(int count, char** values, Arguments& arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string name = values[i];
    if (name == "--coverage" || name == "--until-violated") {
      (name == "--coverage" ? arguments.coverage : arguments.until_violated) = true;
      continue;
    }
#ifdef FANFOLD_AWS
    if (name == "--aws") {
      arguments.engine = Engine::aws;
      continue;
    }
#endif
    if (!name.starts_with("--")) {
      if (!read_number(values[i], arguments.count)) return false;
      continue;
    }
    if (++i == count) return false;
    if (name == "--seed") arguments.replay = true;
    const bool known = name == "--seeds"                       ? read_number(values[i], arguments.count)
                       : name == "--first" || name == "--seed" ? read_number(values[i], arguments.first)
                       : name == "--jobs"                      ? read_number(values[i], arguments.jobs)
                                                               : false;
    if (!known) return false;
  }
  return arguments.jobs >= 1 && arguments.jobs <= job_count_max;
}

int replay(Engine engine, std::uint64_t seed) {
  const Verdict verdict = run_scenario(
      engine, seed, [](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); });
  std::printf("seed %llu:%s: %llu turns, %llu deaths, %llu runs of handlers\n", static_cast<unsigned long long>(seed),
              verdict.description.c_str(), static_cast<unsigned long long>(verdict.turn_count),
              static_cast<unsigned long long>(verdict.crash_count), static_cast<unsigned long long>(verdict.run_count));
  for (const std::string& violation : verdict.violations) std::printf("VIOLATION %s\n", violation.c_str());
  return verdict.violations.empty() ? 0 : exit_violated;
}

struct Sums {
  std::uint64_t seeds = 0;
  std::uint64_t violated = 0;
  std::uint64_t deaths = 0;
  std::uint64_t turns = 0;
  std::uint64_t runs = 0;
};

/// Every `jobs`-th seed, in a process of its own; what it found goes to `output` line by line.
void run_share(const Arguments& arguments, std::uint64_t job, std::FILE* output, std::atomic<bool>& over) {
  Sums sums;
  testing::FaultPlan::Coverage coverage;
  for (std::uint64_t seed = arguments.first + job; seed < arguments.first + arguments.count && !over;
       seed += arguments.jobs) {
    const Verdict verdict = run_scenario(arguments.engine, seed, {});
    ++sums.seeds;
    sums.deaths += verdict.crash_count;
    sums.turns += verdict.turn_count;
    sums.runs += verdict.run_count;
    for (const auto& [key, count] : verdict.coverage) {
      coverage[key].possible += count.possible;
      coverage[key].struck += count.struck;
    }
    if (verdict.violations.empty()) continue;
    ++sums.violated;
    std::fprintf(output, "seed %llu:%s\n", static_cast<unsigned long long>(seed), verdict.description.c_str());
    for (const std::string& violation : verdict.violations) std::fprintf(output, "  %s\n", violation.c_str());
    std::fprintf(output, "  again: ./dev sim %s--seed %llu\n", arguments.engine == Engine::aws ? "--aws " : "",
                 static_cast<unsigned long long>(seed));
    std::fflush(output);
    if (arguments.until_violated) over = true;
  }
  std::fprintf(output, "SUMS %llu %llu %llu %llu %llu\n", static_cast<unsigned long long>(sums.seeds),
               static_cast<unsigned long long>(sums.violated), static_cast<unsigned long long>(sums.deaths),
               static_cast<unsigned long long>(sums.turns), static_cast<unsigned long long>(sums.runs));
  for (const auto& [key, count] : coverage) {
    std::fprintf(output, "HIT %s %d %llu %llu\n", key.first.c_str(), static_cast<int>(key.second),
                 static_cast<unsigned long long>(count.possible), static_cast<unsigned long long>(count.struck));
  }
}

class Report {
 public:
  void take(std::FILE* input) {
    char* line = nullptr;
    std::size_t size = 0;
    bool complete = false;
    while (getline(&line, &size, input) > 0) {
      if (std::strncmp(line, "SUMS ", 5) == 0)
        complete = take_sums(line);
      else if (std::strncmp(line, "HIT ", 4) == 0)
        take_hit(line);
      else
        std::fputs(line, stdout);
    }
    std::free(line);
    if (!complete) ++broken_count_;
  }

  int print(const Arguments& arguments, double seconds) const {
    std::printf("%llu seeds in %.1f s: %llu violated; %llu processes died, %llu turns, %llu runs of handlers\n",
                static_cast<unsigned long long>(sums_.seeds), seconds, static_cast<unsigned long long>(sums_.violated),
                static_cast<unsigned long long>(sums_.deaths), static_cast<unsigned long long>(sums_.turns),
                static_cast<unsigned long long>(sums_.runs));
    print_coverage(arguments.coverage);
    if (broken_count_ > 0)
      std::printf("%llu of the simulation's own processes broke off\n", static_cast<unsigned long long>(broken_count_));
    const bool as_expected = (sums_.violated > 0) == arguments.until_violated;
    return as_expected && broken_count_ == 0 ? 0 : exit_violated;
  }

 private:
  bool take_sums(const char* line) {
    unsigned long long seeds = 0;
    unsigned long long violated = 0;
    unsigned long long deaths = 0;
    unsigned long long turns = 0;
    unsigned long long runs = 0;
    if (std::sscanf(line, "SUMS %llu %llu %llu %llu %llu", &seeds, &violated, &deaths, &turns, &runs) != 5)
      return false;
    sums_.seeds += seeds;
    sums_.violated += violated;
    sums_.deaths += deaths;
    sums_.turns += turns;
    sums_.runs += runs;
    return true;
  }

  void take_hit(const char* line) {
    char call[64];
    int fault = 0;
    unsigned long long possible = 0;
    unsigned long long struck = 0;
    if (std::sscanf(line, "HIT %63s %d %llu %llu", call, &fault, &possible, &struck) != 4) return;
    auto& count = coverage_[{call, static_cast<testing::Fault>(fault)}];
    count.possible += possible;
    count.struck += struck;
  }

  void print_coverage(bool all) const {
    std::size_t hit_count = 0;
    for (const auto& [key, count] : coverage_) {
      if (count.struck > 0) ++hit_count;
      const bool shown = all || count.struck == 0;
      if (!shown) continue;
      std::printf("  %-28s %-14s %10llu of %llu%s\n", key.first.c_str(), std::string(to_string(key.second)).c_str(),
                  static_cast<unsigned long long>(count.struck), static_cast<unsigned long long>(count.possible),
                  count.struck == 0 ? "   never hit" : "");
    }
    std::printf("%zu of %zu pairs of a port's call and a fault were hit\n", hit_count, coverage_.size());
  }

  Sums sums_;
  testing::FaultPlan::Coverage coverage_;
  std::uint64_t broken_count_ = 0;
};

int run_all(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  void* shared = mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return exit_misused;
  auto* over = new (shared) std::atomic<bool>(false);  // Of all jobs: a violation was found, and one is enough.
  std::vector<std::FILE*> inputs;
  for (std::uint64_t job = 0; job < arguments.jobs; ++job) {
    int ends[2];
    if (pipe(ends) != 0) return exit_misused;
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      std::FILE* output = fdopen(ends[1], "w");
      run_share(arguments, job, output, *over);
      std::fclose(output);
      _exit(0);
    }
    close(ends[1]);
    inputs.push_back(fdopen(ends[0], "r"));
  }
  Report report;
  for (std::FILE* input : inputs) {
    report.take(input);
    std::fclose(input);
  }
  while (wait(nullptr) > 0) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return report.print(arguments, took.count());
}

}  // namespace
}  // namespace fanfold::simulation

int main(int count, char** values) {
  fanfold::simulation::Arguments arguments;
  if (!fanfold::simulation::read_arguments(count, values, arguments)) return fanfold::simulation::usage();
  if (arguments.replay) return fanfold::simulation::replay(arguments.engine, arguments.first);
  return fanfold::simulation::run_all(arguments);
}
