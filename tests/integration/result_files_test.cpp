#include "cli/result_files.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <unistd.h>

namespace fanfold::cli {
namespace {

class ResultFolder : public ::testing::Test {
 protected:
  const std::filesystem::path folder_ =
      ::testing::TempDir() + "results-" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  void SetUp() override { ASSERT_TRUE(make_result_folder(folder_).has_value()); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
};

TEST_F(ResultFolder, HoldsOnlyWholeFilesUnderATasksName) {
  auto file = ResultFile::open(folder_, 7, 1).value();
  ASSERT_EQ(write(file.descriptor(), "half", 4), 4);
  EXPECT_FALSE(has_result(folder_, 7));
  ASSERT_TRUE(file.keep().has_value());
  EXPECT_EQ(content("7"), "half");
}

TEST_F(ResultFolder, LosesWhatAnAttemptDidNotKeep) {
  { auto file = ResultFile::open(folder_, 7, 1).value(); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ResultFolder, IsFreedOfWhatKilledAttemptsLeft) {
  std::ofstream(folder_ / ".fanfold-7-1.tmp") << "half";
  std::ofstream(folder_ / "8") << "whole";
  remove_unfinished_results(folder_);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".fanfold-7-1.tmp"));
  EXPECT_TRUE(has_result(folder_, 8));
}

}  // namespace
}  // namespace fanfold::cli
