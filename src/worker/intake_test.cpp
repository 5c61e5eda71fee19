#include "worker/intake.hpp"

#include <gtest/gtest.h>
#include <future>
#include <thread>

namespace fanfold::worker {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t chunk_count_max = 100;

std::vector<Delivery> deliveries(std::size_t count, std::uint32_t receive_count = 1, const std::string& group = {}) {
  std::vector<Delivery> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].message_id = group + std::to_string(i);
    all[i].receipt_handle = "receipt " + all[i].message_id;
    all[i].receive_count = receive_count;
    all[i].group_id = group;
  }
  return all;
}

Intake intake_of(std::size_t jobs, std::size_t prefetch = 0, const std::string& url = "work") {
  return Intake({{.url = url, .weight = 1, .fifo = url.ends_with(".fifo")}}, jobs, prefetch, chunk_count_max);
}

/// As a receiver does: asks, and offers what came.
void feed(Intake& intake, std::vector<Delivery> all, std::size_t source = 0) {
  const std::size_t asked = intake.wait_for_room(source, false, all.size());
  ASSERT_GE(asked, all.size());
  EXPECT_TRUE(intake.offer(source, asked, std::move(all)).empty());
}

TEST(Intake, HasRoomForAsManyAsThePrefetchAllows) {
  Intake intake = intake_of(1, 8);
  EXPECT_EQ(intake.wait_for_room(0, false, 5), 5U);
  EXPECT_TRUE(intake.offer(0, 5, deliveries(2)).empty());
  EXPECT_EQ(intake.wait_for_room(0, false, 100), 6U);
}

TEST(Intake, HasNoRoomOnceClosedAndHandsBackWhatComesLate) {
  Intake intake = intake_of(1, 8);
  const std::size_t asked = intake.wait_for_room(0, false, 5);
  EXPECT_TRUE(intake.close().front().empty());
  EXPECT_EQ(intake.wait_for_room(0, false, 5), 0U);
  EXPECT_EQ(intake.offer(0, asked, deliveries(2)).size(), 2U);
  EXPECT_FALSE(intake.take());
}

TEST(Intake, FetchesOnlyForIdleThreadsWhileHandlersAreSlow) {
  Intake intake = intake_of(4);
  intake.took(0, 1, 2s);
  std::jthread idle([&] { static_cast<void>(intake.take()); });
  EXPECT_EQ(intake.wait_for_room(0, false, 10), 1U);
  static_cast<void>(intake.close());
}

TEST(Intake, FillsReceivesThatCostMoneyWhereWhatTheyBringBeginsSoon) {
  constexpr std::size_t receive_count = 10;
  Intake intake({{.url = "work"}}, 4, 0, receive_count, receive_count);
  intake.took(0, 1, 100ms);
  EXPECT_EQ(intake.wait_for_room(0, false, receive_count), receive_count);
  EXPECT_EQ(intake.wait_for_room(0, false, receive_count), receive_count) << "one under way, one at work";
  static_cast<void>(intake.offer(0, receive_count, {}));
  static_cast<void>(intake.offer(0, receive_count, {}));
  // Of tasks that take so long four begin within half a second.
  intake.took(0, 1, 500ms);
  EXPECT_EQ(intake.wait_for_room(0, false, receive_count), 4U);
}

TEST(Intake, FetchesManyForFastHandlers) {
  Intake intake = intake_of(2);
  for (int i = 0; i < 5; ++i) intake.took(0, 100, 10us);
  EXPECT_EQ(intake.wait_for_room(0, false, 1'000), 2U * 2U * chunk_count_max);
}

TEST(Intake, GivesOutNeighboursTogetherAndWhatWasDeliveredBeforeSingly) {
  Intake intake = intake_of(1, 100);
  for (int i = 0; i < 5; ++i) intake.took(0, 100, 10us);
  std::vector<Delivery> mixed = deliveries(4);
  for (Delivery& again : deliveries(2, 2)) mixed.push_back(std::move(again));
  feed(intake, std::move(mixed));
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 3; ++i) {
    auto job = intake.take();
    sizes.push_back(job->deliveries.size());
    static_cast<void>(intake.done(*job, false));
  }
  std::ranges::sort(sizes);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 1, 4}));
}

TEST(Intake, GivesOutOneOfAFifoGroupAtATime) {
  Intake intake = intake_of(2, 100, "work.fifo");
  std::vector<Delivery> both = deliveries(2, 1, "a");
  for (Delivery& other : deliveries(1, 1, "b")) both.push_back(std::move(other));
  feed(intake, std::move(both));
  auto first = intake.take();
  auto second = intake.take();
  EXPECT_EQ(first->deliveries.front().message_id, "a0");
  EXPECT_EQ(second->deliveries.front().message_id, "b0");
  EXPECT_TRUE(intake.done(*first, false).empty());
  EXPECT_EQ(intake.take()->deliveries.front().message_id, "a1");
}

TEST(Intake, LetsNoBusyFifoGroupKeepOthersFromComingIn) {
  Intake intake = intake_of(2, 0, "work.fifo");
  for (int i = 0; i < 5; ++i) intake.took(0, 1, 1ms);
  const std::size_t before = intake.wait_for_room(0, false, 100);
  EXPECT_TRUE(intake.offer(0, before, deliveries(before, 1, "a")).empty());
  const auto job = intake.take();
  EXPECT_EQ(intake.wait_for_room(0, false, 100), before);
}

