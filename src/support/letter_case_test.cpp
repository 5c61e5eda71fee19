#include "support/letter_case.hpp"

#include <gtest/gtest.h>

namespace fanfold::support {
namespace {

TEST(LetterCase, ChangesTheLettersOfAsciiAndNothingElse) {
  EXPECT_EQ(lower_case("X-Amz-Date @[`{ 9 Ä"), "x-amz-date @[`{ 9 Ä");
  EXPECT_EQ(upper_case("s3-Control @[`{ 9 ä"), "S3-CONTROL @[`{ 9 ä");
  EXPECT_EQ(lower_case(""), "");
}

}  // namespace
}  // namespace fanfold::support
