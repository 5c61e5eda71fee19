#include "worker/crash_note.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>

namespace fanfold::worker {

namespace {

constexpr std::array crash_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t note_count_max = 16;
constexpr std::size_t signal_stack_bytes = std::size_t{64} * 1024;

// For each slot its descriptor plus one in the high half, 0 where it is free, and the byte's place in the low one. One
// word, since on some processors another thread may see two in another order than they were written: a byte at the
// place of an earlier note would be the crash of another process.
std::array<std::atomic<std::uint64_t>, note_count_max> notes{};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
constexpr unsigned place_bits = 32;
constexpr off_t place_max = 0xffff'ffff;
std::atomic<pid_t> owner_process{0};
std::array<struct sigaction, crash_signals.size()> former{};
std::mutex install_mutex;
std::size_t note_count = 0;  // Guarded by install_mutex.

constexpr int nobody = -1;  // A thread of a note that has no slot.
constexpr int unknown = -2;
/// The slot whose own thread this is. There from the thread's start, so that the signal handler may read it.
[[gnu::tls_model("initial-exec")]] thread_local int own_slot = unknown;

/// Only async-signal-safe calls in here.
void write_note(int signal) {
  if (getpid() == owner_process.load(std::memory_order_relaxed)) {
    const auto byte = static_cast<unsigned char>(signal);
    for (std::size_t i = 0; i < notes.size(); ++i) {
      // These signals come to the thread that crashed.
      if (own_slot != unknown && own_slot != static_cast<int>(i)) continue;
      const std::uint64_t note = notes[i].load(std::memory_order_relaxed);
      const int descriptor = static_cast<int>(note >> place_bits) - 1;
      // At its own place, however often this is done: the bytes beside it are of other processes. Nothing can be done
      // about a failure here.
      if (descriptor >= 0 && pwrite(descriptor, &byte, 1, static_cast<off_t>(note & place_max)) < 0) continue;
    }
  }
  for (std::size_t i = 0; i < crash_signals.size(); ++i) {
    if (crash_signals[i] == signal) sigaction(signal, &former[i], nullptr);
  }
  raise(signal);  // Held back until we return, then it meets the former handler.
}

void install() {
  owner_process.store(getpid(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = write_note;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < crash_signals.size(); ++i) sigaction(crash_signals[i], &action, &former[i]);
}

void uninstall() {
  for (std::size_t i = 0; i < crash_signals.size(); ++i) sigaction(crash_signals[i], &former[i], nullptr);
}

}  // namespace

CrashNote::CrashNote(int descriptor) {
  if (descriptor < 0) return;
  const std::scoped_lock lock(install_mutex);
  const off_t place = std::max<off_t>(lseek(descriptor, 0, SEEK_CUR), 0);
  if (place > place_max) return;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (notes[i].load(std::memory_order_relaxed) != 0) continue;
    notes[i].store((static_cast<std::uint64_t>(descriptor) + 1) << place_bits | static_cast<std::uint64_t>(place),
                   std::memory_order_relaxed);
    slot_ = static_cast<int>(i);
    if (note_count++ == 0) install();
    return;
  }
}

CrashNote::OwnThread::OwnThread(const CrashNote& note) : before_(own_slot) {
  own_slot = note.slot_ < 0 ? nobody : note.slot_;
  stack_t now{};
  if (note.slot_ < 0 || sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  const std::size_t size = std::max<std::size_t>(signal_stack_bytes, static_cast<std::size_t>(MINSIGSTKSZ));
  signal_stack_ = std::make_unique<std::byte[]>(size);
  const stack_t own{.ss_sp = signal_stack_.get(), .ss_flags = 0, .ss_size = size};
  if (sigaltstack(&own, nullptr) != 0) signal_stack_.reset();
}

CrashNote::OwnThread::~OwnThread() {
  own_slot = before_;
  stack_t now{};
  if (!signal_stack_ || sigaltstack(nullptr, &now) != 0 || now.ss_sp != signal_stack_.get()) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  sigaltstack(&none, nullptr);
}

CrashNote::~CrashNote() {
  if (slot_ < 0) return;
  const std::scoped_lock lock(install_mutex);
  if (--note_count == 0) uninstall();
  notes[static_cast<std::size_t>(slot_)].store(0, std::memory_order_relaxed);
}

}  // namespace fanfold::worker
