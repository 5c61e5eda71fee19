#include "backends/sqlite/file_lock.hpp"

#include "support/fork_count.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

/// Lock files open at once in one process; four for each open store.
constexpr std::size_t lock_file_count_max = 4'096;

/// Descriptors that a forked child closes. An array of atomics, since the child may run nothing that takes a lock.
class ForkRegistry {
 public:
  static ForkRegistry& instance() {
    static ForkRegistry registry;
    return registry;
  }
  bool add(int descriptor) noexcept {
    for (auto& entry : descriptors_) {
      int free = -1;
      if (entry.compare_exchange_strong(free, descriptor)) return true;
    }
    return false;
  }
  void remove(int descriptor) noexcept {
    for (auto& entry : descriptors_) {
      int held = descriptor;
      if (entry.compare_exchange_strong(held, -1)) return;
    }
  }

 private:
  ForkRegistry() {
    for (auto& entry : descriptors_) entry.store(-1);
    pthread_atfork(nullptr, nullptr, [] {
      for (auto& entry : instance().descriptors_) {
        const int descriptor = entry.exchange(-1);
        if (descriptor >= 0) ::close(descriptor);
      }
    });
  }
  std::array<std::atomic<int>, lock_file_count_max> descriptors_;
};

}  // namespace

Error error_of_errno(int number, std::string doing) {
  std::string detail = "errno " + std::to_string(number);
  switch (number) {
    case ENOSPC:
    case EDQUOT: return {ErrorCode::disk_full, doing + ": the disk is full", std::move(detail)};
    case EROFS: return {ErrorCode::read_only, doing + ": the file system is read-only", std::move(detail)};
    case EACCES:
    case EPERM:
      return {ErrorCode::permission_denied, doing + ": the modes of the file or its folder forbid it",
              std::move(detail)};
    case ENOENT:
    case ENOTDIR: return {ErrorCode::not_found, doing + ": the folder is not there", std::move(detail)};
    default: return {ErrorCode::unavailable, std::move(doing) + ": the system refused", std::move(detail)};
  }
}

LockFile::LockFile(int descriptor) : descriptor_(descriptor), fork_count_(support::fork_count()) {}

LockFile::LockFile(LockFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), fork_count_(other.fork_count_) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  fork_count_ = other.fork_count_;
  return *this;
}

LockFile::~LockFile() { close(); }

void LockFile::close() noexcept {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0 || fork_count_ != support::fork_count()) return;
  ForkRegistry::instance().remove(descriptor);
  ::close(descriptor);
}

Result<LockFile> LockFile::open(const std::filesystem::path& path) {
  constexpr mode_t modes = 0666;  // The umask decides, as it does for the database itself.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, modes);
  if (descriptor < 0) return error_of_errno(errno, "opening " + path.string());
  if (!ForkRegistry::instance().add(descriptor)) {
    ::close(descriptor);
    return Error{ErrorCode::unavailable, "this process has too many stores open", {}};
  }
  return LockFile(descriptor);
}

bool LockFile::is_still_at(const std::filesystem::path& path) const {
  struct stat open {};
  struct stat named {};
  if (::fstat(descriptor_, &open) != 0 || ::stat(path.c_str(), &named) != 0) return false;
  return open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

Result<Turnstile> Turnstile::open(const std::filesystem::path& file) {
  Turnstile turnstile;
  turnstile.next_.path = file.string() + "-next";
  turnstile.write_.path = file.string() + "-write";
  for (Gate* gate : {&turnstile.next_, &turnstile.write_}) {
    auto opened = LockFile::open(gate->path);
    if (!opened) return std::move(opened).error();
    gate->file = std::move(*opened);
  }
  return turnstile;
}

Result<Turnstile::Try> Turnstile::pass(Gate& gate, bool waits) {
  while (true) {
    while (::flock(gate.file.descriptor(), waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return Try::busy;
      return error_of_errno(errno, "locking " + gate.path.string());
    }
    if (gate.file.is_still_at(gate.path)) return Try::locked;
    // Somebody removed the file: what is locked there keeps nobody out any more.
    auto opened = LockFile::open(gate.path);
    if (!opened) return std::move(opened).error();
    gate.file = std::move(*opened);
  }
}

Result<Turnstile::Try> Turnstile::enter(bool waits) {
  auto passed = pass(next_, waits);
  if (!passed || *passed == Try::busy) return passed;
  auto entered = pass(write_, waits);
  ::flock(next_.file.descriptor(), LOCK_UN);
  return entered;
}

Result<Turnstile::Try> Turnstile::try_lock() { return enter(false); }

Result<void> Turnstile::lock() {
  auto entered = enter(true);
  if (!entered) return std::move(entered).error();
  return {};
}

void Turnstile::unlock() noexcept { ::flock(write_.file.descriptor(), LOCK_UN); }

}  // namespace fanfold::sqlite
