// A disk that refuses each of SQLite's calls in turn, syncs aside (SqliteFailedSync).
#include "../support/passing_file.hpp"
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <new>
#include <set>
#include <vector>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

/// In front of SQLite's default VFS, whose place it takes while it lives. Its calls can be made to fail.
class FailingFiles {
 public:
  FailingFiles() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.zName = "failing";
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FailingFiles() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FailingFiles(const FailingFiles&) = delete;
  FailingFiles& operator=(const FailingFiles&) = delete;

  enum class How : std::uint8_t { once, from_then_on };
  /// The `number`th call from now on fails, counted from 1.
  void fail_at(int number, How how) {
    how_ = how;
    has_failed_ = false;
    left_ = number;
  }
  /// While set, nothing can be written into the database itself, as opposed to its log.
  void set_database_refuses(bool refuses) { database_refuses_ = refuses; }
  /// From now on none fails. Answers whether one has.
  bool stop() {
    left_ = 0;
    return has_failed_;
  }

 private:
  struct File {
    sqlite3_file base;
    FailingFiles* files;
    bool is_database;
  };
  static sqlite3_file* real(sqlite3_file* file) { return test::PassingFile<File>::real(file); }
  static bool fails(sqlite3_file* file) { return reinterpret_cast<File*>(file)->files->fails(); }
  bool fails() {
    if (left_ <= 0) return false;
    if (left_ > 1) {
      --left_;
      return false;
    }
    has_failed_ = true;
    if (how_ == How::once) left_ = 0;
    return true;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_used) {
    auto& files = *static_cast<FailingFiles*>(vfs->pAppData);
    file->pMethods = nullptr;
    if (files.fails()) return SQLITE_CANTOPEN;
    new (file) File{{nullptr}, &files, (flags & SQLITE_OPEN_MAIN_DB) != 0};
    const int code = files.real_->xOpen(files.real_, name, real(file), flags, flags_used);
    if (code == SQLITE_OK) file->pMethods = methods();
    return code;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods made = test::PassingFile<File>::methods();
      made.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
        const auto* own = reinterpret_cast<File*>(f);
        if (own->is_database && own->files->database_refuses_) return SQLITE_FULL;
        return fails(f) ? SQLITE_IOERR_WRITE : real(f)->pMethods->xWrite(real(f), from, n, at);
      };
      made.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return fails(f) ? SQLITE_IOERR_TRUNCATE : real(f)->pMethods->xTruncate(real(f), size);
      };
      made.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
        return fails(f) ? SQLITE_IOERR_READ : real(f)->pMethods->xRead(real(f), to, n, at);
      };
      made.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return fails(f) ? SQLITE_IOERR_FSTAT : real(f)->pMethods->xFileSize(real(f), size);
      };
      made.xLock = [](sqlite3_file* f, int level) {
        return fails(f) ? SQLITE_IOERR_LOCK : real(f)->pMethods->xLock(real(f), level);
      };
      made.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
        return fails(f) ? SQLITE_IOERR_SHMMAP : real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
      };
      made.xShmLock = [](sqlite3_file* f, int first, int n, int flags) {
        const bool may_fail = (flags & SQLITE_SHM_LOCK) != 0;
        return may_fail && fails(f) ? SQLITE_IOERR_SHMLOCK : real(f)->pMethods->xShmLock(real(f), first, n, flags);
      };
      return made;
    }();
    return &all;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::atomic<int> left_{0};
  std::atomic<How> how_{How::once};
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> database_refuses_{false};
};

class SqliteIoErrors : public ::testing::TestWithParam<FailingFiles::How> {
 protected:
  SqliteIoErrors() { open(); }

