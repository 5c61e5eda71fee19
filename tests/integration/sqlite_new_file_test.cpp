// A new store that several processes make at once, whose maker is killed at each of its system calls, or that the disk
// has no room for.
#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

/// The system calls of SQLite in this process, of which one may be the last, or find the disk full. SQLite's own hook
/// for tests (xSetSystemCall) puts them here.
class SystemCalls {
 public:
  static void watch() {
    sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    const auto put = [vfs](const char* name, auto* function) {
      vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(function));
    };
    put(
        "open", +[](const char* path, int flags, int mode) {
          passes();
          return ::open(path, flags, mode);
        });
    put(
        "fcntl", +[](int file, int command, void* argument) {
          passes();
          return ::fcntl(file, command, argument);
        });
    put(
        "fstat", +[](int file, struct stat* status) {
          passes();
          return ::fstat(file, status);
        });
    put(
        "ftruncate", +[](int file, off_t size) {
          passes();
          return ::ftruncate(file, size);
        });
    put(
        "close", +[](int file) {
          passes();
          return ::close(file);
        });
    put("pwrite", write);
    put("pwrite64", write);
  }
  static void kill_at(int call) { calls_left_ = call; }
  static void fill_disk_at(int write) { writes_left_ = write; }
  [[nodiscard]] static int call_count() { return call_count_; }
  [[nodiscard]] static int write_count() { return write_count_; }

 private:
  static bool passes(bool may_die = true) {
    ++call_count_;
    if (calls_left_ == 0 || --calls_left_ > 0) return true;
    if (may_die) ::raise(SIGKILL);
    return false;
  }
  static ssize_t write(int file, const void* bytes, size_t count, off_t offset) {
    ++write_count_;
    if (writes_left_ > 0 && --writes_left_ == 0) {
      writes_left_ = 1;  // It stays full.
      errno = ENOSPC;
      return -1;
    }
    if (!passes(false)) {  // In the middle of it.
      static_cast<void>(::pwrite(file, bytes, count / 2, offset));
      ::raise(SIGKILL);
    }
    return ::pwrite(file, bytes, count, offset);
  }

  static inline int calls_left_ = 0;
  static inline int writes_left_ = 0;
  static inline int call_count_ = 0;
  static inline int write_count_ = 0;
};

class SqliteNewFile : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Backend> open() const { return open_backend({.file = folder_ / "store.db"}); }

  /// In a process of its own, before this one opens a store: what waitpid(2) says of its end.
  static pid_t start(const std::function<int()>& run) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run());
    return child;
  }
  static int status_of(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  /// 0 where a store could be opened and told to keep something, which is there afterwards.
  [[nodiscard]] int use(const std::string& queue) const {
    auto backend = open();
    if (!backend) return 10 + static_cast<int>(backend.error().code);
    return backend->queue->create(queue, {}).has_value() ? 0 : 2;
  }
  [[nodiscard]] std::vector<std::string> texts(const char* sql) const {
    Connection connection(folder_ / "store.db", Access::read_write);
    std::vector<std::string> found;
    Rows rows(connection, sql);
    while (rows.next()) found.push_back(rows.text(0));
    return found;
  }

  const support::TestDirectory folder_;
};

TEST_F(SqliteNewFile, IsOneStoreForAllThatMakeItAtOnce) {
  constexpr std::size_t process_count = 6;
  constexpr int round_count = 20;
  for (int round = 0; round < round_count; ++round) {
    folder_.clear();
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe2(gate.data(), O_CLOEXEC), 0);
    std::vector<pid_t> children;
    for (std::size_t i = 0; i < process_count; ++i) {
      children.push_back(start([&] {
        ::close(gate[1]);
        char byte = 0;
        if (::read(gate[0], &byte, 1) != 0) return 3;  // Until all are here.
        return use("queue-" + std::to_string(i));
      }));
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (const pid_t child : children) EXPECT_EQ(status_of(child), 0) << "round " << round;
    EXPECT_EQ(texts("SELECT name FROM queue").size(), process_count) << "round " << round;
    EXPECT_EQ(texts("PRAGMA integrity_check"), std::vector<std::string>{"ok"}) << "round " << round;
  }
}

TEST_F(SqliteNewFile, IsMadeByTheNextWhereItsMakerIsKilledAtAnyCall) {
  const pid_t counted = start([&] {
    SystemCalls::watch();
    const int failed = use("work");
    return failed != 0 ? failed : std::min(SystemCalls::call_count(), 250);
  });
  const int status = status_of(counted);
  ASSERT_TRUE(WIFEXITED(status));
  const int call_count = WEXITSTATUS(status);
  ASSERT_GT(call_count, 50) << "SQLite does not make its calls through the hook";
  int killed_count = 0;
  for (int call = 1; call <= call_count; ++call) {
    folder_.clear();
    const int end = status_of(start([&] {
      SystemCalls::watch();
      SystemCalls::kill_at(call);
      return use("work");
    }));
    killed_count += WIFSIGNALED(end) ? 1 : 0;
    ASSERT_EQ(status_of(start([&] { return use("work"); })), 0) << "call " << call;
    ASSERT_EQ(texts("PRAGMA integrity_check"), std::vector<std::string>{"ok"}) << "call " << call;
    ASSERT_EQ(texts("SELECT name FROM queue"), std::vector<std::string>{"work"}) << "call " << call;
  }
  EXPECT_GT(killed_count, call_count - 5);
}

TEST_F(SqliteNewFile, ThatTheDiskHasNoRoomForIsMadeOnceItHas) {
  int full_count = 0;
  for (int write = 1;; ++write) {
    folder_.clear();
    const int end = status_of(start([&] {
      SystemCalls::watch();
      SystemCalls::fill_disk_at(write);
      const auto backend = open();
      if (!backend) return backend.error().code == ErrorCode::disk_full ? 1 : 2;
      return SystemCalls::write_count() < write ? 4 : 3;
    }));
    ASSERT_TRUE(WIFEXITED(end)) << "write " << write;
    if (WEXITSTATUS(end) == 4) break;
    ASSERT_EQ(WEXITSTATUS(end), 1) << "write " << write;
    ++full_count;
    ASSERT_EQ(status_of(start([&] { return use("work"); })), 0) << "write " << write;
    ASSERT_EQ(texts("PRAGMA integrity_check"), std::vector<std::string>{"ok"}) << "write " << write;
  }
  EXPECT_GT(full_count, 10);
}

}  // namespace
}  // namespace fanfold::sqlite
