#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/cost_estimate.hpp"
#include "cli/cost_of_cluster.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace fanfold::cli {
namespace {

struct CostOptions {
  std::string cluster;
  std::optional<std::uint32_t> tasks;
  std::optional<std::uint32_t> payload_bytes;
  bool results = false;
  std::uint64_t result_bytes = 0;
  bool messages = false;
  bool without_bucket = false;
  std::uint64_t workers = 1;
  std::uint64_t jobs = 1;
  std::uint64_t together = 1;
  std::chrono::milliseconds duration{100};
};

#ifdef FANFOLD_AWS

/// Of a result whose size nobody said.
constexpr std::uint64_t result_bytes_default = 200;

/// What only whoever asks knows.
aws::Workload workload_of_workers(const CostOptions& options) {
  aws::Workload workload;
  workload.has_bucket = !options.without_bucket;
  workload.worker_count = options.workers;
  workload.jobs = options.jobs;
  workload.task_duration = options.duration;
  workload.claimed_together = options.together;
  return workload;
}

aws::Workload workload_of(const CostOptions& options) {
  aws::Workload workload = workload_of_workers(options);
  workload.task_count = options.tasks.value_or(0);
  workload.payload_bytes = options.payload_bytes.value_or(static_cast<std::uint32_t>(workload.payload_bytes));
  workload.is_single = options.messages;
  workload.result_bytes = options.result_bytes > 0 ? options.result_bytes : options.results ? result_bytes_default : 0;
  return workload;
}

struct Row {
  const char* what;
  const char* key;
  double count;
  double price;
};

struct Estimate {
  aws::Workload workload{};
  aws::CostEstimate whole{};
  std::optional<CostOfCluster> cluster{};
  double to_come = 0;  ///< In dollars, where there is a cluster.
};

void show_cluster(const Estimate& made, double whole) {
  const CostOfCluster& cluster = *made.cluster;
  const aws::Workload& workload = made.workload;
  std::string line = fmt::format("{}: {}, {} of them ended", label_of(cluster.header),
                                 counted(workload.task_count, "task", "tasks"), with_thousands(cluster.ended_count));
  if (workload.retry_count > 0) line += fmt::format(", {}", counted(workload.retry_count, "retry", "retries"));
  if (workload.failed_count > 0) line += fmt::format(", {} failed", with_thousands(workload.failed_count));
  if (workload.round_count > 0)
    line += fmt::format(", {} of {}", counted(workload.round_count, "more round", "more rounds"),
                        counted(workload.round_task_count, "task", "tasks"));
  print_line(line);
  print_line(cluster.is_on_aws
                 ? fmt::format("about {} so far, {} to come", dollars(whole - made.to_come), dollars(made.to_come))
                 : fmt::format("it is in a file, where nothing costs anything: on AWS it would have been "
                               "about {} so far, and {} to come",
                               dollars(whole - made.to_come), dollars(made.to_come)));
}

void show(const Estimate& made, const aws::Prices& prices) {
  const aws::CostEstimate& estimate = made.whole;
  const aws::Workload& workload = made.workload;
  const std::array rows{Row{"SQS requests", "sqs_requests", estimate.sqs_requests, prices.sqs_request},
                        Row{"DynamoDB write units", "write_units", estimate.write_units, prices.dynamodb_write_unit},
                        Row{"DynamoDB read units", "read_units", estimate.read_units, prices.dynamodb_read_unit},
                        Row{"S3 PUT requests", "s3_puts", estimate.s3_puts, prices.s3_put},
                        Row{"S3 GET requests", "s3_gets", estimate.s3_gets, prices.s3_get}};
  Table table({"", "count", "per task", "per million", "cost"});
  for (const Row& row : rows) {
    const double per_task = workload.task_count == 0 ? 0 : row.count / static_cast<double>(workload.task_count);
    table.add({row.what, with_thousands(static_cast<std::uint64_t>(std::llround(row.count))),
               fmt::format("{:.4f}", per_task), fmt::format("${:g}", row.price), dollars(row.count * row.price / 1e6)});
  }
  table.print();
  print_line(fmt::format(
      "{} for {}, in {} with every worker busy", dollars(estimate.cost(prices)),
      counted(workload.task_count, workload.is_single ? "message" : "task", workload.is_single ? "messages" : "tasks"),
      spoken(estimate.duration)));
  if (made.cluster) show_cluster(made, estimate.cost(prices));
  note(fmt::format("assumed: {}", assumptions(workload)));
  if (workload.jobs > 1 && workload.claimed_together <= 1 && !workload.is_single)
    note("write units are the most it can be: neighbours that a worker's jobs take at the same moment share a write");
  note(fmt::format("prices: {}; storage, traffic, {}polls of empty queues are not in it", prices.source,
                   made.cluster ? "" : "retries and "));
}

void show_json(const Estimate& made, const aws::Prices& prices) {
  const aws::CostEstimate& estimate = made.whole;
  JsonObject object;
  if (made.cluster) {
    object.text("cluster", key_of(made.cluster->header).p_key)
        .text("name", made.cluster->header.name)
        .count("ended", made.cluster->ended_count)
        .count("retries", made.workload.retry_count)
        .count("failed", made.workload.failed_count)
        .count("rounds", made.workload.round_count)
        .count("round_tasks", made.workload.round_task_count)
        .decimal("dollars_to_come", made.to_come);
  }
  object.count("tasks", made.workload.task_count)
      .decimal("sqs_requests", estimate.sqs_requests)
      .decimal("write_units", estimate.write_units)
      .decimal("read_units", estimate.read_units)
      .decimal("s3_puts", estimate.s3_puts)
      .decimal("s3_gets", estimate.s3_gets)
      .decimal("seconds", std::chrono::duration<double>(estimate.duration).count())
      .decimal("dollars", estimate.cost(prices))
      .text("assumed", assumptions(made.workload))
      .text("prices", prices.source);
  print_line(object.line());
}

Result<void> check_options(const CostOptions& options) {
  const auto refuse = [](const char* message) -> Result<void> {
    return Error{ErrorCode::invalid_argument, message, {}};
  };
  if (options.cluster.empty() && !options.tasks)
    return refuse("--tasks is required, or a cluster, whose records say the rest");
  const bool is_told =
      options.tasks || options.payload_bytes || options.results || options.result_bytes > 0 || options.messages;
  if (!options.cluster.empty() && is_told)
    return refuse("--tasks, --payload, --results, --result-bytes, --messages: the cluster's records say that");
  return {};
}

Result<ExitCode> estimate(const Invocation& invocation, const CostOptions& options) {
  if (auto checked = check_options(options); !checked) return checked.error();
  auto prices = prices_of(invocation.common.prices);
  if (!prices) return std::move(prices).error();
  Estimate made{.workload = workload_of(options)};
  if (!options.cluster.empty()) {
    auto cluster = cost_of_cluster(invocation.common, options.cluster, workload_of_workers(options));
    if (!cluster) return std::move(cluster).error();
    made.workload = cluster->whole;
    made.to_come = cluster->is_over ? 0 : aws::estimate_cost(cluster->to_come).cost(*prices);
    made.cluster = std::move(*cluster);
  }
  made.whole = aws::estimate_cost(made.workload);
  if (invocation.common.json) {
    show_json(made, *prices);
  } else {
    show(made, *prices);
  }
  return ExitCode::ok;
}

#else

Result<ExitCode> estimate(const Invocation& invocation, const CostOptions&) {
  return aws_store(invocation.common).error();
}

#endif

}  // namespace

