#include "cli/commands.hpp"
#include "cli/cost_estimate.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace fanfold::cli {
namespace {

struct CostOptions {
  std::uint64_t tasks = 0;
  std::uint64_t payload_bytes = 200;
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

aws::Workload workload_of(const CostOptions& options) {
  aws::Workload workload;
  workload.task_count = options.tasks;
  workload.payload_bytes = options.payload_bytes;
  workload.is_single = options.messages;
  workload.has_bucket = !options.without_bucket;
  workload.result_bytes = options.result_bytes > 0 ? options.result_bytes : options.results ? result_bytes_default : 0;
  workload.worker_count = options.workers;
  workload.jobs = options.jobs;
  workload.task_duration = options.duration;
  workload.claimed_together = options.together;
  return workload;
}

struct Row {
  const char* what;
  const char* key;
  double count;
  double price;
};

void show(const CostOptions& options, const aws::CostEstimate& estimate, const aws::Prices& prices) {
  const std::array rows{Row{"SQS requests", "sqs_requests", estimate.sqs_requests, prices.sqs_request},
                        Row{"DynamoDB write units", "write_units", estimate.write_units, prices.dynamodb_write_unit},
                        Row{"DynamoDB read units", "read_units", estimate.read_units, prices.dynamodb_read_unit},
                        Row{"S3 PUT requests", "s3_puts", estimate.s3_puts, prices.s3_put},
                        Row{"S3 GET requests", "s3_gets", estimate.s3_gets, prices.s3_get}};
  Table table({"", "count", "per task", "per million", "cost"});
  for (const Row& row : rows) {
    const double per_task = options.tasks == 0 ? 0 : row.count / static_cast<double>(options.tasks);
    table.add({row.what, with_thousands(static_cast<std::uint64_t>(std::llround(row.count))),
               fmt::format("{:.4f}", per_task), fmt::format("${:g}", row.price), dollars(row.count * row.price / 1e6)});
  }
  table.print();
  print_line(fmt::format(
      "{} for {}, in {} with every worker busy", dollars(estimate.cost(prices)),
      counted(options.tasks, options.messages ? "message" : "task", options.messages ? "messages" : "tasks"),
      spoken(estimate.duration)));
  note(fmt::format("prices: {}; storage, traffic, retries and polls of empty queues are not in it", prices.source));
}

void show_json(const CostOptions& options, const aws::CostEstimate& estimate, const aws::Prices& prices) {
  JsonObject object;
  object.count("tasks", options.tasks)
      .decimal("sqs_requests", estimate.sqs_requests)
      .decimal("write_units", estimate.write_units)
      .decimal("read_units", estimate.read_units)
      .decimal("s3_puts", estimate.s3_puts)
      .decimal("s3_gets", estimate.s3_gets)
      .decimal("seconds", std::chrono::duration<double>(estimate.duration).count())
      .decimal("dollars", estimate.cost(prices))
      .text("prices", prices.source);
  print_line(object.line());
}

Result<ExitCode> estimate(const Invocation& invocation, const CostOptions& options) {
  auto prices = prices_of(invocation.common.prices);
  if (!prices) return std::move(prices).error();
  const aws::CostEstimate made = aws::estimate_cost(workload_of(options));
  if (invocation.common.json) {
    show_json(options, made, *prices);
  } else {
    show(options, made, *prices);
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
      app, invocation, "cost", "Estimate what a cluster costs on AWS, in requests, units and dollars; asks nobody",
      "fanfold cost --tasks 1000000 --workers 20 --duration 2s --results", estimate);
  CostOptions& options = command.options;
  command.app.option("--tasks", options.tasks, "How many there are",
                     {.value = "N", .required = true, .range = OptionTraits::Range{0, 1'000'000'000}});
  command.app.option("--payload", options.payload_bytes, "Of a task's JSON, on average",
                     {.value = "BYTES", .show_default = true, .range = OptionTraits::Range{0, 100'000'000}});
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
  command.app.duration("--duration", options.duration, "Of a task's handler (100ms)");
}

}  // namespace fanfold::cli
