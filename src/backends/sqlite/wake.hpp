#pragma once

#include "backends/sqlite/file_clock.hpp"
#include "backends/sqlite/file_lock.hpp"

#include <fanfold/types.hpp>

#include <array>
#include <atomic>

namespace fanfold::sqlite {

/// How far the log of a file is on the disk, of all processes under Durability::full: numbers of the commits that
/// somebody was promised to find there. The first two change under the write lock.
struct SyncWords {
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> committed;  ///< Behind `begun` where a commit is under way, or its process was killed.
  std::atomic<std::uint64_t> synced;     ///< Behind `committed` where nobody has waited for the disk since.
};

/// Wakes long polls of every process that uses a file: `<file>-wake` is mapped by all, each queue has one of its words.
/// The words of the file's clock follow them, and those of its log. Thread-safe.
class Wake {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Wake>> open(const std::filesystem::path& file);
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake();

  [[nodiscard]] static std::size_t bucket_of(std::string_view queue) noexcept;

  /// To be read before looking whether there is something, and handed to `wait`.
  [[nodiscard]] std::uint32_t sequence(std::size_t bucket) const noexcept;
  /// Blocks until somebody calls `notify` after `seen` was read, or for `most`.
  void wait(std::size_t bucket, std::uint32_t seen, std::chrono::milliseconds most) noexcept;
  void notify(std::size_t bucket) noexcept;

  [[nodiscard]] ClockWords& clock_words() noexcept { return memory_->clock; }
  [[nodiscard]] SyncWords& sync_words() noexcept { return memory_->syncs; }
  /// Makes the mapped file longer by so much, at its end, wherever that is by then: what another process made and uses
  /// meanwhile stays. Errors: those of LockFile::open.
  [[nodiscard]] static Result<void> grow(const std::filesystem::path& path, std::size_t missing_bytes);
  /// What they are now, for who opens the file for reading only; zeros where they cannot be read.
  static void read_clock_words(const std::filesystem::path& file, ClockWords& words);

 private:
  struct Word {
    std::atomic<std::uint32_t> sequence;
    std::atomic<std::uint32_t>
        waiter_count;  // A process that was killed while it waited leaves it too high: one needless call.
  };
  static constexpr std::size_t bucket_count = 64;

  struct Memory {
    std::array<Word, bucket_count> words;
    ClockWords clock;
    SyncWords syncs;
  };

  Wake(LockFile file, Memory* memory) : file_(std::move(file)), memory_(memory) {}
  LockFile file_;
  Memory* memory_;
};

}  // namespace fanfold::sqlite
