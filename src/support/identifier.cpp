#include "support/identifier.hpp"

#include "support/assert.hpp"
#include "support/fork_count.hpp"

#include <array>
#include <string_view>

#include <sys/random.h>

namespace fanfold {

namespace {

struct Buffer {
  std::array<std::uint64_t, 32> words{};
  std::size_t next = words.size();
  std::uint64_t fork_count_seen = 0;  // A child never hands out its parent's buffered bits.
};

void refill(Buffer& buffer) {
  // Requests of up to 256 bytes are never short and never interrupted once the kernel's pool is ready (getrandom(2)).
  const ssize_t got = getrandom(buffer.words.data(), sizeof(buffer.words), 0);
  FANFOLD_ASSERT(got == static_cast<ssize_t>(sizeof(buffer.words)), "getrandom answers requests of 256 bytes");
  buffer.next = 0;
}

thread_local std::function<std::uint64_t()>* source_in_place = nullptr;

constexpr std::string_view base32_digits = "0123456789abcdefghijklmnopqrstuv";

}  // namespace

RandomSourceScope::RandomSourceScope(std::function<std::uint64_t()> source)
    : source_(std::move(source)), before_(source_in_place) {
  source_in_place = &source_;
}

RandomSourceScope::~RandomSourceScope() { source_in_place = before_; }

std::uint64_t random_bits() {
  if (source_in_place != nullptr) return (*source_in_place)();
  static thread_local Buffer buffer;
  const std::uint64_t forks = support::fork_count();
  if (buffer.next == buffer.words.size() || buffer.fork_count_seen != forks) {
    refill(buffer);
    buffer.fork_count_seen = forks;
  }
  return buffer.words[buffer.next++];
}

double random_unit() { return static_cast<double>(random_bits() >> 11) * 0x1.0p-53; }

std::string make_identifier(std::chrono::sys_time<std::chrono::milliseconds> now) {
  // 130 bits in 26 digits: 50 for the time (48 used), 80 random.
  std::string text(26, '0');
  auto time = static_cast<std::uint64_t>(now.time_since_epoch().count()) & 0xffff'ffff'ffffU;
  for (std::size_t i = 10; i-- > 0;) {
    text[i] = base32_digits[time & 31U];
    time >>= 5U;
  }
  std::uint64_t bits = random_bits();
  for (std::size_t i = 10; i < 22; ++i) {
    text[i] = base32_digits[bits & 31U];
    bits >>= 5U;
  }
  bits = random_bits();
  for (std::size_t i = 22; i < 26; ++i) {
    text[i] = base32_digits[bits & 31U];
    bits >>= 5U;
  }
  return text;
}

}  // namespace fanfold