TEST(Intake, HandsBackTheRestOfAFifoGroupAfterAFailure) {
  Intake intake = intake_of(2, 100, "work.fifo");
  feed(intake, deliveries(3, 1, "a"));
  auto first = intake.take();
  const std::vector<Delivery> rest = intake.done(*first, true);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].message_id, "a1");
  EXPECT_EQ(rest[1].message_id, "a2");
}

TEST(Intake, TakesFromQueuesByTheirWeights) {
  Intake intake({{.url = "heavy", .weight = 3, .fifo = false}, {.url = "light", .weight = 1, .fifo = false}}, 1, 200,
                chunk_count_max);
  feed(intake, deliveries(40), 0);
  feed(intake, deliveries(40), 1);
  std::array<int, 2> counts{};
  for (int i = 0; i < 40; ++i) {
    auto job = intake.take();
    ++counts[job->source];
    static_cast<void>(intake.done(*job, false));
  }
  EXPECT_EQ(counts[0], 30);
  EXPECT_EQ(counts[1], 10);
}

TEST(Intake, GivesOutClaimedWorkFirst) {
  Intake intake = intake_of(1, 100);
  feed(intake, deliveries(1));
  intake.push_claimed(0, std::make_shared<ActiveChunk>(engine::Chunk{}, 0, Time{}, Time{}));
  EXPECT_TRUE(intake.take()->claimed);
  EXPECT_FALSE(intake.take()->claimed);
}

TEST(Intake, LetsNothingElseBeInHandWhileOneRunsAlone) {
  Intake intake = intake_of(2, 100);
  feed(intake, deliveries(3));
  auto lonely = intake.take();
  auto other = intake.take();
  std::atomic<bool> other_is_done{false};
  std::atomic<bool> lonely_is_done{false};
  std::jthread beside([&] {
    other_is_done = true;
    static_cast<void>(intake.done(*other, false));
  });
  intake.begin_alone();
  EXPECT_TRUE(other_is_done);
  std::jthread next([&] {
    auto third = intake.take();
    EXPECT_TRUE(lonely_is_done);
    static_cast<void>(intake.done(*third, false));
  });
  lonely_is_done = true;
  static_cast<void>(intake.done(*lonely, false));
}

TEST(Intake, WakesAThreadForClaimedWorkAlsoWhereAnotherOneWaitsToRunAlone) {
  for (int round = 0; round < 20; ++round) {
    Intake intake = intake_of(3);
    intake.took(0, 1, 2s);  // So that there is room for as many as there are idle threads.
    intake.hold();
    intake.hold();
    std::jthread lonely([&] {
      intake.begin_alone();
      static_cast<void>(intake.done(Job{}, false));
    });
    auto idle = std::async(std::launch::async, [&] { return intake.take(); });
    EXPECT_EQ(intake.wait_for_room(0, false, 10), 1U);
    intake.push_claimed(0, std::make_shared<ActiveChunk>(engine::Chunk{}, 0, Time{}, Time{}));
    EXPECT_EQ(idle.wait_for(10s), std::future_status::ready) << "the wrong thread was woken";
    static_cast<void>(intake.done(Job{}, false));  // What the one that waits to run alone waits for.
    static_cast<void>(intake.done(Job{}, false));
  }
}

TEST(Intake, GivesOutOneSuspectAtATimeAfterACrash) {
  Intake intake = intake_of(2, 100);
  intake.suspect();
  std::vector<Delivery> mixed = deliveries(2, 2);
  for (Delivery& first : deliveries(1)) mixed.push_back(std::move(first));
  feed(intake, std::move(mixed));
  auto suspect = intake.take();
  EXPECT_TRUE(suspect->is_suspect);
  auto next = intake.take();
  EXPECT_FALSE(next->is_suspect);
  intake.clear_suspect(*suspect);
  EXPECT_TRUE(intake.take()->is_suspect);
}

TEST(Intake, AnswersWhatWasNotStartedInOrderWhenItCloses) {
  Intake intake = intake_of(1, 100);
  feed(intake, deliveries(3));
  auto job = intake.take();
  const auto rest = intake.close();
  ASSERT_EQ(rest.size(), 1U);
  ASSERT_EQ(rest.front().size(), 2U);
  EXPECT_EQ(rest.front()[0].message_id, "1");
  static_cast<void>(intake.done(*job, false));
  EXPECT_FALSE(intake.take());
}

TEST(Intake, NamesWaitingDeliveriesWhoseVisibilityIsDueOnce) {
  Intake intake = intake_of(1, 100);
  const Time now{1'000s};
  std::vector<Delivery> some = deliveries(2);
  some[0].visible_at = now + 30s;
  some[1].visible_at = now + 15s;
  feed(intake, std::move(some));
  EXPECT_EQ(intake.extend_waiting(0, now, 30s), std::vector<std::string>{"receipt 1"});
  EXPECT_TRUE(intake.extend_waiting(0, now, 30s).empty());
}

TEST(DeliveryQueue, KeepsTheOrderAcrossPieces) {
  DeliveryQueue queue;
  queue.push(deliveries(3, 1, "a"));
  queue.push(deliveries(2, 1, "b"));
  std::vector<std::string> ids;
  for (const std::size_t count : {2U, 2U, 5U}) {
    for (const Delivery& delivery : queue.take(count)) ids.push_back(delivery.message_id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1"}));
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.take(1).empty());
}

}  // namespace
}  // namespace fanfold::worker
