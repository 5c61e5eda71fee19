#pragma once

#include "cli/invocation.hpp"

#include <fanfold/backends/aws.hpp>
#include <fanfold/backends/sqlite.hpp>

namespace fanfold::cli {

/// What a command is going to do to the store.
enum class StoreUse : std::uint8_t {
  read,   ///< Only look: works on a file that cannot be written, and makes none.
  write,  ///< Change what is there: makes no file.
  create  ///< Make the file where it is missing. On AWS nothing is made but by `fanfold setup aws`.
};

/// The one place that knows what --store may name. Where there is a `usage`, a store on AWS counts what it uses there.
/// Errors: invalid_argument, not_found (no such file), those of the engine's own open().
[[nodiscard]] Result<Client> open_store(const CommonOptions& options, StoreUse use,
                                        std::shared_ptr<aws::Usage> usage = {});

/// --store aws.
[[nodiscard]] bool is_on_aws(const CommonOptions& options);

/// The embedded engine's options, for what it alone can do (backup, prune, push).
/// Errors: not_found; invalid_argument with --store aws: `instead` says what does it there.
[[nodiscard]] Result<sqlite::Options> embedded_store(const CommonOptions& options, StoreUse use,
                                                     std::string_view instead);

/// Where the store on AWS is. Errors: invalid_argument where this build has no AWS engine.
[[nodiscard]] Result<aws::Options> aws_store(const CommonOptions& options);

/// Whether a store on AWS of this process has told people of a service that throttles or does not answer, no longer ago
/// than it waits at most until it tells of one that goes on. Thread-safe.
[[nodiscard]] bool has_store_warned_lately();

/// The environment of a program that is run for a task: our own, but with the store as it was given to us, so that a
/// fanfold in it works on the same one. "NAME=value", each; other variables that begin with FANFOLD_ are left out.
[[nodiscard]] std::vector<std::string> environment_for_programs(const CommonOptions& options);

}  // namespace fanfold::cli
