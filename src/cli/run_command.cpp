#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/cost_estimate.hpp"
#include "cli/duration.hpp"
#include "cli/finish_command.hpp"
#include "cli/last_words.hpp"
#include "cli/missing_results.hpp"
#include "cli/other_starts.hpp"
#include "cli/output.hpp"
#include "cli/progress_reporter.hpp"
#include "cli/result_files.hpp"
#include "cli/run_explanation.hpp"
#include "cli/store.hpp"
#include "cli/task_command.hpp"
#include "cli/telemetry.hpp"
#include "cli/text.hpp"
#include "cli/worker_watch.hpp"

#include <fanfold/worker.hpp>

#include <fmt/format.h>

#include <atomic>

namespace fanfold::cli {
namespace {

constexpr std::chrono::milliseconds other_start_interval{200};
constexpr std::chrono::milliseconds other_start_interval_on_aws{2'000};
/// What a task prints, for its cost: it is kept twice, as result and as output.
constexpr std::uint64_t printed_bytes_assumed = 200;
/// A task may run so long in all; --timeout is the user's own limit.
constexpr std::chrono::milliseconds task_duration_max = std::chrono::days(30);

struct RunOptions {
  TaskInputOptions tasks;
  std::string name;
  std::size_t jobs = 0;
  std::uint32_t retries = 2;
  std::chrono::milliseconds timeout{0};
  std::string results;
  std::string on_finish;
  bool again = false;
  bool verbose = false;
  CostLimit cost_max;
  TelemetryOptions telemetry;
};

/// One start of `fanfold run`, step by step.
class Run {
 public:
  Run(const Invocation& invocation, const RunOptions& options) : invocation_(invocation), options_(options) {}
  Result<ExitCode> perform();

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> prepare();
  Result<Budget> check_budget_of_list();
  Result<void> find_cluster_of_list();
  void say_what_is_left(const ClusterHeader& header) const;
  Result<void> read_what_was_done();
  Result<void> take_result_folder();
  Result<void> work();
  Result<void> work_rounds();
  /// `is_last`: no retry of what failed before follows, so that --on-finish is run when it ends.
  Result<Progress> work_once(bool is_last);
  Result<void> check_on_finish() const;
  enum class Retry : std::uint8_t { none, begun };
  Result<Retry> begin_retry();
  Result<void> write_missing_results();
  void say_finish() const;
  [[nodiscard]] ExitCode summarize() const;
  /// For lines that people read.
  [[nodiscard]] std::string label() const { return printable(job_.name, Newlines::escape); }
  /// What goes on with this start where it does not get to its end.
  [[nodiscard]] std::string_view same_command() const {
    return options_.again ? "the same command without --again" : "the same command";
  }
  /// Nothing is left to do, not even the finish message.
  [[nodiscard]] bool all_handled() const { return progress_.finished && progress_.finish_handled; }
  /// Its --on-finish command had failed for good before this start, which has one.
  [[nodiscard]] bool finish_is_retried() const { return before_.finish_failed && !options_.on_finish.empty(); }
  [[nodiscard]] bool all_complete() const {
    return progress_.finished && progress_.done_count == progress_.total_count;
  }

  const Invocation& invocation_;
  const RunOptions& options_;
  const Clock::time_point begun_ = Clock::now();

  RunJob job_;
  std::optional<TaskInput> input_;
  RunList list_;
  std::optional<Client> client_;
  Telemetry telemetry_;
  std::shared_ptr<const TaskCommand> command_;
  JobClusters clusters_;
  CompletedElsewhere elsewhere_;
  MessageKey key_;
  ClusterHeader header_;  // As it was at the start.
  std::string queue_;
  bool is_new_ = false;
  Progress before_;
  Progress progress_;
  ResultFolder results_;
  std::uint64_t missing_count_ = 0;  // Results of complete tasks that --results should have a file of, and has not.
  WorkerReport report_;
  std::atomic<std::uint64_t> finish_failure_count_ = 0;  // Which the report counts among those of tasks.
  WorkerWatch watch_{watch_options(invocation_.common)};
};

std::string name_of(const RunOptions& options) {
  if (!options.name.empty()) return options.name;
  if (options.tasks.file == "-") return "run";
  const std::string stem = std::filesystem::path(options.tasks.file).stem().string();
  return stem.empty() || !is_utf8(stem) ? "run" : stem;
}

Result<void> Run::prepare() {
  job_ = {.name = name_of(options_), .command = invocation_.command, .has_on_finish = !options_.on_finish.empty()};
  TaskCommandOptions command{.command = invocation_.command,
                             .environment = environment_for_programs(invocation_.common),
                             .timeout = options_.timeout,
                             .results = options_.results};
  command.settled = [this](std::uint64_t index) { return elsewhere_.settle(*client_, index); };
  command.starts = {.say = [](const std::string& line) { complain(line); },
                    .give_up = [this](Error error) { watch_.give_up(std::move(error)); },
                    .stop = watch_.token()};
  command.telemetry = &telemetry_;
  auto made = TaskCommand::make(std::move(command));
  if (!made) return std::move(made).error();
  command_ = std::move(*made);
  auto input = TaskInput::open(options_.tasks, watch_.token());
  if (!input) return std::move(input).error();
  input_.emplace(std::move(*input));
  auto list = read_list(*input_);
  if (!list) return std::move(list).error();
  list_ = std::move(*list);
  auto client = open_store(invocation_.common, StoreUse::create, telemetry_.usage_of(options_.telemetry));
  if (!client) return std::move(client).error();
  client_.emplace(std::move(*client));
  return telemetry_.start(options_.telemetry, invocation_.common, "fanfold run " + job_.name);
}

/// A start with --again that was interrupted is gone on with by a start without.
void Run::say_what_is_left(const ClusterHeader& header) const {
  auto progress = client_->progress(key_of(header));
  if (!progress) return;  // It is only said.
  note(
      fmt::format("{}: an earlier start is not finished, {} of {} complete: --again leaves it and runs the whole list "
                  "anew; without --again it goes on",
                  label(), with_thousands(progress->done_count), with_thousands(progress->total_count)));
}

/// The whole list, also where a part of it was done before.
Result<Budget> Run::check_budget_of_list() {
  aws::Workload workload;
  workload.jobs = std::max<std::size_t>(1, options_.jobs);
  workload.result_bytes = workload.output_bytes = printed_bytes_assumed;
  return check_budget(invocation_.common, options_.cost_max, &*input_, workload);
}

Result<void> Run::find_cluster_of_list() {
  auto clusters = find_job(*client_, job_, list_, options_.again);
  if (!clusters) return std::move(clusters).error();
  clusters_ = std::move(*clusters);
  const auto& same = clusters_.same_list;
  is_new_ = !same;
  if (is_new_ && clusters_.others.empty() && clusters_.has_other_program && !options_.again)
    note(fmt::format("{}: the job of this name ran another program or other arguments: nothing is skipped", label()));
  if (same && !same->moved_to.empty()) return error_of_moved(*same);
  if (clusters_.left_open) say_what_is_left(*clusters_.left_open);
  if (same && !is_being_created(*same)) {
    key_ = key_of(*same);
  } else {
    const bool anew = same ? is_made_anew(*same) : options_.again;
    auto key = create_run_cluster(*client_, job_, list_, clusters_.generation, anew, *input_, watch_.token());
    if (!key) return std::move(key).error();
    key_ = std::move(*key);
  }
  auto header = client_->cluster_header(key_);
  if (!header) return std::move(header).error();
  header_ = *header;
  queue_ = header->queue_url;
  auto progress = client_->progress(key_);
  if (!progress) return std::move(progress).error();
  before_ = progress_ = *progress;
  if (auto checked = check_on_finish(); !checked) return checked.error();
  if (header->paused) {
    auto resumed = client_->resume_cluster(key_);
    if (!resumed) return std::move(resumed).error();
    note(fmt::format("{}: was paused; it goes on", label_of(*header)));
    progress_.paused = before_.paused = false;
  }
  return {};
}

/// A job that was begun with --on-finish does not end without.
Result<void> Run::check_on_finish() const {
  if (!header_.finish_handler_required || !options_.on_finish.empty() || (all_complete() && progress_.finish_handled))
    return {};
  return Error{
      ErrorCode::conflict,
      fmt::format("{}: was begun with --on-finish, and ends by it: give it again (--on-finish true does nothing)",
                  label()),
      {}};
}

/// What other lists of the job completed. Nothing is read where it cannot matter.
Result<void> Run::read_what_was_done() {
  if (all_complete()) return {};
  std::vector<ClusterHeader> sources;
  for (const ClusterHeader& other : clusters_.others) {
    // What had ended before this cluster was created is in it already.
    const bool ended_before =
        clusters_.same_list && other.completed_at && *other.completed_at < clusters_.same_list->created_at;
    if (!ended_before) sources.push_back(other);
  }
  if (sources.empty()) return {};
  const auto say_waiting = [this](const ClusterHeader& header) {
    note(
        fmt::format("{}: another start of this job is running with another list ({}); waiting for its end, so that "
                    "nothing runs twice",
                    label(), key_of(header).p_key));
  };
  if (auto waited = wait_for_other_starts(
          *client_, sources, is_on_aws(invocation_.common) ? other_start_interval_on_aws : other_start_interval,
          say_waiting, watch_.token());
      !waited)
    return waited;
  return elsewhere_.read(*client_, sources, *input_);
}

/// The folder is this list's from here on. What it held of another list of the job gets its new index, or is kept
/// beside.
Result<void> Run::take_result_folder() {
  if (options_.results.empty()) return {};
  const auto repair = [this](const std::string& list) {
    return repair_results(*client_, MessageKey{list, list}, options_.results);
  };
  auto folder = ResultFolder::open(options_.results, {key_.p_key, job_.hash(), job_.name}, repair);
  if (!folder) return std::move(folder).error();
  results_ = std::move(*folder);
  if (!all_complete()) {
    if (auto marked = results_.mark(); !marked) return marked;
  }
  remove_unfinished_results(options_.results, header_.round);
  auto moves = moves_from(*client_, clusters_.others, results_.former_list(), *input_, list_.count);
  if (!moves) return std::move(moves).error();
  auto kept = results_.adopt(*moves);
  if (!kept) return std::move(kept).error();
  if (kept->count > 0) {
    note(fmt::format("{}: {} of tasks that are complete in the former list alone {} now in {}", options_.results,
                     counted(kept->count, "file", "files"), kept->count == 1 ? "is" : "are", kept->folder.string()));
  }
  return {};
}

Result<Progress> Run::work_once(bool is_last) {
  WorkerOptions worker_options;
  worker_options.queue = queue_;
  worker_options.jobs = options_.jobs;
  worker_options.attempts.attempts_max = options_.retries + 1;
  worker_options.lease_total_max = task_duration_max;
  worker_options.drain_max = task_duration_max;
  worker_options.on_event = [this](const WorkerEvent& event) {
    watch_.see(event);
    telemetry_.see(event);
    const bool is_failure = event.kind == WorkerEvent::Kind::retried || event.kind == WorkerEvent::Kind::failed;
    if (is_failure && !event.task) ++finish_failure_count_;
  };
  Handlers handlers{.on_message = handler_of(command_)};
  if (!options_.on_finish.empty()) {
    handlers.on_cluster_complete =
        is_last ? finish_handler_of(options_.on_finish, environment_for_programs(invocation_.common), &telemetry_)
                : ClusterHandler([](const MessageCluster<>&, const Context&) { return done(); });
  }
  Worker worker(*client_, std::move(handlers), std::move(worker_options));
  auto progress = worker.run_until(key_, watch_.token());
  const WorkerReport report = worker.report();
  report_.done_count += report.done_count;
  report_.retried_count += report.retried_count;
  report_.failed_count += report.failed_count;
  report_.duplicate_count += report.duplicate_count;
  report_.cut_off_count += report.cut_off_count;
  // Told to stop, it has drained: where things stand then is the answer.
  if (!progress && progress.error().code == ErrorCode::cancelled) return client_->progress(key_);
  return progress;
}

/// Runs what is open, and once more what had failed before.
Result<void> Run::work() {
  if (all_complete() && progress_.finish_handled && !finish_is_retried()) return {};
  if (invocation_.common.json) {
    set_last_words(JsonObject()
                       .text("cluster", key_.p_key)
                       .text("name", job_.name)
                       .count("total", before_.total_count)
                       .flag("interrupted", true)
                       .flag("stopped_at_once", true)
                       .line());
  }
  const ProgressReporter reporter(
      *client_, {.cluster = key_, .name = label(), .is_on_aws = is_on_aws(invocation_.common), .is_busy = [this] {
                   return command_->running_count() > 0;
                 }});
  auto worked = work_rounds();
  set_last_words({});
  return worked;
}

Result<void> Run::work_rounds() {
  const bool has_failed_before = before_.failed_count > 0;
  if (!all_handled()) {
    auto progress = work_once(!has_failed_before);
    if (!progress) return std::move(progress).error();
    progress_ = *progress;
  }
  if (watch_.token().stop_requested()) return {};
  auto begun = begin_retry();
  if (!begun) return std::move(begun).error();
  if (*begun == Retry::none) return {};
  auto progress = work_once(true);
  if (!progress) return std::move(progress).error();
  progress_ = *progress;
  return {};
}

/// What failed before is tried again: tasks, or else the --on-finish command.
Result<Run::Retry> Run::begin_retry() {
  Result<void> retried;
  if (!options_.results.empty() && progress_.finished) remove_unfinished_results(options_.results, progress_.round + 1);
  if (before_.failed_count > 0 && progress_.failed_count > 0) {
    if (auto sent = client_->retry_failed(key_); !sent) retried = std::move(sent).error();
  } else if (finish_is_retried()) {
    note(fmt::format("{}: --on-finish failed before (tried again)", label()));
    retried = client_->retry_finish(key_);
  } else {
    return Retry::none;
  }
  // Another process may have begun the same round.
  if (!retried && retried.error().code != ErrorCode::conflict && retried.error().code != ErrorCode::not_finished &&
      retried.error().code != ErrorCode::not_found)
    return retried.error();
  return Retry::begun;
}

/// The folder of results holds this list's, also those of tasks that ran in earlier starts.
Result<void> Run::write_missing_results() {
  if (options_.results.empty()) return {};
  // Another start may have begun a further round.
  if (progress_.finished) remove_unfinished_results(options_.results, progress_.round + 1);
  auto lost = restore_missing_results(*client_, key_, results_, all_complete() ? progress_.total_count : 0);
  if (!lost) return std::move(lost).error();
  missing_count_ = *lost;
  // What is said to be complete is on the disk.
  if (auto settled = results_.settle(); !settled) return settled;
  if (missing_count_ > 0) {
    note(fmt::format("{}: {} of earlier starts {} missing, too long to be kept elsewhere; --again runs every task anew",
                     options_.results, counted(missing_count_, "result", "results"),
                     missing_count_ == 1 ? "is" : "are"));
  }
  return {};
}

/// How --on-finish ended, where that is not as it should be.
void Run::say_finish() const {
  if (progress_.finish_failed) {
    const auto header = client_->cluster_header(key_);
    const auto finish = header ? read_finish(*client_, *header).value_or(std::nullopt) : std::nullopt;
    const std::string why = finish && !finish->error.empty()
                                ? fmt::format(": {}: {}", printable(finish->error.back().code, Newlines::escape),
                                              printable(finish->error.back().message, Newlines::escape))
                                : "";
    note(fmt::format("{}: --on-finish failed for good{}", label(), why));
    note(fmt::format("what it printed:  fanfold logs {}    the same command tries it again", word_of(header_)));
  } else if (!options_.on_finish.empty() && before_.finished && before_.finish_handled && all_complete() &&
             before_.done_count == before_.total_count && !before_.finish_failed) {
    note(fmt::format("{}: the job had ended before this start: --on-finish is not run", label()));
  }
}

ExitCode Run::summarize() const {
  const std::uint64_t skipped = before_.done_count + elsewhere_.settled_count();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  const bool interrupted = watch_.token().stop_requested() && !all_handled();
  const std::uint64_t attempts = report_.done_count + report_.retried_count + report_.failed_count -
                                 finish_failure_count_ - elsewhere_.settled_count();
  if (invocation_.common.json) {
    JsonObject object;
    object.text("cluster", key_.p_key)
        .text("name", job_.name)
        .count("total", progress_.total_count)
        .count("complete", progress_.done_count)
        .count("failed", progress_.failed_count)
        .count("skipped", skipped)
        .count("attempts", attempts)
        .text("status", to_string(progress_.status))
        .flag("finish_failed", progress_.finish_failed)
        .count("missing_results", missing_count_)
        .flag("interrupted", interrupted)
        .decimal("seconds", seconds);
    if (!header_.trace.empty()) object.text("trace_id", header_.trace.trace_id());
    print_line(object.line());
  }
  if (interrupted) {
    note(fmt::format("drained: {} finished, {} cut off{}. Run {} to go on.", with_thousands(watch_.drained_count()),
                     report_.cut_off_count == 0 ? "none" : with_thousands(report_.cut_off_count),
                     progress_.finished ? "; every task has ended, and the job's own end is left" : "",
                     same_command()));
    return ExitCode::interrupted;
  }
  say_finish();
  if (list_.count == 0) {
    note(fmt::format("{}: no tasks in {}, nothing to run", label(), printable(input_->name(), Newlines::escape)));
    return progress_.finish_failed ? ExitCode::failed : ExitCode::ok;
  }
  std::string line = fmt::format("{}: {} of {} complete", label(), with_thousands(progress_.done_count),
                                 with_thousands(progress_.total_count));
  if (progress_.failed_count > 0) line += fmt::format(", {} failed", with_thousands(progress_.failed_count));
  if (skipped > 0) line += fmt::format(", {} of them skipped", with_thousands(skipped));
  if (progress_.status_code == StatusCode::stopped) line += ", stopped";
  note(fmt::format("{}, in {}", line, spoken(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)))));
  if (command_->cut_count() > 0) {
    note(fmt::format("{} of what was printed {} longer than the {} that are kept: --results DIR writes the whole of it",
                     with_thousands(command_->cut_count()), command_->cut_count() == 1 ? "is" : "are", printed_limit));
  }
  if (progress_.failed_count > 0) note(fmt::format("see why:  fanfold errors {}", word_of(header_)));
  return all_complete() && !progress_.finish_failed && missing_count_ == 0 ? ExitCode::ok : ExitCode::failed;
}

Result<ExitCode> Run::perform() {
  if (auto done = prepare(); !done) return done.error();
  const auto budget = check_budget_of_list();
  if (!budget) return budget.error();
  if (*budget == Budget::exceeded) return ExitCode::refused;
  if (auto done = find_cluster_of_list(); !done) return done.error();
  if (auto done = read_what_was_done(); !done) return done.error();
  if (auto done = take_result_folder(); !done) return done.error();
  const RunExplanation explanation{.client = *client_,
                                   .key = key_,
                                   .label = label(),
                                   .before = before_,
                                   .elsewhere = elsewhere_,
                                   .task_count = list_.count,
                                   .is_new = is_new_};
  if (auto done = explain_run(explanation, options_.verbose); !done) return done.error();
  if (auto done = work(); !done) return done.error();
  if (const auto error = watch_.store_error()) {
    return Error{
        error->code,
        fmt::format("{}: {}; what was acknowledged is kept, and {} goes on{}", invocation_.common.store, error->message,
                    same_command(), error->code == ErrorCode::disk_full ? " once there is room" : ""),
        error->remote_detail};
  }
  if (const auto error = watch_.start_error())
    return Error{error->code, fmt::format("{}; {} goes on", error->message, same_command()), {}};
  if (auto done = write_missing_results(); !done) return done.error();
  const ExitCode code = summarize();
  if (auto error = telemetry_.end_trace(); error && code == ExitCode::ok) return std::move(*error);
  return code;
}

Result<ExitCode> run(const Invocation& invocation, const RunOptions& options) {
  return Run(invocation, options).perform();
}

}  // namespace

