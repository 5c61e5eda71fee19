#pragma once

#include <cstddef>
#include <memory>

namespace fanfold::worker {

/// While it lives, a crash of this process (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) writes the signal's number as one
/// byte into the descriptor, where its position was at the construction, before it takes its course, so that the next
/// process knows what the tasks in hand died of. Installs its signal handlers with the first one and restores the
/// former ones with the last. A forked child writes nothing. Of several in a process, one notes what crashes on its own
/// threads; a crash of a thread that none claims, which a handler may have started, is noted by all. Thread-safe.
class CrashNote {
 public:
  /// While it lives, this thread is one of the note's own. Of several at a time the innermost holds. The note outlives
  /// it. It gives the thread a stack for signals, where it has none, so that a stack that is used up is noted too.
  class OwnThread {
   public:
    explicit OwnThread(const CrashNote& note);
    ~OwnThread();
    OwnThread(const OwnThread&) = delete;
    OwnThread& operator=(const OwnThread&) = delete;

   private:
    int before_;
    std::unique_ptr<std::byte[]> signal_stack_;
  };

  /// Nothing is done for a negative descriptor, a position beyond 4 GiB, nor beyond 16 at a time.
  explicit CrashNote(int descriptor);
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;

 private:
  int slot_ = -1;
};

}  // namespace fanfold::worker
