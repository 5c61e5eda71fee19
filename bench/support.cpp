#include "bench.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bench {

pid_t spawn_child(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"fanfold_bench", "--child"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, pointers.data(), environ) != 0)
    throw std::runtime_error("cannot start a child process");
  return child;
}

void wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("a child process failed");
}

Folder::Folder() {
  const char* base = std::getenv("FANFOLD_BENCH_DIR");
  std::string pattern =
      (base != nullptr ? std::string(base) : std::filesystem::temp_directory_path().string()) + "/fanfold-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder " + pattern);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;  // Nothing depends on the removal.
  std::filesystem::remove_all(path_, ignored);
}

double percentile(std::vector<double> samples, double part) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(rank), samples.end());
  return samples[rank];
}

namespace {

double status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != field) continue;
    double kib = 0;
    status >> kib;
    return kib / 1024.0;
  }
  return 0;
}

}  // namespace

double resident_mib() { return status_mib("VmRSS:"); }
double resident_peak_mib() { return status_mib("VmHWM:"); }
void reset_resident_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::string to_string(fanfold::sqlite::Durability durability) {
  return durability == fanfold::sqlite::Durability::full ? "full" : "normal";
}

std::string body_of(std::uint64_t index) {
  std::string body = "/data/pictures/2026/11/24/" + std::to_string(index) + ".jpg ";
  body.resize(198, 'x');
  return body;
}

std::function<std::optional<std::string>()> bodies(std::uint64_t count) {
  return [count, index = std::uint64_t{0}]() mutable -> std::optional<std::string> {
    return index == count ? std::nullopt : std::optional(body_of(index++));
  };
}

}  // namespace bench
