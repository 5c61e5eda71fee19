#pragma once

#include "cli/exit_code.hpp"
#include "views/json_object.hpp"

#include <fanfold/types.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::cli {

/// Writes to standard output; ends the process quietly where its reader is gone (`fanfold results | head`), and with
/// ExitCode::store where it cannot be written (a full disk): output that was lost must not look like success.
void print(std::string_view text);
void print_line(std::string_view line);
/// The same for what `print` has buffered; called once at the end.
void flush_output();

/// A line to standard error: "fanfold: …". What ends the command says `fail` in its place.
void complain(std::string_view message);

/// Why the command cannot do what it was asked.
struct Failure {
  std::string_view code{};     ///< The library's name of it, or one of the command's own.
  std::string_view message{};  ///< As people read it.
  std::string_view detail{};   ///< What a remote side said, empty for nothing.
  std::string_view hint{};     ///< A second line for people.
  ExitCode exit = ExitCode::internal;
};
/// From now on `fail` writes JSON. Of the whole process, as standard error is; called before there are threads.
void write_failures_as_json();
/// The last that the command says, on standard error; answers `failure.exit`. With JSON:
/// {"error":{"code":"not_found","message":"…","exit":3}}, with "detail" where there is one.
ExitCode fail(const Failure& failure);
/// A line to standard error as it is. Thread-safe.
void note(std::string_view line);

/// While it lives, what `note` and `complain` are given goes to `say`, which keeps it apart from what it draws there
/// itself. One at a time.
class NoteRoute {
 public:
  explicit NoteRoute(std::function<void(std::string_view line)> say);
  ~NoteRoute();
  NoteRoute(const NoteRoute&) = delete;
  NoteRoute& operator=(const NoteRoute&) = delete;
};

using views::JsonObject;

/// How many rows a list shows: as many as `limit` says, or where that is zero all to a script and a screenful or two to
/// people, who are told of the rest.
[[nodiscard]] std::uint64_t shown_count_max(std::uint64_t limit, bool json) noexcept;
inline constexpr const char* shown_count_help = "At most so many; by default 100, and all with --json";

/// Lines of columns, aligned, for people. Numbers (cells of digits and commas) go to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Nothing where there is no row.
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fanfold::cli
