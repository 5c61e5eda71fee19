// Several processes on one file: who dies, who waits, who wakes whom.
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Two processes tell each other how far they are, a byte at a time.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void tell() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
  void hear() const {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  int ends_[2] = {-1, -1};
};

class SqliteProcesses : public ::testing::Test {
 public:
  ~SqliteProcesses() override {
    for (const pid_t child : children_) kill_child(child);
  }

 protected:
  SqliteProcesses() {
    options_.file = folder_ / "store.db";
    options_.durability = Durability::normal;
  }

  [[nodiscard]] Backend open() const { return open_backend(options_).value(); }

  /// A process of its own; it ends without cleaning up when `run` returns. To be started before this process opens a
  /// store.
  pid_t start(const std::function<void()>& run) {
    const pid_t child = ::fork();
    if (child == 0) {
      run();
      ::_exit(0);
    }
    children_.push_back(child);
    return child;
  }
  /// The same with a store open, which it tells and then waits until it is killed.
  pid_t start_holding(const Pipe& ready, const std::function<void(Backend&)>& run) {
    return start([&, this] {
      Backend backend = open();
      run(backend);
      ready.tell();
      while (true) ::pause();
    });
  }
  static void kill_child(pid_t child, int signal = SIGKILL) {
    ::kill(child, signal);
    ::waitpid(child, nullptr, 0);
  }

  static void make_cluster(Backend& backend, std::uint64_t count) {
    ClusterHeader header;
    header.id = "c";
    header.queue_url = "work";
    header.created_at = backend.clock->now();
    header.expires_at = header.created_at + std::chrono::days(30);
    header.parent_ended = true;
    header.task_count = count;
    header.round_size = count;
    backend.ledger->put_tasks("c", 0, std::vector<TaskData>(count, TaskData{"{}", {}})).value();
    backend.ledger->create_cluster(header).value();
    backend.ledger->seal("c", header.created_at).value();
    TaskRangeMessage range;
    range.common = {.type = RecordType::task, .id = "c", .expires_at = header.expires_at};
    std::vector<TaskMessage> messages;
    for (std::uint64_t i = 0; i < count; ++i) messages.push_back({.position = i, .index = i});
    EXPECT_TRUE(backend.queue->send_tasks("work", range, messages).value().empty());
  }
  static std::vector<ClaimAnswer> claim_all(Backend& backend, const std::vector<Delivery>& deliveries) {
    std::vector<ClaimRequest> requests;
    for (const Delivery& delivery : deliveries) {
      ClaimRequest& request = requests.emplace_back();
      request.ref = RecordRef::of(*delivery.content);
      request.token = backend.ledger->new_token();
      request.lease_end = backend.clock->now() + 1h;
    }
    return backend.ledger->claim(requests, backend.clock->now()).value();
  }
  static std::vector<ClaimAnswer> receive_and_claim(Backend& backend, std::size_t count) {
    return claim_all(backend,
                     backend.queue->receive("work", {.count_max = count, .wait = 5s, .visibility = 1h}, {}).value());
  }

  /// Receives single messages, claims and ends them, each in this many threads, until there are none. `ended(number)`
  /// is told of each by its thread.
  static void work_on_messages(Backend& backend, std::size_t thread_count,
                               const std::function<void(std::uint16_t)>& ended) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < thread_count; ++i) {
      threads.emplace_back([&] {
        while (true) {
          const auto deliveries =
              backend.queue->receive("work", {.count_max = 1, .wait = 0ms, .visibility = 1h}, {}).value();
          if (deliveries.empty()) return;
          ClaimRequest claim;
          claim.ref = RecordRef::of(*deliveries[0].content);
          claim.token = backend.ledger->new_token();
          claim.lease_end = backend.clock->now() + 1h;
          claim.attempts_max = 1'000;
          claim.record = NewMessage{.id = claim.ref.id, .url = "work"};
          EXPECT_EQ(backend.ledger->claim(std::span(&claim, 1), backend.clock->now()).value().at(0).outcome,
                    ClaimOutcome::claimed);
          EndRequest end;
          end.ref = claim.ref;
          end.condition = claim.token;
          end.message = DeliveredMessage{"work", deliveries[0].receipt_handle};
          EXPECT_TRUE(backend.ledger->end(std::span(&end, 1), backend.clock->now()).value().is_deleted(0));
          ended(static_cast<std::uint16_t>(std::stoul(claim.ref.id)));
        }
      });
    }
  }

  const support::TestDirectory folder_;
  Options options_;
  std::vector<pid_t> children_;
};

