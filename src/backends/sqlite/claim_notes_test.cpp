#include "backends/sqlite/claim_notes.hpp"
#include "backends/sqlite/holders.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace fanfold::sqlite {
namespace {

using core::ClaimFate;

class ClaimNotesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<ClaimNotes> make(std::uint32_t slot = 1, std::uint64_t generation = 7) const {
    return ClaimNotes::make(file_.descriptor(), slot, generation);
  }
  [[nodiscard]] std::unique_ptr<ClaimNotes> find(std::uint32_t slot = 1, std::uint64_t generation = 7) const {
    return ClaimNotes::find(file_.descriptor(), slot, generation);
  }

  support::TestDirectory folder_;
  std::filesystem::path path_ = folder_ / "store.db-holders";
  LockFile file_ = LockFile::open(path_).value();
};

TEST_F(ClaimNotesTest, TellAnotherProcessHowFarEachClaimIs) {
  const auto own = make();
  for (const std::uint32_t number : {1U, 2U, 3U}) EXPECT_TRUE(own->note(number));
  EXPECT_TRUE(own->begin(2));
  EXPECT_TRUE(own->begin(3));
  own->finish(3);
  const auto others = find();
  ASSERT_NE(others, nullptr);
  EXPECT_EQ(others->settle(1), ClaimFate::not_begun);
  EXPECT_EQ(others->settle(2), ClaimFate::begun);
  EXPECT_EQ(others->settle(3), ClaimFate::done);
  EXPECT_EQ(others->settle(4), ClaimFate::begun) << "of which nothing is known";
}

TEST_F(ClaimNotesTest, LetNothingBeginThatSomebodyTookForNotBegun) {
  const auto own = make();
  EXPECT_TRUE(own->note(1));
  EXPECT_EQ(find()->settle(1), ClaimFate::not_begun);
  EXPECT_FALSE(own->begin(1));
  EXPECT_EQ(find()->settle(1), ClaimFate::not_begun) << "whoever asked may have died before the claim was freed";
  own->forget(1);
  EXPECT_EQ(find()->settle(1), ClaimFate::begun);
}

TEST_F(ClaimNotesTest, HaveAPlaceForEachOfManyNumbersInARow) {
  const auto own = make();
  constexpr std::uint32_t first = 0xffff'fff0;  // They count on from 0.
  constexpr auto same_place = static_cast<std::uint32_t>(first + ClaimNotes::place_count);
  for (std::uint32_t i = 0; i < ClaimNotes::place_count; ++i) ASSERT_TRUE(own->note(first + i));
  EXPECT_FALSE(own->note(same_place)) << "a number that has not begun keeps its place";
  EXPECT_TRUE(own->begin(first));
  EXPECT_TRUE(own->note(same_place));
  own->finish(first);
  EXPECT_EQ(own->settle(first), ClaimFate::begun) << "another has its place";
  EXPECT_EQ(own->settle(same_place), ClaimFate::not_begun);
}

TEST_F(ClaimNotesTest, OfOneSlotAreNotThoseOfAnother) {
  const auto first = make(1);
  const auto second = make(2);
  EXPECT_TRUE(first->note(1));
  EXPECT_EQ(find(2)->settle(1), ClaimFate::begun);
  EXPECT_EQ(find(1)->settle(1), ClaimFate::not_begun);
  EXPECT_EQ(find(3), nullptr);
}

TEST_F(ClaimNotesTest, OfAnEarlierHolderOfTheSlotAreVoid) {
  EXPECT_TRUE(make(1, 7)->note(1));
  EXPECT_EQ(find(1, 8), nullptr);
  const auto next = make(1, 8);
  EXPECT_EQ(find(1, 7), nullptr);
  EXPECT_EQ(next->settle(1), ClaimFate::begun);
}

TEST_F(ClaimNotesTest, OfACopyOfTheFileAreVoid) {
  EXPECT_TRUE(make()->note(1));
  std::filesystem::copy_file(path_, folder_ / "copy");
  const LockFile copy = LockFile::open(folder_ / "copy").value();
  EXPECT_EQ(ClaimNotes::find(copy.descriptor(), 1, 7), nullptr);
  EXPECT_NE(find(), nullptr);
}

TEST_F(ClaimNotesTest, OfAnEarlierBootAreVoid) {
  EXPECT_TRUE(make()->note(1));
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::ifstream in(path_, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const auto at = bytes.find(boot);
  ASSERT_NE(at, std::string::npos);
  std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out).seekp(static_cast<std::streamoff>(at))
      << "other";
  EXPECT_EQ(find(), nullptr);
}

TEST_F(ClaimNotesTest, AreNoneInAFileThatIsShorter) {
  EXPECT_EQ(find(), nullptr);
  EXPECT_TRUE(make()->note(1));
  std::filesystem::resize_file(path_, 4'096);
  EXPECT_EQ(find(), nullptr);
}

}  // namespace
}  // namespace fanfold::sqlite
