#include "cli/worker_watch.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanfold::cli {
namespace {

TEST(WorkerWatch, SaysErrorsThatTakeTurnsOnceEach) {
  std::vector<std::string> said;
  WorkerWatch watch([&](const std::string& line) { said.push_back(line); });
  const Error error{ErrorCode::unavailable, "no connection", {}};
  for (int i = 0; i < 10; ++i) {
    for (const char* detail : {"sqs: no connection", "dynamodb: no connection"})
      watch.see({.kind = WorkerEvent::Kind::error, .detail = detail, .error = &error});
  }
  EXPECT_EQ(said, (std::vector<std::string>{"fanfold: sqs: no connection", "fanfold: dynamodb: no connection"}));
  EXPECT_FALSE(watch.token().stop_requested()) << "a fault that passes ends nothing";
}

TEST(WorkerWatch, StopsByAnErrorThatNoWaitingMends) {
  WorkerWatch watch([](const std::string&) {});
  const Error error{ErrorCode::disk_full, "the disk is full", {}};
  watch.see({.kind = WorkerEvent::Kind::error, .detail = "disk_full: the disk is full", .error = &error});
  EXPECT_TRUE(watch.token().stop_requested());
  ASSERT_TRUE(watch.store_error().has_value());
  EXPECT_EQ(watch.store_error()->code, ErrorCode::disk_full);
}

}  // namespace
}  // namespace fanfold::cli