  void open() {
    backend_ = {};
    backend_ = open_backend({.file = folder_ / "store.db",
                             .durability = Durability::normal,
                             .warn = [this](const std::string& text) { warnings_.push_back(text); }})
                   .value();
  }
  bool send(const std::string& id) {
    OutgoingMessage message;
    message.content.id = id;
    message.content.body = Json::from_valid_text('"' + std::string(20'000, 'x') + id + '"');
    const auto answer = backend_.queue->send("work", std::span(&message, 1));
    if (answer) acknowledged_.insert(id);
    return answer.has_value();
  }
  [[nodiscard]] std::string integrity() const {
    sqlite3* file = nullptr;
    std::string answer = "no answer";
    EXPECT_EQ(sqlite3_open_v2((folder_ / "store.db").c_str(), &file, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    sqlite3_exec(
        file, "PRAGMA integrity_check",
        [](void* to, int, char** values, char**) {
          *static_cast<std::string*>(to) = values[0];
          return 0;
        },
        &answer, nullptr);
    sqlite3_close(file);
    return answer;
  }

  FailingFiles files_;
  const support::TestDirectory folder_;
  Backend backend_;
  std::set<std::string> acknowledged_;
  std::vector<std::string> warnings_;
};

class SqliteLog : public SqliteIoErrors {};

TEST_P(SqliteLog, ThatCannotBeCopiedIntoTheFileIsToldOf) {
  const auto log_bytes = [&] { return std::filesystem::file_size((folder_ / "store.db-wal").string()); };
  constexpr std::uintmax_t grown_bytes = 24U * 1'024 * 1'024;
  constexpr int count_max = 10'000;
  files_.set_database_refuses(true);
  int count = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (; log_bytes() < grown_bytes && count < count_max; ++count) ASSERT_TRUE(send(std::to_string(count)));
  ASSERT_FALSE(warnings_.empty());
  const auto minutes = std::chrono::floor<std::chrono::minutes>(std::chrono::steady_clock::now() - begun).count();
  const std::size_t told_count = warnings_.size();
  EXPECT_LE(told_count, 1U + static_cast<std::size_t>(minutes)) << "once a minute";
  EXPECT_NE(warnings_.front().find("store.db cannot be copied into it, and grows ("), std::string::npos)
      << warnings_.front();
  EXPECT_NE(warnings_.front().find("disk is full"), std::string::npos) << warnings_.front();
  files_.set_database_refuses(false);
  for (const auto end = 2 * count; count < end; ++count) ASSERT_TRUE(send(std::to_string(count)));
  EXPECT_LT(log_bytes(), 2 * grown_bytes) << "it is copied, and begun anew";
  EXPECT_EQ(warnings_.size(), told_count);
}

TEST_P(SqliteIoErrors, LoseNothingThatWasAcknowledgedAndAreOverWhenTheDiskWorksAgain) {
  const BucketParams where = backend_.globals->location("c");
  std::string version;
  std::string value;
  constexpr int number_max = 2'000;
  int number = 1;
  for (; number < number_max; ++number) {
    open();
    files_.fail_at(number, GetParam());
    send("during-" + std::to_string(number));
    const StoredGlobals next{
        Json::from_valid_text('"' + std::string(20'000, 'g') + std::to_string(number) + '"'), {}, {}};
    const auto written = backend_.globals->write(where, next, version);
    const auto read = backend_.globals->read(where);
    if (read && written) {
      EXPECT_EQ(read->version, *written);
    }
    const bool has_failed = files_.stop();
    if (written) {
      version = *written;
      value = next.value.text();
    }
    const auto later = backend_.globals->read(where);
    if (!later) {
      if (!version.empty() || later.error().code != ErrorCode::not_found) ADD_FAILURE() << to_string(later.error());
    } else {
      EXPECT_EQ(later->version, version);
      EXPECT_EQ(later->value.text(), value);
    }
    EXPECT_TRUE(send("after-" + std::to_string(number)));
    if (HasFailure()) FAIL() << "at call " << number;
    if (!has_failed) break;
  }
  EXPECT_LT(number, number_max);
  EXPECT_GT(number, 20) << "hardly anything failed, so that this shows nothing";
  open();
  std::set<std::string> received;
  while (true) {
    const auto deliveries = backend_.queue->receive("work", {.count_max = 100, .wait = 0ms}, {}).value();
    if (deliveries.empty()) break;
    for (const Delivery& delivery : deliveries) EXPECT_TRUE(received.insert(delivery.content->id).second) << "twice";
  }
  for (const std::string& id : acknowledged_) EXPECT_TRUE(received.contains(id)) << id;
  backend_ = {};
  EXPECT_EQ(integrity(), "ok");
}

INSTANTIATE_TEST_SUITE_P(Disk, SqliteLog, ::testing::Values(FailingFiles::How::once));
INSTANTIATE_TEST_SUITE_P(Disk, SqliteIoErrors,
                         ::testing::Values(FailingFiles::How::once, FailingFiles::How::from_then_on));

}  // namespace
}  // namespace fanfold::sqlite
