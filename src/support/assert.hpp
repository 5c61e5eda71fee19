#pragma once

namespace fanfold::support {

/// Prints "file:line: message (condition)" to standard error and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition, const char* message) noexcept;

}  // namespace fanfold::support

/// For defects of our own. It stays on in release builds: a wrong program that goes on loses data.
/// Input from outside is checked and answered with an Error, never asserted.
#define FANFOLD_ASSERT(condition, message)             \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::fanfold::support::assertion_failed(__FILE__, __LINE__, #condition, message))
