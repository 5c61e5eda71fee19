#pragma once

#include "recorder.hpp"

namespace fanfold::simulation {

/// What one seed came to.
struct Verdict {
  std::uint64_t seed = 0;
  std::string description{};
  std::vector<std::string> violations{};
  testing::FaultPlan::Coverage coverage{};
  std::uint64_t crash_count = 0;
  std::uint64_t turn_count = 0;
  std::uint64_t run_count = 0;
};

/// Whose ledger and globals a world runs on: those of the testing kit, or those of AWS over a table and a bucket in
/// memory.
enum class Engine : std::uint8_t { memory, aws };

/// Builds a world from the seed (queues, clusters, producers, operators, what each task does), runs it and checks what
/// came of it.
Verdict run_scenario(Engine engine, std::uint64_t seed, const std::function<void(std::string_view)>& trace);

}  // namespace fanfold::simulation
