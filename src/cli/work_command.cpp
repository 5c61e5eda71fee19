#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/duration.hpp"
#include "cli/finish_command.hpp"
#include "cli/output.hpp"
#include "cli/queue_argument.hpp"
#include "cli/store.hpp"
#include "cli/task_command.hpp"
#include "cli/telemetry.hpp"
#include "cli/text.hpp"
#include "cli/worker_watch.hpp"
#include "support/queue_name.hpp"

#include <fanfold/worker.hpp>

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <thread>

namespace fanfold::cli {
namespace {

struct WorkOptions {
  std::vector<std::string> queues;
  std::size_t jobs = 0;
  std::uint32_t attempts_max = 3;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds backoff{1'000};
  std::chrono::milliseconds drain{30'000};
  std::string on_finish;
  std::string until_cluster;
  bool until_empty = false;
  bool verbose = false;
  TelemetryOptions telemetry;
};

/// "resize", or "resize=3" with its weight.
WeightedQueue weighted_queue(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  WeightedQueue queue{.name = text, .weight = 1};
  if (equals == std::string::npos) return queue;
  queue.name = text.substr(0, equals);
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data() + equals + 1, end, queue.weight);
  if (code != std::errc{} || stop != end || queue.weight == 0) {
    throw ErrorException(
        {ErrorCode::invalid_argument,
         fmt::format("--queue: '{}' has no weight; write NAME or NAME=WEIGHT", printable(text, Newlines::escape)),
         {}});
  }
  return queue;
}

std::string_view event_word(WorkerEvent::Kind kind) {
  switch (kind) {
    case WorkerEvent::Kind::done: return "done";
    case WorkerEvent::Kind::retried: return "retry";
    case WorkerEvent::Kind::failed: return "failed";
    case WorkerEvent::Kind::duplicate: return "duplicate";
    case WorkerEvent::Kind::lease_lost: return "lease lost";
    case WorkerEvent::Kind::returned: return "returned";
    case WorkerEvent::Kind::finish_handled: return "finished";
    case WorkerEvent::Kind::crashed_before: return "crashed before";
    case WorkerEvent::Kind::error: return "error";
    default: return "";
  }
}

/// A line per event: of what people must know always, of every task with --verbose.
void show_event(const WorkerEvent& event, bool verbose) {
  // WorkerWatch shows those.
  if (event.kind == WorkerEvent::Kind::error || event.kind == WorkerEvent::Kind::draining) return;
  // No list of tasks has the end of a cluster's finish message.
  const bool is_finish_lost = event.kind == WorkerEvent::Kind::failed && !event.cluster_id.empty() && !event.task;
  const bool always = event.kind == WorkerEvent::Kind::crashed_before || is_finish_lost;
  const std::string_view word = event_word(event.kind);
  if (word.empty() || (!verbose && !always)) return;
  std::string line = fmt::format("{:<10}", word);
  if (!event.cluster_id.empty())
    line += fmt::format(" {}", event.cluster_id);
  else if (!event.record_id.empty())
    line += fmt::format(" {}{}", key_prefix, event.record_id);
  if (event.task) line += fmt::format("#{}", *event.task);
  if (is_finish_lost) line += " --on-finish";
  if (event.attempt > 1) line += fmt::format(" attempt {}", event.attempt);
  if (event.trace != nullptr) line += fmt::format(" trace {}", event.trace->trace_id());
  if (!event.detail.empty()) line += "  " + printable(event.detail, Newlines::escape);
  note(line);
}

/// How often and at what distance a queue has to look empty. The counts of SQS are approximate.
struct EmptyRule {
  int look_count = 1;
  std::chrono::milliseconds interval{200};
};
constexpr EmptyRule embedded_empty_rule{};
constexpr EmptyRule aws_empty_rule{.look_count = 3, .interval = std::chrono::seconds(1)};

/// Stops the worker once none of its queues holds a message.
class StopWhenEmpty {
 public:
  StopWhenEmpty(const Client& client, std::vector<WeightedQueue> queues, WorkerWatch& watch, EmptyRule rule)
      : client_(client), queues_(std::move(queues)), thread_([this, &watch, rule](const std::stop_token& stop) {
          for (int empty_count = 0; !stop.stop_requested();) {
            empty_count = empty() ? empty_count + 1 : 0;
            if (empty_count == rule.look_count) return watch.stop();
            std::this_thread::sleep_for(rule.interval);
          }
        }) {}

