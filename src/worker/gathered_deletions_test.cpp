#include "worker/gathered_deletions.hpp"

#include <fanfold/testing/memory_store.hpp>

#include <gtest/gtest.h>
#include <thread>

namespace fanfold::worker {
namespace {

using namespace std::chrono_literals;

class GatheredDeletionsTest : public ::testing::Test {
 protected:
  /// Sends and receives so many messages.
  std::vector<std::string> received(std::string_view url, std::size_t count) {
    std::vector<OutgoingMessage> messages(count);
    for (OutgoingMessage& message : messages) {
      message.text = "1";
      if (url.ends_with(".fifo")) message.group_id = "g";
      if (url.ends_with(".fifo")) message.deduplication_id = std::to_string(++sent_count_);
    }
    store_.queue().send(url, messages).value();
    std::vector<std::string> receipts;
    while (receipts.size() < count) {
      const auto deliveries =
          store_.queue().receive(url, {.count_max = 10, .wait = 0ms, .visibility = 30s}, {}).value();
      EXPECT_FALSE(deliveries.empty());
      if (deliveries.empty()) break;
      for (const Delivery& delivery : deliveries) receipts.push_back(delivery.receipt_handle);
    }
    return receipts;
  }
  std::uint64_t held(std::string_view url) { return store_.queue().counts(url).value().in_flight_count; }

  testing::MemoryStore memory_{testing::MemoryOptions{}};
  engine::Store store_{memory_.backend()};
  std::size_t sent_count_ = 0;
};

TEST_F(GatheredDeletionsTest, DeletesFullBatchesAtOnceAndTheRestWithOthers) {
  GatheredDeletions deletions(store_, 10, 1s);
  const auto receipts = received("work", 25);
  deletions.add("work", receipts).value();
  EXPECT_EQ(held("work"), 5U);
  deletions.add("work", received("work", 4)).value();
  EXPECT_EQ(held("work"), 9U);
  deletions.add("work", received("work", 1)).value();
  EXPECT_EQ(held("work"), 0U);
}

TEST_F(GatheredDeletionsTest, KeepsQueuesApart) {
  GatheredDeletions deletions(store_, 10, 1s);
  deletions.add("work", received("work", 6)).value();
  deletions.add("mail", received("mail", 6)).value();
  EXPECT_EQ(held("work"), 6U);
  EXPECT_EQ(held("mail"), 6U);
  deletions.flush().value();
  EXPECT_EQ(held("work"), 0U);
  EXPECT_EQ(held("mail"), 0U);
}

TEST_F(GatheredDeletionsTest, DeletesWhatNobodyJoinsOnceItHasWaited) {
  GatheredDeletions deletions(store_, 10, 0ms);
  std::jthread helper([&](const std::stop_token& stop) { deletions.run(stop); });
  deletions.add("work", received("work", 3)).value();
  while (held("work") > 0) std::this_thread::yield();  // Or the test's time is over.
  EXPECT_EQ(held("work"), 0U);
}

TEST_F(GatheredDeletionsTest, AreNotAskedForFifoQueuesWhoseGroupsWait) {
  GatheredDeletions deletions(store_, 10, 1s);
  for (const std::string url : {"work.fifo", "work"}) {
    store_.queue().create(url, {.fifo = url.ends_with(".fifo")}).value();
    engine::Settlement settlement(store_, url, std::nullopt, engine::Deletion::ours);
    settlement.delete_by(&deletions);
    Delivery delivery;
    delivery.receipt_handle = received(url, 1).front();
    settlement.remove(delivery);
    settlement.flush().value();
  }
  EXPECT_EQ(held("work.fifo"), 0U);
  EXPECT_EQ(held("work"), 1U);
}

}  // namespace
}  // namespace fanfold::worker
