#pragma once

#include "cli/invocation.hpp"

#include <fanfold/backends/sqlite.hpp>

namespace fanfold::cli {

/// What a command is going to do to the store.
enum class StoreUse : std::uint8_t {
  read,   ///< Only look: works on a file that cannot be written, and makes none.
  write,  ///< Change what is there: makes no file.
  create  ///< Make the file where it is missing.
};

/// The one place that knows what --store may name.
/// Errors: invalid_argument, not_found (no such file), those of the engine's own open().
[[nodiscard]] Result<Client> open_store(const CommonOptions& options, StoreUse use);

/// The embedded engine's options, for what it alone can do (backup, prune). Errors: invalid_argument, not_found.
[[nodiscard]] Result<sqlite::Options> embedded_store(const CommonOptions& options, StoreUse use);

}  // namespace fanfold::cli
