#include "backends/sqlite/ledger.hpp"

#include <fanfold/backends/sqlite.hpp>

#include <system_error>

namespace fanfold::sqlite {

namespace {

/// Pages copied between two looks at whether somebody wrote.
constexpr int step_page_count = 1'024;

Result<void> copy(Connection& source, Connection& target) {
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (backup == nullptr) return error_of(target.handle(), sqlite3_errcode(target.handle()), "beginning the backup");
  int code = SQLITE_OK;
  while (code == SQLITE_OK) code = sqlite3_backup_step(backup, step_page_count);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return error_of(target.handle(), code, "copying the database");
  return {};
}

}  // namespace

Result<void> backup(const Options& source, const std::filesystem::path& target) {
  std::error_code code;
  if (std::filesystem::exists(target, code))
    return Error{ErrorCode::already_exists, target.string() + " is there already", {}};
  Options options = source;
  options.read_only = true;
  auto store = Store::open(options, std::make_shared<SystemClock>());
  if (!store) return std::move(store).error();
  auto copied = (*store)->read([&](Connection& connection) -> Result<void> {
    Connection copy_of(target, Access::create);
    // The snapshot is this read transaction's: writers go on beside it.
    static_cast<void>(query_number(connection, "SELECT count(*) FROM sqlite_schema"));
    auto done = copy(connection, copy_of);
    if (!done) return done;
    execute(copy_of, "INSERT INTO setting VALUES ('time', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (*store)->clock().now());
    // A backup is nobody's: no process holds anything in it, and it is one file.
    copy_of.run("PRAGMA journal_mode = DELETE");
    return {};
  });
  if (!copied) std::filesystem::remove(target, code);
  return copied;
}

}  // namespace fanfold::sqlite
