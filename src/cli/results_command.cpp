#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/task_command.hpp"
#include "cli/task_text.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct ResultsOptions {
  std::string cluster;
  bool text = false;
};

/// What a task printed, or the string that it returned; other results as their JSON on a line.
std::string text_of(const Json& result) {
  if (auto printed = printed_text(result)) return std::move(*printed);
  if (result.text().starts_with('"')) {
    if (auto string = task_text(result)) return *string + "\n";
  }
  return result.text() + "\n";
}

Result<ExitCode> results(const Invocation& invocation, const ResultsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  std::uint64_t cut_count = 0;
  auto all = client->results(key_of(*header));
  for (const auto& result : all) {
    if (!result) return result.error();
    if (options.text) {
      if (result->result.text().starts_with('{') && !printed_text(result->result)) ++cut_count;
      print(text_of(result->result));
    } else if (invocation.common.json) {
      print_line(JsonObject().count("index", result->index).json("result", result->result).line());
    } else {
      print_line(fmt::format("{}\t{}", result->index, result->result.text()));
    }
  }
  if (cut_count > 0)
    note(fmt::format("{}: shown as JSON, since they are no text or were too long to be kept whole",
                     counted(cut_count, "result", "results")));
  return ExitCode::ok;
}

}  // namespace

void add_results_command(Command app, Invocation& invocation) {
  auto command = add_command<ResultsOptions>(app, invocation, "results", "Show what the tasks returned, in task order",
                                             "fanfold results photos --text > all.txt", results);
  add_cluster_argument(command.app, command.options.cluster);
  command.app.flag("--text", command.options.text,
                   "Nothing but what each task printed, byte by byte, one behind the other");
}

}  // namespace fanfold::cli
