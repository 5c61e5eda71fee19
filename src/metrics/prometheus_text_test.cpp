#include "metrics/prometheus_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace fanfold::metrics {
namespace {

TEST(PrometheusText, SaysHelpAndTypeBeforeTheSamplesOfAFamily) {
  PrometheusText text;
  text.family("jobs_total", MetricType::counter, "Jobs that ended.");
  text.sample(std::array{Label{"outcome", "done"}}, std::uint64_t{3});
  text.sample(std::array{Label{"outcome", "failed"}, Label{"kind", "task"}}, std::uint64_t{0});
  text.family("jobs_running", MetricType::gauge, "Jobs that run.");
  text.sample(2);
  EXPECT_EQ(text.text(),
            "# HELP jobs_total Jobs that ended.\n"
            "# TYPE jobs_total counter\n"
            "jobs_total{outcome=\"done\"} 3\n"
            "jobs_total{outcome=\"failed\",kind=\"task\"} 0\n"
            "# HELP jobs_running Jobs that run.\n"
            "# TYPE jobs_running gauge\n"
            "jobs_running 2\n");
}

TEST(PrometheusText, EscapesBackslashesAndLineBreaksAndInLabelsQuotesToo) {
  PrometheusText text;
  text.family("jobs_total", MetricType::counter, "Back\\slash, line\nbreak and \"quotes\".");
  text.sample(std::array{Label{"path", "C:\\a \"b\"\nc \xC3\xA4"}}, std::uint64_t{1});
  EXPECT_EQ(text.text(),
            "# HELP jobs_total Back\\\\slash, line\\nbreak and \"quotes\".\n"
            "# TYPE jobs_total counter\n"
            "jobs_total{path=\"C:\\\\a \\\"b\\\"\\nc \xC3\xA4\"} 1\n");
}

TEST(PrometheusText, CountsInEachBucketOfAHistogramWhatIsInThoseBelowIt) {
  PrometheusText text;
  text.family("wait_seconds", MetricType::histogram, "Waits.");
  constexpr std::array bounds{0.001, 0.5, 3600.0};
  constexpr std::array<std::uint64_t, 4> counts{2, 0, 5, 1};
  text.histogram(std::array{Label{"kind", "task"}}, {bounds, counts, 12.25});
  EXPECT_EQ(text.text(),
            "# HELP wait_seconds Waits.\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{kind=\"task\",le=\"0.001\"} 2\n"
            "wait_seconds_bucket{kind=\"task\",le=\"0.5\"} 2\n"
            "wait_seconds_bucket{kind=\"task\",le=\"3600\"} 7\n"
            "wait_seconds_bucket{kind=\"task\",le=\"+Inf\"} 8\n"
            "wait_seconds_sum{kind=\"task\"} 12.25\n"
            "wait_seconds_count{kind=\"task\"} 8\n");
}

TEST(PrometheusText, LeavesOutTheBracesOfWhatHasNoLabels) {
  PrometheusText text;
  text.family("wait_seconds", MetricType::histogram, "Waits.");
  constexpr std::array<std::uint64_t, 1> counts{4};
  text.histogram({}, {{}, counts, 1});
  EXPECT_NE(text.text().find("\nwait_seconds_bucket{le=\"+Inf\"} 4\nwait_seconds_sum 1\nwait_seconds_count 4\n"),
            std::string::npos)
      << text.text();
}

TEST(PrometheusText, WritesWhatIsNoNumberAsPrometheusReadsIt) {
  PrometheusText text;
  text.family("load", MetricType::gauge, "Load.");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN(), 1764445228.123, 1e-9})
    text.sample({}, value);
  text.sample(std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(text.text().ends_with(
      "load +Inf\nload -Inf\nload NaN\nload 1764445228.123\nload 1e-09\nload 18446744073709551615\n"))
      << text.text();
}

TEST(PrometheusTextDeathTest, TakesNoNameThatPrometheusWouldRefuse) {
  PrometheusText text;
  EXPECT_DEATH(text.family("jobs-total", MetricType::counter, ""), "name");
  EXPECT_DEATH(text.family("9_total", MetricType::counter, ""), "name");
  EXPECT_DEATH(text.family("jobs", MetricType::counter, ""), "total");
  EXPECT_DEATH(text.sample(1), "family");
}

}  // namespace
}  // namespace fanfold::metrics
