#include "aws/outage_notice.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;

class OutageNoticeTest : public ::testing::Test {
 protected:
  /// A call fails that has failed for `lasting`; answers whether that was told_.
  bool fail(std::chrono::seconds at, std::chrono::seconds lasting = 0s) {
    const std::size_t before = told_.size();
    notice_.failed({ErrorCode::throttled, "dynamodb GetItem: throttled", "remote"}, begun + at - lasting, begun + at);
    return told_.size() > before;
  }

  const OutageNotice::Moment begun{1h};
  std::vector<std::string> told_;
  OutageNotice notice_{[this](const std::string& line) { told_.push_back(line); }};
};

TEST_F(OutageNoticeTest, TellsOnceOfManyCallsThatFailForSomeSeconds) {
  EXPECT_FALSE(fail(0s));
  EXPECT_FALSE(fail(2s));
  EXPECT_TRUE(fail(3s));
  EXPECT_EQ(told_.back(), "dynamodb GetItem: throttled; trying again") << "what a remote side wrote is not in it";
  EXPECT_FALSE(fail(4s));
  EXPECT_FALSE(fail(32s));
}

TEST_F(OutageNoticeTest, TellsOfOneCallThatGoesOnFailingWhileOthersSucceed) {
  EXPECT_FALSE(fail(2s, 2s));
  notice_.answered();
  EXPECT_TRUE(fail(4s, 4s));
}

TEST_F(OutageNoticeTest, SaysNothingOfFailuresThatPass) {
  for (int second = 0; second < 60; second += 2) {
    EXPECT_FALSE(fail(std::chrono::seconds(second)));
    notice_.answered();
  }
}

TEST_F(OutageNoticeTest, RepeatsItselfEverMoreSeldom) {
  std::vector<int> at;
  for (int second = 0; second < 3'000; ++second) {
    if (fail(std::chrono::seconds(second))) at.push_back(second);
  }
  EXPECT_EQ(at, (std::vector<int>{3, 33, 93, 213, 453, 933, 1'533, 2'133, 2'733}));
}

TEST_F(OutageNoticeTest, IsNoFloodWhereAnOutageComesAndGoes) {
  int told_count = 0;
  for (int second = 0; second < 60; second += 5) {
    told_count += fail(std::chrono::seconds(second), 4s) ? 1 : 0;
    notice_.answered();
  }
  EXPECT_EQ(told_count, 2);
}

}  // namespace
}  // namespace fanfold::aws
