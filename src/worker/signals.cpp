#include "worker/signals.hpp"

#include <fanfold/worker.hpp>

#include <semaphore.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

namespace fanfold {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int exit_code_of_signals = 128;

/// What a sender makes of one wish to stop: timeout(1) sends its signal to the process and once more to its process
/// group, sudo(8) passes on what the terminal had already sent to both.
constexpr SteadyClock::duration one_wish = std::chrono::milliseconds(250);

/// Lives as long as the process: a signal may come at any time.
struct SignalStop {
  sem_t arrived{};
  std::stop_source source;
};
SignalStop* signal_stop = nullptr;
std::atomic<SteadyClock::rep> first_came{0};
std::atomic<void (*)()> before_exit{nullptr};

/// Only async-signal-safe calls in here, as reading the clock is: setting a stop source is none, so a thread does it.
void on_signal(int signal) {
  const SteadyClock::rep now = SteadyClock::now().time_since_epoch().count();
  SteadyClock::rep first = 0;
  if (!first_came.compare_exchange_strong(first, now, std::memory_order_relaxed)) {
    if (now - first < one_wish.count()) return;
    if (auto* const function = before_exit.load(std::memory_order_relaxed)) function();
    _exit(exit_code_of_signals + signal);
  }
  const int kept = errno;
  sem_post(&signal_stop->arrived);
  errno = kept;
}

SignalStop& install() {
  signal_stop = new SignalStop;  // NOLINT(cppcoreguidelines-owning-memory)
  sem_init(&signal_stop->arrived, 0, 0);
  std::thread([stop = signal_stop] {
    while (sem_wait(&stop->arrived) != 0) {
    }
    stop->source.request_stop();
  }).detach();

  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  // The terminal is gone. nohup(1) has it ignored, and so it stays then.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler == SIG_DFL) sigaction(SIGHUP, &action, nullptr);
  return *signal_stop;
}

}  // namespace

namespace worker {
void before_second_signal_exits(void (*function)()) noexcept { before_exit.store(function, std::memory_order_relaxed); }
}  // namespace worker

std::stop_token stop_on_signals() {
  static SignalStop& installed = install();
  return installed.source.get_token();
}

}  // namespace fanfold
