#include "aws/credential_process.hpp"

#include "aws/credential_document.hpp"
#include "aws/outage_notice.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

extern char** environ;

namespace fanfold::aws {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }
  void reset(int number) {
    close();
    number_ = number;
  }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_ = -1;
};

Error system_error(const char* what, int number) {
  return {ErrorCode::unavailable, std::string("credential_process: ") + what + ": " + std::strerror(number), {}};
}

/// The process and all that it started, in a group of their own.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    static_cast<void>(wait());
  }

  /// 0 or an error number.
  int start(const std::string& command, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    std::string shell = "sh";
    std::string flag = "-c";
    std::string text = command;
    char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
    const int error = ::posix_spawn(&id_, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) id_ = -1;
    return error;
  }

  /// The status as of waitpid, once it has ended.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) == 0) return std::nullopt;
    id_ = -1;
    return status;
  }
  int wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    return status;
  }

 private:
  pid_t id_ = -1;
};

Result<void> check_time(SteadyTime deadline, const net::RunOptions& options) {
  if (options.stop.stop_requested()) return Error{ErrorCode::cancelled, "stopped by the caller", {}};
  if (std::chrono::steady_clock::now() >= deadline)
    return Error{ErrorCode::deadline_exceeded, "credential_process: it did not end in time", {}};
  return {};
}

/// Waits for the end of a process that has closed its output, which mostly is its end.
Result<int> await_end(Child& child, int stopped, SteadyTime deadline, const net::RunOptions& options) {
  constexpr int pause_max = 50;
  for (int pause = 1;; pause = std::min(2 * pause, pause_max)) {
    if (const std::optional<int> status = child.ended()) return *status;
    if (Result<void> checked = check_time(deadline, options); !checked.has_value()) return std::move(checked).error();
    pollfd wanted{stopped, POLLIN, 0};
    ::poll(&wanted, 1, pause);
  }
}

/// Reads until the other end closes. Errors: cancelled and deadline_exceeded where stop or time ended it.
Result<std::string> read_output(int output, int stopped, SteadyTime deadline, const net::RunOptions& options,
                                std::function<void()> is_slow) {
  std::string text;
  char buffer[4096];
  const SteadyTime slow_at = std::chrono::steady_clock::now() + OutageNotice::patience;
  while (true) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (is_slow && now >= slow_at) std::exchange(is_slow, {})();
    const SteadyTime until = is_slow ? std::min(slow_at, deadline) : deadline;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    pollfd wanted[] = {{output, POLLIN, 0}, {stopped, POLLIN, 0}};
    if (left.count() > 0 && ::poll(wanted, 2, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return system_error("poll", errno);
    if (Result<void> checked = check_time(deadline, options); !checked.has_value()) return std::move(checked).error();
    if (wanted[0].revents == 0) continue;
    const ssize_t count = ::read(output, buffer, sizeof buffer);
    if (count == 0) return text;
    if (count < 0 && errno != EINTR) return system_error("read", errno);
    text.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (text.size() > credential_process_output_bytes_max) {
      return Error{
          ErrorCode::bad_input,
          "credential_process: it printed more than " + std::to_string(credential_process_output_bytes_max) + " bytes",
          {}};
    }
  }
}

Result<Credentials> read_document(const std::string& text) {
  detail::JsonDocument document;
  if (Result<void> read = document.read(text); !read.has_value()) {
    return Error{ErrorCode::bad_input, "credential_process: its output is no JSON: " + read.error().message, {}};
  }
  if (document.root().kind() != detail::JsonKind::object)
    return Error{ErrorCode::bad_input, "credential_process: its output is no object", {}};
  const auto version = document.root().find("Version");
  if (!version || version->int64() != 1)
    return Error{ErrorCode::bad_input, "credential_process: Version: expected 1", {}};
  Result<Credentials> credentials = read_credentials(document.root(), {.session_token = "SessionToken"});
  if (!credentials.has_value()) {
    Error error = std::move(credentials).error();
    error.message = "credential_process: " + error.message;
    return error;
  }
  return credentials;
}

}  // namespace

Result<Credentials> run_credential_process(const std::string& command, const net::RunOptions& options,
                                           std::function<void()> is_slow) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  const FileDescriptor stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stopped.get() < 0) return system_error("eventfd", errno);
  const std::stop_callback wake(options.stop, [&] {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stopped.get(), &one, sizeof one));
  });
  Child child;
  if (const int error = child.start(command, input.get()); error != 0) return system_error("/bin/sh", error);
  input.close();
  SteadyTime deadline = std::chrono::steady_clock::now() + credential_process_time_max;
  if (options.deadline) deadline = std::min(deadline, *options.deadline);
  Result<std::string> text = read_output(output.get(), stopped.get(), deadline, options, std::move(is_slow));
  if (!text.has_value()) return std::move(text).error();
  const Result<int> ended = await_end(child, stopped.get(), deadline, options);
  if (!ended.has_value()) return ended.error();
  const int status = *ended;
  Result<Credentials> credentials = Error{ErrorCode::internal, {}, {}};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
    credentials = Error{ErrorCode::permission_denied, "credential_process: it failed with " + how, {}};
  } else {
    credentials = read_document(*text);
  }
  std::fill(text->begin(), text->end(), '\0');
  return credentials;
}

}  // namespace fanfold::aws
