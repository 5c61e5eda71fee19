#pragma once

#include <atomic>
#include <cstdint>

namespace fanfold::sqlite {

/// What all stores of this process did since it began: for benchmarks and tests, which say what things cost.
struct Statistics {
  std::atomic<std::uint64_t> commit_count{0};
  std::atomic<std::uint64_t> sync_count{0};  ///< Of the WAL, beside commits.
};
inline Statistics statistics;

}  // namespace fanfold::sqlite
