#include "core/chunk.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t many = 1'000'000;

TEST(ChunkSizer, StartsWithOneTaskBecauseNothingIsKnownYet) { EXPECT_EQ(ChunkSizer(1'000).next(many, 2), 1U); }

TEST(ChunkSizer, GrowsStepByStepToTheLimitForHandlersThatDoNothing) {
  ChunkSizer sizer(1'000);
  std::size_t before = 1;
  for (int i = 0; i < 8 && sizer.target() < 1'000; ++i) {
    sizer.took(sizer.target(), 100ns * sizer.target());
    EXPECT_LE(sizer.target(), before * chunk_growth_max);
    before = sizer.target();
  }
  EXPECT_EQ(sizer.target(), 1'000U);
}

TEST(ChunkSizer, GivesSlowHandlersOneTaskAtATime) {
  ChunkSizer sizer(1'000);
  sizer.took(1, 50ms);
  EXPECT_EQ(sizer.next(many, 2), 1U);
}

TEST(ChunkSizer, FitsAChunkIntoTheChunkTime) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 20; ++i) sizer.took(100, 100 * 100us);
  EXPECT_EQ(sizer.next(many, 1), 20U);
}

TEST(ChunkSizer, MakesChunksWorthASlowClaim) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 50; ++i) {
    sizer.took(100, 100 * 100us);
    sizer.claimed(1ms);
  }
  EXPECT_GE(sizer.next(many, 1), 150U);
  for (int i = 0; i < 50; ++i) sizer.claimed(1s);
  EXPECT_EQ(sizer.next(many, 1), 200U);
}

TEST(ChunkSizer, MakesChunksWorthTheirEndAsWell) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 50; ++i) {
    sizer.took(100, 100 * 100us);
    sizer.claimed(300us);
    sizer.ended(700us);
  }
  EXPECT_GE(sizer.next(many, 1), 150U);
  for (int i = 0; i < 50; ++i) sizer.ended(1s);
  EXPECT_EQ(sizer.next(many, 1), 200U);
}

TEST(ChunkSizer, KeepsToALimitOfTimeWhateverTheCallsTake) {
  ChunkSizer sizer(1'000);
  sizer.limit_time(1ms);
  for (int i = 0; i < 50; ++i) {
    sizer.took(100, 100 * 100us);
    sizer.claimed(1s);
  }
  EXPECT_EQ(sizer.next(many, 1), 10U);
}

TEST(ChunkSizer, TurnsSmallAtOnceWhenHandlersTurnSlow) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 20; ++i) sizer.took(sizer.target(), 100ns * sizer.target());
  sizer.took(10, 10 * 2ms);
  EXPECT_EQ(sizer.target(), 1U);
}

TEST(ChunkSizer, SharesWhatIsReadyBetweenAllThreads) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 20; ++i) sizer.took(100, 100 * 150us);
  EXPECT_EQ(sizer.next(10, 8), 2U);
  EXPECT_EQ(sizer.next(8, 8), 1U);
  EXPECT_EQ(sizer.next(3, 1), 3U);
}

TEST(ChunkSizer, DoesNotShareWhatOneThreadDoesInNoTime) {
  ChunkSizer sizer(1'000);
  for (int i = 0; i < 20; ++i) sizer.took(100, 100 * 10us);
  EXPECT_EQ(sizer.next(30, 8), 20U);
  EXPECT_EQ(sizer.next(400, 8), 50U);
}

TEST(ChunkSizer, LearnsNothingFromAnEmptyChunk) {
  ChunkSizer sizer(1'000);
  sizer.took(0, 1s);
  sizer.took(1, 1us);
  EXPECT_EQ(sizer.target(), chunk_growth_max);
}

}  // namespace
}  // namespace fanfold::core
