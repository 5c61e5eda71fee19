#pragma once

#include "cli/command.hpp"
#include "cli/task_text.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace fanfold::cli {

inline constexpr std::size_t task_bytes_max = 1024 * 1024;  ///< Of one task in a list: what SQS carries in one message.

struct TaskInputOptions {
  std::string file = "-";      ///< "-" is standard input.
  bool nul_separated = false;  ///< Tasks end with NUL in place of a newline; they are text.
  bool text = false;           ///< Every line is text, also one that begins with { or [.
};

/// A list of tasks, one per line; blank lines are skipped. Read in a stream, as often as wanted: what cannot be read
/// twice (a pipe) is copied to an unnamed temporary file first. Not thread-safe.
class TaskInput {
 public:
  /// Blocks until a pipe's writer has closed it. Errors: not_found, permission_denied, unavailable (with the system's
  /// reason), disk_full (the temporary file); cancelled once `stop` is requested.
  [[nodiscard]] static Result<TaskInput> open(const TaskInputOptions& options, const std::stop_token& stop = {});

  /// The next task's body; empty at the end. Errors: bad_input and too_large as "tasks.txt:17: why"; unavailable.
  [[nodiscard]] Result<std::optional<std::string>> next();
  /// Starts over.
  [[nodiscard]] Result<void> rewind();

  /// "tasks.txt", or "standard input".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Where the task that `next` gave last stands: "tasks.txt:17".
  [[nodiscard]] std::string place() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  TaskInput(File file, std::string name, const TaskInputOptions& options);
  [[nodiscard]] static Result<File> spooled(std::FILE* source, const std::string& name, const std::stop_token& stop);
  [[nodiscard]] Result<std::optional<std::string_view>> next_piece();
  [[nodiscard]] Result<void> refill(std::size_t keep_from);
  [[nodiscard]] Error at_place(const Error& error) const;

  File file_;
  std::string name_;
  char separator_;
  TaskFormat format_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // Of what was read and not yet given out.
  std::size_t end_ = 0;
  bool exhausted_ = false;
  std::uint64_t line_ = 0;  // Of the piece that was given out last, from 1.
};

/// The options --tasks, -0 and --text of a command.
void add_task_input(Command app, TaskInputOptions& options, const OptionTraits& traits = {});

}  // namespace fanfold::cli
