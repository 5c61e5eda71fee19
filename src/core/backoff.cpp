#include "core/backoff.hpp"

#include <algorithm>

namespace fanfold::core {

namespace {

/// 2^40 ms are 34 years: doubling further changes nothing and would overflow.
constexpr std::uint32_t doublings_max = 40;

}  // namespace

std::chrono::milliseconds backoff(std::uint32_t attempt, const AttemptOptions& options, double random) noexcept {
  const std::uint32_t doublings = std::min(attempt > 0 ? attempt - 1 : 0, doublings_max);
  const double bound =
      std::min(static_cast<double>(options.backoff_initial.count()) * static_cast<double>(std::int64_t{1} << doublings),
               static_cast<double>(options.backoff_max.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(random * (bound + 1.0)));
}

}  // namespace fanfold::core
