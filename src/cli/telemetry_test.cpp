#include "cli/telemetry.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

TEST(Telemetry, IsNothingToWhoeverHasNone) {
  const Telemetry::Running running(nullptr, {.work = metrics::Work::task, .record_id = "c", .task = 1, .number = 1});
  Telemetry silent;
  silent.see({});
  EXPECT_FALSE(silent.end_trace());
}

}  // namespace
}  // namespace fanfold::cli
