#include "backends/sqlite/commit_queue.hpp"
#include "backends/sqlite/statistics.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t many = early_count_min + 2;

/// A commit queue over a file with one table, whose commits can be made to fail. Operations are handed in while the
/// write lock is kept from it, so that one transaction has all of them.
class CommitQueueTest : public ::testing::Test {
 protected:
  using Answer = Result<std::size_t>;

  CommitQueueTest() {
    options_.file = folder_ / "store.db";
    connection_ = std::make_unique<Connection>(options_.file, Access::create);
    connection_->run("PRAGMA journal_mode = WAL; CREATE TABLE written (what TEXT NOT NULL)");
    sqlite3_busy_timeout(connection_->handle(), 0);  // As a store has it.
    wake_ = Wake::open(options_.file).value();
    keeper_.emplace(Turnstile::open(options_.file).value());
    sqlite3_commit_hook(connection_->handle(), on_commit, this);
    make_queue(1min);
  }

  /// `early_time` is how long a transaction waits for those who were answered.
  void make_queue(std::chrono::microseconds early_time, Durability durability = Durability::normal,
                  std::chrono::milliseconds patience = Options().lock_wait_max) {
    queue_.reset();
    options_.durability = durability;
    options_.lock_wait_max = patience;
    queue_ =
        std::make_unique<CommitQueue>(*connection_, std::make_shared<Turnstile>(Turnstile::open(options_.file).value()),
                                      *wake_, options_, early_time);
  }

  static auto writing(const std::string& what) {
    return [what](Transaction& transaction) -> Answer {
      execute(transaction.connection(), "INSERT INTO written VALUES (?)", what);
      return 1;
    };
  }
  [[nodiscard]] CommitQueue& queue() { return *queue_; }
  [[nodiscard]] Wake& wake() { return *wake_; }
  [[nodiscard]] const std::filesystem::path& file() const { return options_.file; }
  void close() { queue_.reset(); }
  /// As a receive does it.
  Answer write_early(const std::string& what) {
    return queue_->run_early(writing(what), [](const Answer&) { return true; });
  }
  Answer write(const std::string& what, Sync sync = Sync::not_needed) { return queue_->run(sync, writing(what)); }

  /// Runs `body(i)` in so many threads; the write lock is free once each of them waits in the queue, and the queue in
  /// line for the lock, so that none of them leads.
  void together(std::size_t count, const std::function<void(std::size_t)>& body) {
    ASSERT_TRUE(keeper_->lock().has_value());
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
    while (queue_->waiting_count() < count || !is_in_line()) std::this_thread::yield();
    keeper_->unlock();
  }
  /// Linux lists who waits for a lock in lines of "->", with the file's number.
  [[nodiscard]] bool is_in_line() const {
    struct stat locked {};
    if (::stat((options_.file.string() + "-write").c_str(), &locked) != 0) return false;
    const std::string file = ":" + std::to_string(locked.st_ino) + " ";
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      if (line.find("-> FLOCK") != std::string::npos && line.find(file) != std::string::npos) return true;
    }
    return false;
  }

  [[nodiscard]] std::int64_t count_of(const std::string& what) const {
    Connection reader(options_.file, Access::read_write);
    return query_number(reader, "SELECT count(*) FROM written WHERE what = ?", what).value_or(-1);
  }
  [[nodiscard]] int commit_count() const { return commit_count_; }
  /// So many commits from now on fail.
  void fail_commits(int count) { failing_count_ = count; }

 private:
  static int on_commit(void* test) {
    auto& self = *static_cast<CommitQueueTest*>(test);
    if (self.failing_count_ > 0) {
      --self.failing_count_;
      return 1;
    }
    ++self.commit_count_;
    return 0;
  }

  const support::TestDirectory folder_;
  Options options_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Wake> wake_;
  std::optional<Turnstile> keeper_;  // Another process's, as far as the queue can tell.
  std::unique_ptr<CommitQueue> queue_;
  std::atomic<int> failing_count_ = 0;
  std::atomic<int> commit_count_ = 0;
};

TEST_F(CommitQueueTest, PutsIntoOneTransactionWhatManyDoWhoWereAnsweredBeforeItsCommit) {
  together(many, [&](std::size_t) {
    EXPECT_TRUE(write_early("received").has_value());
    EXPECT_EQ(commit_count(), 0) << "answered only after the commit";
    EXPECT_TRUE(write("claimed").has_value());
    EXPECT_EQ(commit_count(), 1);
  });
  EXPECT_EQ(count_of("received"), static_cast<std::int64_t>(many));
  EXPECT_EQ(count_of("claimed"), static_cast<std::int64_t>(many));
}

TEST_F(CommitQueueTest, AnswersFewAfterTheirCommit) {
  together(early_count_min - 1, [&](std::size_t) {
    EXPECT_TRUE(write_early("received").has_value());
    EXPECT_EQ(commit_count(), 1);
  });
}

