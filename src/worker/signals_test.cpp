#include <fanfold/worker.hpp>

#include "worker/crash_note.hpp"
#include "worker/signals.hpp"

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

/// A file of three bytes, of which the middle one is the process's own.
class NoteFile {
 public:
  NoteFile() {
    EXPECT_EQ(write(descriptor(), "\0\0\0", 3), 3);
    EXPECT_EQ(lseek(descriptor(), 1, SEEK_SET), 1);
  }
  ~NoteFile() { fclose(file_); }
  NoteFile(const NoteFile&) = delete;
  NoteFile& operator=(const NoteFile&) = delete;
  [[nodiscard]] int descriptor() const { return fileno(file_); }
  [[nodiscard]] int signal() const {
    std::array<char, 4> bytes{};
    EXPECT_EQ(pread(descriptor(), bytes.data(), bytes.size(), 0), 3);
    EXPECT_EQ(bytes[0], 0) << "another process's";
    EXPECT_EQ(bytes[2], 0) << "another process's";
    return bytes[1];
  }

 private:
  FILE* file_ = tmpfile();
};

TEST(CrashNote, NotesTheSignalAndLetsTheCrashTakeItsCourse) {
  NoteFile file;
  EXPECT_EXIT(
      {
        const worker::CrashNote note(file.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(file.signal(), SIGABRT);
}

TEST(CrashNote, WritesNowhereElseWhereItsPlaceIsTooFarInTheFile) {
  NoteFile file;
  ASSERT_EQ(lseek(file.descriptor(), (off_t{1} << 32U) + 1, SEEK_SET), (off_t{1} << 32U) + 1);
  EXPECT_EXIT(
      {
        const worker::CrashNote note(file.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(file.signal(), 0);
}

TEST(CrashNote, NotesForTheLedgerAloneWhoseThreadCrashed) {
  NoteFile one;
  NoteFile other;
  EXPECT_EXIT(
      {
        const worker::CrashNote first(one.descriptor());
        const worker::CrashNote second(other.descriptor());
        std::thread([&] {
          const worker::CrashNote::OwnThread own(second);
          std::abort();
        }).join();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(one.signal(), 0);
  EXPECT_EQ(other.signal(), SIGABRT);
}

TEST(CrashNote, NotesForNoOtherLedgerWhatCrashedForOneWithoutADescriptor) {
  NoteFile file;
  EXPECT_EXIT(
      {
        const worker::CrashNote first(file.descriptor());
        const worker::CrashNote second(-1);
        const worker::CrashNote::OwnThread own(second);
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(file.signal(), 0);
}

TEST(CrashNote, NotesForEveryLedgerInTheProcessWhereNoneOwnsTheThread) {
  NoteFile one;
  NoteFile other;
  EXPECT_EXIT(
      {
        const worker::CrashNote first(one.descriptor());
        const worker::CrashNote second(other.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(one.signal(), SIGABRT);
  EXPECT_EQ(other.signal(), SIGABRT);
}

TEST(CrashNote, OfTwoWorkersOverOneLedgerIsWrittenToOnePlace) {
  NoteFile file;
  EXPECT_EXIT(
      {
        const worker::CrashNote first(file.descriptor());
        const worker::CrashNote second(file.descriptor());
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(file.signal(), SIGABRT);
}

/// Until the stack ends.
[[gnu::noinline]] int descend(const volatile int* above) {
  volatile int here[512];
  here[0] = *above + 1;
  return *above < 0 ? 0 : descend(here) + here[0];
}

TEST(CrashNote, IsWrittenAlsoWhereAHandlerRanOutOfItsStack) {
  NoteFile file;
  EXPECT_EXIT(
      {
        const worker::CrashNote note(file.descriptor());
        std::thread([&] {
          const worker::CrashNote::OwnThread own(note);
          const volatile int top = 0;
          static_cast<void>(descend(&top));
        }).join();
      },
      [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) != 0; }, "");
  EXPECT_EQ(file.signal(), SIGSEGV);
}

TEST(CrashNote, IsOverWhenItsWorkerIs) {
  NoteFile file;
  EXPECT_EXIT(
      {
        { const worker::CrashNote note(file.descriptor()); }
        std::abort();
      },
      KilledBySignal(SIGABRT), "");
  EXPECT_EQ(file.signal(), 0);
}

TEST(CrashNote, IsNotWrittenByAForkedChild) {
  NoteFile file;
  EXPECT_EXIT(
      {
        const worker::CrashNote note(file.descriptor());
        const pid_t child = fork();
        if (child == 0) std::abort();
        int status = 0;
        waitpid(child, &status, 0);
        std::_Exit(WIFSIGNALED(status) ? 7 : 8);
      },
      ExitedWithCode(7), "");
  EXPECT_EQ(file.signal(), 0);
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
        for (;;) raise(SIGINT);
      },
      ExitedWithCode(128 + SIGINT), "");
}

TEST(StopOnSignals, TakesAHangUpForOneUnlessItIsIgnored) {
  EXPECT_EXIT(
      {
        static_cast<void>(std::signal(SIGHUP, SIG_DFL));  // Whoever started the tests by nohup(1) has it ignored.
        const std::stop_token stop = stop_on_signals();
        raise(SIGHUP);
        while (!stop.stop_requested()) std::this_thread::yield();
        std::_Exit(7);
      },
      ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        static_cast<void>(std::signal(SIGHUP, SIG_IGN));
        const std::stop_token stop = stop_on_signals();
        raise(SIGHUP);
        std::_Exit(stop.stop_requested() ? 1 : 7);
      },
      ExitedWithCode(7), "");
}

TEST(StopOnSignals, DoesWhatIsToBeDoneBeforeTheSecondEndsTheProcess) {
  EXPECT_EXIT(
      {
        static_cast<void>(stop_on_signals());
        worker::before_second_signal_exits([] { _exit(7); });
        for (;;) raise(SIGINT);
      },
      ExitedWithCode(7), "");
}

TEST(StopOnSignals, TakesASignalThatWasSentTwiceForOne) {
  EXPECT_EXIT(
      {
        static_cast<void>(stop_on_signals());
        raise(SIGTERM);
        raise(SIGTERM);
        std::_Exit(7);
      },
      ExitedWithCode(7), "");
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
