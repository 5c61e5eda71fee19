#pragma once

#include <fanfold/fanfold.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// One measured figure and the counts that say whether what was measured was also right.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::map<std::string, double> counts{};
};

/// How much to do: the full size is what docs/benchmarks.md quotes, the quick one shows that it still runs.
struct Scale {
  bool quick = false;
  [[nodiscard]] std::uint64_t of(std::uint64_t full) const {
    return quick ? std::max<std::uint64_t>(full / 50, 10) : full;
  }
};

using Report = std::function<void(const Figure&)>;

struct Benchmark {
  std::string name;
  std::string what;
  std::function<void(const Scale&, const Report&)> run;
  bool only_by_name = false;  ///< Takes too long to run unless it is asked for.
};

std::vector<Benchmark> cluster_benchmarks();
std::vector<Benchmark> message_benchmarks();
std::vector<Benchmark> process_benchmarks();
std::vector<Benchmark> latency_benchmarks();
std::vector<Benchmark> command_benchmarks();
std::vector<Benchmark> soak_benchmarks();
std::vector<Benchmark> lambda_benchmarks();
// Run by `fanfold_bench aws`.
std::vector<Benchmark> aws_cost_benchmarks();
std::vector<Benchmark> aws_cpu_benchmarks();
std::vector<Benchmark> aws_rate_benchmarks();

/// Runs this program again as another process: `arguments` name one of the child roles in processes.cpp.
pid_t spawn_child(const std::vector<std::string>& arguments);
int run_child(const std::vector<std::string>& arguments);
/// Waits; throws where it did not exit with 0.
void wait_for(pid_t child);

/// A directory of its own that is removed again.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The value below which `part` (0 to 1) of the samples lie.
double percentile(std::vector<double> samples, double part);

/// Resident memory of this process, in MiB: now, and the most since the last reset.
double resident_mib();
double resident_peak_mib();
void reset_resident_peak();

std::string to_string(fanfold::sqlite::Durability durability);

/// A task body of about 200 bytes of JSON.
std::string body_of(std::uint64_t index);
/// So many of them, one after the other.
std::function<std::optional<std::string>()> bodies(std::uint64_t count);

}  // namespace bench
