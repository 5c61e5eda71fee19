#include "cli/duration.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadWithItsUnits) {
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("5m").value(), 5min);
  EXPECT_EQ(parse_duration("12h").value(), 12h);
  EXPECT_EQ(parse_duration("4d").value(), 96h);
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("1h30m").value(), 90min);
  EXPECT_EQ(parse_duration("0").value(), 0ms);
}

TEST(Duration, WithoutANumberOrUnitIsRefusedWithThePlace) {
  EXPECT_EQ(parse_duration("").error().message,
            "'' is no duration: a number is missing at character 1; write for instance 30s, 5m, 12h or 4d");
  EXPECT_EQ(parse_duration("30").error().message,
            "'30' is no duration: a unit (ms, s, m, h, d; larger ones first) is missing at character 3; write for "
            "instance 30s, 5m, 12h or 4d");
  EXPECT_EQ(parse_duration("1h5x").error().message,
            "'1h5x' is no duration: a unit (ms, s, m, h, d; larger ones first) is missing at character 4; write for "
            "instance 30s, 5m, 12h or 4d");
  EXPECT_EQ(parse_duration("-5s").error().code, ErrorCode::bad_input);
}

TEST(Duration, WithUnitsFromSmallToLargeIsRefused) { EXPECT_FALSE(parse_duration("5s1h").has_value()); }

TEST(Duration, OfMoreThanTenYearsIsRefused) {
  EXPECT_FALSE(parse_duration("4000d").has_value());
  EXPECT_FALSE(parse_duration("99999999999999999999d").has_value());
  EXPECT_FALSE(parse_duration("9223372036854775807h").has_value());
}

TEST(Duration, IsWrittenAsItIsRead) {
  EXPECT_EQ(duration_text(0ms), "0s");
  EXPECT_EQ(duration_text(90min), "1h30m");
  EXPECT_EQ(duration_text(1'500ms), "1s500ms");
  EXPECT_EQ(parse_duration(duration_text(123'456'789ms)).value(), 123'456'789ms);
}

}  // namespace
}  // namespace fanfold::cli
