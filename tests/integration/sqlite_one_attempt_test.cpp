// Tasks that have one attempt, in processes that are killed or stand still: what no handler ever saw is still to be
// done, what was begun is not begun again, and what a handler had done is done.
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t one_attempt_task_count = 40'000;
constexpr std::size_t one_attempt_jobs = 2;

/// What handlers did, where no process's end undoes it.
struct Sightings {
  std::array<std::atomic<std::uint8_t>, one_attempt_task_count> begun;
  std::array<std::atomic<std::uint8_t>, one_attempt_task_count> returned;
  std::atomic<std::uint64_t> begun_count;
  std::atomic<std::uint64_t> held_from;   ///< Handlers that begin as this one of all, or later, wait to be killed.
  std::atomic<std::uint64_t> held_count;  ///< Of those that wait.
};

class SqliteOneAttempt : public ::testing::Test {
 public:
  ~SqliteOneAttempt() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    ::munmap(sightings_, sizeof(Sightings));
  }

 protected:
  SqliteOneAttempt()
      : sightings_(static_cast<Sightings*>(
            ::mmap(nullptr, sizeof(Sightings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    // Created and closed before any process is forked.
    const Client client = open();
    key_ = client.create_message_cluster("work", numbers(), {.attempts_max = 1}).value().key;
  }

  [[nodiscard]] Client open() const {
    return sqlite::open({.file = folder_ / "store.db", .durability = Durability::normal}).value();
  }

  static std::vector<std::uint64_t> numbers() {
    std::vector<std::uint64_t> numbers(one_attempt_task_count);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    return numbers;
  }

  Outcome handle(std::uint64_t task) const {
    // First of all: between here and what the worker noted is nobody's handler.
    sightings_->begun[task].fetch_add(1);
    if (sightings_->begun_count.fetch_add(1) >= sightings_->held_from.load()) {
      sightings_->held_count.fetch_add(1);
      while (sightings_->begun_count.load() >= sightings_->held_from.load()) std::this_thread::sleep_for(1ms);
    }
    sightings_->returned[task].fetch_add(1);
    return done();
  }

  void work_until_finished() const {
    const Client client = open();
    const Handlers handlers{
        .on_message = [this](const Message<std::uint64_t>& task, const Context&) { return handle(task.body); }};
    WorkerOptions options{.queue = "work", .jobs = one_attempt_jobs};
    options.attempts.lease = 1s;
    Worker worker(client, handlers, options);
    static_cast<void>(worker.run_until(key_));
  }

  [[nodiscard]] pid_t start_worker() {
    const pid_t child = ::fork();
    if (child == 0) {
      work_until_finished();
      ::_exit(0);
    }
    children_.push_back(child);
    return child;
  }
  /// Waits until it has ended.
  void await(pid_t child) {
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    std::erase(children_, child);
  }

  void hold_after(std::uint64_t more) const {
    sightings_->held_count.store(0);
    sightings_->held_from.store(sightings_->begun_count.load() + more);
  }
  void hold_nobody() const { sightings_->held_from.store(one_attempt_task_count * 2); }
  [[nodiscard]] bool wait_until_held(std::size_t count) const {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (sightings_->held_count.load() < count && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(100us);
    return sightings_->held_count.load() >= count;
  }

  /// Stops the process where it does not have the lock for writing, for which all others would wait.
  [[nodiscard]] bool freeze(pid_t process) const {
    const int lock = ::open((folder_ / "store.db-write").c_str(), O_RDWR | O_CLOEXEC);
    bool is_free = false;
    for (int count = 0; count < 10'000 && !is_free; ++count) {
      ::kill(process, SIGSTOP);
      ::waitpid(process, nullptr, WUNTRACED);
      is_free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
      if (!is_free) ::kill(process, SIGCONT);
    }
    ::close(lock);
    return is_free;
  }

  /// Looks at every task; answers how many failed.
  [[nodiscard]] std::size_t check_all() const {
    const Client client = open();
    std::size_t failed_count = 0;
    std::optional<std::uint64_t> next = 0;
    while (next) {
      const TaskPage page = client.list_tasks(key_, {}, *next, 1'000).value();
      for (const TaskState& task : page.tasks) failed_count += check(task) ? 0 : 1;
      next = page.next_index;
    }
    EXPECT_TRUE(client.verify(key_).value().holds());
    return failed_count;
  }

  [[nodiscard]] bool check(const TaskState& task) const {
    const unsigned begun = sightings_->begun[task.index];
    const unsigned returned = sightings_->returned[task.index];
    const bool is_killed_at_the_door = begun == 0 && task.status == Status::error;
    EXPECT_TRUE(begun == 1 || (may_be_killed_at_the_door_ && is_killed_at_the_door))
        << "task " << task.index << ", " << to_string(task.status) << ", was begun " << begun << " times";
    EXPECT_EQ(task.status, returned == 1 ? Status::complete : Status::error)
        << "task " << task.index << " was begun " << begun << " times and returned " << returned << " times";
    EXPECT_EQ(task.attempt_count, 1U);
    return task.status == Status::complete;
  }

  const support::TestDirectory folder_;
  Sightings* sightings_;
  MessageKey key_{};
  std::vector<pid_t> children_;
  /// Between what the worker notes and the handler's first word the body is decoded: a microsecond, under a sanitizer
  /// dozens. True where a kill may meet a thread in there.
  bool may_be_killed_at_the_door_ = false;
};

TEST_F(SqliteOneAttempt, FailsWhatWasInAHandlersHandsWhenItsProcessWasKilledAndNothingElse) {
  constexpr std::size_t kill_count = 6;
  std::mt19937 random(20'261'130);
  for (std::size_t kill = 0; kill < kill_count; ++kill) {
    hold_after(random() % 1'200);
    const pid_t child = start_worker();
    // All handlers, so that no other is about to begin.
    ASSERT_TRUE(wait_until_held(one_attempt_jobs));
    ::kill(child, SIGKILL);
    await(child);
  }
  hold_nobody();
  const pid_t last = start_worker();
  await(last);
  EXPECT_EQ(check_all(), kill_count * one_attempt_jobs);
}

TEST_F(SqliteOneAttempt, LosesNothingMoreWhereverItsProcessIsWhenItIsKilled) {
  may_be_killed_at_the_door_ = true;
  constexpr std::size_t kill_count = 12;
  std::mt19937 random(20'261'129);
  std::size_t held_count = 0;
  for (std::size_t kill = 0; kill < kill_count; ++kill) {
    hold_after(random() % 1'200);
    const pid_t child = start_worker();
    // One handler at least; the others are where they are: claiming, running, writing down.
    ASSERT_TRUE(wait_until_held(1));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3'000));
    ::kill(child, SIGKILL);
    await(child);
    held_count += sightings_->held_count.load();
  }
  hold_nobody();
  const pid_t last = start_worker();
  await(last);
  const std::size_t failed_count = check_all();
  EXPECT_GE(failed_count, held_count);
  EXPECT_GE(failed_count, kill_count);
  EXPECT_LE(failed_count, kill_count * one_attempt_jobs);
}

TEST_F(SqliteOneAttempt, FailsWhatWasBegunWhenItsProcessStoodStillForLongerThanItsLeaseAndNothingElse) {
  hold_after(5'000);
  const pid_t frozen = start_worker();
  ASSERT_TRUE(wait_until_held(one_attempt_jobs));
  ASSERT_TRUE(freeze(frozen));
  hold_nobody();  // It sees that when it goes on.
  const pid_t other = start_worker();
  await(other);
  for (std::size_t i = 0; i < one_attempt_task_count; ++i) ASSERT_EQ(sightings_->begun[i], 1U) << "task " << i;
  ::kill(frozen, SIGCONT);
  await(frozen);
  for (std::size_t i = 0; i < one_attempt_task_count; ++i) ASSERT_EQ(sightings_->begun[i], 1U) << "task " << i;
  EXPECT_EQ(open().progress(key_).value().failed_count, one_attempt_jobs);
}

}  // namespace
}  // namespace fanfold::sqlite
