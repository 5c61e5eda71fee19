#pragma once

#include <fanfold/options.hpp>

namespace fanfold::core {

/// How long to wait before the attempt after `attempt`: full jitter below an exponential bound, so that what failed
/// together does not come back together. `random` is in [0, 1).
[[nodiscard]] std::chrono::milliseconds backoff(std::uint32_t attempt, const AttemptOptions& options,
                                                double random) noexcept;

}  // namespace fanfold::core
