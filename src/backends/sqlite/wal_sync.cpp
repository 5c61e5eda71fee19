#include "backends/sqlite/wal_sync.hpp"

#include "backends/sqlite/file_lock.hpp"
#include "backends/sqlite/statistics.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

constexpr const char* what_stands = " (the commit stands, but a power cut may take it)";

}  // namespace

WalSync::WalSync(Connection& connection, std::filesystem::path file) : wal_(std::move(file += "-wal")) {
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_VFS_POINTER, static_cast<void*>(&vfs_));
  const auto size = static_cast<std::size_t>(vfs_->szOsFile);
  memory_ = std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t) + 1);
}

WalSync::~WalSync() {
  if (is_open_) handle()->pMethods->xClose(handle());
}

Result<void> WalSync::open() {
  if (is_open_) return {};
  // SQLite locks neither the WAL nor by it, so that opening and closing it here drops nobody's lock.
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;
  int flags_used = 0;
  if (vfs_->xOpen(vfs_, wal_.c_str(), handle(), flags, &flags_used) != SQLITE_OK)
    return error_of_errno(errno, "opening " + wal_.string());
  is_open_ = true;
  // Its name has to be on the disk too.
  const int folder = ::open(wal_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_named = folder >= 0 && ::fsync(folder) == 0;
  const int number = errno;
  if (folder >= 0) ::close(folder);
  if (is_named) return {};
  handle()->pMethods->xClose(handle());
  is_open_ = false;
  return error_of_errno(number, "syncing the folder of " + wal_.string());
}

Result<void> WalSync::run() {
  if (broken_) return *broken_;
  if (auto opened = open(); !opened) {
    Error error = std::move(opened).error();
    error.message += what_stands;
    return error;
  }
  statistics.sync_count.fetch_add(1, std::memory_order_relaxed);
  errno = 0;
  if (handle()->pMethods->xSync(handle(), SQLITE_SYNC_NORMAL) == SQLITE_OK) return {};
  Error error = error_of_errno(errno, "syncing " + wal_.string() + what_stands);
  broken_ = refusal(error.remote_detail);
  return error;
}

Error WalSync::refusal(std::string detail) const {
  return {ErrorCode::read_only,
          "syncing " + wal_.string() +
              " has failed, so that nothing more can be promised: look at the disk, then open the store again",
          std::move(detail)};
}

}  // namespace fanfold::sqlite
