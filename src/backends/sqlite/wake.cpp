#include "backends/sqlite/wake.hpp"

#include "support/hash.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, std::chrono::milliseconds most) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(seconds.count());
  limit.tv_nsec = static_cast<long>(std::chrono::nanoseconds(most - seconds).count());
  ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &limit, nullptr, 0);
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

Result<std::unique_ptr<Wake>> Wake::open(const std::filesystem::path& file) {
  static_assert(sizeof(Word) == 8 && std::atomic<std::uint32_t>::is_always_lock_free);
  constexpr std::size_t size_bytes = bucket_count * sizeof(Word);
  const std::string path = file.string() + "-wake";
  auto opened = LockFile::open(path);
  if (!opened) return std::move(opened).error();
  const int descriptor = opened->descriptor();
  if (::lseek(descriptor, 0, SEEK_END) < static_cast<off_t>(size_bytes)) {
    // Written, not truncated to size: a hole in a mapping on a full disk is a bus error.
    const std::array<char, size_bytes> zeros{};
    if (::pwrite(descriptor, zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size())) {
      return error_of_errno(errno == 0 ? ENOSPC : errno, "writing " + path);
    }
  }
  void* mapped = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return error_of_errno(errno, "mapping " + path);
  return std::unique_ptr<Wake>(new Wake(std::move(*opened), static_cast<Word*>(mapped)));
}

Wake::~Wake() { ::munmap(words_, bucket_count * sizeof(Word)); }

std::size_t Wake::bucket_of(std::string_view queue) noexcept { return fnv1a(queue) % bucket_count; }

std::uint32_t Wake::sequence(std::size_t bucket) const noexcept { return words_[bucket].sequence.load(); }

void Wake::wait(std::size_t bucket, std::uint32_t seen, std::chrono::milliseconds most) noexcept {
  if (most <= std::chrono::milliseconds::zero()) return;
  Word& word = words_[bucket];
  word.waiter_count.fetch_add(1);
  if (word.sequence.load() == seen) futex_wait(word.sequence, seen, most);
  word.waiter_count.fetch_sub(1);
}

void Wake::notify(std::size_t bucket) noexcept {
  Word& word = words_[bucket];
  word.sequence.fetch_add(1);
  if (word.waiter_count.load() != 0) futex_wake_all(word.sequence);
}

}  // namespace fanfold::sqlite
