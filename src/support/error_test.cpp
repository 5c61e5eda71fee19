#include <fanfold/error.hpp>
#include <fanfold/result.hpp>

#include "support/assert.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fanfold {
namespace {

TEST(ErrorText, HasOneDistinctNameForEachCode) {
  std::set<std::string_view> names;
  constexpr int code_count = static_cast<int>(ErrorCode::internal) + 1;
  for (int code = 0; code < code_count; ++code) names.insert(to_string(static_cast<ErrorCode>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(code_count));
  EXPECT_EQ(to_string(ErrorCode::lease_lost), "lease_lost");
}

TEST(ErrorText, PutsTheCodeBeforeTheMessage) {
  EXPECT_EQ(to_string(Error{ErrorCode::lease_lost, "another worker took the task", {}}),
            "lease_lost: another worker took the task");
  EXPECT_EQ(to_string(Error{ErrorCode::sealed, {}, {}}), "sealed");
}

TEST(ErrorText, NeverShowsWhatTheRemoteSideSaid) {
  EXPECT_EQ(to_string(Error{ErrorCode::throttled, "slow down", "<secret>"}), "throttled: slow down");
}

TEST(ErrorException, CarriesTheErrorAndItsText) {
  const Result<int> result = Error{ErrorCode::not_found, "no such task", {}};
  try {
    (void)result.value();
    FAIL() << "value() of an error returned";
  } catch (const ErrorException& exception) {
    EXPECT_EQ(exception.error().code, ErrorCode::not_found);
    EXPECT_STREQ(exception.what(), "not_found: no such task");
  }
}

TEST(AssertDeathTest, AbortsWithThePlaceAndTheReason) {
  FANFOLD_ASSERT(1 + 1 == 2, "arithmetic holds");
  EXPECT_DEATH(FANFOLD_ASSERT(1 + 1 == 3, "arithmetic is broken"), "error_test.cpp:[0-9]+: arithmetic is broken");
}

}  // namespace
}  // namespace fanfold
