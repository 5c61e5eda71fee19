#pragma once

#include <fanfold/testing/memory_store.hpp>

#include <chrono>

namespace fanfold {

/// Of a store on the system's time, since a worker's threads wait for each other.
inline testing::MemoryOptions real_time_options() {
  testing::MemoryOptions options;
  options.clock = nullptr;
  options.header_age_max = std::chrono::milliseconds(50);
  return options;
}

}  // namespace fanfold
