#include "backends/sqlite/wake.hpp"

#include "support/hash.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <vector>

#include <fcntl.h>
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
  static_assert(sizeof(Memory) == sizeof(Word) * bucket_count + 40 && std::atomic<std::int64_t>::is_always_lock_free);
  const std::string path = file.string() + "-wake";
  auto opened = LockFile::open(path);
  if (!opened) return std::move(opened).error();
  const int descriptor = opened->descriptor();
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  if (size >= 0 && size < static_cast<off_t>(sizeof(Memory))) {
    auto grown = grow(path, sizeof(Memory) - static_cast<std::size_t>(size));
    if (!grown) return std::move(grown).error();
  }
  void* mapped = ::mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return error_of_errno(errno, "mapping " + path);
  return std::unique_ptr<Wake>(new Wake(std::move(*opened), static_cast<Memory*>(mapped)));
}

Result<void> Wake::grow(const std::filesystem::path& path, std::size_t missing_bytes) {
  // Zeros, not a length: a hole in a mapping on a full disk is a bus error.
  const std::vector<char> zeros(missing_bytes);
  const int end = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (end < 0) return error_of_errno(errno, "opening " + path.string());
  errno = 0;
  const bool is_written = ::write(end, zeros.data(), zeros.size()) == static_cast<ssize_t>(zeros.size());
  const int number = errno;
  ::close(end);
  if (!is_written) return error_of_errno(number == 0 ? ENOSPC : number, "writing " + path.string());
  return {};
}

Wake::~Wake() { ::munmap(memory_, sizeof(Memory)); }

void Wake::read_clock_words(const std::filesystem::path& file, ClockWords& words) {
  std::ifstream stream(file.string() + "-wake", std::ios::binary);
  std::array<std::int64_t, 2> numbers{};
  stream.seekg(offsetof(Memory, clock));
  stream.read(reinterpret_cast<char*>(numbers.data()), sizeof(numbers));
  if (stream.gcount() != sizeof(numbers)) return;
  words.latest.store(numbers[0]);
  words.agrees_at.store(numbers[1]);
}

std::size_t Wake::bucket_of(std::string_view queue) noexcept { return fnv1a(queue) % bucket_count; }

std::uint32_t Wake::sequence(std::size_t bucket) const noexcept { return memory_->words[bucket].sequence.load(); }

void Wake::wait(std::size_t bucket, std::uint32_t seen, std::chrono::milliseconds most) noexcept {
  if (most <= std::chrono::milliseconds::zero()) return;
  Word& word = memory_->words[bucket];
  word.waiter_count.fetch_add(1);
  if (word.sequence.load() == seen) futex_wait(word.sequence, seen, most);
  word.waiter_count.fetch_sub(1);
}

void Wake::notify(std::size_t bucket) noexcept {
  Word& word = memory_->words[bucket];
  word.sequence.fetch_add(1);
  if (word.waiter_count.load() != 0) futex_wake_all(word.sequence);
}

}  // namespace fanfold::sqlite
