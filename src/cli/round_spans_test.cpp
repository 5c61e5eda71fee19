#include "cli/round_spans.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

Time round_time(std::int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }

/// Of round `number`, which was over at `sent` and whose finish message had ended at `ended`.
RoundFinish finish_of(std::uint32_t number, std::int64_t sent, std::int64_t ended) {
  return {.round = number, .sent_at = round_time(sent), .ended = round_time(ended), .status = Status::complete};
}

ClusterHeader cluster_in(std::uint32_t round, std::int64_t sent_at) {
  ClusterHeader header;
  header.created_at = round_time(100);
  header.round = round;
  header.sent_at = round_time(sent_at);
  return header;
}

TEST(RoundSpans, AreOneWhereNothingWasRetried) {
  RoundSpans rounds(cluster_in(0, 100), {finish_of(0, 500, 600)});
  ASSERT_EQ(rounds.spans().size(), 1U);
  EXPECT_EQ(rounds.find(round_time(99)), 0U);
  EXPECT_EQ(rounds.find(round_time(9'999)), 0U) << "of the latest round, the end of its finish message says nothing";
  EXPECT_EQ(rounds.begin_of(0).at, round_time(100));
  EXPECT_EQ(rounds.begin_of(0).known_from, RoundSpans::from_creation);
}

TEST(RoundSpans, AreToldApartByTheEndsOfTheirFinishMessages) {
  RoundSpans rounds(cluster_in(2, 2'500), {finish_of(0, 500, 600), finish_of(1, 1'900, 2'000)});
  ASSERT_EQ(rounds.spans().size(), 3U);
  EXPECT_EQ(rounds.find(round_time(600)), 0U);
  EXPECT_EQ(rounds.find(round_time(601)), 1U);
  EXPECT_EQ(rounds.find(round_time(2'001)), 2U);
}

TEST(RoundSpans, BeginWhereTheirTasksWereSentWhichOnlyTheLatestKnows) {
  RoundSpans rounds(cluster_in(2, 2'500), {finish_of(0, 500, 600), finish_of(1, 1'900, 2'000)});
  rounds.add(1, round_time(1'700), {.complete = 1});
  rounds.add(1, round_time(1'400), {.failed_attempts = 1});
  rounds.add(2, round_time(2'600), {.complete = 1});
  EXPECT_EQ(rounds.begin_of(1).at, round_time(1'400)) << "it began before";
  EXPECT_EQ(rounds.begin_of(1).known_from, RoundSpans::from_first_end);
  EXPECT_EQ(rounds.begin_of(2).at, round_time(2'500));
  EXPECT_EQ(rounds.begin_of(2).known_from, RoundSpans::from_sending);
}

TEST(RoundSpans, DoNotBeginWhereTheirTasksWereSentAgain) {
  RoundSpans rounds(cluster_in(1, 3'000), {finish_of(0, 500, 600)});
  rounds.add(1, round_time(1'400), {.complete = 1});
  EXPECT_EQ(rounds.begin_of(1).at, round_time(1'400));
  EXPECT_EQ(rounds.begin_of(1).known_from, RoundSpans::from_first_end);
}

TEST(RoundSpans, OfNoTaskAreWhereTheirFinishWasSent) {
  RoundSpans rounds(cluster_in(2, 2'500), {finish_of(0, 500, 600), finish_of(1, 1'900, 2'000)});
  EXPECT_EQ(rounds.begin_of(1).at, round_time(1'900));
  EXPECT_EQ(rounds.begin_of(1).known_from, RoundSpans::from_finish);
}

TEST(RoundSpans, AreOneTogetherWhereTheRecordBetweenThemIsGone) {
  const RoundSpans rounds(cluster_in(3, 2'500), {finish_of(1, 1'900, 2'000)});
  ASSERT_EQ(rounds.spans().size(), 2U);
  EXPECT_EQ(rounds.spans()[0].first_number, 0U);
  EXPECT_EQ(rounds.spans()[0].number, 1U);
  EXPECT_EQ(rounds.spans()[1].first_number, 2U);
  EXPECT_EQ(rounds.spans()[1].number, 3U);
}

TEST(RoundSpans, KnowTheirFirstAndLastEnds) {
  RoundSpans rounds(cluster_in(0, 100), {});
  rounds.add(0, round_time(200), {.failed_attempts = 1});
  rounds.add(0, round_time(400), {.failed = 1});
  rounds.add(0, round_time(300), {.complete = 1});
  const RoundSpan& span = rounds.spans()[0];
  EXPECT_EQ(span.first_known, round_time(200));
  EXPECT_EQ(span.first_end, round_time(300));
  EXPECT_EQ(span.last_end, round_time(400));
  EXPECT_EQ(span.counts, (TaskCounts{.complete = 1, .failed = 1, .failed_attempts = 1}));
}

}  // namespace
}  // namespace fanfold::cli
