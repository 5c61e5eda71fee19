#include "backends/sqlite/cell.hpp"

#include <gtest/gtest.h>

#include <array>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr Time moment{1'800'000'000'000ms};

Cell stored(const Cell& cell) {
  std::array<char, cell_bytes> bytes{};
  store_cell(bytes.data(), cell);
  return load_cell(bytes.data());
}

TEST(StoredCell, ComesBackAsItWasStored) {
  const Cell cell{.state = Cell::State::waiting, .attempt = 1'000, .time = moment, .token = 0xfedcba9876543210U};
  const Cell loaded = stored(cell);
  EXPECT_EQ(loaded.state, Cell::State::waiting);
  EXPECT_EQ(loaded.attempt, 1'000U);
  EXPECT_EQ(loaded.time, moment);
  EXPECT_EQ(loaded.token, 0xfedcba9876543210U);
}

TEST(StoredCell, CountsNoFurtherThanItHasRoom) {
  EXPECT_EQ(stored({.attempt = core::attempt_max + 5}).attempt, core::attempt_max);
}

}  // namespace
}  // namespace fanfold::sqlite
