#pragma once

#include "cli/subprocess.hpp"

#include <fanfold/handlers.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fanfold::cli {

class Telemetry;

/// Exit codes of a task's program that mean something; any other but 0 is "try again".
inline constexpr int exit_code_retry = 75;  ///< EX_TEMPFAIL of sysexits.h.
inline constexpr int exit_code_fail = 65;   ///< EX_DATAERR: failed for good.

/// Where the system refused to start it, an attempt's reason begins so.
inline constexpr std::string_view not_started_prefix = "cannot start the program: ";

/// Longer tasks are not in the environment: Linux allows no longer string there. They are on standard input all the
/// same.
inline constexpr std::size_t task_in_environment_bytes_max = 100'000;

struct TaskCommandOptions {
  std::vector<std::string> command;      ///< The program and its arguments; "{task}" in them stands for the task.
  std::vector<std::string> environment;  ///< Of the program, besides what tells it about its task: "NAME=value".
  std::chrono::milliseconds timeout{0};  ///< Zero: none.
  std::filesystem::path results{};       ///< A folder that gets one file per task with what it printed; empty: none.
  /// Where a task needs no run, its outcome: asked before each run, by index.
  std::function<std::optional<Outcome>(std::uint64_t index)> settled{};
  StartGuard::Options starts{};    ///< Where the system refuses to start programs.
  Telemetry* telemetry = nullptr;  ///< Told of each program that runs; borrowed, may be null.
};

/// Runs a program for each task: no shell, a process group of its own, the task as one argument, on standard input and
/// in FANFOLD_TASK, FANFOLD_CLUSTER, FANFOLD_INDEX, FANFOLD_ATTEMPT, FANFOLD_FENCE, with its trace in TRACEPARENT,
/// TRACESTATE and _X_AMZN_TRACE_ID. Thread-safe.
class TaskCommand {
 public:
  /// Errors: invalid_argument (no command, no such program), those of making the folder of results.
  [[nodiscard]] static Result<std::shared_ptr<const TaskCommand>> make(TaskCommandOptions options);

  [[nodiscard]] Outcome run(const Message<Json>& message, const Context& context) const;

  /// How many attempts run now.
  [[nodiscard]] std::size_t running_count() const noexcept { return running_count_; }
  /// How many results were cut, since what was printed is longer than a result may be, and is in no file either.
  [[nodiscard]] std::uint64_t cut_count() const noexcept { return cut_count_; }

 private:
  explicit TaskCommand(TaskCommandOptions options);
  [[nodiscard]] Outcome run_program(const Message<Json>& message, const Context& context) const;

  TaskCommandOptions options_;
  mutable std::atomic<std::size_t> running_count_ = 0;
  mutable std::atomic<std::uint64_t> cut_count_ = 0;
  mutable StartGuard guard_;
  std::string executable_;  // Empty where the program's name itself holds {task}.
};

/// A handler that runs `command`.
[[nodiscard]] MessageHandler handler_of(std::shared_ptr<const TaskCommand> command);

/// What became of an attempt, by how its program ended. `end` is used up.
[[nodiscard]] Outcome outcome_of(ChildEnd&& end, std::chrono::milliseconds timeout);

/// Of what a task printed, whatever bytes those are, at least so much is its result: what base64 has room for.
inline constexpr std::size_t printed_bytes_min = (result_bytes_max - 128) / 4 * 3;
/// The same in words.
inline constexpr std::string_view printed_limit = "48 KB (64 of text that needs no escapes)";

/// What a task that printed this returns: {"exit":0,"stdout":"…"}, with as much of its beginning as `result_bytes_max`
/// has room for (less a character that would be cut), or base64 as "stdout_base64" where it is no text or more of it is
/// kept so; nothing where it printed nothing.
[[nodiscard]] std::optional<Json> result_of(std::string_view standard_output, std::uint64_t all_bytes);
/// What a result says was printed.
struct PrintedText {
  std::string text{};   ///< As far as it was kept.
  bool is_cut = false;  ///< More was printed.
};
/// Empty where the result is another value.
[[nodiscard]] std::optional<PrintedText> printed_text(const Json& result);

}  // namespace fanfold::cli
