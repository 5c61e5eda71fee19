#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/run_job.hpp"
#include "cli/store.hpp"
#include "cli/task_text.hpp"
#include "cli/text.hpp"
#include "views/task_state.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t page_tasks = 1000;
constexpr std::size_t task_columns_max = 60;
constexpr std::size_t error_columns_max = 60;

struct TasksOptions {
  std::string cluster;
  std::string status;
  std::string fingerprint;
  std::string contains;
  std::uint64_t first_index = 0;
  std::uint64_t limit = 0;  // Zero: by shown_count_max.
};

/// Empty for no text. Errors: invalid_argument.
Result<std::optional<Status>> read_status(const std::string& text) {
  if (text.empty()) return std::optional<Status>();
  if (auto status = views::status_of_word(text)) return status;
  return Error{ErrorCode::invalid_argument,
               fmt::format("--status: '{}' is none of open, running, complete, failed", as_utf8(text)),
               {}};
}

/// With the end of the lease where that alone tells whether its worker still lives.
std::string state_text(const TaskState& task, bool is_on_aws) {
  std::string text(views::state_word(task));
  if (!task.lease_end || task.abandoned) return text;
  const Time at = now();
  if (task.backing_off) return *task.lease_end > at ? fmt::format("{} {}", text, age_text(*task.lease_end, at)) : text;
  if (is_on_aws || *task.lease_end <= at)
    text += fmt::format(", lease {} {}", *task.lease_end > at ? "ends" : "ended", age_text(*task.lease_end, at));
  return text;
}

JsonObject task_json(const ClusterHeader& header, const TaskState& task) {
  JsonObject object;
  object.text("task", MessageKey::of_task(header.id, task.index).r_key)
      .count("index", task.index)
      .text("status", to_string(task.status))
      .text("state", views::state_word(task))
      .count("attempts", task.attempt_count)
      .json("body", task.body)
      .time("lease_end", task.lease_end)
      .time("completed_at", task.completed_at);
  if (task.meta) object.json("meta", *task.meta);
  object.json("error", errors_json(task.error));
  return object;
}

/// What there is to say in place of a list without a line, and what to type next.
std::string empty_list(const ClusterHeader& header, const TasksOptions& options) {
  const std::string label = label_of(header);
  if (header.task_count == 0 && header.sealed()) return fmt::format("{}: it has no tasks", label);
  if (header.task_count == 0)
    return fmt::format("{}: it has no tasks yet; fanfold cluster add {} KEY --tasks FILE adds some", label,
                       word_of(header));
  const std::string from = options.first_index > 0 ? fmt::format(" from index {} on", options.first_index) : "";
  return fmt::format("{}: no task{} matches; fanfold tasks {} shows all", label, from, word_of(header));
}

Result<ExitCode> tasks(const Invocation& invocation, const TasksOptions& options) {
  auto status = read_status(options.status);
  if (!status) return std::move(status).error();
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  if (options.first_index > 0 && options.first_index >= header->task_count)
    return no_task(*header, options.first_index);
  const TaskFilter filter{.status = *status, .fingerprint = options.fingerprint, .contains = options.contains};
  Table table({"INDEX", "STATUS", "ATTEMPTS", "TASK", "LAST ERROR"});
  std::optional<std::uint64_t> next = options.first_index;
  std::uint64_t shown = 0;
  bool has_abandoned = false;
  const std::uint64_t limit = shown_count_max(options.limit, invocation.common.json);
  while (next && shown < limit) {
    auto page = client->list_tasks(key_of(*header), filter, *next, std::min<std::uint64_t>(page_tasks, limit - shown));
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) {
      ++shown;
      has_abandoned = has_abandoned || task.abandoned;
      if (invocation.common.json) {
        print_line(task_json(*header, task).line());
        continue;
      }
      const std::string error =
          task.error.empty()
              ? ""
              : fmt::format("{}  {}", task.error.back().code, printable(task.error.back().message, Newlines::escape));
      table.add({std::to_string(task.index), state_text(task, is_on_aws(invocation.common)),
                 std::to_string(task.attempt_count), clipped(task_label(task.body), task_columns_max),
                 clipped(error, error_columns_max)});
    }
    next = page->next_index;
  }
  table.print();
  if (shown == 0 && !next && !invocation.common.json) note(empty_list(*header, options));
  if (has_abandoned && !invocation.common.json)
    note(fmt::format("(abandoned: their worker died; {} goes on with them at once)",
                     is_of_run(*header) ? "the same fanfold run command" : "the next worker"));
  if (next && !invocation.common.json)
    note(fmt::format("(more from index {}: --from {}, or a larger --limit)", *next, *next));
  return ExitCode::ok;
}

