#include "cli/aws_metrics.hpp"

#ifdef FANFOLD_AWS
#include "aws/call_counts.hpp"
#endif

#include <array>

namespace fanfold::cli {

#ifdef FANFOLD_AWS
namespace {

using metrics::Label;
using metrics::MetricType;

void write_calls(metrics::PrometheusText& text) {
  const std::vector<aws::CallCount> counts = aws::call_counts();
  const auto write = [&](std::string_view name, std::string_view help, aws::EndCounts aws::CallCount::*ends) {
    text.family(name, MetricType::counter, help);
    for (const aws::CallCount& count : counts) {
      for (std::size_t end = 0; end < aws::call_end_count; ++end) {
        text.sample(std::array{Label{"service", count.service}, Label{"operation", count.operation},
                               Label{"outcome", to_string(static_cast<aws::CallEnd>(end))}},
                    (count.*ends)[end]);
      }
    }
  };
  write("fanfold_aws_calls_total",
        "Calls to AWS, with all their attempts: done, refused by the service (a condition that did not hold, too), "
        "throttled or failed to the last attempt, or cancelled here.",
        &aws::CallCount::calls);
  write("fanfold_aws_attempts_total", "Requests that were sent to AWS, by what came of each.",
        &aws::CallCount::attempts);
}

void write_units(metrics::PrometheusText& text, const aws::Usage& usage) {
  constexpr double thousandths = 1'000;
  text.family("fanfold_aws_capacity_units_total", MetricType::counter,
              "Read and write units that DynamoDB says the answered requests took; what a refused write took, it does "
              "not say.");
  const auto write = [&](std::string_view kind, const std::atomic<std::uint64_t>& sum) {
    text.sample(std::array{Label{"service", "dynamodb"}, Label{"kind", kind}}, static_cast<double>(sum) / thousandths);
  };
  write("read", usage.dynamodb_read_thousandths);
  write("write", usage.dynamodb_write_thousandths);
}

}  // namespace

void write_aws_metrics(metrics::PrometheusText& text, const aws::Usage& usage) {
  write_calls(text);
  write_units(text, usage);
}
#else
void write_aws_metrics(metrics::PrometheusText& text, const aws::Usage& usage) {
  static_cast<void>(text);
  static_cast<void>(usage);
}
#endif

}  // namespace fanfold::cli
