#include "cli/command_line.hpp"

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/subprocess.hpp"

#include <fanfold/version.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <span>

namespace fanfold::cli {
namespace {

constexpr const char* exit_codes_help =
    "Exit codes:\n"
    "  0    done; where tasks were concerned, every one is complete\n"
    "  1    tasks failed, the cluster ended in error or was stopped, or a verification found a difference\n"
    "  2    the command line, a task list or another input cannot be used\n"
    "  3    no such store, cluster, task, message or queue\n"
    "  4    the state forbids it (sealed, stopped, not finished, ...)\n"
    "  5    the store cannot be read or written (full, read-only, damaged, newer, locked)\n"
    "  130  drained after Ctrl-C or SIGTERM; the same command goes on\n"
    "\n"
    "fanfold COMMAND --help shows an example of each command.";

/// Splits off what stands behind the first "--" of the commands that run a program: it is not ours to parse.
std::vector<std::string> split_program(std::vector<std::string>& arguments) {
  const auto is_command = [&](const char* name) { return std::find(arguments.begin(), arguments.end(), name); };
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  if (mark == arguments.end() || (is_command("run") >= mark && is_command("work") >= mark)) return {};
  std::vector<std::string> program(mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  return program;
}

void declare(CLI::App& app, Invocation& invocation) {
  app.name("fanfold");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string(version()), "Print the version and exit");
  app.footer(exit_codes_help);
  app.add_option("--store", invocation.common.store, "The store: a file of the embedded engine, made where it is needed")
      ->envname("FANFOLD_STORE")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--durability", invocation.common.durability,
                 "full: what was acknowledged survives a power cut; normal: the death of every process, faster")
      ->check(CLI::IsMember({"full", "normal"}))
      ->envname("FANFOLD_DURABILITY")
      ->type_name("full|normal")
      ->capture_default_str();
  app.add_flag("--json", invocation.common.json, "Print JSON on standard output, one object a line");

  add_run_command(app, invocation);
  add_work_command(app, invocation);
  add_send_command(app, invocation);
  add_cluster_command(app, invocation);
  add_tasks_command(app, invocation);
  add_errors_command(app, invocation);
  add_retry_command(app, invocation);
  add_logs_command(app, invocation);
  add_results_command(app, invocation);
  add_why_command(app, invocation);
  add_verify_command(app, invocation);
  add_globals_command(app, invocation);
  add_queue_command(app, invocation);
  add_sweep_command(app, invocation);
  add_backup_command(app, invocation);
  add_prune_command(app, invocation);
  add_completion_command(app, invocation);
  add_man_command(app, invocation);
}

/// The innermost command that the line names, for "see … --help".
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* current = &app;
  while (!current->get_subcommands().empty()) current = current->get_subcommands().front();
  return *current;
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

ExitCode usage_error(const CLI::App& app, const std::string& message) {
  complain(message);
  note(fmt::format("See {} --help.", full_name(innermost(app))));
  return ExitCode::usage;
}

ExitCode report(const Error& error) {
  complain(error.message);
  if (!error.remote_detail.empty()) note("  " + error.remote_detail);
  return exit_code_of(error.code);
}

ExitCode parse_and_perform(CLI::App& app, Invocation& invocation, std::vector<std::string> arguments) {
  invocation.command = split_program(arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    print(innermost(app).help("", CLI::AppFormatMode::Normal));
    return ExitCode::ok;
  } catch (const CLI::CallForVersion& version_text) {
    print_line(version_text.what());
    return ExitCode::ok;
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error.what());
  }
  const auto done = invocation.action();
  return done ? *done : report(done.error());
}

}  // namespace

int run_command_line(int argument_count, char** arguments) {
  open_missing_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Fans a job out into messages and folds it back in. Each command works on one store."};
  Invocation invocation;
  ExitCode code = ExitCode::internal;
  try {
    declare(app, invocation);
    const std::span<char*> all(arguments, static_cast<std::size_t>(argument_count));
    code = parse_and_perform(app, invocation, std::vector<std::string>(all.begin() + (all.empty() ? 0 : 1), all.end()));
  } catch (const ErrorException& exception) {
    code = report(exception.error());
  } catch (const std::exception& exception) {
    complain(fmt::format("a defect of fanfold's own: {}", exception.what()));
  }
  flush_output();
  return static_cast<int>(code);
}

}  // namespace fanfold::cli
