#include "cli/cost_estimate.hpp"

#include "cli/config_text.hpp"
#include "cli/duration.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>

namespace fanfold::cli {
namespace {

struct Price {
  const char* name;
  double aws::Prices::*target;
};
constexpr std::array price_keys{Price{"sqs_request", &aws::Prices::sqs_request},
                                Price{"dynamodb_write_unit", &aws::Prices::dynamodb_write_unit},
                                Price{"dynamodb_read_unit", &aws::Prices::dynamodb_read_unit},
                                Price{"s3_put", &aws::Prices::s3_put}, Price{"s3_get", &aws::Prices::s3_get}};

std::optional<double> amount_of(std::string_view text) {
  double amount = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, amount);
  if (code != std::errc{} || stop != end || !std::isfinite(amount) || amount < 0) return std::nullopt;
  return amount;
}

Result<void> take_price(const ConfigText& file, const CLI::ConfigItem& item, aws::Prices& prices) {
  const bool is_source = item.name == "source";
  const auto* const key =
      std::find_if(price_keys.begin(), price_keys.end(), [&](const Price& known) { return item.name == known.name; });
  if ((key == price_keys.end() && !is_source) || !item.parents.empty()) {
    return file.wrong_at(
        item.parents.empty() ? item.name : "[" + item.parents.front(),
        fmt::format("'{}': no such price; there are source, sqs_request, dynamodb_write_unit, dynamodb_read_unit, "
                    "s3_put, s3_get",
                    printable(item.fullname(), Newlines::escape)));
  }
  if (auto checked = file.check_value(item); !checked) return checked;
  if (is_source) {
    prices.source = item.inputs.front();
    return {};
  }
  const auto amount = amount_of(item.inputs.front());
  if (!amount) {
    return file.wrong_at(item.name, fmt::format("{}: expected dollars for a million, as 0.40, not '{}'", item.name,
                                                printable(item.inputs.front(), Newlines::escape)));
  }
  prices.*(key->target) = *amount;
  return {};
}

/// How many tasks there are, and how long they are on average.
Result<void> add_list(TaskInput& list, aws::Workload& workload) {
  if (auto begun = list.rewind(); !begun) return begun;
  std::uint64_t bytes = workload.task_count * workload.payload_bytes;
  while (true) {
    auto task = list.next();
    if (!task) return std::move(task).error();
    if (!task->has_value()) break;
    ++workload.task_count;
    bytes += (*task)->size();
  }
  if (workload.task_count > 0) workload.payload_bytes = bytes / workload.task_count;
  return list.rewind();
}

}  // namespace

Result<aws::Prices> prices_of(const std::string& file) {
  aws::Prices prices;
  if (file.empty()) return prices;
  std::error_code problem;
  if (!std::filesystem::exists(file, problem))
    return Error{
        ErrorCode::not_found,
        fmt::format("there is no file of prices '{}' (--prices or FANFOLD_PRICES)", printable(file, Newlines::escape)),
        {}};
  auto text = ConfigText::read(file);
  if (!text) return std::move(text).error();
  auto items = text->items();
  if (!items) return std::move(items).error();
  prices.source = printable(file, Newlines::escape);
  for (const CLI::ConfigItem& item : *items) {
    if (auto taken = take_price(*text, item, prices); !taken) return std::move(taken).error();
  }
  return prices;
}

std::string dollars(double amount) {
  if (amount == 0) return "$0";
  if (amount >= 1) return fmt::format("${:.2f}", amount);
  const int digits = 1 - static_cast<int>(std::floor(std::log10(amount)));
  return fmt::format("${:.{}f}", amount, std::max(2, digits));
}

void add_cost_limit(Command app, CostLimit& limit) {
  app.option("--max-cost", limit.amount,
             "On AWS: where the estimate is above so many dollars, write nothing and exit with 4; see fanfold cost",
             {.value = "DOLLARS"});
  app.duration("--task-time", limit.task_time, "For --max-cost: how long one takes (100ms)");
  app.option("--workers", limit.workers, "For --max-cost: processes that will work on it",
             {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1'000'000}});
}

std::string assumptions(const aws::Workload& workload) {
  std::string text =
      fmt::format("{} of {}, {} a {} of {}", counted(workload.worker_count, "worker", "workers"),
                  counted(workload.jobs, "job", "jobs"), duration_text(workload.task_duration),
                  workload.is_single ? "message" : "task", counted(workload.payload_bytes, "byte", "bytes"));
  if (workload.result_bytes > 0)
    text += fmt::format(", results of {}", counted(workload.result_bytes, "byte", "bytes"));
  if (workload.output_bytes > 0) text += fmt::format(", {} printed", counted(workload.output_bytes, "byte", "bytes"));
  if (workload.claimed_together > 1) text += fmt::format(", {} claimed together", workload.claimed_together);
  return text + (workload.has_bucket ? ", a bucket" : ", no bucket");
}

Result<Budget> check_budget(const CommonOptions& common, const CostLimit& limit, TaskInput* list,
                            aws::Workload workload) {
  if (limit.amount.empty()) return Budget::kept;
  const auto most = amount_of(limit.amount);
  if (!most) {
    return Error{
        ErrorCode::invalid_argument,
        fmt::format("--max-cost: '{}' is no amount of dollars, as 2.50", printable(limit.amount, Newlines::escape)),
        {}};
  }
  if (!is_on_aws(common)) return Budget::kept;
  auto prices = prices_of(common.prices);
  if (!prices) return std::move(prices).error();
  if (list != nullptr) {
    if (auto counted_list = add_list(*list, workload); !counted_list) return std::move(counted_list).error();
  }
#ifdef FANFOLD_AWS
  workload.has_bucket = !common.bucket.empty();
  workload.task_duration = limit.task_time;
  workload.worker_count = limit.workers;
  const double cost = aws::estimate_cost(workload).cost(*prices);
  const std::string estimate = fmt::format(
      "{} would cost about {}",
      counted(workload.task_count, workload.is_single ? "message" : "task", workload.is_single ? "messages" : "tasks"),
      dollars(cost));
  const std::string basis = fmt::format("assumed: {}; prices: {}", assumptions(workload), prices->source);
  if (cost <= *most) {
    note(fmt::format("{} ({})", estimate, basis));
    return Budget::kept;
  }
  const std::string message =
      fmt::format("{}, which is above --max-cost {}; nothing was written ({})", estimate, limit.amount, basis);
  static_cast<void>(fail({.code = "max_cost_exceeded", .message = message, .exit = ExitCode::refused}));
  return Budget::exceeded;
#else
  return aws_store(common).error();
#endif
}

}  // namespace fanfold::cli
