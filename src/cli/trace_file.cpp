#include "cli/trace_file.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t traced_reason_columns_max = 300;
constexpr mode_t file_mode = 0666;  // Less the process's mask.

/// How long whoever reads a pipe may stand still: what runs stands still with it.
constexpr int reader_patience_ms = 5'000;
constexpr int reader_tries = 20;
constexpr std::chrono::milliseconds reader_pause{50};

/// What is no regular file may not be opened for reading: whoever reads a pipe would not be missed then. A reader that
/// is started beside this is waited for, but not for ever.
int open_trace(const std::string& path) {
  struct stat found {};
  const bool is_there = ::stat(path.c_str(), &found) == 0;
  int flags = O_RDWR | O_CREAT;
  if (is_there && !S_ISREG(found.st_mode)) flags = O_WRONLY;
  if (is_there && S_ISFIFO(found.st_mode)) flags |= O_NONBLOCK;
  for (int tries = 0;; ++tries) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, file_mode);
    if (descriptor >= 0 || errno != ENXIO || tries == reader_tries) return descriptor;
    std::this_thread::sleep_for(reader_pause);
  }
}

/// But for devices: /dev/null may be both.
bool is_standard_output(const struct stat& found) {
  struct stat output {};
  return !S_ISCHR(found.st_mode) && ::fstat(STDOUT_FILENO, &output) == 0 && output.st_dev == found.st_dev &&
         output.st_ino == found.st_ino;
}

bool takes_more(int descriptor) {
  pollfd wanted{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&wanted, 1, reader_patience_ms) > 0;
}

/// Errors: an errno.
int write_trace(int descriptor, std::string_view bytes, std::optional<std::uint64_t> at) {
  while (!bytes.empty()) {
    const ssize_t count = at ? ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(*at))
                             : ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      if (takes_more(descriptor)) continue;
      return ETIMEDOUT;
    }
    if (count < 0) return errno;
    if (count == 0) return ENOSPC;
    if (at) *at += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace

std::string traced_reason(std::string_view reason) { return clipped(as_utf8(reason), traced_reason_columns_max); }

Result<TraceFile> TraceFile::open(Options options) {
  const int descriptor = open_trace(options.path);
  const int number = errno;
  struct stat found {};
  if (descriptor >= 0) static_cast<void>(::fstat(descriptor, &found));
  const bool is_regular = S_ISREG(found.st_mode);
  TraceFile file(std::move(options), descriptor, is_regular);
  if (descriptor < 0) return file.error_of(number);
  if (is_standard_output(found)) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{}: {} is standard output, where this command's own lines go", file.options_.option,
                             printable(file.options_.path, Newlines::escape)),
                 {}};
  }
  if (is_regular) {
    if (auto taken = file.take_over(); !taken) return std::move(taken).error();
  }
  return Result<TraceFile>(std::move(file));
}

/// Never writes over what was not a trace before: a list of tasks, a store.
Result<void> TraceFile::take_over() {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Error{
        ErrorCode::conflict,
        fmt::format("{}: another process writes {} now", options_.option, printable(options_.path, Newlines::escape)),
        {}};
  }
  std::string beginning(array_begin.size() + options_.first_object_begin.size(), '\0');
  const ssize_t count = ::pread(descriptor_, beginning.data(), beginning.size(), 0);
  if (count < 0) return error_of(errno);
  beginning.resize(static_cast<std::size_t>(count));
  if (!is_ours(beginning)) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{}: {} is there and no trace of fanfold's; it is left alone", options_.option,
                             printable(options_.path, Newlines::escape)),
                 {}};
  }
  was_empty_ = beginning.empty();
  return {};
}

bool TraceFile::is_ours(std::string_view beginning) const {
  const std::string wanted = std::string(array_begin).append(options_.first_object_begin);
  // The process before may have been killed in its first write.
  return std::string_view(wanted).starts_with(beginning);
}

TraceFile::TraceFile(TraceFile&& other) noexcept
    : options_(std::move(other.options_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      is_regular_(other.is_regular_),
      was_empty_(other.was_empty_),
      has_begun_(other.has_begun_),
      bytes_(other.bytes_),
      has_failed_(other.has_failed_),
      has_lost_reader_(other.has_lost_reader_) {}

TraceFile::~TraceFile() {
  if (descriptor_ < 0) return;
  // A pipe whose reader has left, or stands still, needs no end.
  if (!is_regular_ && !has_lost_reader_ && bytes_ > 0) static_cast<void>(write_trace(descriptor_, array_end, {}));
  ::close(descriptor_);
}

void TraceFile::write(std::string_view object) {
  std::optional<Error> failure;
  {
    const std::scoped_lock lock(mutex_);
    if (has_failed_) return;
    if (auto appended = append(object); !appended) failure = std::move(appended).error();
    has_failed_ = failure.has_value();
  }
  if (failure && options_.failed) options_.failed(*failure);
}

void TraceFile::discard() {
  const std::scoped_lock lock(mutex_);
  has_failed_ = true;
  if (!is_regular_ || !(has_begun_ || was_empty_)) return;
  static_cast<void>(::ftruncate(descriptor_, 0));
  std::error_code unused;
  std::filesystem::remove(std::filesystem::canonical(options_.path, unused), unused);  // No link to it.
}

std::uint64_t TraceFile::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

Result<void> TraceFile::append(std::string_view object) {
  std::string text = std::string(bytes_ == 0 ? array_begin : separator).append(object);
  const std::uint64_t bytes = bytes_ + text.size();
  if (bytes > options_.bytes_max) {
    return Error{ErrorCode::too_large,
                 fmt::format("{}: {} has {} MiB, and viewers take no more", options_.option,
                             printable(options_.path, Newlines::escape), bytes_ >> 20U),
                 {}};
  }
  if (is_regular_) text += array_end;
  if (is_regular_ && !std::exchange(has_begun_, true) && ::ftruncate(descriptor_, 0) != 0) return error_of(errno);
  const int number = write_trace(descriptor_, text, is_regular_ ? std::optional(bytes_) : std::nullopt);
  if (number == 0) {
    bytes_ = bytes;
    return {};
  }
  has_lost_reader_ = true;
  // There was room for the bracket before.
  if (is_regular_ && bytes_ > 0 && ::ftruncate(descriptor_, static_cast<off_t>(bytes_)) == 0)
    static_cast<void>(write_trace(descriptor_, array_end, bytes_));
  return error_of(number);
}

Error TraceFile::error_of(int number) const {
  const ErrorCode code = number == ENOSPC || number == EDQUOT                     ? ErrorCode::disk_full
                         : number == EACCES || number == EPERM || number == EROFS ? ErrorCode::permission_denied
                         : number == ENOENT || number == EISDIR || number == ENOTDIR || number == ENXIO
                             ? ErrorCode::invalid_argument
                             : ErrorCode::unavailable;
  const char* const why = number == ENXIO       ? "nobody reads this pipe"
                          : number == ETIMEDOUT ? "whoever reads it has taken nothing for 5 s"
                                                : std::strerror(number);
  return {code, fmt::format("{}: {}: {}", options_.option, printable(options_.path, Newlines::escape), why), {}};
}

}  // namespace fanfold::cli
