// How soon after its start a Lambda function asks for its first event.
#include "bench.hpp"

#include "../tests/support/loopback.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace bench {

#ifdef FANFOLD_BENCH_LAMBDA
namespace {

/// The place where a Runtime API would be: takes one connection at a time and the first thing said on it.
class RuntimeApi {
 public:
  RuntimeApi() = default;
  RuntimeApi(const RuntimeApi&) = delete;
  RuntimeApi& operator=(const RuntimeApi&) = delete;
  ~RuntimeApi() { ::close(listener_.descriptor); }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(listener_.port); }

  [[nodiscard]] std::string first_words() const {
    const int connection = ::accept4(listener_.descriptor, nullptr, nullptr, SOCK_CLOEXEC);
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(connection, buffer.data(), buffer.size(), 0);
    ::close(connection);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  fanfold::test::Listener listener_ = fanfold::test::listen_on_loopback();
};

pid_t start(std::string program, std::vector<std::string> variables) {
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::array<char*, 2> arguments{program.data(), nullptr};
  pid_t process = 0;
  if (::posix_spawn(&process, program.c_str(), nullptr, nullptr, arguments.data(), environment.data()) != 0)
    throw std::runtime_error("cannot start " + program);
  return process;
}

/// From the start of the process to its request for an event, in milliseconds.
double cold_start(const std::string& program, const RuntimeApi& api) {
  const Stopwatch watch;
  const pid_t process =
      start(program, {"AWS_LAMBDA_RUNTIME_API=" + api.address(), "AWS_REGION=eu-central-1", "FANFOLD_BUCKET=bench",
                      "AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t", "TZ=:UTC"});
  const std::string words = api.first_words();
  const double milliseconds = watch.seconds() * 1e3;
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
  if (!words.starts_with("GET /2018-06-01/runtime/invocation/next ")) throw std::runtime_error("it asked: " + words);
  return milliseconds;
}

double bare_process() {
  const Stopwatch watch;
  ::waitpid(start("/bin/true", {}), nullptr, 0);
  return watch.seconds() * 1e3;
}

void run_cold_start(const Scale& scale, const Report& report) {
  const char* const named = std::getenv("FANFOLD_LAMBDA_BOOTSTRAP");
  const std::string program = named == nullptr ? FANFOLD_BENCH_LAMBDA : named;
  const RuntimeApi api;
  std::vector<double> samples;
  std::vector<double> bare;
  for (std::uint64_t i = 0; i < scale.of(500); ++i) {  // Side by side, so that both have the same machine.
    samples.push_back(cold_start(program, api));
    bare.push_back(bare_process());
  }
  const double bytes = static_cast<double>(std::filesystem::file_size(program));
  report({"lambda_cold_start_p50",
          percentile(samples, 0.5),
          "ms",
          {{"starts", static_cast<double>(samples.size())}, {"program_mb", bytes / 1e6}}});
  report({"lambda_cold_start_p99", percentile(samples, 0.99), "ms", {}});
  report({"lambda_cold_start_to_bin_true_p50", percentile(samples, 0.5) / percentile(bare, 0.5), "x", {}});
}

}  // namespace

std::vector<Benchmark> lambda_benchmarks() {
  return {{"lambda_cold_start",
           "start of a function's process to its first request of an event; FANFOLD_LAMBDA_BOOTSTRAP names another "
           "program than the example",
           run_cold_start}};
}
#else
std::vector<Benchmark> lambda_benchmarks() { return {}; }
#endif

}  // namespace bench
