#include "cli/cluster_argument.hpp"
#include "cli/cluster_relatives.hpp"
#include "cli/cluster_state.hpp"
#include "cli/cluster_trace.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/run_job.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "cli/trace_file.hpp"
#include "engine/completion.hpp"
#include "metrics/trace_event.hpp"

#include <fmt/format.h>

#include <csignal>

#include <unistd.h>

namespace fanfold::cli {
namespace {

struct TraceOptions {
  std::string cluster;
  std::string output;
  std::uint64_t limit = 2'000;
};

constexpr std::size_t traced_page_tasks = 1000;
constexpr std::uint32_t rounds_max = 100;  ///< The newest, each a read; what was before them is one.
constexpr std::uint64_t limit_max = 100'000;
constexpr std::string_view viewer = "https://ui.perfetto.dev";

/// The rounds' finish messages. What has been removed, or has not been sent, is left out.
Result<std::vector<RoundFinish>> read_finishes(const Client& client, const ClusterHeader& header) {
  std::vector<RoundFinish> finishes;
  const std::uint32_t first = header.round - std::min(header.round, rounds_max);
  for (std::uint32_t round = first; round <= header.round; ++round) {
    if (round == header.round && !header.finish_sent_at) break;
    const std::string id = engine::finish_record_id(header.id, round);
    auto record = client.get_message_record<>(MessageKey::of_message(id), Consistency::strong);
    if (!record && record.error().code == ErrorCode::not_found) continue;
    if (!record) return std::move(record).error();
    finishes.push_back({.round = round,
                        .sent_at = record->started_at,
                        .ended = record->completed_at,
                        .status = record->status,
                        .attempt_count = record->consumption_count,
                        .errors = std::move(record->error)});
  }
  return finishes;
}

Result<void> add_all_tasks(const Client& client, const MessageKey& key, ClusterTrace& trace) {
  std::optional<std::uint64_t> next = 0;
  while (next) {
    auto page = client.core()->list_tasks(key, {}, *next, traced_page_tasks, TaskParts::errors);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) trace.add(task);
    next = page->next_index;
  }
  return {};
}

Result<ClusterTrace> read_trace(const Client& client, const ClusterHeader& header, std::uint64_t limit) {
  auto finishes = read_finishes(client, header);
  if (!finishes) return std::move(finishes).error();
  ClusterTrace trace({.cluster = header, .finishes = std::move(*finishes), .looked_at = now(), .shown_max = limit});
  if (auto added = add_all_tasks(client, key_of(header), trace); !added) return std::move(added).error();
  if (is_of_run(header)) return trace;  // Programs make no child clusters.
  auto relatives = find_relatives(client, header);
  if (!relatives) return std::move(relatives).error();
  for (const ClusterHeader& child : relatives->children) trace.add_child(child);
  for (const ClusterHeader& parent : relatives->parents) trace.add_parent(parent);
  if (relatives->is_cut)
    note(fmt::format("(children were looked for among the newest {} clusters)",
                     with_thousands(relatives_looked_at_max)));
  return trace;
}

void print_trace(ClusterTrace& trace) {
  std::string_view separator = TraceFile::array_begin;
  trace.write([&](std::string_view event) {
    print(separator);
    print(event);
    separator = TraceFile::separator;
  });
  print(TraceFile::array_end);
}

std::string size_text(std::uint64_t bytes) {
  return bytes < 1'000'000 ? fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3)
                           : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void say_file(const Invocation& invocation, const TraceOptions& options, const ClusterTrace& trace,
              std::uint64_t event_count, std::uint64_t bytes) {
  if (invocation.common.json) {
    JsonObject object;
    object.text("file", options.output).count("bytes", bytes).count("events", event_count);
    object.count("tasks", trace.task_count()).count("complete", trace.counts().complete);
    object.count("failed", trace.counts().failed).count("failed_attempts", trace.counts().failed_attempts);
    object.count("left_out", trace.left_out_count());
    print_line(object.count("tasks_with_more_failures_than_kept", trace.partly_kept_count()).line());
    return;
  }
  print_line(fmt::format("{}: {}, {} of {}; {} shows it", printable(options.output, Newlines::escape), size_text(bytes),
                         counted(event_count, "event", "events"), counted(trace.task_count(), "task", "tasks"),
                         viewer));
}

void say_left_out(const Invocation& invocation, const ClusterTrace& trace) {
  if (trace.left_out_count() == 0 || invocation.common.json) return;
  note(
      fmt::format("(of ends of tasks, failures, begun tasks and child clusters, {} are not shown; a larger --limit "
                  "shows more)",
                  with_thousands(trace.left_out_count())));
}

void say_partly_kept(const Invocation& invocation, const ClusterTrace& trace) {
  if (trace.partly_kept_count() == 0 || invocation.common.json) return;
  note(fmt::format("({} failed {} times or more: their first failure and the latest {} are kept, and none between)",
                   counted(trace.partly_kept_count(), "task", "tasks"), error_count_max, error_count_max - 1));
}

/// Keeps what would end the process (Ctrl-C, SIGTERM, SIGHUP) waiting in this thread.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

/// Opened before the store is read, which may take long.
Result<std::optional<TraceFile>> open_output(const TraceOptions& options, std::optional<Error>& failure) {
  if (options.output.empty() || options.output == "-") {
    if (isatty(STDOUT_FILENO) == 0) return std::optional<TraceFile>();
    return Error{ErrorCode::invalid_argument,
                 fmt::format("a trace is for {}, and none for a terminal: write it with --output FILE", viewer),
                 {}};
  }
  auto file = TraceFile::open({.path = options.output,
                               .option = "--output",
                               .first_object_begin = metrics::trace_begin,
                               .failed = [&failure](const Error& error) { failure = error; }});
  if (!file) return std::move(file).error();
  return std::optional<TraceFile>(std::move(*file));
}

Result<ExitCode> trace_cluster(const Invocation& invocation, const TraceOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  std::optional<Error> failure;
  auto file = open_output(options, failure);
  if (!file) return std::move(file).error();
  auto made = read_trace(*client, *header, options.limit);
  if (!made && *file) (*file)->discard();
  if (!made) return std::move(made).error();
  if (!*file) {
    print_trace(*made);
    say_left_out(invocation, *made);
    say_partly_kept(invocation, *made);
    return ExitCode::ok;
  }
  std::uint64_t event_count = 0;
  const SignalsHeld held;  // With the first write an earlier trace is gone: this one is written whole.
  made->write([&](std::string_view event) {
    ++event_count;
    (*file)->write(event);
  });
  if (failure) {
    (*file)->discard();
    return std::move(*failure);
  }
  const std::uint64_t bytes = (*file)->bytes() + TraceFile::array_end.size();
  say_file(invocation, options, *made, event_count, bytes);
  say_left_out(invocation, *made);
  say_partly_kept(invocation, *made);
  return ExitCode::ok;
}

}  // namespace

void add_trace_command(Command app, Invocation& invocation) {
  auto command = add_command<TraceOptions>(app, invocation, "trace",
                                           "Write a timeline of a cluster, for Perfetto or chrome://tracing",
                                           "fanfold trace photos --output photos.json", trace_cluster);
  add_cluster_argument(command.app, command.options.cluster);
  command.app.option("--output", command.options.output,
                     "Write this file; an earlier trace of fanfold's is replaced, any other file is left alone. By "
                     "default, and with -, standard output",
                     {.value = "FILE"});
  command.app.option("--limit", command.options.limit,
                     "Mark at most so many ends of tasks, and as many failures, the latest; the counts are of all",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{0, limit_max}});
}

}  // namespace fanfold::cli