void add_cost_command(Command app, Invocation& invocation) {
  auto command = add_command<CostOptions>(
      app, invocation, "cost", "Estimate what a cluster costs on AWS, in requests, units and dollars",
      "fanfold cost --tasks 1000000 --workers 20 --task-time 2s --results\n  fanfold cost photos --store aws",
      estimate);
  CostOptions& options = command.options;
  command.app.option("cluster", options.cluster,
                     "Takes tasks, sizes, retries and rounds from the records of this one; without it nobody is asked",
                     {.value = "CLUSTER"});
  command.app.option("--tasks", options.tasks, "How many there are",
                     {.value = "N", .range = OptionTraits::Range{0, 1'000'000'000}});
  command.app.option("--payload", options.payload_bytes, "Of a task's JSON, on average (200)",
                     {.value = "BYTES", .range = OptionTraits::Range{0, 100'000'000}});
  command.app.flag("--results", options.results, "Each task has a result, of 200 bytes");
  command.app.option("--result-bytes", options.result_bytes, "Each task has a result of this size",
                     {.value = "BYTES", .range = OptionTraits::Range{0, 65'536}});
  command.app.flag("--messages", options.messages, "Messages that belong to no cluster");
  command.app.flag("--without-bucket", options.without_bucket, "Payloads stay in the table");
  command.app.option("--workers", options.workers, "Processes that work on it",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1'000'000}});
  command.app.option("--jobs", options.jobs, "Tasks that each of them runs at a time",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1024}});
  command.app.option("--together", options.together,
                     "Neighbours that are claimed together, as the batches of a Lambda function are at best",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 10}});
  command.app.duration("--task-time,--duration", options.duration, "How long a task's handler takes (100ms)");
}

}  // namespace fanfold::cli
