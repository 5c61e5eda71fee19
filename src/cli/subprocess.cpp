#include "cli/subprocess.hpp"

#include "cli/last_words.hpp"
#include "worker/signals.hpp"

#include <fanfold/ports/ledger.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

std::optional<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

bool write_whole(const Descriptor& descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor.get(), bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void set_nonblocking(const Descriptor& descriptor) { fcntl(descriptor.get(), F_SETFL, O_NONBLOCK); }

/// What the child needs between clone and exec. It shares the parent's memory until then, and the parent's thread
/// waits.
struct Launch {
  const ChildProgram* program;
  std::uint32_t signals;  // Set to what they are by default.
  int standard_input;
  int standard_output;
  int standard_error;
  pid_t parent;
  int error = 0;
};

constexpr int signal_count = 32;

/// The signals, one bit each, that a program expects to find as they are by default, whatever its parent does with
/// them. Asked once: the command has all its handlers before its first child.
std::uint32_t signals_of_ours() noexcept {
  static const std::uint32_t found = [] {
    std::uint32_t bits = 0;
    for (int number = 1; number < signal_count; ++number) {
      struct sigaction action {};
      if (sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_DFL) continue;
      // An ignored signal stays ignored, as nohup means it; only SIGPIPE is ignored by us.
      if (action.sa_handler == SIG_IGN && number != SIGPIPE) continue;
      bits |= 1U << static_cast<unsigned>(number);
    }
    return bits;
  }();
  return found;
}

/// Ignored first, which forgets what came meanwhile: a signal to the whole process group was for us, and reached the
/// child too while that was still in our group.
void reset_signals(std::uint32_t bits) noexcept {
  struct sigaction action {};
  for (int number = 1; number < signal_count; ++number) {
    if ((bits >> static_cast<unsigned>(number) & 1U) == 0) continue;
    action.sa_handler = SIG_IGN;
    sigaction(number, &action, nullptr);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("address", "thread", "undefined")))
#endif
int exec_child(void* argument) noexcept {
  auto* launch = static_cast<Launch*>(argument);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch->parent) _exit(127);
  reset_signals(launch->signals);
  // The three are above 2 (see open_missing_standard_streams), so that none overwrites another.
  if (dup2(launch->standard_input, 0) < 0 || dup2(launch->standard_output, 1) < 0 ||
      dup2(launch->standard_error, 2) < 0) {
    launch->error = errno;
    _exit(127);
  }
  execve(launch->program->path, launch->program->arguments, launch->program->environment);
  launch->error = errno;
  _exit(127);
}

struct Started {
  pid_t process = -1;
  Descriptor handle;
};

/// vfork with a stack of the child's own: no page table is copied, which for a process with a database costs more than
/// the child.
Started start(Launch& launch) {
  constexpr std::size_t stack_bytes = 64 * 1024;
  thread_local const std::unique_ptr<std::byte[]> stack(new std::byte[stack_bytes]);
  Started started;
  int handle = -1;
  // Our handlers must not run in the child while it shares our memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  started.process =
      clone(exec_child, stack.get() + stack_bytes, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &handle);
  if (started.process < 0) launch.error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started.handle = Descriptor(handle);
  if (started.process > 0 && launch.error != 0) {
    waitpid(started.process, nullptr, 0);
    started.process = -1;
  }
  return started;
}

/// Wakes the poll of whoever waits for a child when the stop token is set. One per child: a thread that kept its own
/// would take a file from those that have a child to start.
class Waker {
 public:
  Waker() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  /// Else the system had no file for it, and errno says why.
  [[nodiscard]] bool is_open() const noexcept { return descriptor_.is_open(); }
  void wake() const noexcept { eventfd_write(descriptor_.get(), 1); }
  void clear() const noexcept {
    eventfd_t count = 0;
    eventfd_read(descriptor_.get(), &count);
  }
  [[nodiscard]] int get() const noexcept { return descriptor_.get(); }

 private:
  Descriptor descriptor_;
};

/// One of a child's output streams. We keep its writing end open while the child lives, so that its end does not wake
/// us once per stream before it wakes us for good.
struct Stream {
  Descriptor read;
  Descriptor write;
};

/// The process groups of the children that run, for the end of this process by a second signal: what a child started in
/// turn is not ended by the child's end.
class Groups {
 public:
  static Groups& all() noexcept {
    static Groups groups;
    return groups;
  }
  /// The place of the group, to be given back; none where all are taken.
  std::optional<std::size_t> add(pid_t group) noexcept {
    for (std::size_t tried = 0; tried < groups_.size(); ++tried) {
      const std::size_t place = next_.fetch_add(1, std::memory_order_relaxed) % groups_.size();
      pid_t none = 0;
      if (groups_[place].compare_exchange_strong(none, group, std::memory_order_relaxed)) return place;
    }
    return std::nullopt;
  }
  void remove(std::size_t place) noexcept { groups_[place].store(0, std::memory_order_relaxed); }

