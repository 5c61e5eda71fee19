#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace fanfold {

/// 64 bits that nobody can guess or repeat: from the kernel, buffered per thread, fresh after a fork. Thread-safe.
[[nodiscard]] std::uint64_t random_bits();

/// While it lives, `random_bits` on this thread is what `source` gives: so that a simulation can be run again from its
/// seed. Ends on the thread that it began on; they nest.
class RandomSourceScope {
 public:
  explicit RandomSourceScope(std::function<std::uint64_t()> source);
  ~RandomSourceScope();
  RandomSourceScope(const RandomSourceScope&) = delete;
  RandomSourceScope& operator=(const RandomSourceScope&) = delete;

 private:
  std::function<std::uint64_t()> source_;
  std::function<std::uint64_t()>* before_;
};

/// A number in [0, 1).
[[nodiscard]] double random_unit();

/// A fresh id of 26 characters [0-9a-v]: 48 bits of the time given, then 80 random ones, so that ids sort by age.
[[nodiscard]] std::string make_identifier(std::chrono::sys_time<std::chrono::milliseconds> now);

}  // namespace fanfold
