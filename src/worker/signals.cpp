#include <fanfold/worker.hpp>

#include <semaphore.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

namespace fanfold {

namespace {

constexpr int exit_code_of_signals = 128;

/// Lives as long as the process: a signal may come at any time.
struct SignalStop {
  sem_t arrived{};
  std::stop_source source;
};
SignalStop* signal_stop = nullptr;
std::atomic<bool> one_came{false};

/// Only async-signal-safe calls in here: setting a stop source is none, so a thread does it.
void on_signal(int signal) {
  if (one_came.exchange(true, std::memory_order_relaxed)) _exit(exit_code_of_signals + signal);
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
  return *signal_stop;
}

}  // namespace

std::stop_token stop_on_signals() {
  static SignalStop& installed = install();
  return installed.source.get_token();
}

}  // namespace fanfold