 private:
  [[nodiscard]] bool empty() const {
    for (const WeightedQueue& queue : queues_) {
      const auto url = client_.queue_port().resolve(queue.name);
      if (!url) return false;
      const auto counts = client_.queue_port().counts(*url);
      if (!counts || counts->visible_count + counts->in_flight_count + counts->delayed_count > 0) return false;
    }
    return true;
  }

  const Client client_;
  const std::vector<WeightedQueue> queues_;
  std::jthread thread_;  // Last: it uses the others.
};

JsonObject report_json(const WorkerReport& report, double seconds) {
  JsonObject object;
  object.count("done", report.done_count)
      .count("retried", report.retried_count)
      .count("failed", report.failed_count)
      .count("duplicates", report.duplicate_count)
      .count("lease_lost", report.lease_lost_count)
      .count("returned", report.returned_count)
      .count("cut_off", report.cut_off_count)
      .count("finish_handled", report.finish_handled_count)
      .decimal("seconds", seconds);
  return object;
}

std::string report_line(const WorkerReport& report) {
  std::string line = fmt::format("{} done", with_thousands(report.done_count));
  const auto add = [&line](std::uint64_t count, std::string_view words) {
    if (count > 0) line += fmt::format(", {} {}", with_thousands(count), words);
  };
  add(report.retried_count, "to be tried again");
  add(report.failed_count, "failed");
  add(report.duplicate_count, report.duplicate_count == 1 ? "duplicate suppressed" : "duplicates suppressed");
  add(report.finish_handled_count, report.finish_handled_count == 1 ? "cluster finished" : "clusters finished");
  add(report.cut_off_count, "cut off");
  return line;
}

bool is_empty(const WorkerReport& report) {
  return report.done_count + report.retried_count + report.failed_count + report.duplicate_count +
             report.lease_lost_count + report.returned_count + report.cut_off_count + report.finish_handled_count ==
         0;
}

WorkerOptions worker_options(const WorkOptions& options) {
  WorkerOptions worker;
  for (const std::string& queue : options.queues) worker.queues.push_back(weighted_queue(queue));
  worker.jobs = options.jobs;
  worker.attempts.attempts_max = options.attempts_max;
  worker.attempts.lease = options.lease;
  worker.attempts.backoff_initial = options.backoff;
  worker.drain_max = options.drain;
  return worker;
}

std::string name_for_people(const WorkOptions& options) {
  std::string name = "fanfold work";
  for (const std::string& queue : options.queues) name += " " + queue;
  return name;
}

/// Workers may be started before whoever fills their queue, so that the embedded engine makes what is missing; a typing
/// error does not go unseen. On AWS queues cost permissions and settings, and are never made by their first use.
Result<void> make_missing_queues(const Invocation& invocation, const Client& client,
                                 const std::vector<WeightedQueue>& queues) {
  for (const WeightedQueue& queue : queues) {
    auto url = existing_queue(invocation, client, queue.name);
    if (url) continue;
    Error error = std::move(url).error();
    if (error.code != ErrorCode::not_found || is_on_aws(invocation.common)) return error;
    QueueAttributes attributes;
    attributes.fifo = support::is_fifo(queue.name);
    auto made = client.create_queue(queue.name, attributes);
    if (!made && made.error().code != ErrorCode::already_exists) return std::move(made).error();
    note(error.message + ": made it, to work on what will come");
  }
  return {};
}

Result<ExitCode> work(const Invocation& invocation, const WorkOptions& options) {
  const std::vector<std::string> environment = environment_for_programs(invocation.common);
  WorkerWatch watch(watch_options(invocation.common));
  Telemetry telemetry;
  TaskCommandOptions program{
      .command = invocation.command, .environment = environment, .timeout = options.timeout, .starts = {}};
  program.telemetry = &telemetry;
  program.starts = {
      .say = complain, .give_up = [&watch](Error error) { watch.give_up(std::move(error)); }, .stop = watch.token()};
  auto command = TaskCommand::make(std::move(program));
  if (!command) return std::move(command).error();
  auto client = open_store(invocation.common, StoreUse::create, telemetry.usage_of(options.telemetry));
  if (!client) return std::move(client).error();
  WorkerOptions tuned = worker_options(options);
  // Left behind by a worker that ends, a long poll would take the messages of whoever comes next.
  if (options.until_empty && is_on_aws(invocation.common)) tuned.poll = std::chrono::seconds(1);
  const std::string queue_word = tuned.queues.size() == 1 ? shell_word(tuned.queues.front().name) : "QUEUE";
  if (auto started = telemetry.start(options.telemetry, invocation.common, name_for_people(options)); !started)
    return std::move(started).error();
  if (auto made = make_missing_queues(invocation, *client, tuned.queues); !made) return std::move(made).error();
  Handlers handlers{.on_message = handler_of(std::move(*command))};
  if (!options.on_finish.empty())
    handlers.on_cluster_complete = finish_handler_of(options.on_finish, environment, &telemetry);
  std::atomic<std::uint64_t> failed_message_count = 0;
  tuned.on_event = [&watch, &telemetry, &failed_message_count, verbose = options.verbose](const WorkerEvent& event) {
    watch.see(event);
    telemetry.see(event);
    if (event.kind == WorkerEvent::Kind::failed && event.cluster_id.empty()) ++failed_message_count;
    show_event(event, verbose);
  };
  std::optional<StopWhenEmpty> stop_when_empty;
  if (options.until_empty) {
    stop_when_empty.emplace(*client, tuned.queues, watch,
                            is_on_aws(invocation.common) ? aws_empty_rule : embedded_empty_rule);
  }
  const auto begun = std::chrono::steady_clock::now();
  Worker worker(*client, std::move(handlers), std::move(tuned));
  ExitCode code = ExitCode::ok;
  std::optional<Error> ended_by;
  if (options.until_cluster.empty()) {
    auto ran = worker.run(watch.token());
    if (!ran) ended_by = std::move(ran).error();
  } else {
    auto header = find_cluster(*client, options.until_cluster);
    if (!header) return std::move(header).error();
    auto progress = worker.run_until(key_of(*header), watch.token());
    code = progress ? ending_code(*progress) : ExitCode::interrupted;
    if (!progress && progress.error().code != ErrorCode::cancelled) ended_by = std::move(progress).error();
  }
  const WorkerReport report = worker.report();
  if (ended_by && is_empty(report)) return *std::move(ended_by);  // It may not have begun.
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (invocation.common.json)
    print_line(report_json(report, seconds).line());
  else
    note(report_line(report));
  if (failed_message_count > 0 && !invocation.common.json && !is_on_aws(invocation.common))
    note(fmt::format("see why:  fanfold queue dead {}", queue_word));
  if (ended_by) return *std::move(ended_by);
  if (auto error = watch.store_error()) return std::move(*error);
  if (auto error = watch.start_error()) return std::move(*error);
  if (auto error = telemetry.end_trace(); error && code == ExitCode::ok) return std::move(*error);
  return code;
}

}  // namespace

void add_work_command(Command app, Invocation& invocation) {
  auto command = add_command<WorkOptions>(
      app, invocation, "work",
      "Work on a queue: run a program for every message, in any number of processes; drains on SIGTERM and Ctrl-C",
      "fanfold work --queue resize --jobs 8 -- convert {task} -resize 200x {task}.small.jpg", work);
  WorkOptions& options = command.options;
  command.app.option("--queue", options.queues,
                     "Where messages come from; again for several, with =WEIGHT where one is to be polled more often",
                     {.value = "QUEUE[=N]", .required = true});
  command.app.option("--jobs,-j", options.jobs, "Programs at a time; one per processor by default",
                     {.value = "N", .range = OptionTraits::Range{0, 1024}});
  command.app.option("--max-attempts", options.attempts_max, "A task fails for good after so many attempts",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1000}});
  command.app.duration("--timeout", options.timeout,
                       "An attempt that takes longer is ended and tried again; none by default");
  command.app.duration("--lease", options.lease,
                       "Another worker takes a task over this long after its holder went silent (30s)");
  command.app.duration("--backoff", options.backoff,
                       "Before the second attempt, at most; doubled for each further one (1s)");
  command.app.duration("--drain", options.drain,
                       "What runs may take so long after a first signal (30s); a second one stops at once");
  command.app.option("--on-finish", options.on_finish,
                     "Run by sh when a cluster is finished, with FANFOLD_CLUSTER, FANFOLD_NAME and FANFOLD_STATUS set",
                     {.value = "COMMAND"});
  command.app.option("--until", options.until_cluster, "Work until this cluster is finished", {.value = "CLUSTER"});
  command.app.flag("--until-empty", options.until_empty, "Work until the queues are empty");
  add_telemetry(command.app, options.telemetry);
  command.app.flag("--verbose,-v", options.verbose, "A line for every task");
}

}  // namespace fanfold::cli