 private:
  Groups() {
    worker::before_second_signal_exits([] {
      kill_all();
      write_last_words();
    });
  }
  static void kill_all() noexcept {
    for (const auto& group : all().groups_) {
      if (const pid_t process = group.load(std::memory_order_relaxed); process > 0) kill(-process, SIGKILL);
    }
  }
  std::array<std::atomic<pid_t>, 2048> groups_{};
  std::atomic<std::size_t> next_{0};
};

/// Feeds a child, reads what it prints, ends it when it is time, and learns how it ended.
class Supervision {
 public:
  Supervision(const ChildProgram& program, Started started, Descriptor input, Stream output, Stream error,
              const Waker& waker)
      : process_(started.process),
        handle_(std::move(started.handle)),
        input_(std::move(input)),
        output_(std::move(output)),
        error_(std::move(error)),
        waker_(waker),
        unwritten_(input_.is_open() ? program.input : std::string_view()) {
    if (program.timeout.count() > 0) deadline_ = std::chrono::steady_clock::now() + program.timeout;
    if (input_.is_open()) feed();
  }
  ~Supervision() {
    // Where there was no memory for what it printed: else it might wait for us to read on, and we for its end.
    if (handle_.is_open()) kill(-process_, SIGKILL);
    if (place_) Groups::all().remove(*place_);
    // Last, since its number may be another process's, and group's, from then on.
    waitpid(process_, nullptr, 0);
  }
  Supervision(const Supervision&) = delete;
  Supervision& operator=(const Supervision&) = delete;

  ChildEnd run(const std::stop_token& stop) {
    while (handle_.is_open() || output_.read.is_open() || error_.read.is_open()) {
      if (stop.stop_requested()) end_group(ChildEnd::Kind::stopped);
      if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
        pass_deadline();
      } else {
        wait();
      }
    }
    if (ended_by_) end_.kind = *ended_by_;
    return std::move(end_);
  }

 private:
  void wait() {
    std::array<pollfd, 5> watched{{{handle_.get(), POLLIN, 0},
                                   {output_.read.get(), POLLIN, 0},
                                   {error_.read.get(), POLLIN, 0},
                                   {input_.get(), POLLOUT, 0},
                                   {ended_by_ || !handle_.is_open() ? -1 : waker_.get(), POLLIN, 0}}};
    if (poll(watched.data(), watched.size(), poll_timeout()) < 0) return;  // EINTR: looked at again
    look_at(output_, watched[1].revents, true);
    look_at(error_, watched[2].revents, false);
    if (watched[3].revents != 0) feed();
    if (watched[4].revents != 0) waker_.clear();
    if (watched[0].revents != 0) learn_end();
  }

  [[nodiscard]] int poll_timeout() const {
    if (!deadline_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  void pass_deadline() {
    if (!handle_.is_open()) {  // The child is gone; somebody else holds its output open.
      output_.read.close();
      error_.read.close();
      deadline_.reset();
    } else if (ended_by_) {
      kill(-process_, SIGKILL);
      deadline_.reset();
    } else {
      end_group(ChildEnd::Kind::timed_out);
    }
  }

  void end_group(ChildEnd::Kind why) {
    if (ended_by_ || !handle_.is_open()) return;
    ended_by_ = why;
    kill(-process_, SIGTERM);
    kill(-process_, SIGCONT);
    deadline_ = std::chrono::steady_clock::now() + kill_grace;
  }

  /// The child has ended. What it printed last is read now; where nobody else holds its output, that is all. Its number
  /// stays its own: it names the group, which is ended here and by a second signal.
  void learn_end() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOWAIT) != 0) return;
    handle_.close();
    input_.close();
    end_.kind = info.si_code == CLD_EXITED ? ChildEnd::Kind::exited : ChildEnd::Kind::signalled;
    end_.code = info.si_status;
    if (ended_by_) kill(-process_, SIGKILL);  // What of its group is left was to end as well.
    deadline_ = std::chrono::steady_clock::now() + output_grace;
    output_.write.close();
    error_.write.close();
  }

  /// As much input as the child takes now.
  void feed() {
    while (!unwritten_.empty()) {
      const ssize_t count = write(input_.get(), unwritten_.data(), unwritten_.size());
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) break;  // EPIPE: it does not want more
      unwritten_.remove_prefix(static_cast<std::size_t>(count));
    }
    input_.close();
  }

  void look_at(Stream& source, short events, bool is_output) {
    if (events == POLLHUP) {  // Nothing is in it, and nobody is left to write.
      source.read.close();
    } else if (events != 0) {
      read_from(source, is_output);
    }
  }

  void read_from(Stream& source, bool is_output) {
    std::array<char, 16 * 1024> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills what is used
    const ssize_t count = read(source.read.get(), chunk.data(), chunk.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) {
      source.read.close();
      return;
    }
    const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
    const std::size_t room = output_bytes_max - end_.output.size();
    end_.output.append(bytes.substr(0, room));
    if (bytes.size() > room) end_.dropped_bytes += bytes.size() - room;
    if (is_output) {
      end_.standard_output.append(bytes.substr(0, output_bytes_max - end_.standard_output.size()));
      end_.standard_output_bytes += bytes.size();
    } else {
      end_.error_tail.append(bytes);
      if (end_.error_tail.size() > error_tail_bytes_max)
        end_.error_tail.erase(0, end_.error_tail.size() - error_tail_bytes_max);
    }
  }

  pid_t process_;
  std::optional<std::size_t> place_ = Groups::all().add(process_);
  Descriptor handle_;  // Open until the child has ended.
  Descriptor input_;
  Stream output_;
  Stream error_;
  const Waker& waker_;
  std::string_view unwritten_;
  std::optional<SteadyTime> deadline_;
  std::optional<ChildEnd::Kind> ended_by_;
  ChildEnd end_;
};

