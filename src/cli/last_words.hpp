#pragma once

#include <string>

namespace fanfold::cli {

/// What standard output gets where a second signal ends the process at once: a line, made before, since a signal
/// handler can make none. Empty for nothing. Lines of more than 4,096 bytes are not written. Called by one thread at a
/// time.
void set_last_words(const std::string& line);

/// Writes them, where standard output takes them at once. Async-signal-safe.
void write_last_words() noexcept;

}  // namespace fanfold::cli
