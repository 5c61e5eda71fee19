#include "cli/warning_writer.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <vector>

namespace fanfold::cli {
namespace {

TEST(WarningWriter, WritesInOrderWhatCameBeforeItsEnd) {
  std::vector<std::string> lines;
  {
    WarningWriter writer([&](const std::string& line) { lines.push_back(line); });
    writer.warn("first");
    writer.warn("second");
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"first", "second"}));
}

TEST(WarningWriter, HoldsUpNobodyWhereItsOutputIsNotRead) {
  std::vector<std::string> lines;
  std::latch written{1};
  std::latch read{1};
  {
    WarningWriter writer([&](const std::string& line) {
      lines.push_back(line);
      if (lines.size() == 1) {
        written.count_down();
        read.wait();
      }
    });
    writer.warn("0");
    written.wait();
    for (std::size_t i = 1; i <= WarningWriter::waiting_max + 3; ++i) writer.warn(std::to_string(i));
    read.count_down();
  }
  ASSERT_EQ(lines.size(), WarningWriter::waiting_max + 2);
  EXPECT_EQ(lines[WarningWriter::waiting_max], std::to_string(WarningWriter::waiting_max));
  EXPECT_EQ(lines.back(), "3 more warnings were left out meanwhile");
}

}  // namespace
}  // namespace fanfold::cli
