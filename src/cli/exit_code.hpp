#pragma once

#include <fanfold/error.hpp>

namespace fanfold::cli {

/// What the command exits with. Documented in docs/cli.md and in `fanfold --help`; scripts depend on it.
enum class ExitCode : int {
  ok = 0,         ///< Done; where tasks were concerned, every one is complete.
  failed = 1,     ///< Tasks or a finish handler failed, or something was found that is not as it should be.
  usage = 2,      ///< The command line, a task list or another input cannot be used.
  not_found = 3,  ///< No such store, cluster, task, message or queue.
  refused =
      4,  ///< The state of the record forbids it: sealed, stopped, not finished, other tasks under the same key, …
  store = 5,         ///< The store cannot be read or written: full, read-only, damaged, newer, locked.
  internal = 70,     ///< A defect of fanfold's own.
  interrupted = 130  ///< SIGINT, SIGTERM or SIGHUP: drained, nothing is lost; the same command goes on.
};

[[nodiscard]] ExitCode exit_code_of(ErrorCode code) noexcept;

}  // namespace fanfold::cli
