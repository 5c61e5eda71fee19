#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/pause.hpp"
#include "cli/progress_reporter.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "engine/store.hpp"

#include <fanfold/records_json.hpp>
#include <fanfold/worker.hpp>

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

constexpr std::uint64_t task_lists_max = 10'000;  ///< A record shows its task lists whole up to so many tasks.
constexpr std::chrono::milliseconds watch_interval{100};
constexpr std::chrono::milliseconds watch_interval_on_aws{2'000};  ///< Each look is up to a hundred reads there.

struct LsOptions {
  std::string name;
  bool unfinished = false;
  std::uint64_t limit = 0;  // Zero: by shown_count_max.
};

/// What there is to say in place of a list without a line, and what to type next.
Result<void> explain_empty_list(const Client& client, const LsOptions& options) {
  const bool is_filtered = options.unfinished || !options.name.empty();
  if (is_filtered) {
    auto any = client.list_clusters({.unfinished_only = false, .name = {}, .cursor = {}, .count_max = 1});
    if (!any) return std::move(any).error();
    if (!any->clusters.empty()) {
      const std::string name =
          options.name.empty() ? "" : fmt::format(" of the name '{}'", printable(options.name, Newlines::escape));
      note(fmt::format("there is no {}cluster{}; fanfold cluster ls shows all", options.unfinished ? "unfinished " : "",
                       name));
      return {};
    }
  }
  note("there are no clusters; fanfold run and fanfold cluster create make one");
  return {};
}

Result<ExitCode> list(const Invocation& invocation, const LsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  Table table({"CLUSTER", "NAME", "STATUS", "TOTAL", "COMPLETE", "FAILED", "RUNNING", "STARTED"});
  const std::uint64_t limit = shown_count_max(options.limit, invocation.common.json);
  ClusterQuery query{.unfinished_only = options.unfinished,
                     .name = options.name,
                     .cursor = {},
                     .count_max = std::min<std::uint64_t>(limit, 1000)};
  std::uint64_t shown = 0;
  do {
    auto page = client->list_clusters(query);
    if (!page) return std::move(page).error();
    for (const ClusterHeader& header : page->clusters) {
      if (shown++ == limit) break;
      auto progress = client->progress(key_of(header));
      if (!progress) return std::move(progress).error();
      if (invocation.common.json) {
        print_line(state_json(header, *progress).line());
      } else {
        table.add({header.id, label_of(header), state_text(header, *progress), with_thousands(progress->total_count),
                   with_thousands(progress->done_count), with_thousands(progress->failed_count),
                   with_thousands(progress->in_progress_count), age_text(header.created_at, now())});
      }
    }
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty() && shown < limit);
  table.print();
  if (shown == 0 && !invocation.common.json) {
    if (auto said = explain_empty_list(*client, options); !said) return said.error();
  }
  if (!query.cursor.empty() && !invocation.common.json) note(fmt::format("(the newest {}; --limit shows more)", limit));
  return ExitCode::ok;
}

struct ClusterOnly {
  std::string cluster;
};

Result<ExitCode> show(const Invocation& invocation, const ClusterOnly& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto progress = client->progress(key_of(*header));
  if (!progress) return std::move(progress).error();
  auto finish = read_finish(*client, *header);
  if (!finish) return std::move(finish).error();
  if (invocation.common.json) {
    const bool whole = progress->total_count <= task_lists_max && !header->tombstone;
    auto record = client->core()->cluster_record(key_of(*header), Consistency::strong, whole);
    if (!record) return std::move(record).error();
    std::string text = to_json(*record).text();
    if (!header->trace.empty()) text.insert(text.rfind('}'), ",\"trace\":" + trace_json(header->trace));
    if (*finish) text.insert(text.rfind('}'), ",\"finish\":" + finish_json(**finish));
    print_line(text);
    return ExitCode::ok;
  }
  print(state_description(*header, *progress, *finish));
  return ExitCode::ok;
}

/// A store that is not reached now is asked again until it answers, as a worker does; the user is told once. `tells`:
/// it does so by itself.
bool is_worth_waiting_for(const Result<Progress>& progress, bool tells, bool& told) {
  if (progress) return true;
  if (!engine::is_passing_fault(progress.error().code)) return false;
  if (!told && !tells) note("fanfold: " + printable(to_string(progress.error()), Newlines::escape) + "; trying again");
  told = true;
  return true;
}

Result<ExitCode> watch(const Invocation& invocation, const ClusterOnly& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  const MessageKey key = key_of(*header);
  const auto is_elsewhere = [&] { return !header->moved_to.empty() && !header->moving(); };
  const auto moved = [&] {
    return Error{ErrorCode::conflict,
                 fmt::format("{}: was moved to {}; watch it there", label_of(*header), header->moved_to),
                 {}};
  };
  if (is_elsewhere()) return moved();
  const std::stop_token stop = stop_on_signals();
  Result<Progress> progress = client->progress(key);
  {
    const ProgressReporter reporter(
        *client, {.cluster = key, .name = label_of(*header), .is_on_aws = is_on_aws(invocation.common)});
    const auto interval = is_on_aws(invocation.common) ? watch_interval_on_aws : watch_interval;
    bool told = false;
    while (is_worth_waiting_for(progress, is_on_aws(invocation.common), told) && !(progress && progress->finished) &&
           !stop.stop_requested()) {
      pause_for(interval, stop);
      progress = client->progress(key);
      if (progress) told = false;
      if (progress && progress->paused) {  // As it is before it is moved.
        auto now_paused = client->cluster_header(key);
        if (now_paused && !now_paused->moved_to.empty() && !now_paused->moving()) break;
      }
    }
  }
  if (!progress) return std::move(progress).error();
  header = client->cluster_header(key);
  if (!header) return std::move(header).error();
  if (invocation.common.json) {
    print_line(state_json(*header, *progress).line());
  } else {
    note(ending_line(label_of(*header), *header, *progress));
  }
  if (is_elsewhere()) return moved();
  return ending_code(*progress);
}

}  // namespace

void add_cluster_look_commands(Command cluster, Invocation& invocation) {
  auto ls = add_command<LsOptions>(cluster, invocation, "ls", "Show clusters, the newest first",
                                   "fanfold cluster ls --unfinished", list);
  ls.app.option("--name", ls.options.name, "Only clusters of this name", {.value = "NAME"});
  ls.app.flag("--unfinished", ls.options.unfinished,
              "Only those that are not finished, or whose finish is not handled yet");
  ls.app.option("--limit", ls.options.limit, shown_count_help,
                {.value = "N", .range = OptionTraits::Range{1, 1'000'000}});

  auto one =
      add_command<ClusterOnly>(cluster, invocation, "show",
                               "Show one cluster; with --json its record, with the task lists of up to 10,000 tasks",
                               "fanfold cluster show photos", show);
  add_cluster_argument(one.app, one.options.cluster);

  auto live = add_command<ClusterOnly>(
      cluster, invocation, "watch", "Show a cluster's progress until it is finished; exit code 1 where a task failed",
      "fanfold cluster watch photos", watch);
  add_cluster_argument(live.app, live.options.cluster);
}

}  // namespace fanfold::cli
