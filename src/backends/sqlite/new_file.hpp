#pragma once

#include "backends/sqlite/database.hpp"

#include <fanfold/result.hpp>

namespace fanfold::sqlite {

[[nodiscard]] bool is_empty(Connection& connection);

/// True where nothing is in the file but a part of what a new store begins with, or all of it and no log beside:
/// whoever made it was cut off, by a signal or by the power, before anything else was written to it. True for an empty
/// one too. Throws StorageFailure where there is no image of a new store.
[[nodiscard]] bool is_unfinished(Connection& connection);

/// Empties such a file, for a connection that is opened afterwards. Throws StorageFailure.
void empty_file(Connection& connection);

/// Writes an empty store into a file that is empty, and syncs it; whoever reads it meanwhile waits. The caller holds
/// the write lock. Blocks up to `patience` for other programs that read it. Where it fails, the file is empty again.
/// Errors: disk_full, read_only, unavailable. Throws StorageFailure.
[[nodiscard]] Result<void> write_new_store(Connection& connection, std::chrono::milliseconds patience);

}  // namespace fanfold::sqlite