TEST_F(SqliteProcesses, WhatAKilledOneHeldIsFreeForTheNextAtOnce) {
  const Pipe ready;
  const pid_t child = start_holding(ready, [](Backend& backend) {
    make_cluster(backend, 3);
    receive_and_claim(backend, 2);
  });
  ready.hear();
  kill_child(child);
  Backend next = open();
  const auto answers = receive_and_claim(next, 10);
  ASSERT_EQ(answers.size(), 3U);
  std::uint32_t attempts = 0;
  for (const ClaimAnswer& answer : answers) {
    EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
    EXPECT_FALSE(answer.alone);
    attempts += answer.attempt;
  }
  EXPECT_EQ(attempts, 5U);  // Those of the dead one stay counted.
}

TEST_F(SqliteProcesses, ALivingOneFreesWhatAKilledOneHeldWhenAsked) {
  const Pipe ready;
  const pid_t child = start_holding(ready, [](Backend& backend) {
    make_cluster(backend, 3);
    receive_and_claim(backend, 2);
  });
  ready.hear();
  Backend other = open();
  EXPECT_EQ(other.ledger->release_dead_holders(other.clock->now()).value(), 0U);
  EXPECT_EQ(other.ledger->progress("c").value().in_progress_count, 2U);
  kill_child(child);
  EXPECT_EQ(other.ledger->release_dead_holders(other.clock->now()).value(), 2U);
  EXPECT_EQ(other.ledger->release_dead_holders(other.clock->now()).value(), 0U);
  EXPECT_EQ(other.ledger->progress("c").value().in_progress_count, 0U);
  EXPECT_EQ(other.queue->counts("work").value().visible_count, 3U);
}

TEST_F(SqliteProcesses, TheOneTaskThatACrashedOneHeldIsTheCulprit) {
  const Pipe ready;
  const pid_t child = start_holding(ready, [](Backend& backend) {
    make_cluster(backend, 2);
    receive_and_claim(backend, 1);
    const char signal = SIGSEGV;
    EXPECT_EQ(::write(backend.ledger->crash_record_descriptor(), &signal, 1), 1);
  });
  ready.hear();
  kill_child(child);
  Backend next = open();
  const auto answers = receive_and_claim(next, 10);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].outcome, ClaimOutcome::crashed);
  EXPECT_EQ(answers[0].crash_signal, SIGSEGV);
  EXPECT_EQ(answers[1].outcome, ClaimOutcome::claimed);
}

TEST_F(SqliteProcesses, SeveralThatACrashedOneHeldAreTriedAlone) {
  const Pipe ready;
  const pid_t child = start_holding(ready, [](Backend& backend) {
    make_cluster(backend, 2);
    receive_and_claim(backend, 2);
    const char signal = SIGABRT;
    EXPECT_EQ(::write(backend.ledger->crash_record_descriptor(), &signal, 1), 1);
  });
  ready.hear();
  kill_child(child);
  Backend next = open();
  for (const ClaimAnswer& answer : receive_and_claim(next, 10)) {
    EXPECT_EQ(answer.outcome, ClaimOutcome::claimed);
    EXPECT_TRUE(answer.alone);
    EXPECT_EQ(answer.attempt, 2U);
  }
}

TEST_F(SqliteProcesses, ATaskThatCrashesItsHolderAloneIsFoundOut) {
  {
    Backend backend = open();
    make_cluster(backend, 4);
  }
  const auto crash = [](Backend& backend, std::size_t count) {
    receive_and_claim(backend, count);
    const char signal = SIGSEGV;
    EXPECT_EQ(::write(backend.ledger->crash_record_descriptor(), &signal, 1), 1);
  };
  for (const std::size_t held : {4U, 1U}) {
    const Pipe ready;
    const pid_t child = start_holding(ready, [&](Backend& backend) { crash(backend, held); });
    ready.hear();
    kill_child(child);
  }
  Backend last = open();
  const auto answers = receive_and_claim(last, 10);
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0].outcome, ClaimOutcome::crashed);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(answers[i].outcome, ClaimOutcome::claimed);
}

