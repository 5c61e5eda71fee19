#include "cli/start_guard.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <vector>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

class Starts : public ::testing::Test {
 protected:
  std::vector<std::string> said_;
  std::optional<Error> gave_up_;
  std::stop_source stop_;
  StartGuard guard_{{.say = [this](const std::string& line) { said_.push_back(line); },
                     .give_up = [this](Error error) { gave_up_ = std::move(error); },
                     .stop = stop_.get_token()}};
  StartGuard::Clock::time_point now_{};
};

TEST_F(Starts, AreTriedAgainAndTheReasonIsSaidOnce) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(guard_.refused(EMFILE, now_));
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_EQ(said_.front(), "cannot start a program now: Too many open files (ulimit -n); trying again");
}

TEST_F(Starts, AreGivenUpWhereAllAreRefusedForLongAndNothingRuns) {
  EXPECT_TRUE(guard_.refused(EMFILE, now_));
  EXPECT_TRUE(guard_.refused(EMFILE, now_ + 9s));
  EXPECT_FALSE(guard_.refused(EMFILE, now_ + 10s));
  EXPECT_FALSE(guard_.refused(EMFILE, now_ + 10s));
  ASSERT_TRUE(gave_up_.has_value());
  EXPECT_EQ(gave_up_->code, ErrorCode::unavailable);
  EXPECT_NE(gave_up_->message.find("Too many open files"), std::string::npos);
}

TEST_F(Starts, WaitForAProgramThatRuns) {
  guard_.started();
  EXPECT_TRUE(guard_.refused(EMFILE, now_));
  EXPECT_TRUE(guard_.refused(EMFILE, now_ + 1h));
  guard_.ended();
  EXPECT_TRUE(guard_.refused(EMFILE, now_ + 1h + 1s));
  EXPECT_FALSE(guard_.refused(EMFILE, now_ + 1h + 11s));
}

TEST_F(Starts, AreNotTriedAgainOnceNothingIsToBeStarted) {
  stop_.request_stop();
  EXPECT_FALSE(guard_.refused(EMFILE, now_));
  EXPECT_FALSE(gave_up_.has_value());
}

}  // namespace
}  // namespace fanfold::cli
