#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <filesystem>

namespace fanfold::sqlite {

/// A descriptor that is closed with its owner, on exec, and in a forked child: a child must keep no lock of its parent.
class LockFile {
 public:
  LockFile() = default;
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

  /// Opens for reading and writing and makes the file where it is missing. Errors: read_only, permission_denied,
  /// disk_full, not_found (the folder), unavailable.
  [[nodiscard]] static Result<LockFile> open(const std::filesystem::path& path);

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// True where `path` still names the file that is open.
  [[nodiscard]] bool is_still_at(const std::filesystem::path& path) const;

 private:
  explicit LockFile(int descriptor);
  void close() noexcept;
  int descriptor_ = -1;
  std::uint64_t fork_count_ = 0;  // When it was opened: in a child the number may be another file's by now.
};

/// What a failed system call means. `doing` begins the message.
[[nodiscard]] Error error_of_errno(int number, std::string doing);

/// One lock among all processes that use a file, fair to those who wait: who wants it takes `<file>-next`, then
/// `<file>-write`, then gives `<file>-next` back. Used by one thread at a time.
class Turnstile {
 public:
  [[nodiscard]] static Result<Turnstile> open(const std::filesystem::path& file);

  enum class Try : std::uint8_t { locked, busy };
  /// Never waits. Errors: those of LockFile::open where a file had to be made anew.
  [[nodiscard]] Result<Try> try_lock();
  /// Waits in line for as long as it takes.
  [[nodiscard]] Result<void> lock();
  void unlock() noexcept;

 private:
  struct Gate {
    std::filesystem::path path;
    LockFile file;
  };
  [[nodiscard]] static Result<Try> pass(Gate& gate, bool waits);
  [[nodiscard]] Result<Try> enter(bool waits);
  Gate next_;
  Gate write_;
};

}  // namespace fanfold::sqlite
