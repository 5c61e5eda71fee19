#include "cli/worker_watch.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanfold::cli {
namespace {

TEST(WorkerWatch, SaysErrorsThatTakeTurnsOnceEach) {
  std::vector<std::string> said;
  WorkerWatch watch({.say = [&](const std::string& line) { said.push_back(line); }});
  const Error error{ErrorCode::unavailable, "no connection", {}};
  for (int i = 0; i < 10; ++i) {
    for (const char* detail : {"sqs: no connection", "dynamodb: no connection"})
      watch.see({.kind = WorkerEvent::Kind::error, .detail = detail, .error = &error});
  }
  EXPECT_EQ(said, (std::vector<std::string>{"fanfold: sqs: no connection", "fanfold: dynamodb: no connection"}));
  EXPECT_FALSE(watch.token().stop_requested()) << "a fault that passes ends nothing";
}

TEST(WorkerWatch, LeavesAnOutageToAStoreThatTellsOfItAndSaysWhatThatDoesNot) {
  std::vector<std::string> said;
  bool has_told = false;
  std::chrono::steady_clock::time_point now{};
  WorkerWatch watch({.say = [&](const std::string& line) { said.push_back(line); },
                     .has_store_told = [&] { return has_told; },
                     .now = [&] { return now; }});
  const auto fail = [&](ErrorCode code, std::string_view detail) {
    const Error error{code, std::string(detail), {}};
    watch.see({.kind = WorkerEvent::Kind::error, .detail = detail, .error = &error});
    now += std::chrono::seconds(11);
  };
  fail(ErrorCode::unavailable, "unavailable: dynamodb UpdateItem: no connection");
  has_told = true;  // After three seconds.
  for (int i = 0; i < 100; ++i) {
    fail(ErrorCode::unavailable, "unavailable: dynamodb UpdateItem: no connection");
    fail(ErrorCode::throttled, "throttled: dynamodb GetItem: throttled");
  }
  EXPECT_TRUE(said.empty()) << said.front();
  fail(ErrorCode::internal, "internal: a defect");
  EXPECT_EQ(said, std::vector<std::string>{"fanfold: internal: a defect"}) << "that is not the store's";
  has_told = false;  // One table fails while other calls are answered.
  now += std::chrono::hours(1);
  fail(ErrorCode::unavailable, "unavailable: dynamodb UpdateItem: no connection");
  EXPECT_EQ(said.size(), 2U);
}

TEST(WorkerWatch, SaysWhatASweepMayNotLookAfterAndGoesOn) {
  std::vector<std::string> said;
  WorkerWatch watch({.say = [&](const std::string& line) { said.push_back(line); }});
  watch.see({.kind = WorkerEvent::Kind::swept});
  watch.see({.kind = WorkerEvent::Kind::swept, .detail = "queue play: permission_denied: refused"});
  EXPECT_EQ(said, std::vector<std::string>{"fanfold: queue play: permission_denied: refused"});
  EXPECT_FALSE(watch.token().stop_requested());
}

TEST(WorkerWatch, StopsByAnErrorThatNoWaitingMends) {
  WorkerWatch watch({.say = [](const std::string&) {}});
  const Error error{ErrorCode::disk_full, "the disk is full", {}};
  watch.see({.kind = WorkerEvent::Kind::error, .detail = "disk_full: the disk is full", .error = &error});
  EXPECT_TRUE(watch.token().stop_requested());
  ASSERT_TRUE(watch.store_error().has_value());
  EXPECT_EQ(watch.store_error()->code, ErrorCode::disk_full);
}

}  // namespace
}  // namespace fanfold::cli
