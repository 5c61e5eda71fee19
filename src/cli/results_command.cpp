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
  std::uint64_t first_index = 0;
  std::uint64_t limit = 0;  // Zero: all.
  bool text = false;
};

constexpr std::size_t page_results = 1000;

/// What a task printed, as far as it was kept, or the string that it returned; other results as their JSON on a line.
PrintedText text_of(const Json& result) {
  if (auto printed = printed_text(result)) return std::move(*printed);
  if (result.text().starts_with('"')) {
    if (auto string = task_text(result)) return {*string + "\n"};
  }
  return {result.text() + "\n"};
}

/// False where only a part of a text that was asked for can be shown.
bool show(const Invocation& invocation, const ResultsOptions& options, const TaskResult<Json>& result) {
  if (options.text) {
    const PrintedText shown = text_of(result.result);
    print(shown.text);
    return !shown.is_cut;
  }
  print_line(invocation.common.json ? JsonObject().count("index", result.index).json("result", result.result).line()
                                    : fmt::format("{}\t{}", result.index, result.result.text()));
  return true;
}

Result<ExitCode> results(const Invocation& invocation, const ResultsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  if (options.first_index > 0 && options.first_index >= header->task_count)
    return no_task(*header, options.first_index);
  std::uint64_t cut_count = 0;
  std::uint64_t shown = 0;
  std::optional<std::uint64_t> next = options.first_index;
  const auto wanted = [&] {
    return options.limit == 0 ? page_results : std::min<std::uint64_t>(page_results, options.limit - shown);
  };
  while (next && wanted() > 0) {
    auto page = client->core()->results(key_of(*header), *next, wanted());
    if (!page) return std::move(page).error();
    for (const TaskResult<Json>& result : page->results) cut_count += show(invocation, options, result) ? 0 : 1;
    shown += page->results.size();
    next = page->next_index;
  }
  if (shown == 0 && !invocation.common.json)
    note(fmt::format("{}: no task{} has a result; fanfold cluster show {} says how far it is", label_of(*header),
                     options.first_index > 0 ? fmt::format(" from index {} on", options.first_index) : "",
                     word_of(*header)));
  if (cut_count == 0) return ExitCode::ok;
  note(fmt::format("{} longer than the {} that are kept: what is shown of {} ends there; run --results keeps all",
                   counted(cut_count, "text is", "texts are"), printed_limit, cut_count == 1 ? "it" : "them"));
  return ExitCode::failed;
}

}  // namespace

void add_results_command(Command app, Invocation& invocation) {
  auto command = add_command<ResultsOptions>(app, invocation, "results", "Show what the tasks returned, in task order",
                                             "fanfold results photos --text > all.txt", results);
  add_cluster_argument(command.app, command.options.cluster);
  command.app.option("--from", command.options.first_index, "From this index on; from the first task by default",
                     {.value = "INDEX"});
  command.app.option("--limit", command.options.limit, "At most so many; all by default",
                     {.value = "N", .range = OptionTraits::Range{1, 1'000'000'000}});
  command.app.flag("--text", command.options.text,
                   "Nothing but what each task printed, byte by byte, one behind the other");
}

}  // namespace fanfold::cli
