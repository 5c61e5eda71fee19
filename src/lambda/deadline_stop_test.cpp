#include "lambda/deadline_stop.hpp"

#include <gtest/gtest.h>

namespace fanfold::lambda {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

void await(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait(lock, token, [] { return false; });
}

TEST(DeadlineStop, IsSetAtItsTime) {
  const DeadlineStop stop(Steady::now(), {});
  await(stop.token());
  EXPECT_TRUE(stop.token().stop_requested());
}

TEST(DeadlineStop, IsSetBeforeItsTimeWhereAnotherTokenIs) {
  std::stop_source signal;
  const DeadlineStop stop(Steady::now() + 1h, signal.get_token());
  EXPECT_FALSE(stop.token().stop_requested());
  signal.request_stop();
  EXPECT_TRUE(stop.token().stop_requested());
}

TEST(DeadlineStop, EndsWithoutWaitingForItsTime) {
  std::stop_token token;
  {
    const DeadlineStop stop(Steady::now() + 1h, {});
    token = stop.token();
  }
  EXPECT_FALSE(token.stop_requested());
}

}  // namespace
}  // namespace fanfold::lambda
