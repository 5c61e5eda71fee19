#pragma once

#include <string_view>

namespace fanfold {

/// The version of the library that is linked, e.g. "0.1.0". Thread-safe.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace fanfold
