#include "cli/command_line.hpp"

#include "cli/commands.hpp"
#include "cli/config_file.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/subprocess.hpp"
#include "cli/text.hpp"

#include <fanfold/version.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <system_error>

namespace fanfold::cli {
namespace {

constexpr const char* exit_codes_help =
    "Exit codes:\n"
    "  0    done; where tasks were concerned, every one is complete\n"
    "  1    tasks or a finish handler failed, the cluster ended in error or was stopped, a verification found a\n"
    "       difference, results --text a text that was cut, or run --results lacks a file\n"
    "  2    the command line, a task list or another input cannot be used\n"
    "  3    no such store, cluster, task, message or queue\n"
    "  4    the state forbids it (sealed, stopped, not finished, ...), or --max-cost does\n"
    "  5    the store cannot be read or written (full, read-only, damaged, newer, locked; on AWS: refused, throttled,\n"
    "       not reached), no program could be started, or the timeline of --trace ended early\n"
    "  130  drained after Ctrl-C, SIGTERM or SIGHUP, and the same command goes on; a second one stops at once\n"
    "\n"
    "A file fanfold.toml in the current folder may say store, durability, table, bucket, region and prices for all\n"
    "commands.\n"
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

/// Asked before the line is parsed, since a line that cannot be parsed is an error too.
bool asks_for_json(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

void declare_store(Command root, CommonOptions& common) {
  root.option("--store", common.store,
              "The store: a file of the embedded engine, made where it is needed; or aws (./aws is a file)",
              {.value = "FILE|aws", .show_default = true, .environment = "FANFOLD_STORE"});
  root.option("--table", common.table, "On AWS: the DynamoDB table; fanfold by default",
              {.value = "TABLE", .environment = "FANFOLD_TABLE"});
  root.option("--bucket", common.bucket, "On AWS: the S3 bucket of globals and large payloads; none by default",
              {.value = "BUCKET", .environment = "FANFOLD_BUCKET"});
  root.option("--region", common.region, "On AWS: in place of AWS_REGION and the profile's", {.value = "REGION"});
  root.option("--profile", common.profile, "On AWS: of ~/.aws/config, in place of AWS_PROFILE and keys in variables",
              {.value = "PROFILE"});
  root.option("--prices", common.prices,
              "On AWS: a file of prices for fanfold cost and --max-cost, key = dollars for a million",
              {.value = "FILE", .environment = "FANFOLD_PRICES"});
}

using AddCommand = void (*)(Command, Invocation&);
constexpr std::pair<std::string_view, AddCommand> top_commands[] = {
    {"run", add_run_command},         {"work", add_work_command},
    {"send", add_send_command},       {"cluster", add_cluster_command},
    {"tasks", add_tasks_command},     {"errors", add_errors_command},
    {"retry", add_retry_command},     {"logs", add_logs_command},
    {"results", add_results_command}, {"trace", add_trace_command},
    {"why", add_why_command},         {"verify", add_verify_command},
    {"globals", add_globals_command}, {"queue", add_queue_command},
    {"sweep", add_sweep_command},     {"dashboard", add_dashboard_command},
    {"cost", add_cost_command},       {"setup", add_setup_command},
    {"push", add_push_command},       {"backup", add_backup_command},
    {"prune", add_prune_command},     {"completion", add_completion_command},
    {"man", add_man_command},
};

/// The command that the line begins with is declared alone, unless it shows the others: declaring all takes a tenth of
/// a start that finds nothing to do.
bool is_declared(std::string_view name, std::string_view first) {
  const bool shows_others = first == "completion" || first == "man";
  const bool is_known = std::any_of(std::begin(top_commands), std::end(top_commands),
                                    [&](const auto& command) { return command.first == first; });
  return !is_known || shows_others || name == first;
}

void declare(CLI::App& app, Invocation& invocation, std::string_view first) {
  app.name("fanfold");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string(version()), "Print the version and exit");
  app.footer(exit_codes_help);
  app.formatter(help_formatter());  // Before there are commands, which inherit it.
  Command root(app);
  declare_store(root, invocation.common);
  root.option("--durability", invocation.common.durability,
              "full: what was acknowledged survives a power cut; normal: the death of every process, faster",
              {.value = "full|normal",
               .show_default = true,
               .choices = {"full", "normal"},
               .environment = "FANFOLD_DURABILITY"});
  root.flag("--json", invocation.common.json,
            "Print JSON on standard output, one object a line; an error is an object on standard error");

  for (const auto& [name, add] : top_commands) {
    if (is_declared(name, first)) add(root, invocation);
  }
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

std::string help_of(const CLI::App& app) {
  std::string help = app.help(app.get_parent() == nullptr ? "" : full_name(*app.get_parent()));
  // CLI11 knows nothing of the program that these two run.
  constexpr std::string_view options = "[OPTIONS]";
  const std::size_t at = help.find(options);
  const bool runs_program = app.get_name() == "run" || app.get_name() == "work";
  if (runs_program && at != std::string::npos) help.insert(at + options.size(), " -- PROGRAM [ARGUMENT...]");
  return help;
}

ExitCode usage_error(const CLI::App& app, const std::string& message) {
  return fail({.code = to_string(ErrorCode::invalid_argument),
               .message = message,
               .hint = fmt::format("See {} --help.", full_name(innermost(app))),
               .exit = ExitCode::usage});
}

/// CLI11 says only that a command is missing where there is a word that is none.
std::string command_missing(const CLI::App& app, const std::string& message) {
  const CLI::App& asked = innermost(app);
  const std::vector<std::string> words = app.remaining(true);  // A group leaves unknown words to its parent.
  const bool is_word = !words.empty() && !words.front().empty() && words.front().front() != '-';
  std::string names;
  for (const CLI::App* command : asked.get_subcommands([](const CLI::App*) { return true; }))
    names += (names.empty() ? "" : ", ") + command->get_name();
  if (!is_word) return names.empty() ? message : fmt::format("a command is missing; there are {}", names);
  return fmt::format("there is no command '{} {}'; there are {}", full_name(asked),
                     printable(words.front(), Newlines::escape), names);
}

/// CLI11 calls an argument by the name that it is declared under, which the help does not show.
std::string argument_missing(const CLI::App& app, const std::string& message) {
  const std::size_t end = message.find(" is required");
  if (end == std::string::npos) return message;
  const CLI::Option* option = innermost(app).get_option_no_throw(message.substr(0, end));
  const bool is_argument = option != nullptr && option->get_positional();
  return is_argument ? option->get_type_name() + " is missing" : message;
}

/// CLI11 lists what is left over from the last to the first.
std::string unexpected(const CLI::App& app, const std::string& message) {
  const std::vector<std::string> words = app.remaining(true);
  if (words.empty()) return message;
  const std::string& word = words.front();
  const std::string shown = printable(word, Newlines::escape);
  if (word.size() > 1 && word.front() == '-') return fmt::format("there is no option '{}'", shown);
  const std::string name = innermost(app).get_name();
  const bool runs_program = name == "run" || name == "work";
  return fmt::format("'{}' is not expected here{}", shown,
                     runs_program ? "; the program to run stands behind --, as in: -- convert {task}" : "");
}

/// CLI11 counts what was expected: "--name: At Most 1 required but received 2".
std::string mismatch(const std::string& message) {
  const std::string name = message.substr(0, message.find(':'));
  if (message.find("At Most 1") != std::string::npos) return fmt::format("{} is given more than once", name);
  if (message.find("required") != std::string::npos) return fmt::format("{} needs a value", name);
  return message;
}

/// The store's troubles name the store, and say how to go on.
std::string in_store(const Error& error, const CommonOptions& common) {
  const bool lasting =
      error.code == ErrorCode::disk_full || error.code == ErrorCode::read_only || error.code == ErrorCode::damaged;
  const bool is_of_an_option = error.message.starts_with("--");
  if (!lasting || is_on_aws(common) || is_of_an_option) return error.message;
  const bool is_named =
      error.message.find('/') != std::string::npos || error.message.find(common.store) != std::string::npos;
  std::string message = is_named ? error.message : fmt::format("{}: {}", common.store, error.message);
  if (error.code == ErrorCode::disk_full && message.find("goes on once there is room") == std::string::npos)
    message += "; what was acknowledged is kept, and the same command goes on once there is room";
  return message;
}

ExitCode report(const Error& error, const CommonOptions& common) {
  return fail({.code = to_string(error.code),
               .message = in_store(error, common),
               .detail = error.remote_detail,
               .exit = exit_code_of(error.code)});
}

ExitCode report_defect(const std::exception& exception) {
  const std::string message = fmt::format("a defect of fanfold's own: {}", exception.what());
  return fail({.code = to_string(ErrorCode::internal), .message = message, .exit = ExitCode::internal});
}

/// `configured`: of the file of settings, which help, version and manual do without.
ExitCode parse_and_perform(CLI::App& app, Invocation& invocation, std::vector<std::string> arguments,
                           const Result<void>& configured) {
  invocation.command = split_program(arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    print(help_of(innermost(app)));
    return ExitCode::ok;
  } catch (const CLI::CallForVersion& version_text) {
    print_line(version_text.what());
    return ExitCode::ok;
  } catch (const CLI::RequiredError& error) {
    const bool has_commands = !innermost(app).get_subcommands([](const CLI::App*) { return true; }).empty();
    return usage_error(app, has_commands ? command_missing(app, error.what()) : argument_missing(app, error.what()));
  } catch (const CLI::ExtrasError& error) {
    return usage_error(app, unexpected(app, error.what()));
  } catch (const CLI::ArgumentMismatch& error) {
    return usage_error(app, mismatch(error.what()));
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error.what());
  }
  const std::string& command = app.get_subcommands().front()->get_name();
  if (!configured && command != "man" && command != "completion") return report(configured.error(), invocation.common);
  const auto done = invocation.action();
  return done ? *done : report(done.error(), invocation.common);
}

}  // namespace

int run_command_line(int argument_count, char** arguments) {
  open_missing_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  // Ignored by whoever started us, it would keep us from learning how our own programs end.
  std::signal(SIGCHLD, SIG_DFL);
  CLI::App app{"Fans a job out into messages and folds it back in. Each command works on one store."};
  Invocation invocation;
  ExitCode code = ExitCode::internal;
  try {
    const auto from_environment = [](const char* name) -> std::optional<std::string> {
      const char* value = std::getenv(name);
      return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
    };
    const std::span<char*> all(arguments, static_cast<std::size_t>(argument_count));
    std::vector<std::string> words(all.begin() + (all.empty() ? 0 : 1), all.end());
    if (asks_for_json(words)) write_failures_as_json();
    const auto configured = read_config_file(config_file_name, from_environment, invocation.common);
    declare(app, invocation, words.empty() ? std::string_view() : std::string_view(words.front()));
    code = parse_and_perform(app, invocation, std::move(words), configured);
  } catch (const ErrorException& exception) {
    code = report(exception.error(), invocation.common);
  } catch (const std::system_error& exception) {
    code = exception.code() == std::errc::resource_unavailable_try_again
               ? report({ErrorCode::unavailable,
                         fmt::format("no thread can be started: {} (ulimit -u)", exception.code().message()),
                         {}},
                        invocation.common)
               : report_defect(exception);
  } catch (const std::exception& exception) {
    code = report_defect(exception);
  }
  flush_output();
  return static_cast<int>(code);
}

}  // namespace fanfold::cli
