#include "cli/output.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>

#include <unistd.h>

namespace fanfold::cli {
namespace {

bool failures_are_json = false;

std::mutex route_mutex;
std::function<void(std::string_view line)> note_route;  // guarded by route_mutex

[[noreturn]] void give_up_output() {
  if (errno == EPIPE) _exit(static_cast<int>(ExitCode::ok));
  const ErrorCode code = errno == ENOSPC ? ErrorCode::disk_full : ErrorCode::unavailable;
  const std::string message = fmt::format("cannot write the output: {}", std::strerror(errno));
  _exit(static_cast<int>(fail({.code = to_string(code), .message = message, .exit = ExitCode::store})));
}

bool is_number(std::string_view cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789,") == std::string_view::npos;
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) give_up_output();
}

void print_line(std::string_view line) {
  print(line);
  print("\n");
}

void flush_output() {
  if (std::fflush(stdout) != 0) give_up_output();
}

void complain(std::string_view message) { note(fmt::format("fanfold: {}", message)); }

void write_failures_as_json() { failures_are_json = true; }

ExitCode fail(const Failure& failure) {
  if (failures_are_json) {
    JsonObject error;
    error.text("code", failure.code).text("message", failure.message);
    if (!failure.detail.empty()) error.text("detail", failure.detail);
    error.count("exit", static_cast<std::uint64_t>(failure.exit));
    note(JsonObject().json("error", Json::from_valid_text(error.line())).line());
    return failure.exit;
  }
  complain(printable(failure.message, Newlines::keep));
  if (!failure.detail.empty()) note("  " + printable(failure.detail, Newlines::keep));
  if (!failure.hint.empty()) note(failure.hint);
  return failure.exit;
}

void note(std::string_view line) {
  {
    const std::scoped_lock lock(route_mutex);
    if (note_route) return note_route(line);
  }
  // What nobody can read any more must not stop the work.
  const std::string text = fmt::format("{}\n", line);
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

NoteRoute::NoteRoute(std::function<void(std::string_view line)> say) {
  const std::scoped_lock lock(route_mutex);
  note_route = std::move(say);
}

NoteRoute::~NoteRoute() {
  const std::scoped_lock lock(route_mutex);
  note_route = {};
}

std::uint64_t shown_count_max(std::uint64_t limit, bool json) noexcept {
  constexpr std::uint64_t count_for_people = 100;
  if (limit > 0) return limit;
  return json ? std::numeric_limits<std::uint64_t>::max() : count_for_people;
}

void Table::print() const {
  if (rows_.size() < 2) return;
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], column_count(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - column_count(row[i]), ' ');
      const bool right = is_number(rows_[1][i]);
      if (i > 0) line += "  ";
      line += right ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print_line(line);
  }
}

}  // namespace fanfold::cli
