#include <fanfold/cluster_header.hpp>

#include <gtest/gtest.h>

namespace fanfold {
namespace {

Status outcome(double allowed_percent, std::uint64_t task_count, std::uint64_t failed_count) {
  ClusterHeader header;
  header.failures_allowed_percent = allowed_percent;
  header.task_count = task_count;
  header.failed_count = failed_count;
  return header.outcome();
}

TEST(Tolerance, IsExactAtEveryWholePercent) {
  for (std::uint64_t percent = 0; percent <= 100; ++percent) {
    for (const std::uint64_t hundreds : {1U, 3U, 10U, 1'000'000U}) {
      EXPECT_EQ(outcome(static_cast<double>(percent), hundreds * 100, hundreds * percent), Status::complete) << percent;
      EXPECT_EQ(outcome(static_cast<double>(percent), hundreds * 100, hundreds * percent + 1), Status::error)
          << percent;
    }
  }
}

TEST(Tolerance, IsExactAtFractionsOfAPercent) {
  for (std::uint64_t tenths = 0; tenths <= 1'000; ++tenths) {
    const double percent = static_cast<double>(tenths) / 10;
    EXPECT_EQ(outcome(percent, 1'000, tenths), Status::complete) << percent;
    EXPECT_EQ(outcome(percent, 1'000, tenths + 1), Status::error) << percent;
  }
}

TEST(Tolerance, OfNoTaskIsNoFailure) {
  EXPECT_EQ(outcome(0, 0, 0), Status::complete);
  EXPECT_EQ(outcome(0, 1, 1), Status::error);
}

}  // namespace
}  // namespace fanfold
