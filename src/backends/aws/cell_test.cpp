#include "backends/aws/cell.hpp"

#include <gtest/gtest.h>

#include "aws/base64.hpp"

namespace fanfold::aws {
namespace {

using namespace std::chrono_literals;

constexpr Time some_time = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 9h + 30min;

std::string base64_of(const Cell& cell) {
  std::string text;
  append_base64(text, encode_cell(cell));
  return text;
}

// The vectors of docs/wire-format.md.
TEST(StoredCell, IsWrittenAsTheFormatSays) {
  EXPECT_EQ(base64_of({Cell::State::leased, 1, some_time, 0x0123456789abcdef}), "IAEBogzkBcABI0VniavN7w==");
  EXPECT_EQ(base64_of({Cell::State::done, 3, some_time + 1ms, 0xfedcba9876543210}), "gAMBogzkBcH+3LqYdlQyEA==");
}

TEST(StoredCell, IsReadAsItWasWritten) {
  for (const Cell& cell :
       {Cell{Cell::State::leased, 1, some_time, 7}, Cell{Cell::State::backing_off, 2, some_time, ~std::uint64_t{0}},
        Cell{Cell::State::waiting, core::attempt_max, some_time, 1}, Cell{Cell::State::failed, 0, Time{}, 1}}) {
    EXPECT_EQ(decode_cell(encode_cell(cell)), cell);
    EXPECT_EQ(cell_of(seen_of(cell)), cell);
  }
}

TEST(StoredCell, RefusesBytesThatAreNone) {
  EXPECT_FALSE(decode_cell("").has_value());
  EXPECT_FALSE(decode_cell(std::string(15, '\x20')).has_value());
  EXPECT_FALSE(decode_cell(std::string(16, '\xff')).has_value()) << "no such state";
}

TEST(StoredCell, NeverCountsMoreAttemptsThanItHolds) {
  const Cell cell{Cell::State::backing_off, core::attempt_max + 5, some_time, 1};
  EXPECT_EQ(decode_cell(encode_cell(cell)).value().attempt, core::attempt_max);
}

}  // namespace
}  // namespace fanfold::aws
