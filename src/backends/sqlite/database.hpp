#pragma once

#include "backends/sqlite/file_system.hpp"

#include <fanfold/types.hpp>

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace fanfold::sqlite {

/// Rowids and internal numbers.
using Number = std::int64_t;

/// How statements report errors inside this folder. It never leaves it: the ports' functions answer its Error.
struct StorageFailure {
  Error error;
};

/// What an SQLite result code means to a caller. `doing` completes "SQLite failed while …".
[[nodiscard]] Error error_of(sqlite3* database, int code, std::string_view doing);
[[noreturn]] void throw_failure(sqlite3* database, int code, std::string_view doing);

[[nodiscard]] constexpr std::int64_t to_number(Time time) noexcept { return time.time_since_epoch().count(); }
[[nodiscard]] constexpr Time to_time(std::int64_t milliseconds) noexcept {
  return Time(std::chrono::milliseconds(milliseconds));
}

/// A value to be bound as a blob, borrowed.
struct Blob {
  std::string_view bytes;
};

/// A prepared statement, kept by its connection.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// Throw StorageFailure, as `step` does: where there is no memory, or a value is too large.
  /// `copies` makes SQLite copy texts and blobs, so that they may die before the statement is stepped.
  void bind(int index, std::int64_t value);
  void bind_text(int index, std::string_view value, bool copies);
  void bind_blob(int index, std::string_view value, bool copies);
  void bind_null(int index);
  bool step();
  void reset() noexcept;
  [[nodiscard]] sqlite3_stmt* handle() const noexcept { return statement_; }

  bool is_in_use = false;

 private:
  void check_bound(int code);
  sqlite3_stmt* statement_ = nullptr;
};

/// `memory` is a database of the connection's own, whatever the file.
enum class Access : std::uint8_t { create, read_write, read_only, immutable, memory };

/// One SQLite connection with its prepared statements. Used by one thread at a time.
class Connection {
 public:
  /// Throws StorageFailure.
  Connection(const std::filesystem::path& file, Access access);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Prepared once per text; `sql` must be a literal, since its address is the key.
  [[nodiscard]] Statement& statement(const char* sql);
  /// Runs one or several statements without parameters.
  void run(const char* sql);
  /// The same, answering SQLite's code in place of throwing.
  [[nodiscard]] int try_run(const char* sql) noexcept;
  /// One step of a prepared statement without parameters, answering SQLite's code: SQLITE_DONE is success. Throws where
  /// it cannot be prepared.
  [[nodiscard]] int try_step(const char* sql);

  [[nodiscard]] sqlite3* handle() const noexcept { return database_; }
  /// The database as the VFS sees it. It lives as long as the connection.
  [[nodiscard]] sqlite3_file* file() const noexcept;
  [[nodiscard]] std::int64_t change_count() const noexcept { return sqlite3_changes64(database_); }
  [[nodiscard]] Number last_number() const noexcept { return sqlite3_last_insert_rowid(database_); }
  /// Gives all prepared statements back, so that the schema may change.
  void forget_statements() noexcept { statements_.clear(); }

 private:
  using Statements = std::unordered_map<const char*, std::unique_ptr<Statement>>;

  const OpenConnection counted_;
  sqlite3* database_ = nullptr;
  Statements statements_;
};

namespace detail {

template <class T>
void bind_value(Statement& statement, int index, const T& value, bool copies) {
  if constexpr (std::is_same_v<T, Blob>) {
    statement.bind_blob(index, value.bytes, copies);
  } else if constexpr (std::is_same_v<T, Time>) {
    statement.bind(index, to_number(value));
  } else if constexpr (std::is_enum_v<T> || std::integral<T>) {
    statement.bind(index, static_cast<std::int64_t>(value));
  } else {
    statement.bind_text(index, std::string_view(value), copies);
  }
}
template <class T>
void bind_value(Statement& statement, int index, const std::optional<T>& value, bool copies) {
  if (value) {
    bind_value(statement, index, *value, copies);
  } else {
    statement.bind_null(index);
  }
}

}  // namespace detail

/// The rows of one query, in order. Views that it hands out live until the next step.
class Rows {
 public:
  template <class... Arguments>
  Rows(Connection& connection, const char* sql, const Arguments&... arguments)
      : statement_(unused(connection.statement(sql))) {
    int index = 0;
    (detail::bind_value(statement_, ++index, arguments, true), ...);
    statement_.is_in_use = true;
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { statement_.reset(); }

  [[nodiscard]] bool next() { return statement_.step(); }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.handle(), column); }
  [[nodiscard]] std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] Time time(int column) const { return to_time(integer(column)); }
  [[nodiscard]] bool is_null(int column) const {
    return sqlite3_column_type(statement_.handle(), column) == SQLITE_NULL;
  }
  [[nodiscard]] std::string_view bytes(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

 private:
  static Statement& unused(Statement& statement);
  Statement& statement_;
};

/// Runs a statement that answers no rows.
template <class... Arguments>
void execute(Connection& connection, const char* sql, const Arguments&... arguments) {
  Statement& statement = connection.statement(sql);
  int index = 0;
  (detail::bind_value(statement, ++index, arguments, false), ...);
  statement.step();
  statement.reset();
}

/// The first column of the first row; empty where there is no row or it is null.
template <class... Arguments>
[[nodiscard]] std::optional<std::int64_t> query_number(Connection& connection, const char* sql,
                                                       const Arguments&... arguments) {
  Rows rows(connection, sql, arguments...);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return rows.integer(0);
}

}  // namespace fanfold::sqlite
