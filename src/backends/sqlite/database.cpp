#include "backends/sqlite/database.hpp"

#include "support/assert.hpp"

#include <cerrno>
#include <cstring>
#include <new>

namespace fanfold::sqlite {

namespace {

ErrorCode code_of(sqlite3* database, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorCode::disk_full;
    case SQLITE_READONLY: return ErrorCode::read_only;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return ErrorCode::damaged;
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::permission_denied;
    case SQLITE_TOOBIG: return ErrorCode::too_large;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT: return ErrorCode::unavailable;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: break;
    default: return ErrorCode::internal;
  }
  switch (database != nullptr ? sqlite3_system_errno(database) : 0) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::disk_full;
    case EROFS: return ErrorCode::read_only;
    case EACCES:
    case EPERM: return ErrorCode::permission_denied;
    default: return ErrorCode::unavailable;
  }
}

std::string_view cause_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::disk_full: return "the disk is full";
    case ErrorCode::read_only: return "the file cannot be written";
    case ErrorCode::damaged: return "the file is damaged or not a database";
    case ErrorCode::permission_denied: return "the file's modes forbid it";
    case ErrorCode::too_large: return "a value is too large";
    case ErrorCode::unavailable: return "the file cannot be used now";
    default: return "SQLite refused";
  }
}

int open_flags(Access access) {
  constexpr int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Access::memory:
    case Access::create: return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Access::read_write: return common | SQLITE_OPEN_READWRITE;
    default: return common | SQLITE_OPEN_READONLY;
  }
}

/// A path as a URI: everything but letters, digits and a few marks is percent-encoded.
std::string uri_of(const std::filesystem::path& file, Access access) {
  if (access == Access::memory) return "file:memory?vfs=memdb";  // It keeps a header as a file does.
  constexpr std::string_view hexadecimal = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || c == '/' || c == '-' || c == '_' || c == '.';
    if (is_plain) {
      uri += c;
    } else {
      uri += '%';
      uri += hexadecimal[byte >> 4U];
      uri += hexadecimal[byte & 0xfU];
    }
  }
  if (access == Access::immutable) uri += "?immutable=1";
  return uri;
}

/// Readers meet a lock only while a crashed process's WAL is recovered, or while the last foreign reader closes the
/// file.
constexpr int reader_patience_milliseconds = 5'000;

}  // namespace

Error error_of(sqlite3* database, int code, std::string_view doing) {
  const ErrorCode meaning = code_of(database, code);
  std::string message(cause_of(meaning));
  message.append(" (while ").append(doing).append(")");
  std::string detail = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  detail.append(", code ").append(std::to_string(code));
  if (database != nullptr && sqlite3_system_errno(database) != 0) {
    detail.append(", errno ").append(std::to_string(sqlite3_system_errno(database)));
  }
  return {meaning, std::move(message), std::move(detail)};
}

void throw_failure(sqlite3* database, int code, std::string_view doing) {
  throw StorageFailure{error_of(database, code, doing)};
}

Statement::Statement(sqlite3* database, const char* sql) {
  const int code = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) throw_failure(database, code, std::string("preparing \"") + sql + '"');
}

Statement::~Statement() { sqlite3_finalize(statement_); }

/// What could not be bound is null, and the statement would run with it.
void Statement::check_bound(int code) {
  if (code == SQLITE_OK) return;
  throw_failure(sqlite3_db_handle(statement_), code, std::string("binding \"") + sqlite3_sql(statement_) + '"');
}

void Statement::bind(int index, std::int64_t value) { check_bound(sqlite3_bind_int64(statement_, index, value)); }

void Statement::bind_text(int index, std::string_view value, bool copies) {
  check_bound(sqlite3_bind_text64(statement_, index, value.data() != nullptr ? value.data() : "", value.size(),
                                  copies ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind_blob(int index, std::string_view value, bool copies) {
  check_bound(sqlite3_bind_blob64(statement_, index, value.data() != nullptr ? value.data() : "", value.size(),
                                  copies ? SQLITE_TRANSIENT : SQLITE_STATIC));
}

void Statement::bind_null(int index) { check_bound(sqlite3_bind_null(statement_, index)); }

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* database = sqlite3_db_handle(statement_);
  Error error = error_of(database, code, std::string("running \"") + sqlite3_sql(statement_) + '"');
  reset();
  throw StorageFailure{std::move(error)};
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_);
  is_in_use = false;
}

Connection::Connection(const std::filesystem::path& file, Access access) {
  if (inherited_a_connection()) throw StorageFailure{forked_while_open()};
  const int code = sqlite3_open_v2(uri_of(file, access).c_str(), &database_, open_flags(access), nullptr);
  if (code != SQLITE_OK) {
    Error error = error_of(database_, code, "opening " + file.string());
    sqlite3_close(database_);
    throw StorageFailure{std::move(error)};
  }
  sqlite3_busy_timeout(database_, reader_patience_milliseconds);
  // Nobody but the holder of the write lock may checkpoint: see docs/adr on the WAL-reset defect.
  sqlite3_wal_autocheckpoint(database_, 0);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // The guard triggers refuse every write; only fanfold's own connections switch them off.
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
}

Connection::~Connection() {
  if (counted_.is_a_parents()) {
    // SQLite allows no call with it here, not even to close it: left as it is, until this process ends.
    static_cast<void>(new (std::nothrow) Statements(std::move(statements_)));
    return;
  }
  statements_.clear();
  sqlite3_close_v2(database_);
}

Statement& Connection::statement(const char* sql) {
  auto& entry = statements_[sql];
  if (!entry) entry = std::make_unique<Statement>(database_, sql);
  return *entry;
}

void Connection::run(const char* sql) {
  const int code = try_run(sql);
  if (code != SQLITE_OK)
    throw_failure(database_, code, std::string("running \"") + std::string(sql).substr(0, 80) + '"');
}

sqlite3_file* Connection::file() const noexcept {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database_, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  return file;
}

int Connection::try_run(const char* sql) noexcept { return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); }

int Connection::try_step(const char* sql) {
  Statement& prepared = statement(sql);
  const int code = sqlite3_step(prepared.handle());
  prepared.reset();
  return code;
}

std::string_view Rows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.handle(), column);
  const int size = sqlite3_column_bytes(statement_.handle(), column);
  return {static_cast<const char*>(data), data != nullptr ? static_cast<std::size_t>(size) : 0};
}

Statement& Rows::unused(Statement& statement) {
  FANFOLD_ASSERT(!statement.is_in_use, "a query is not run inside itself");
  return statement;
}

}  // namespace fanfold::sqlite
