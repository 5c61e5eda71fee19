#pragma once

#include "backends/sqlite/database.hpp"

#include <fanfold/result.hpp>

#include <cstddef>

namespace fanfold::sqlite {

/// Makes commits durable beside the next commits: one sync of the WAL for all that is in it by then. It goes through
/// the connection's VFS, so that what stands in for the disk in tests sees it. Used by one thread at a time, which need
/// not be the connection's.
class WalSync {
 public:
  /// While the connection is open nobody can replace its WAL, so that the name keeps its meaning.
  WalSync(Connection& connection, std::filesystem::path file);
  WalSync(const WalSync&) = delete;
  WalSync& operator=(const WalSync&) = delete;
  ~WalSync();

  /// Opens the log, which has to be there. Else `run` does, and then the process may have no more files. Errors: those
  /// of the system.
  [[nodiscard]] Result<void> open();
  /// Blocks until all that was committed before the call is on the disk. Errors: unavailable, disk_full,
  /// permission_denied. Once a sync has failed every later one fails with read_only: the kernel forgets what it could
  /// not write, so that a success would promise commits behind a hole.
  [[nodiscard]] Result<void> run();
  /// What every write is to be refused with: set once a sync has failed. It may be asked by any thread that orders
  /// itself after run().
  [[nodiscard]] const std::optional<Error>& broken() const noexcept { return broken_; }
  /// What that says. Thread-safe.
  [[nodiscard]] Error refusal(std::string detail) const;

 private:
  [[nodiscard]] sqlite3_file* handle() noexcept { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

  std::filesystem::path wal_;
  sqlite3_vfs* vfs_ = nullptr;
  std::unique_ptr<std::max_align_t[]> memory_;  // Of the VFS's file; its own type is the VFS's secret.
  bool is_open_ = false;
  std::optional<Error> broken_;
};

}  // namespace fanfold::sqlite