void add_run_command(Command app, Invocation& invocation) {
  auto command = add_command<RunOptions>(
      app, invocation, "run", "Run a program for every task of a list; start it again to go on where it ended",
      "find photos -name '*.jpg' ! -name '*.small.jpg' |\n"
      "    fanfold run --name photos --jobs 8 -- convert {task} -resize 200x {task}.small.jpg\n\n"
      "{task} stands for the task, as one argument; it is on standard input and in FANFOLD_TASK too. Exit code 0 of "
      "the\n"
      "program means done, 75 and others try again, 65 failed for good. A task that was complete in an earlier start "
      "of\n"
      "the same name and program is skipped, wherever it stands in the list.",
      run);
  RunOptions& options = command.options;
  add_task_input(command.app, options.tasks, {.show_default = true});
  command.app.option("--name", options.name, "Names the job; by default the list's file name, or run",
                     {.value = "NAME"});
  command.app.option("--jobs,-j", options.jobs, "Programs at a time; one per processor by default",
                     {.value = "N", .range = OptionTraits::Range{0, 1024}});
  command.app.option("--retries", options.retries, "How often a task is tried again after its first attempt",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{0, 999}});
  command.app.duration("--timeout", options.timeout,
                       "An attempt that takes longer is ended and tried again; none by default");
  command.app.option("--results", options.results,
                     "A folder that gets a file per task, named by its index, with what it printed", {.value = "DIR"});
  command.app.option("--on-finish", options.on_finish,
                     "Run by sh when every task has ended, with FANFOLD_CLUSTER, FANFOLD_NAME and FANFOLD_STATUS set",
                     {.value = "COMMAND"});
  add_cost_limit(command.app, options.cost_max);
  add_telemetry(command.app, options.telemetry);
  command.app.flag("--again", options.again,
                   "Skip nothing: run the whole list anew. Where that is interrupted, the same command without --again "
                   "goes on");
  command.app.flag("--verbose,-v", options.verbose, "Say for every task whether it is run or skipped, and why");
}

}  // namespace fanfold::cli
