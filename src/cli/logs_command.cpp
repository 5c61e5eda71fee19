#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace fanfold::cli {
namespace {

struct LogsOptions {
  std::string task;
  std::uint32_t attempt = 0;
};

void show(const AttemptOutput& attempt, bool alone) {
  if (!alone) print_line(fmt::format("--- attempt {}, {}", attempt.attempt, to_iso8601(attempt.at)));
  // Bytes of a foreign program: to a terminal only what cannot command it.
  const bool to_terminal = isatty(STDOUT_FILENO) == 1;
  print(to_terminal ? printable(attempt.output, Newlines::keep) : attempt.output);
  if (!attempt.output.empty() && !attempt.output.ends_with('\n') && (to_terminal || !alone)) print("\n");
}

Result<ExitCode> logs(const Invocation& invocation, const LogsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto key = find_record(*client, options.task);
  if (!key) return std::move(key).error();
  auto outputs = client->outputs(*key);
  if (!outputs) return std::move(outputs).error();
  bool found = false;
  for (const AttemptOutput& attempt : *outputs) {
    if (options.attempt != 0 && attempt.attempt != options.attempt) continue;
    found = true;
    if (invocation.common.json) {
      print_line(
          JsonObject().count("attempt", attempt.attempt).time("at", attempt.at).text("output", attempt.output).line());
    } else {
      show(attempt, options.attempt != 0);
    }
  }
  if (!found && !invocation.common.json) note(fmt::format("{}: nothing was printed", options.task));
  return ExitCode::ok;
}

}  // namespace

void add_logs_command(Command app, Invocation& invocation) {
  auto command = add_command<LogsOptions>(app, invocation, "logs", "Show what the attempts of one task printed",
                                          "fanfold logs photos#17", logs);
  command.app.option("task", command.options.task, "CLUSTER#INDEX, or a message's key",
                     {.value = "TASK", .required = true});
  command.app.option("--attempt", command.options.attempt, "Only this attempt, and nothing but its bytes",
                     {.value = "N"});
}

}  // namespace fanfold::cli