TEST_F(CommitQueueTest, TellsFewThatTheirCommitFailed) {
  fail_commits(1'000);
  together(early_count_min - 1, [&](std::size_t) { EXPECT_FALSE(write_early("received").has_value()); });
  EXPECT_FALSE(write_early("received").has_value()) << "of one alone";
  fail_commits(0);
  EXPECT_EQ(count_of("received"), 0);
}

TEST_F(CommitQueueTest, AnswersAfterTheCommitWhomTheConditionExcludes) {
  together(many, [&](std::size_t) {
    EXPECT_TRUE(queue().run_early(writing("received"), [](const Answer&) { return false; }).has_value());
    EXPECT_EQ(commit_count(), 1);
  });
}

TEST_F(CommitQueueTest, VoidsWhatWasAnsweredWhereTheCommitFailsAndRunsTheRestAlone) {
  fail_commits(1);
  together(many, [&](std::size_t) {
    EXPECT_TRUE(write_early("received").has_value());
    EXPECT_TRUE(write("claimed").has_value());
  });
  EXPECT_EQ(count_of("received"), 0);
  EXPECT_EQ(count_of("claimed"), static_cast<std::int64_t>(many));
  EXPECT_EQ(commit_count(), static_cast<int>(many));
}

TEST_F(CommitQueueTest, TellsThoseWhoWaitForTheCommitWhereItFailsForGood) {
  fail_commits(1'000);
  together(many, [&](std::size_t) {
    EXPECT_TRUE(write_early("received").has_value());
    EXPECT_FALSE(write("claimed").has_value());
  });
  fail_commits(0);
  EXPECT_EQ(count_of("received") + count_of("claimed"), 0);
  EXPECT_TRUE(write("later").has_value());
}

TEST_F(CommitQueueTest, WaitsOnceForAllOfAGroupWhereSomebodyElseKeepsTheFile) {
  constexpr std::chrono::milliseconds patience{1'000};
  make_queue(1min, Durability::normal, patience);
  Connection foreign(file(), Access::read_write);
  foreign.run("BEGIN IMMEDIATE");
  const auto begun_at = std::chrono::steady_clock::now();
  together(many, [&](std::size_t i) {
    const auto answer = write(std::to_string(i));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begun_at, patience * many / 2) << "waited for each anew";
  foreign.run("ROLLBACK");
  EXPECT_TRUE(write("later").has_value());
}

TEST_F(CommitQueueTest, RunsAloneTheOneThatIsLeftOfAGroupThatFailed) {
  make_queue(20ms);
  fail_commits(1);
  together(many, [&](std::size_t i) {
    EXPECT_TRUE(write_early("received").has_value());
    if (i == 0) {
      EXPECT_TRUE(write("claimed").has_value());
    }
  });
  EXPECT_EQ(count_of("received"), 0);
  EXPECT_EQ(count_of("claimed"), 1);
}

TEST_F(CommitQueueTest, LosesOnlyTheOperationThatFailsAfterOthersWereAnswered) {
  together(many, [&](std::size_t i) {
    EXPECT_TRUE(write_early("received").has_value());
    const auto broken = [](Transaction& transaction) -> Answer {
      transaction.connection().run("INSERT INTO nowhere VALUES (1)");
      return 1;
    };
    EXPECT_EQ(i == 0 ? queue().run(Sync::not_needed, broken).has_value() : write("claimed").has_value(), i != 0);
  });
  EXPECT_EQ(count_of("received"), 0) << "the transaction that they were in was rolled back";
  EXPECT_EQ(count_of("claimed"), static_cast<std::int64_t>(many) - 1);
}

TEST_F(CommitQueueTest, WaitsForTheDiskWithWhatCameAfterOthersWereAnswered) {
  make_queue(1min, Durability::full);
  together(many, [&](std::size_t) {
    EXPECT_TRUE(write_early("received").has_value());
    EXPECT_TRUE(write("ended", Sync::needed).has_value());
    EXPECT_TRUE(queue().settled().has_value());
  });
  EXPECT_TRUE(queue().settled().has_value());
  EXPECT_EQ(count_of("ended"), static_cast<std::int64_t>(many));
}

TEST_F(CommitQueueTest, WaitsForTheDiskForAnotherProcessToo) {
  make_queue(1min, Durability::full);
  EXPECT_TRUE(write("ended", Sync::needed).has_value());
  SyncWords& words = wake().sync_words();
  EXPECT_EQ(words.synced, 1U);
  const auto syncs_of = [&](Result<void> (CommitQueue::*wait)()) {
    const auto before = statistics.sync_count.load();
    EXPECT_TRUE((queue().*wait)().has_value());
    return statistics.sync_count - before;
  };
  EXPECT_EQ(syncs_of(&CommitQueue::settled_by_all), 0U);
  words.begun = words.committed = 2;  // By another process, which waits for the disk now.
  EXPECT_EQ(syncs_of(&CommitQueue::settled), 0U);
  EXPECT_EQ(syncs_of(&CommitQueue::settled_by_all), 1U);
  EXPECT_EQ(syncs_of(&CommitQueue::settled_by_all), 0U);
  words.begun = 3;  // It may be visible, and not be in this sync.
  EXPECT_EQ(syncs_of(&CommitQueue::settled_by_all), 1U);
  EXPECT_EQ(words.synced, 2U);
  EXPECT_TRUE(write("the one after a process was killed", Sync::needed).has_value());
  EXPECT_EQ(syncs_of(&CommitQueue::settled_by_all), 0U);
}

TEST_F(CommitQueueTest, DoesNotWaitAgainForThoseWhoDidNotComeBack) {
  make_queue(1ms);
  together(many, [&](std::size_t) { EXPECT_TRUE(write_early("received").has_value()); });
  fail_commits(1'000);
  together(many, [&](std::size_t) { EXPECT_FALSE(write_early("received").has_value()) << "answered early once more"; });
}

TEST_F(CommitQueueTest, CommitsWhatItAnsweredBeforeItGoesAway) {
  make_queue(20ms);
  together(many, [&](std::size_t) { EXPECT_TRUE(write_early("received").has_value()); });
  close();
  EXPECT_EQ(count_of("received"), static_cast<std::int64_t>(many));
}

}  // namespace
}  // namespace fanfold::sqlite
