// fanfold_bench [aws] [--json] [--quick] [--filter TEXT] [--list]: measures, and counts beside each figure whether all
// was right.
#include "bench.hpp"

#include <cstring>
#include <iostream>

namespace {

void print_json(const bench::Figure& figure) {
  std::cout << R"({"name":")" << figure.name << R"(","value":)" << figure.value << R"(,"unit":")" << figure.unit
            << R"(","counts":{)";
  const char* separator = "";
  for (const auto& [name, count] : figure.counts) {
    std::cout << separator << '"' << name << "\":" << count;
    separator = ",";
  }
  std::cout << "}}" << std::endl;
}

void print_line(const bench::Figure& figure) {
  std::cout << figure.name << ": " << figure.value << ' ' << figure.unit;
  const char* separator = "  (";
  for (const auto& [name, count] : figure.counts) {
    std::cout << separator << name << ' ' << count;
    separator = ", ";
  }
  std::cout << (figure.counts.empty() ? "" : ")") << std::endl;
}

std::vector<bench::Benchmark> all_of(std::initializer_list<std::vector<bench::Benchmark> (*)()> parts) {
  std::vector<bench::Benchmark> all;
  for (auto* part : parts) {
    for (auto& benchmark : part()) all.push_back(std::move(benchmark));
  }
  return all;
}

std::vector<bench::Benchmark> embedded_benchmarks() {
  return all_of({bench::cluster_benchmarks, bench::message_benchmarks, bench::process_benchmarks,
                 bench::latency_benchmarks, bench::command_benchmarks, bench::lambda_benchmarks,
                 bench::soak_benchmarks});
}

std::vector<bench::Benchmark> aws_benchmarks() {
#ifdef FANFOLD_AWS
  return all_of({bench::aws_cpu_benchmarks, bench::aws_rate_benchmarks, bench::aws_cost_benchmarks});
#else
  return {};
#endif
}

int usage() {
  std::cerr << "usage: fanfold_bench [aws] [--json] [--quick] [--filter TEXT] [--list]\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::cout.precision(6);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "--child")
    return bench::run_child({arguments.begin() + 1, arguments.end()});

  bool json = false;
  bool list = false;
  bench::Scale scale;
  std::string filter;
  const bool aws = !arguments.empty() && arguments.front() == "aws";
  for (std::size_t i = aws ? 1 : 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--json")
      json = true;
    else if (arguments[i] == "--quick")
      scale.quick = true;
    else if (arguments[i] == "--list")
      list = true;
    else if (arguments[i] == "--filter" && i + 1 < arguments.size())
      filter = arguments[++i];
    else
      return usage();
  }

  int failed_count = 0;
  for (const auto& benchmark : aws ? aws_benchmarks() : embedded_benchmarks()) {
    if (benchmark.name.find(filter) == std::string::npos) continue;
    if (list) {
      std::cout << benchmark.name << ": " << benchmark.what << '\n';
      continue;
    }
    if (benchmark.only_by_name && benchmark.name != filter) continue;
    try {
      benchmark.run(scale, json ? print_json : print_line);
    } catch (const std::exception& error) {
      std::cerr << benchmark.name << ": " << error.what() << '\n';
      ++failed_count;
    }
  }
  return failed_count == 0 ? 0 : 1;
}
