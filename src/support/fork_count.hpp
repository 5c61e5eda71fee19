#pragma once

#include <cstdint>

namespace fanfold::support {

/// Another number in a child of fork() than in its parent, once it was asked for. Costs no system call.
[[nodiscard]] std::uint64_t fork_count() noexcept;

}  // namespace fanfold::support