TEST_F(SqliteProcesses, AForkedChildKeepsNothingOfItsParent) {
  const Pipe ready;
  const Pipe done;
  const pid_t child = start([&, this] {
    Backend backend = open();
    make_cluster(backend, 1);
    receive_and_claim(backend, 1);
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ready.tell();
      done.hear();
      ::_exit(0);
    }
    while (true) ::pause();
  });
  ready.hear();
  kill_child(child);
  Backend next = open();
  EXPECT_EQ(receive_and_claim(next, 1).size(), 1U);
  done.tell();
}

TEST_F(SqliteProcesses, AProcessWithoutThreadsIsToldSoWhereItHadToWaitAndWorksOn) {
  const pid_t child = start([&, this] {
    Backend backend = open();
    const auto put = [&](std::uint64_t index) {
      return backend.ledger->put_tasks("c", index, std::vector<TaskData>(1, TaskData{"{}", {}}));
    };
    put(0).value();
    // For root there is no limit. Who is not root cannot look into a folder of root's own.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    if (::getuid() == 0 && ::setuid(65'534) != 0) ::_exit(77);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    try {
      std::thread([] {}).join();
      ::_exit(77);
    } catch (const std::system_error&) {
    }
    const int lock = ::open((options_.file.string() + "-write").c_str(), O_RDONLY | O_CLOEXEC);
    if (::flock(lock, LOCK_EX) != 0) ::_exit(1);
    const auto refused = put(1);
    if (refused.has_value() || refused.error().code != ErrorCode::unavailable) ::_exit(2);
    ::flock(lock, LOCK_UN);
    ::_exit(put(2).has_value() ? 0 : 3);
  });
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "threads cannot be forbidden here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SqliteProcesses, ASendWakesALongPollOfAnotherProcess) {
  const Pipe go;
  start([&, this] {
    go.hear();
    Backend backend = open();
    std::this_thread::sleep_for(100ms);
    OutgoingMessage message;
    message.content.id = "m";
    backend.queue->send("work", std::span(&message, 1)).value();
    while (true) ::pause();
  });
  Backend backend = open();
  go.tell();
  const auto deliveries = backend.queue->receive("work", {.count_max = 1, .wait = 20s}, {}).value();
  const Time received_at = backend.clock->now();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_LT(received_at - deliveries.front().sent_at, 500ms);
}

