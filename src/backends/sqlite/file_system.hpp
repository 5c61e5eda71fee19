#pragma once

#include "support/fork_count.hpp"

#include <fanfold/result.hpp>

#include <cstdint>
#include <filesystem>

namespace fanfold::sqlite {

/// Refuses folders that are missing and file systems on other machines, where locks and shared memory do not hold.
/// With `may_create`, a file that is missing can be made; else it has to be there.
/// Errors: not_found, invalid_argument, unavailable, read_only, permission_denied.
[[nodiscard]] Result<void> check_place(const std::filesystem::path& file, bool may_create);

/// An empty file where there is none, with the permissions that the process's umask leaves; SQLite would never let a
/// group write. What keeps it from being made shows when it is opened.
void make_by_umask(const std::filesystem::path& file) noexcept;

[[nodiscard]] std::int64_t process_number() noexcept;

/// Counts one connection of SQLite's that is open in this process, as long as this lives.
class OpenConnection {
 public:
  OpenConnection() noexcept;
  ~OpenConnection();
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;

  /// Opened before this process was forked.
  [[nodiscard]] bool is_a_parents() const noexcept { return fork_count_ != support::fork_count(); }

 private:
  const std::uint64_t fork_count_;
};
/// Whether this process was forked while its parent, or one of the parent's, had a connection open: then SQLite takes
/// locks for held that it does not hold here, and its mutexes may be those of threads that are gone.
[[nodiscard]] bool inherited_a_connection() noexcept;
/// What is answered then.
[[nodiscard]] Error forked_while_open();

}  // namespace fanfold::sqlite
