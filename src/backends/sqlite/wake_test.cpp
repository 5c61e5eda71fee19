#include "backends/sqlite/wake.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

namespace fanfold::sqlite {
namespace {

TEST(Wake, KeepsWhatOneProcessMadeWhenAnotherHadSeenItsFileEmpty) {
  const support::TestDirectory folder;
  const auto first = Wake::open(folder / "store.db").value();
  const auto whole_bytes = static_cast<std::size_t>(std::filesystem::file_size(folder / "store.db-wake"));
  first->notify(0);
  first->clock_words().latest = 7;
  ASSERT_TRUE(Wake::grow(folder / "store.db-wake", whole_bytes).has_value());
  const auto second = Wake::open(folder / "store.db").value();
  EXPECT_EQ(second->sequence(0), 1U);
  EXPECT_EQ(second->clock_words().latest, 7);
  second->notify(0);
  EXPECT_EQ(first->sequence(0), 2U);
}

}  // namespace
}  // namespace fanfold::sqlite
