#pragma once

#include "cli/start_guard.hpp"

#include <fanfold/result.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// One program to run once. Everything is borrowed for the call.
struct ChildProgram {
  const char* path = nullptr;        ///< Of the executable; not searched.
  char* const* arguments = nullptr;  ///< Ends with null; the first is the program's own name.
  char* const* environment = nullptr;
  std::string_view input{};              ///< What it finds on standard input.
  int output_file = -1;                  ///< Where standard output goes; -1 captures it.
  std::chrono::milliseconds timeout{0};  ///< Zero: as long as it takes.
  /// Says how long a start is tried that the system refuses; null: `shortage_patience`.
  StartGuard* guard = nullptr;
};

/// How a child ended and what it printed.
struct ChildEnd {
  enum class Kind : std::uint8_t {
    exited,      ///< `code` is its exit code.
    signalled,   ///< `code` is the signal.
    timed_out,   ///< Its whole group was ended, by TERM and then by KILL.
    stopped,     ///< Likewise, since the caller's stop token was set.
    not_started  ///< `code` is the errno of the system's refusal.
  };
  Kind kind = Kind::exited;
  int code = 0;
  std::string output;                       ///< Standard output and error as they came; its first `output_bytes_max`.
  std::string standard_output;              ///< Its first `output_bytes_max`; empty where it went to a file.
  std::string error_tail;                   ///< The end of standard error, at most `error_tail_bytes_max`.
  std::uint64_t standard_output_bytes = 0;  ///< All of it, also what was not kept; 0 where it went to a file.
  std::uint64_t dropped_bytes = 0;          ///< Of `output`.
};

inline constexpr std::size_t error_tail_bytes_max = 2048;
/// A group that was asked to end (TERM) is ended (KILL) after this.
inline constexpr std::chrono::milliseconds kill_grace{5'000};
/// A child's own children may hold its output open; it is read this long after the child's end.
inline constexpr std::chrono::milliseconds output_grace{1'000};

/// Where the system has no more processes, files or memory to start it with, that is waited for.
inline constexpr std::chrono::milliseconds shortage_patience{60'000};

/// Runs a program in a process group of its own and waits for it. Its output is read to the end whatever it prints.
/// The child is ended (KILL) when the calling thread is gone, so that kill -9 of a worker leaves no copy running.
/// SIGPIPE must be ignored: a child need not read its input; SIGCHLD must not: its end would not be learnt.
/// Thread-safe; blocks.
[[nodiscard]] ChildEnd run_child(const ChildProgram& program, const std::stop_token& stop);

/// Where `name` is found as a shell would: itself where it holds a slash, else by PATH. Empty where nowhere.
[[nodiscard]] std::string find_executable(const std::string& name);

/// Opens /dev/null in place of standard streams that the caller closed, so that no other file gets their numbers.
void open_missing_standard_streams() noexcept;

}  // namespace fanfold::cli
