#include "cli/run_explanation.hpp"

#include "cli/output.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t explained_page_tasks = 1000;

void explain_task(const RunExplanation& run, const TaskState& task) {
  const std::string label = task_label(task.body);
  if (task.status == Status::complete) {
    note(fmt::format("skip  {}  (complete)", label));
  } else if (const auto where = run.elsewhere.find(task.index)) {
    note(fmt::format("skip  {}  (complete as {}#{})", label, where->cluster.p_key, where->index));
  } else if (task.status == Status::error) {
    note(fmt::format("run   {}  (failed before: {})", label, task.error.empty() ? "" : task.error.back().code));
  } else {
    note(fmt::format("run   {}  ({})", label,
                     run.is_new               ? "new"
                     : task.attempt_count > 0 ? "was begun"
                                              : "was not begun"));
  }
}

}  // namespace

Result<void> explain_run(const RunExplanation& run, bool each_task) {
  const std::uint64_t failed = run.before.failed_count;
  const std::uint64_t known = run.before.done_count + failed;
  const std::uint64_t open = run.before.total_count > known ? run.before.total_count - known : 0;
  if (known + run.elsewhere.count() > 0) {
    std::string line = fmt::format("{}: {}", run.label, counted(run.task_count, "task", "tasks"));
    if (run.before.done_count > 0)
      line += fmt::format(", {} complete before (skipped)", with_thousands(run.before.done_count));
    if (run.elsewhere.count() > 0)
      line += fmt::format(", {} complete in earlier lists (skipped)", with_thousands(run.elsewhere.count()));
    if (failed > 0) line += fmt::format(", {} failed before (tried again)", with_thousands(failed));
    if (open > run.elsewhere.count())
      line += fmt::format(", {} {}", with_thousands(open - run.elsewhere.count()), run.is_new ? "new" : "open");
    note(line);
  }
  if (!each_task) return {};
  std::optional<std::uint64_t> next = 0;
  while (next) {
    auto page = run.client.list_tasks(run.key, {}, *next, explained_page_tasks);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) explain_task(run, task);
    next = page->next_index;
  }
  return {};
}

}  // namespace fanfold::cli
