#include "cli/task_input.hpp"

#include "cli/output.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr int stop_interval_milliseconds = 100;

Error system_error(const std::string& name, int number) {
  ErrorCode code = ErrorCode::unavailable;
  if (number == ENOENT) code = ErrorCode::invalid_argument;
  if (number == EACCES || number == EPERM) code = ErrorCode::permission_denied;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::disk_full;
  if (number == EISDIR) code = ErrorCode::bad_input;
  return {code, fmt::format("{}: {}", name, std::strerror(number)), {}};
}

/// Says once, where a list does not end soon, that it is waited for and from where it comes.
class SlowList {
 public:
  explicit SlowList(const std::string& name) : name_(name) {}
  void look(int descriptor) {
    if (said_ || std::chrono::steady_clock::now() - begun_ < patience) return;
    said_ = true;
    note(fmt::format("reading the list of tasks from {}{}; nothing begins before its end",
                     printable(name_, Newlines::escape), isatty(descriptor) == 1 ? " (Ctrl-D ends it)" : ""));
  }

 private:
  static constexpr std::chrono::seconds patience{1};
  const std::string& name_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  bool said_ = false;
};

/// What a pipe or terminal has to give, nothing at its end. It may give nothing for ever; a stop is noticed meanwhile.
Result<std::size_t> read_some(int descriptor, std::vector<char>& buffer, const std::stop_token& stop, SlowList& slow) {
  for (;;) {
    slow.look(descriptor);
    if (stop.stop_requested())
      return Error{
          ErrorCode::cancelled, "interrupted before its end; nothing has run, and the same command starts again", {}};
    pollfd wanted{descriptor, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, stop_interval_milliseconds);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR && errno != EAGAIN) return Error{ErrorCode::unavailable, std::strerror(errno), {}};
  }
}

std::string temporary_for(const std::string& name) {
  return fmt::format("a temporary file in {} for {}", P_tmpdir, name);
}

bool is_regular(std::FILE* file) {
  struct stat status {};
  return fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_folder(std::FILE* file) {
  struct stat status {};
  return fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

TaskInput::TaskInput(File file, std::string name, const TaskInputOptions& options)
    : file_(std::move(file)),
      name_(std::move(name)),
      separator_(options.nul_separated ? '\0' : '\n'),
      format_(options.text || options.nul_separated ? TaskFormat::text : TaskFormat::automatic),
      buffer_(buffer_bytes) {}

Result<TaskInput> TaskInput::open(const TaskInputOptions& options, const std::stop_token& stop) {
  const bool standard_input = options.file == "-";
  const std::string name = standard_input ? "standard input" : options.file;
  // Opening a named pipe would wait for its writer, deaf to a stop.
  const int descriptor = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                        : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error(name, errno);
  File file(fdopen(descriptor, "rbe"));
  if (!file) return system_error(name, errno);
  if (is_folder(file.get())) return Error{ErrorCode::invalid_argument, fmt::format("{}: is a folder", name), {}};
  // A regular file can be read again from its start; standard input only where it was not begun by somebody else.
  if (!is_regular(file.get()) || (standard_input && std::ftell(file.get()) != 0)) {
    auto copy = spooled(file.get(), name, stop);
    if (!copy) return std::move(copy).error();
    file = std::move(*copy);
  }
  return TaskInput(std::move(file), name, options);
}

Result<TaskInput::File> TaskInput::spooled(std::FILE* source, const std::string& name, const std::stop_token& stop) {
  File copy(std::tmpfile());
  if (!copy) return system_error(temporary_for(name), errno);
  std::vector<char> buffer(buffer_bytes);
  SlowList slow(name);
  for (;;) {
    auto count = read_some(fileno(source), buffer, stop, slow);
    if (!count) return Error{count.error().code, fmt::format("{}: {}", name, count.error().message), {}};
    if (*count == 0) break;
    if (std::fwrite(buffer.data(), 1, *count, copy.get()) != *count) return system_error(temporary_for(name), errno);
  }
  if (std::fflush(copy.get()) != 0) return system_error(temporary_for(name), errno);
  std::rewind(copy.get());
  return copy;
}

Result<void> TaskInput::rewind() {
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0) return system_error(name_, errno);
  begin_ = end_ = 0;
  line_ = 0;
  exhausted_ = false;
  return {};
}

std::string TaskInput::place() const { return fmt::format("{}:{}", name_, line_); }

Error TaskInput::at_place(const Error& error) const {
  return {error.code, fmt::format("{}: {}", place(), error.message), error.remote_detail};
}

Result<std::optional<std::string>> TaskInput::next() {
  for (;;) {
    auto piece = next_piece();
    if (!piece) return std::move(piece).error();
    if (!piece->has_value()) return std::optional<std::string>();
    std::string_view task = **piece;
    // A list written on another system: its line ends belong to no task.
    if (separator_ == '\n' && task.ends_with('\r')) task.remove_suffix(1);
    if (separator_ == '\n' ? is_blank(task) : task.empty()) continue;
    auto body = task_body(task, format_);
    if (!body) return at_place(body.error());
    return std::optional<std::string>(std::move(*body));
  }
}

Result<std::optional<std::string_view>> TaskInput::next_piece() {
  std::size_t searched = begin_;
  for (;;) {
    const void* found = std::memchr(buffer_.data() + searched, separator_, end_ - searched);
    if (found != nullptr || (exhausted_ && begin_ < end_)) {
      ++line_;
      const std::size_t stop =
          found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) : end_;
      const std::string_view piece(buffer_.data() + begin_, stop - begin_);
      begin_ = found != nullptr ? stop + 1 : stop;
      if (piece.size() > task_bytes_max) {
        return at_place(
            {ErrorCode::too_large, fmt::format("a task has at most {} bytes", with_thousands(task_bytes_max)), {}});
      }
      return std::optional<std::string_view>(piece);
    }
    if (exhausted_) return std::optional<std::string_view>();
    const std::size_t pending = end_ - begin_;
    if (pending > task_bytes_max) {
      ++line_;
      return at_place(
          {ErrorCode::too_large, fmt::format("a task has at most {} bytes", with_thousands(task_bytes_max)), {}});
    }
    if (auto filled = refill(begin_); !filled) return filled.error();
    searched = begin_ + pending;
  }
}

Result<void> TaskInput::refill(std::size_t keep_from) {
  const std::size_t kept = end_ - keep_from;
  std::memmove(buffer_.data(), buffer_.data() + keep_from, kept);
  begin_ = 0;
  end_ = kept;
  if (buffer_.size() - kept < buffer_bytes / 2) buffer_.resize(buffer_.size() * 2);
  const std::size_t count = std::fread(buffer_.data() + kept, 1, buffer_.size() - kept, file_.get());
  if (count == 0 && std::ferror(file_.get()) != 0) return system_error(name_, errno);
  exhausted_ = count == 0;
  end_ += count;
  return {};
}

void add_task_input(Command app, TaskInputOptions& options, const OptionTraits& traits) {
  OptionTraits list = traits;
  list.value = "FILE";
  app.option("--tasks", options.file, "The list of tasks, one per line; blank lines are skipped; - is standard input",
             list);
  app.flag("-0,--null", options.nul_separated, "Tasks end with NUL in place of a newline, as find -print0 writes them");
  app.flag("--text", options.text,
           "Every line is plain text, also one that begins with { or [ (otherwise those are JSON)");
}

}  // namespace fanfold::cli
