#include <fanfold/version.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace fanfold {
namespace {

TEST(Version, IsThreeNumbersWithDots) {
  EXPECT_EQ(std::ranges::count(version(), '.'), 2);
  EXPECT_TRUE(std::ranges::all_of(version(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); })) << version();
}

}  // namespace
}  // namespace fanfold
