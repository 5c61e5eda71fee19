#include "cli/subprocess.hpp"

#include <fanfold/ports/ledger.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <future>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

/// As run_command_line does it.
class Subprocess : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }
};

ChildEnd run_shell(const std::string& script, std::string_view input = {}, std::chrono::milliseconds timeout = 0ms,
                   const std::stop_token& stop = {}) {
  std::string text = script;
  std::array<char, 3> shell{"sh"};
  std::array<char, 3> option{"-c"};
  const std::array<char*, 4> arguments{shell.data(), option.data(), text.data(), nullptr};
  return run_child({.path = "/bin/sh",
                    .arguments = arguments.data(),
                    .environment = environ,
                    .input = input,
                    .output_file = -1,
                    .timeout = timeout},
                   stop);
}

TEST_F(Subprocess, KeepsExitCodeOutputAndErrors) {
  const ChildEnd end = run_shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(end.kind, ChildEnd::Kind::exited);
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.standard_output, "out\n");
  EXPECT_EQ(end.error_tail, "err\n");
  EXPECT_EQ(end.output.size(), 8u);
}

TEST_F(Subprocess, NamesTheSignalThatEndedIt) {
  const ChildEnd end = run_shell("kill -9 $$");
  EXPECT_EQ(end.kind, ChildEnd::Kind::signalled);
  EXPECT_EQ(end.code, SIGKILL);
}

TEST_F(Subprocess, FeedsMoreThanAPipeHolds) {
  const std::string input(1'000'000, 'x');
  const ChildEnd end = run_shell("wc -c", input);
  EXPECT_EQ(end.standard_output.substr(0, 7), "1000000");
}

TEST_F(Subprocess, NeedNotReadItsInput) { EXPECT_EQ(run_shell("exit 3", std::string(1'000'000, 'x')).code, 3); }

TEST_F(Subprocess, IsReadToTheEndWhateverItPrints) {
  const ChildEnd end = run_shell("head -c 3000000 /dev/zero | tr '\\0' y; echo done >&2");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.standard_output_bytes, 3'000'000u);
  EXPECT_EQ(end.standard_output.size(), output_bytes_max);
  EXPECT_EQ(end.output.size(), output_bytes_max);
  EXPECT_GT(end.dropped_bytes, 2'000'000u);
  EXPECT_EQ(end.error_tail, "done\n");
}

TEST_F(Subprocess, IsEndedWithItsGroupWhenItsTimeIsOver) {
  const ChildEnd end = run_shell("sleep 100 & sleep 100; wait", {}, 100ms);
  EXPECT_EQ(end.kind, ChildEnd::Kind::timed_out);
}

TEST_F(Subprocess, IsEndedWhenItsCallerStops) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run_shell("sleep 100", {}, 0ms, stop.get_token()).kind, ChildEnd::Kind::stopped);
}

TEST_F(Subprocess, IsEndedWhenItsCallerStopsAlsoWhereItsThreadHadNoMoreFilesAtFirst) {
  std::array<int, 2> running{};
  ASSERT_EQ(pipe(running.data()), 0);
  std::string text = "echo >&" + std::to_string(running[1]) + "; exec sleep 100";
  const std::array<const char*, 4> arguments{"sh", "-c", text.c_str(), nullptr};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  close(next);
  StartGuard guard({.say = [&](const std::string&) { setrlimit(RLIMIT_NOFILE, &before); }});
  std::stop_source stop;
  auto child = std::async(std::launch::async, [&] {
    const rlimit few{static_cast<rlim_t>(next), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    return run_child({.path = "/bin/sh",
                      .arguments = const_cast<char* const*>(arguments.data()),
                      .environment = environ,
                      .timeout = 15s,
                      .guard = &guard},
                     stop.get_token());
  });
  char byte = 0;
  ASSERT_EQ(read(running[0], &byte, 1), 1);
  const auto stopped_at = std::chrono::steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(child.get().kind, ChildEnd::Kind::stopped);
  EXPECT_LT(std::chrono::steady_clock::now() - stopped_at, 10s);
  for (const int end : running) close(end);
}

TEST_F(Subprocess, DoesNotWaitForWhatItLeftInTheBackground) {
  const auto begun = std::chrono::steady_clock::now();
  const ChildEnd end = run_shell("sleep 100 & echo started $!");
  EXPECT_EQ(end.code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 50s);
  kill(std::stoi(end.standard_output.substr(8)), SIGKILL);
}

TEST_F(Subprocess, KeepsItsNumberForAsLongAsItsGroupMayBeEnded) {
  const ChildEnd end = run_shell(
      // By the shell alone, so that it is well within `output_grace` on a slow machine, too.
      "child=$$; (while read -r line </proc/$child/stat; do case $line in *') Z '*) break ;; esac; done; "
      "sleep 0.05; [ -e /proc/$child ] && echo its own || echo gone) &");
  EXPECT_EQ(end.standard_output, "its own\n");
  errno = 0;
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD) << "and no longer";
}

TEST_F(Subprocess, HasAProcessGroupOfItsOwnAndDefaultSignals) {
  EXPECT_EQ(run_shell("test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$").code, 0);
  EXPECT_EQ(run_shell("kill -PIPE $$").code, SIGPIPE);
}

TEST_F(Subprocess, SaysWhyItCouldNotStart) {
  const std::array<char*, 1> arguments{nullptr};
  const ChildEnd end =
      run_child({.path = "/nowhere/program", .arguments = arguments.data(), .environment = environ}, {});
  EXPECT_EQ(end.kind, ChildEnd::Kind::not_started);
  EXPECT_EQ(end.code, ENOENT);
}

TEST(FindExecutable, SearchesThePathAsAShellDoes) {
  EXPECT_TRUE(find_executable("sh").ends_with("/sh"));
  EXPECT_EQ(find_executable("/bin/sh"), "/bin/sh");
  EXPECT_EQ(find_executable("no-such-program"), "");
  EXPECT_EQ(find_executable("/etc/passwd"), "");
  EXPECT_EQ(find_executable(""), "");
}

}  // namespace
}  // namespace fanfold::cli