ChildEnd not_started(int number) {
  ChildEnd end;
  end.kind = ChildEnd::Kind::not_started;
  end.code = number;
  return end;
}

}  // namespace

namespace {

/// What passes when other programs have ended: too many files, processes, or too little memory.
bool is_shortage(const ChildEnd& end) {
  return end.kind == ChildEnd::Kind::not_started &&
         (end.code == EMFILE || end.code == ENFILE || end.code == EAGAIN || end.code == ENOMEM);
}

ChildEnd try_child(const ChildProgram& program, const std::stop_token& stop);

}  // namespace

ChildEnd run_child(const ChildProgram& program, const std::stop_token& stop) {
  const SteadyTime until = std::chrono::steady_clock::now() + shortage_patience;
  std::chrono::milliseconds pause{10};
  while (true) {
    ChildEnd end = try_child(program, stop);
    if (!is_shortage(end) || stop.stop_requested()) return end;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (program.guard != nullptr ? !program.guard->refused(end.code, now) : now + pause > until) return end;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(500));
  }
}

namespace {

/// Tells the guard of a program that runs.
class Running {
 public:
  explicit Running(StartGuard* guard) : guard_(guard) {
    if (guard_ != nullptr) guard_->started();
  }
  ~Running() {
    if (guard_ != nullptr) guard_->ended();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  StartGuard* const guard_;
};

ChildEnd try_child(const ChildProgram& program, const std::stop_token& stop) {
  const Waker waker;
  if (!waker.is_open()) return not_started(errno);
  auto input = open_pipe();
  auto error = open_pipe();
  auto output = program.output_file < 0 ? open_pipe() : std::make_optional<Pipe>();
  if (!input || !error || !output) return not_started(errno);
  if (program.input.size() <= PIPE_BUF) {
    // There is room for as much in any empty pipe. EPIPE cannot be: we hold the reading end.
    if (!write_whole(input->write, program.input)) return not_started(errno);
    input->write.close();
  } else {
    set_nonblocking(input->write);
  }

  Launch launch{&program,           signals_of_ours(),
                input->read.get(),  program.output_file < 0 ? output->write.get() : program.output_file,
                error->write.get(), getpid()};
  Started started = start(launch);
  if (started.process < 0) return not_started(launch.error);
  input->read.close();
  const Running running(program.guard);

  const std::stop_callback wake_on_stop(stop, [&waker] { waker.wake(); });
  return Supervision(program, std::move(started), std::move(input->write),
                     {std::move(output->read), std::move(output->write)},
                     {std::move(error->read), std::move(error->write)}, waker)
      .run(stop);
}

}  // namespace

std::string find_executable(const std::string& name) {
  const auto is_executable = [](const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) return is_executable(name) ? name : "";
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!name.empty()) {
    const std::size_t end = path.find(':');
    const std::string_view folder = path.substr(0, end);
    std::string candidate = folder.empty() ? name : std::string(folder).append("/").append(name);
    if (is_executable(candidate)) return candidate;
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return "";
}

void open_missing_standard_streams() noexcept {
  for (int number = 0; number <= 2; ++number) {
    if (fcntl(number, F_GETFD) >= 0) continue;
    const int opened = ::open("/dev/null", O_RDWR);
    static_cast<void>(opened);
  }
}

}  // namespace fanfold::cli
