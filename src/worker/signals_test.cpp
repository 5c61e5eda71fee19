#include <fanfold/worker.hpp>

#include "worker/crash_note.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace fanfold {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

/// What was written into a pipe until now.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int descriptor() const { return ends_[1]; }
  [[nodiscard]] std::string content() {
    close(std::exchange(ends_[1], -1));
    std::array<char, 16> bytes{};
    const auto count = read(ends_[0], bytes.data(), bytes.size());
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(CrashNote, NotesTheSignalAndLetsTheCrashTakeItsCourse) {
  Pipe pipe;
  EXPECT_EXIT(
      {
        const worker::CrashNote note(pipe.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(pipe.content(), std::string(1, static_cast<char>(SIGABRT)));
}

TEST(CrashNote, NotesForEveryLedgerInTheProcess) {
  Pipe one;
  Pipe other;
  EXPECT_EXIT(
      {
        const worker::CrashNote first(one.descriptor());
        const worker::CrashNote second(other.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(one.content().size(), 1U);
  EXPECT_EQ(other.content().size(), 1U);
}

TEST(CrashNote, IsOverWhenItsWorkerIs) {
  Pipe pipe;
  EXPECT_EXIT(
      {
        { const worker::CrashNote note(pipe.descriptor()); }
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(pipe.content(), "");
}

TEST(CrashNote, IsNotWrittenByAForkedChild) {
  Pipe pipe;
  EXPECT_EXIT(
      {
        const worker::CrashNote note(pipe.descriptor());
        const pid_t child = fork();
        if (child == 0) std::abort();
        int status = 0;
        waitpid(child, &status, 0);
        std::_Exit(WIFSIGNALED(status) ? 7 : 8);
      },
      ExitedWithCode(7), "");
  EXPECT_EQ(pipe.content(), "");
}

TEST(CrashNote, DoesNothingWithoutADescriptor) {
  EXPECT_EXIT(
      {
        const worker::CrashNote note(-1);
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
}

TEST(StopOnSignals, SetsTheTokenAtTheFirstSignal) {
  EXPECT_EXIT(
      {
        const std::stop_token stop = stop_on_signals();
        if (stop.stop_requested()) std::_Exit(1);
        raise(SIGTERM);
        while (!stop.stop_requested()) std::this_thread::yield();
        std::_Exit(7);
      },
      ExitedWithCode(7), "");
}

TEST(StopOnSignals, EndsTheProcessAtOnceAtTheSecond) {
  EXPECT_EXIT(
      {
        static_cast<void>(stop_on_signals());
        raise(SIGTERM);
        raise(SIGINT);
        std::_Exit(1);
      },
      ExitedWithCode(128 + SIGINT), "");
}

TEST(StopOnSignals, GivesTheSameTokenToAll) {
  EXPECT_EXIT(
      {
        const std::stop_token one = stop_on_signals();
        std::_Exit(one == stop_on_signals() ? 7 : 1);
      },
      ExitedWithCode(7), "");
}

}  // namespace
}  // namespace fanfold