TEST_F(SqliteProcesses, AWriterThatStandsStillCostsOthersNoMoreThanTheirPatience) {
  { Backend made = open(); }
  const Pipe opened;
  const Pipe ready;
  const pid_t child = start([&, this] {
    opened.hear();
    const int lock = ::open((options_.file.string() + "-write").c_str(), O_RDWR | O_CLOEXEC);
    ::flock(lock, LOCK_EX);
    ready.tell();
    while (true) ::pause();
  });
  Backend backend;
  options_.lock_wait_max = 300ms;
  backend = open();
  opened.tell();
  ready.hear();
  const auto begin = steady_clock::now();
  const auto refused = backend.ledger->put_tasks("c", 0, std::vector<TaskData>(1, TaskData{"1", {}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_GE(steady_clock::now() - begin, 300ms);
  EXPECT_LT(steady_clock::now() - begin, 5s);
  EXPECT_TRUE(backend.queue->list().has_value());  // Reading waits for nobody.
  kill_child(child);
  EXPECT_TRUE(backend.ledger->put_tasks("c", 0, std::vector<TaskData>(1, TaskData{"1", {}})).has_value());
}

TEST_F(SqliteProcesses, ShareTheTasksOfOneClusterWithoutDoingAnyTwice) {
  constexpr std::uint64_t task_count = 20'000;
  constexpr int process_count = 4;
  {
    Backend backend = open();
    make_cluster(backend, task_count);
  }
  for (int i = 0; i < process_count; ++i) {
    start([this] {
      Backend backend = open();
      while (true) {
        const auto deliveries =
            backend.queue->receive("work", {.count_max = 50, .wait = 0ms, .visibility = 1h}, {}).value();
        if (deliveries.empty()) return;
        std::vector<EndRequest> ends;
        std::vector<std::string> receipts;
        for (const Delivery& delivery : deliveries) {
          ClaimRequest request;
          request.ref = RecordRef::of(*delivery.content);
          request.token = backend.ledger->new_token();
          request.lease_end = backend.clock->now() + 1h;
          if (backend.ledger->claim(std::span(&request, 1), backend.clock->now()).value().front().attempt != 1)
            ::_exit(1);
          EndRequest& end = ends.emplace_back();
          end.ref = request.ref;
          end.condition = request.token;
          end.attempt = 1;
          receipts.push_back(delivery.receipt_handle);
        }
        for (const EndOutcome outcome : backend.ledger->end(ends, backend.clock->now()).value().outcomes) {
          if (outcome != EndOutcome::ended) ::_exit(2);
        }
        backend.queue->remove("work", receipts).value();
      }
    });
  }
  for (const pid_t child : children_) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  children_.clear();
  Backend backend = open();
  const Progress progress = backend.ledger->progress("c").value();
  EXPECT_EQ(progress.done_count, task_count);
  EXPECT_EQ(progress.status, Status::complete);
  EXPECT_EQ(backend.ledger->recount("c", backend.clock->now()).value().attempt_count, task_count);
  const QueueCounts counts = backend.queue->counts("work").value();
  EXPECT_EQ(counts.visible_count + counts.in_flight_count + counts.delayed_count, 0U);
}

TEST_F(SqliteProcesses, ThatAreKilledWhileManyReceiveClaimAndEndMessagesLoseNone) {
  constexpr std::size_t message_count = 2'000;
  constexpr std::size_t thread_count = 16;
  constexpr std::size_t kill_count = 8;
  const pid_t sender = start([this] {
    Backend backend = open();
    std::vector<OutgoingMessage> messages(message_count);
    for (std::size_t i = 0; i < message_count; ++i) messages[i].content.id = std::to_string(i);
    backend.queue->send("work", messages).value();
  });
  ASSERT_EQ(::waitpid(sender, nullptr, 0), sender);
  children_.clear();
  std::set<std::uint16_t> told;
  for (std::size_t kill = 0; kill < kill_count; ++kill) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = start([&, this] {
      Backend backend = open();
      work_on_messages(backend, thread_count, [&](std::uint16_t number) {
        EXPECT_EQ(::write(ends[1], &number, sizeof(number)), static_cast<ssize_t>(sizeof(number)));
      });
    });
    ::close(ends[1]);
    std::uint16_t number = 0;
    for (std::size_t count = 0; count<1 + 29 * kill&& ::read(ends[0], &number, sizeof(number))> 0; ++count)
      EXPECT_TRUE(told.insert(number).second) << number << " was ended twice";
    kill_child(child);
    while (::read(ends[0], &number, sizeof(number)) > 0)
      EXPECT_TRUE(told.insert(number).second) << number << " was ended twice";
    ::close(ends[0]);
  }
  ASSERT_LT(told.size(), message_count) << "all was done before the last kill";
  Backend backend = open();
  std::mutex mutex;
  work_on_messages(backend, thread_count, [&](std::uint16_t number) {
    const std::scoped_lock lock(mutex);
    EXPECT_TRUE(told.insert(number).second) << number << " was ended twice";
  });
  const QueueCounts counts = backend.queue->counts("work").value();
  EXPECT_EQ(counts.visible_count + counts.in_flight_count + counts.delayed_count, 0U);
  for (std::size_t i = 0; i < message_count; ++i) {
    const auto record =
        backend.ledger->read_record({.id = std::to_string(i), .index = std::nullopt}, Consistency::strong);
    EXPECT_EQ(record.value().record.status, Status::complete) << i;
  }
}

}  // namespace
}  // namespace fanfold::sqlite
