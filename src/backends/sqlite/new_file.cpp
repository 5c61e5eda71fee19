#include "backends/sqlite/new_file.hpp"

#include "backends/sqlite/schema.hpp"
#include "backends/sqlite/schema_image.hpp"

#include <algorithm>
#include <thread>

namespace fanfold::sqlite {

namespace {

/// SQLite's own VFS writes less than 128 KiB at once.
constexpr std::size_t write_bytes = 8 * database_page_bytes;

std::int64_t size_of(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  return file->pMethods->xFileSize(file, &size) == SQLITE_OK ? size : -1;
}

bool has_log(Connection& connection) {
  std::error_code code;
  const std::filesystem::path log = std::string(sqlite3_db_filename(connection.handle(), "main")) + "-wal";
  const auto size = std::filesystem::file_size(log, code);
  return !code && size > 0;
}

/// The database for itself, as SQLite locks it: readers of all kinds wait. For files that have no log open.
class ExclusiveLock {
 public:
  explicit ExclusiveLock(sqlite3_file* file) : file_(file) {}
  ExclusiveLock(const ExclusiveLock&) = delete;
  ExclusiveLock& operator=(const ExclusiveLock&) = delete;
  ~ExclusiveLock() { file_->pMethods->xUnlock(file_, SQLITE_LOCK_NONE); }

  [[nodiscard]] int take(std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds pause{2};
    const auto end = std::chrono::steady_clock::now() + patience;
    while (true) {
      int code = SQLITE_OK;
      for (const int level : {SQLITE_LOCK_SHARED, SQLITE_LOCK_RESERVED, SQLITE_LOCK_EXCLUSIVE})
        if (code == SQLITE_OK) code = file_->pMethods->xLock(file_, level);
      if ((code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end) return code;
      file_->pMethods->xUnlock(file_, SQLITE_LOCK_NONE);
      std::this_thread::sleep_for(pause);
    }
  }

 private:
  sqlite3_file* file_;
};

/// The first page comes last, so that what is cut off before is no database to anybody.
int write_all(sqlite3_file* file, const PackedImage& image) {
  const std::size_t count = (image.size_bytes + write_bytes - 1) / write_bytes;
  int code = SQLITE_OK;
  for (std::size_t i = 1; i <= count && code == SQLITE_OK; ++i) {
    const std::size_t offset = i % count * write_bytes;
    const std::string bytes = image.unpacked(offset, std::min(write_bytes, image.size_bytes - offset));
    code =
        file->pMethods->xWrite(file, bytes.data(), static_cast<int>(bytes.size()), static_cast<sqlite3_int64>(offset));
  }
  return code;
}

}  // namespace

bool is_empty(Connection& connection) { return size_of(connection.file()) == 0; }

bool is_unfinished(Connection& connection) {
  sqlite3_file* const file = connection.file();
  const std::int64_t size = size_of(file);
  if (size == 0) return true;
  const PackedImage image = schema_image();
  if (size < 0 || size > static_cast<std::int64_t>(image.size_bytes) || has_log(connection)) return false;
  std::string bytes;
  for (std::size_t offset = 0; offset < static_cast<std::size_t>(size); offset += bytes.size()) {
    bytes.resize(std::min(write_bytes, static_cast<std::size_t>(size) - offset));
    const int code =
        file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), static_cast<sqlite3_int64>(offset));
    // What did not arrive on the disk reads as zeros.
    if (code != SQLITE_OK || !image.has_at(offset, bytes)) return false;
  }
  return true;
}

void empty_file(Connection& connection) {
  sqlite3_file* const file = connection.file();
  const int code = file->pMethods->xTruncate(file, 0);
  if (code != SQLITE_OK) throw_failure(connection.handle(), code, "beginning anew in a file that is no store yet");
}

Result<void> write_new_store(Connection& connection, std::chrono::milliseconds patience) {
  const PackedImage image = schema_image();
  // SQLite looks at an empty file, and so throws away the log or journal of a file that had this name before.
  static_cast<void>(query_number(connection, "PRAGMA user_version"));
  sqlite3_file* const file = connection.file();
  ExclusiveLock lock(file);
  const int locked = lock.take(patience);
  if (locked != SQLITE_OK) return error_of(connection.handle(), locked, "locking the new file");
  int code = write_all(file, image);
  const bool is_written = code == SQLITE_OK;
  if (is_written) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code == SQLITE_OK) return {};
  Error error = error_of(connection.handle(), code, is_written ? "syncing the new file" : "writing the new file");
  // The kernel forgets what it could not write, so that the next sync would succeed without it.
  file->pMethods->xTruncate(file, 0);
  return error;
}

}  // namespace fanfold::sqlite
