#pragma once

#include "backends/sqlite/database.hpp"

namespace fanfold::sqlite {

/// "fanf": marks the file as ours (PRAGMA application_id).
inline constexpr std::int64_t application_id = 0x66616e66;
/// The schema that this program reads and writes (PRAGMA user_version).
inline constexpr std::int64_t schema_version = 2;
inline constexpr int database_page_bytes = 8192;

/// What is in a file that was just opened. Throws StorageFailure where it is no database at all.
struct FileKind {
  std::int64_t application = 0;
  std::int64_t version = 0;
  bool has_tables = false;
  bool keeps_log = false;      ///< Its changes go to a log (WAL). A backup's do not, as it is one file.
  bool is_empty = false;       ///< Not one byte is in it.
  bool is_unfinished = false;  ///< That, or whoever made it was cut off before anything was in it.

  [[nodiscard]] bool is_up_to_date() const noexcept {
    return !is_unfinished && application == application_id && version == schema_version;
  }
};
[[nodiscard]] FileKind look_at(Connection& connection);

/// Refuses files of others and of newer programs. Errors: damaged, unsupported_version.
[[nodiscard]] Result<void> check_kind(const FileKind& kind, const std::string& file);

/// Brings the schema up to date from this version on, in one transaction; 0 is none yet. New stores get theirs from
/// schema_image.hpp, which holds what this makes. The caller holds the write lock. Throws StorageFailure.
void migrate(Connection& connection, std::int64_t from_version);

}  // namespace fanfold::sqlite
