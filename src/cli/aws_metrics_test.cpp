#include "cli/aws_metrics.hpp"

#ifdef FANFOLD_AWS
#include "aws/call_counts.hpp"
#endif

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

#ifdef FANFOLD_AWS
TEST(AwsMetrics, AreUnitsAsTheServiceCountsThemAndCalls) {
  aws::Usage usage;
  usage.dynamodb_write_thousandths = 40'600;
  usage.dynamodb_read_thousandths = 1'500;
  aws::count_call("dynamodb", "UpdateItem", aws::CallEnd::ok);
  metrics::PrometheusText text;
  write_aws_metrics(text, usage);
  const auto has = [&](std::string_view line) { return text.text().find(line) != std::string::npos; };
  EXPECT_TRUE(has("# TYPE fanfold_aws_capacity_units_total counter\n"));
  EXPECT_TRUE(has("fanfold_aws_capacity_units_total{service=\"dynamodb\",kind=\"read\"} 1.5\n")) << text.text();
  EXPECT_TRUE(has("fanfold_aws_capacity_units_total{service=\"dynamodb\",kind=\"write\"} 40.6\n"));
  EXPECT_TRUE(has("fanfold_aws_calls_total{service=\"dynamodb\",operation=\"UpdateItem\",outcome=\"ok\"} 1\n"));
}
#endif

}  // namespace
}  // namespace fanfold::cli