struct FailOptions {
  std::string task;
  std::string reason = "failed by hand";
};

/// Says how the task ended, in place of the library's word for whoever comes late.
Error had_ended(const Client& client, const FoundRecord& found, const std::string& label) {
  Error error{ErrorCode::conflict, fmt::format("{} had ended before; nothing was changed", label), {}};
  auto page = client.list_tasks(key_of(*found.cluster), {}, *found.index, 1);
  if (!page || page->tasks.empty() || page->tasks.front().index != *found.index) return error;
  const TaskState& task = page->tasks.front();
  const std::string when = task.completed_at ? fmt::format(" ({})", age_text(*task.completed_at, now())) : "";
  if (task.status == Status::complete)
    error.message = fmt::format("{} is complete already{}: nothing was changed", label, when);
  else if (task.status == Status::error && !task.error.empty())
    error.message = fmt::format("{} has failed already{}, by {}: {}; nothing was changed", label, when,
                                task.error.back().code, printable(task.error.back().message, Newlines::escape));
  else if (found.cluster->stopped())
    error.message = fmt::format("{} is not failed by hand: its cluster was stopped; nothing was changed", label);
  return error;
}

Result<ExitCode> fail_task(const Invocation& invocation, const FailOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto found = find_record(*client, options.task);
  if (!found) return std::move(found).error();
  if (!found->index) {
    return Error{ErrorCode::bad_input,
                 fmt::format("'{}' names no task: write CLUSTER#INDEX, as in photos#17",
                             printable(options.task, Newlines::escape)),
                 {}};
  }
  const std::string label = printable(options.task, Newlines::escape);
  auto failed = client->fail_task(found->key, options.reason);
  if (!failed && failed.error().code == ErrorCode::lease_lost) return had_ended(*client, *found, label);
  if (!failed) return std::move(failed).error();
  print_line(invocation.common.json
                 ? JsonObject().text("task", found->key.r_key).text("status", to_string(Status::error)).line()
                 : fmt::format("{}: failed", label));
  return ExitCode::ok;
}

}  // namespace

void add_tasks_command(Command app, Invocation& invocation) {
  auto command = add_command<TasksOptions>(
      app, invocation, "tasks", "Show the tasks of a cluster",
      "fanfold tasks photos --status failed\n  fanfold tasks fail photos#17 --reason 'no such photo'", tasks);
  add_cluster_argument(command.app, command.options.cluster, false);
  command.app.option("--status", command.options.status, "Only those that are open, running, complete or failed",
                     {.value = "STATUS"});
  command.app.option("--fingerprint", command.options.fingerprint,
                     "Only those whose error has this fingerprint, or one that begins so", {.value = "FINGERPRINT"});
  command.app.option("--contains", command.options.contains, "Only those whose last error's message contains this");
  command.app.option("--from", command.options.first_index, "From this index on", {.value = "INDEX"});
  command.app.option("--limit", command.options.limit, shown_count_help,
                     {.value = "N", .range = OptionTraits::Range{1, 1'000'000'000}});

  auto fail = add_command<FailOptions>(command.app, invocation, "fail", "End one task by hand, as failed",
                                       "fanfold tasks fail photos#17 --reason 'no such photo'", fail_task);
  fail.app.option("task", fail.options.task, "CLUSTER#INDEX", {.value = "TASK", .required = true});
  fail.app.option("--reason", fail.options.reason, "Kept in its record", {.value = "TEXT", .show_default = true});
}

}  // namespace fanfold::cli
