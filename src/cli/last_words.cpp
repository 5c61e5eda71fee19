#include "cli/last_words.hpp"

#include <array>
#include <atomic>
#include <cstring>

#include <poll.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

/// What a pipe that can be written to takes whole, without blocking (PIPE_BUF).
constexpr std::size_t words_bytes_max = 4096;

std::array<char, words_bytes_max> last_words{};
/// How much of it holds; zero while it is written.
std::atomic<std::size_t> words_bytes{0};

}  // namespace

void set_last_words(const std::string& line) {
  words_bytes.store(0, std::memory_order_relaxed);
  if (line.empty() || line.size() + 1 > words_bytes_max) return;
  // The handler may run in another thread, on a processor that sees stores in another order than they were made.
  std::atomic_thread_fence(std::memory_order_release);
  std::memcpy(last_words.data(), line.data(), line.size());
  last_words[line.size()] = '\n';
  words_bytes.store(line.size() + 1, std::memory_order_release);
}

void write_last_words() noexcept {
  const std::size_t bytes = words_bytes.load(std::memory_order_acquire);
  if (bytes == 0) return;
  struct pollfd output {};
  output.fd = STDOUT_FILENO;
  output.events = POLLOUT;
  if (::poll(&output, 1, 0) != 1 || (output.revents & POLLOUT) == 0) return;
  // Nothing is left to do about an output that takes none.
  if (::write(STDOUT_FILENO, last_words.data(), bytes) < 0) return;
}

}  // namespace fanfold::cli
