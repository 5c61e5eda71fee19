#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/cost_estimate.hpp"
#include "cli/creation_notice.hpp"
#include "cli/duration.hpp"
#include "cli/input_json.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/task_input.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <atomic>
#include <charconv>

namespace fanfold::cli {
namespace {

struct BuildOptions {
  std::string queue;
  TaskInputOptions tasks;
  ClusterOptions cluster;
  std::string globals;
  std::string meta;
  std::string failures_allowed;
  std::chrono::milliseconds expires_after{0};
  bool stop_at_deadline = false;
  CostLimit cost_max;
};

/// "17" or "2.5%".
Result<void> read_failures_allowed(const std::string& text, ClusterOptions& options) {
  if (text.empty()) return {};
  const char* end = text.data() + text.size();
  if (text.ends_with('%')) {
    const auto [stop, code] = std::from_chars(text.data(), end - 1, options.failures_allowed_percent);
    const double percent = options.failures_allowed_percent;
    if (code == std::errc{} && stop == end - 1 && percent >= 0 && percent <= 100) return {};
  } else {
    const auto [stop, code] = std::from_chars(text.data(), end, options.failures_allowed_count);
    if (code == std::errc{} && stop == end) return {};
  }
  return Error{ErrorCode::invalid_argument,
               fmt::format("--failures-allowed: '{}' is neither a count nor a percentage such as 2.5%", text),
               {}};
}

Result<ClusterOptions> cluster_options(const BuildOptions& options) {
  ClusterOptions cluster = options.cluster;
  cluster.trace = TraceContext::from_environment();
  if (auto read = read_failures_allowed(options.failures_allowed, cluster); !read) return read.error();
  if (options.stop_at_deadline) cluster.deadline_action = DeadlineAction::stop;
  if (options.expires_after.count() > 0)
    cluster.expires_after = std::chrono::ceil<std::chrono::hours>(options.expires_after);
  if (!options.globals.empty()) {
    auto globals = json_argument("--globals", options.globals);
    if (!globals) return std::move(globals).error();
    cluster.globals = *globals;
  }
  if (!options.meta.empty()) {
    auto meta = json_argument("--meta", options.meta);
    if (!meta) return std::move(meta).error();
    cluster.meta = *meta;
  }
  return cluster;
}

/// Feeds tasks to the engine and counts them.
detail::TaskSource source_of(TaskInput& input, std::atomic<std::uint64_t>& count) {
  return [&input, &count]() -> Result<std::optional<TaskData>> {
    auto body = input.next();
    if (!body) return std::move(body).error();
    if (!body->has_value()) return std::optional<TaskData>();
    ++count;
    return std::optional<TaskData>(TaskData{std::move(**body), {}});
  };
}

Result<ExitCode> created(const Invocation& invocation, const Client& client, const MessageKey& key,
                         const BuildOptions& options) {
  auto progress = client.progress(key);
  if (!progress) return std::move(progress).error();
  if (invocation.common.json) {
    JsonObject object;
    object.text("cluster", key.p_key).text("name", options.cluster.name).text("queue", options.queue);
    print_line(object.count("total", progress->total_count).line());
  } else {
    print_line(key.p_key);
    note(fmt::format("{} in queue {}", counted(progress->total_count, "task", "tasks"), options.queue));
  }
  if (progress->sealed && progress->total_count == 0) note("no tasks in the list: the cluster is finished at once");
  return ExitCode::ok;
}

Result<ExitCode> create(const Invocation& invocation, const BuildOptions& options) {
  auto cluster = cluster_options(options);
  if (!cluster) return std::move(cluster).error();
  auto input = TaskInput::open(options.tasks);
  if (!input) return std::move(input).error();
  auto budget = check_budget(invocation.common, options.cost_max, &*input, {});
  if (!budget) return std::move(budget).error();
  if (*budget == Budget::exceeded) return ExitCode::refused;
  auto client = open_store(invocation.common, StoreUse::create);
  if (!client) return std::move(client).error();
  std::atomic<std::uint64_t> count = 0;
  std::optional<CreationNotice> notice;
  notice.emplace(count, CreationNotice::Options{.has_key = !cluster->idempotency_key.empty()});
  auto key = client->core()->create_cluster(
      {.queue = options.queue, .options = *cluster, .open = false, .parent = std::nullopt}, source_of(*input, count));
  notice.reset();
  if (!key) return std::move(key).error();
  return created(invocation, *client, *key, options);
}

Result<ExitCode> open_empty(const Invocation& invocation, const BuildOptions& options) {
  auto cluster = cluster_options(options);
  if (!cluster) return std::move(cluster).error();
  auto client = open_store(invocation.common, StoreUse::create);
  if (!client) return std::move(client).error();
  auto opened = client->open_message_cluster(options.queue, *cluster);
  if (!opened) return std::move(opened).error();
  return created(invocation, *client, opened->key, options);
}

struct AddOptions {
  std::string cluster;
  std::string key;
  TaskInputOptions tasks;
};

Result<ExitCode> add_tasks(const Invocation& invocation, const AddOptions& options) {
  auto input = TaskInput::open(options.tasks);
  if (!input) return std::move(input).error();
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  std::atomic<std::uint64_t> count = 0;
  auto added = client->core()->add(key_of(*header), options.key, source_of(*input, count));
  if (!added) return std::move(added).error();
  if (invocation.common.json) {
    JsonObject object;
    object.text("cluster", key_of(*header).p_key).text("key", options.key).count("first_index", added->first_index);
    print_line(object.count("count", added->count).flag("existed", added->existed).line());
  } else if (added->existed) {
    print_line(fmt::format("added before under this key: {} from index {}", counted(added->count, "task", "tasks"),
                           added->first_index));
  } else if (added->count == 0) {
    print_line(fmt::format("no tasks in {}: nothing was added", input->name()));
  } else {
    print_line(fmt::format("added {} from index {}", counted(added->count, "task", "tasks"), added->first_index));
  }
  return ExitCode::ok;
}

struct SealOptions {
  std::string cluster;
};

Result<ExitCode> seal(const Invocation& invocation, const SealOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  if (auto sealed = client->cluster(key_of(*header)).seal(); !sealed) return sealed.error();
  print_line(invocation.common.json
                 ? JsonObject().text("cluster", key_of(*header).p_key).flag("sealed", true).line()
                 : fmt::format("{}: sealed; it finishes with the last of its tasks", label_of(*header)));
  return ExitCode::ok;
}

void add_build_options(Command app, BuildOptions& options) {
  app.option("--queue", options.queue, "The queue that its tasks go to", {.value = "QUEUE", .required = true});
  app.option("--name", options.cluster.name, "For people, and to pick handlers by", {.value = "NAME"});
  app.option("--key", options.cluster.idempotency_key, "The same key is the same cluster, however often it is created",
             {.value = "KEY"});
  app.option("--globals", options.globals, "Data shared by all tasks: JSON, or @FILE", {.value = "JSON"});
  app.option("--meta", options.meta, "Small data on the cluster's record: JSON, or @FILE", {.value = "JSON"});
  app.option("--finish-queue", options.cluster.finish_queue, "Where the finish message goes; its own queue by default",
             {.value = "QUEUE"});
  app.flag("--finish-handler-required", options.cluster.finish_handler_required,
           "Workers without a finish handler leave the finish message to others");
  app.flag("--first-failure-notice", options.cluster.first_failure_notice,
           "Send an early message when the first task fails for good");
  app.flag("--fail-fast", options.cluster.fail_fast, "The first failure for good stops the cluster");
  app.option("--failures-allowed", options.failures_allowed,
             "Up to so many (17, or 2.5%) the cluster still ends complete", {.value = "N|P%"});
  app.option("--max-attempts", options.cluster.attempts_max, "Attempts per task; the worker's by default",
             {.value = "N", .range = OptionTraits::Range{1, 1000}});
  app.duration("--deadline", options.cluster.deadline, "From now; past it the cluster is reported");
  app.flag("--stop-at-deadline", options.stop_at_deadline, "Stop the cluster at its deadline in place of a report");
  app.duration("--expires-after", options.expires_after, "Records and globals are kept so long (30d by default)");
}

}  // namespace

void add_cluster_build_commands(Command cluster, Invocation& invocation) {
  auto create_command =
      add_command<BuildOptions>(cluster, invocation, "create", "Create a cluster from a list of tasks",
                                "fanfold cluster create --queue resize --tasks photos.txt --name photos", create);
  add_build_options(create_command.app, create_command.options);
  add_task_input(create_command.app, create_command.options.tasks, {.required = true});
  add_cost_limit(create_command.app, create_command.options.cost_max);

  auto open_command =
      add_command<BuildOptions>(cluster, invocation, "open", "Create a cluster whose tasks are not known yet",
                                "fanfold cluster open --queue resize --name album", open_empty);
  add_build_options(open_command.app, open_command.options);

  auto add =
      add_command<AddOptions>(cluster, invocation, "add",
                              "Add tasks to an open cluster; the same key adds them once, however often it is called",
                              "fanfold cluster add album page-1 --tasks page-1.txt", add_tasks);
  add_cluster_argument(add.app, add.options.cluster);
  add.app.option("key,--key", add.options.key, "Names this addition; --key KEY does too",
                 {.value = "KEY", .required = true});
  add_task_input(add.app, add.options.tasks, {.required = true});

  auto end = add_command<SealOptions>(cluster, invocation, "seal",
                                      "Say that no more tasks come: the cluster finishes with its last one",
                                      "fanfold cluster seal album", seal);
  add_cluster_argument(end.app, end.options.cluster);
}

}  // namespace fanfold::cli
