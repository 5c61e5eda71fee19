#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <fanfold/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <thread>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

class FileClockTest : public ::testing::Test {
 protected:
  std::shared_ptr<ManualClock> machine_ = std::make_shared<ManualClock>();  // Shared with every clock under test.
  std::shared_ptr<ClockWords> words_ = std::make_shared<ClockWords>();      // Likewise.
  FileClock clock_{machine_, words_};
  Time begin_ = machine_->now();
};

TEST_F(FileClockTest, ShowsTheMachinesTimeAndFollowsItsStepsForward) {
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(24h);
  EXPECT_EQ(clock_.now(), begin_ + 24h);
}

TEST_F(FileClockTest, GoesOnATenthSlowerWhereTheMachineWasSetBackUntilBothShowTheSame) {
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(-1h);
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(10s);
  EXPECT_EQ(clock_.now(), begin_ + 9s);
  machine_->advance(10h);
  EXPECT_EQ(clock_.now(), machine_->now());
  machine_->advance(1h);
  EXPECT_EQ(clock_.now(), machine_->now());
}

TEST_F(FileClockTest, GoesOnThroughAnotherStepBack) {
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(-24h);
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(-24h);
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(10s);
  EXPECT_EQ(clock_.now(), begin_ + 9s);
}

TEST_F(FileClockTest, IsTheSameForAllProcessesOfAFileAlsoForOneThatStartsAfterTheStep) {
  FileClock other(machine_, words_);
  EXPECT_EQ(other.now(), begin_);
  machine_->advance(1h);
  EXPECT_EQ(clock_.now(), begin_ + 1h);
  machine_->advance(-24h);
  FileClock late(machine_, words_);
  EXPECT_EQ(late.now(), begin_ + 1h);
  EXPECT_EQ(other.now(), begin_ + 1h);
  EXPECT_EQ(clock_.now(), begin_ + 1h);
}

TEST_F(FileClockTest, FollowsAStepBackOfLessThanASecond) {
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(-900ms);
  EXPECT_EQ(clock_.now(), begin_ - 900ms);
}

TEST_F(FileClockTest, SleepsForAsLongAsWasMeant) {
  EXPECT_EQ(clock_.now(), begin_);
  machine_->advance(-24h);
  clock_.sleep_until(begin_ + 9s, {});
  EXPECT_GE(clock_.now(), begin_ + 9s);
  EXPECT_LE(machine_->now(), begin_ - 24h + 11s);
}

TEST_F(FileClockTest, NeverShowsLessInOneOfManyThreadsThanWasShownBefore) {
  std::atomic<bool> is_over{false};
  std::atomic<int> set_back{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Time latest{};
      while (!is_over) {
        const Time time = clock_.now();
        if (time + 1s < latest) ++set_back;
        latest = std::max(latest, time);
      }
    });
  }
  for (int i = 0; i < 2'000; ++i) machine_->advance(i % 2 == 0 ? -1h : 10s);
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(set_back, 0);
  EXPECT_LT(clock_.now(), begin_ + 1'000 * 10s + 1s);
}

/// A file whose machine's clock only the test sets.
class SetBackTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "store.db"; }
  [[nodiscard]] Backend open() const {
    return open_backend_with_clock({.file = file(), .durability = Durability::normal}, machine_).value();
  }
  static void send(Backend& backend, std::chrono::milliseconds delay = 0s) {
    OutgoingMessage message;
    message.content.id = "m";
    message.content.body = Json::from_valid_text("1");
    message.delay = delay;
    static_cast<void>(backend.queue->send("work", std::span(&message, 1)).value().at(0).value());
  }
  static std::size_t receive(Backend& backend) {
    return backend.queue->receive("work", {.count_max = 10, .wait = 0s, .visibility = 30s}, {}).value().size();
  }

  const support::TestDirectory folder_;
  std::shared_ptr<ManualClock> machine_ = std::make_shared<ManualClock>();  // Shared with every open store.
};

TEST_F(SetBackTest, DeliversAgainAfterTheVisibilityTimeoutWhereTheClockWasSetBackByADay) {
  Backend backend = open();
  send(backend);
  EXPECT_EQ(receive(backend), 1U);
  machine_->advance(-24h);
  EXPECT_EQ(receive(backend), 0U);
  machine_->advance(34s);
  EXPECT_EQ(receive(backend), 1U);
}

TEST_F(SetBackTest, DeliversAfterTheDelayWhereTheClockWasADayAheadWhenItWasSent) {
  Backend backend = open();
  machine_->advance(24h);
  send(backend, 1min);
  machine_->advance(-24h);
  Backend other = open();
  EXPECT_EQ(receive(other), 0U);
  machine_->advance(67s);
  EXPECT_EQ(receive(other), 1U);
}

TEST_F(SetBackTest, LetsALeaseEndWhereTheClockWasSetBackByADay) {
  Backend backend = open();
  NewMessage record;
  record.id = "m";
  record.url = "work";
  record.body = Json::from_valid_text("1");
  record.created_at = backend.clock->now();
  record.expires_at = record.created_at + std::chrono::days(30);
  const auto claim = [&] {
    ClaimRequest request;
    request.ref = {.type = RecordType::message, .id = "m"};
    request.token = backend.ledger->new_token();
    request.lease_end = backend.clock->now() + 30s;
    request.attempts_max = 3;
    request.record = record;
    return backend.ledger->claim(std::span(&request, 1), backend.clock->now()).value().at(0).outcome;
  };
  EXPECT_EQ(claim(), ClaimOutcome::claimed);
  machine_->advance(-24h);
  EXPECT_EQ(claim(), ClaimOutcome::in_progress);
  machine_->advance(34s);
  EXPECT_EQ(claim(), ClaimOutcome::claimed);
}

TEST_F(SetBackTest, KnowsTheTimeOfAFileWhoseLockFilesAreGone) {
  {
    Backend backend = open();
    send(backend, 1min);
  }
  std::filesystem::remove(file().string() + "-wake");
  machine_->advance(-24h);
  Backend backend = open();
  EXPECT_EQ(receive(backend), 0U);
  machine_->advance(67s);
  EXPECT_EQ(receive(backend), 1U);
}

TEST_F(SetBackTest, TellsAReaderTheSameTimeAsAWriter) {
  Backend backend = open();
  send(backend);
  machine_->advance(-24h);
  Backend reader = open_backend_with_clock({.file = file(), .read_only = true}, machine_).value();
  EXPECT_EQ(reader.clock->now(), backend.clock->now());
  EXPECT_EQ(reader.queue->counts("work").value().visible_count, 1U);
}

TEST_F(SetBackTest, AddsItsWordsToTheWakeFileOfAnOlderVersionAndLeavesWhatIsThere) {
  constexpr std::uintmax_t older_size = 512;
  { const Backend backend = open(); }
  std::filesystem::resize_file(file().string() + "-wake", older_size);
  Backend backend = open();
  EXPECT_EQ(std::filesystem::file_size(file().string() + "-wake"), older_size + 40) << "the clock's, and the log's";
  send(backend);
  EXPECT_EQ(receive(backend), 1U);
}

}  // namespace
}  // namespace fanfold::sqlite
