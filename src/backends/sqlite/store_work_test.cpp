// What an open store does for many callers and processes at once.
#include "backends/sqlite/statistics.hpp"
#include "backends/sqlite/store_for_tests.hpp"

#include <thread>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

TEST_F(StoreTest, OneRefusedOperationLeavesItsNeighboursAlone) {
  const auto store = Store::open(options_, std::make_shared<SystemClock>()).value();
  constexpr int thread_count = 8;
  constexpr int round_count = 50;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < round_count; ++round) {
        auto answer = store->write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
          const std::string name = std::to_string(i) + "/" + std::to_string(round);
          execute(transaction.connection(), "INSERT INTO setting VALUES (?, 1)", name);
          if (i == 0)
            execute(transaction.connection(), "INSERT INTO setting VALUES (?, 1)", name);  // Refused by SQLite itself.
          return {};
        });
        refused += answer ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, round_count);
  const auto count = store->read([](Connection& connection) -> Result<std::int64_t> {
    return query_number(connection, "SELECT count(*) FROM setting WHERE name LIKE '%/%'").value_or(-1);
  });
  EXPECT_EQ(count.value(), (thread_count - 1) * round_count);
}

TEST_F(StoreTest, DeletesASingleMessageInTheCommitThatEndsItsRecord) {
  Backend backend = open();
  send_messages(backend, 1);
  const auto deliveries = backend.queue->receive("work", {.count_max = 1, .wait = 0ms}, {}).value();
  const EndRequest end = claim(backend, deliveries.at(0));
  const std::uint64_t commits_before = statistics.commit_count;
  EXPECT_TRUE(backend.ledger->end(std::span(&end, 1), backend.clock->now()).value().is_deleted(0));
  EXPECT_EQ(statistics.commit_count - commits_before, 1U);
  EXPECT_EQ(message_count(backend), 0U);
}

TEST_F(StoreTest, GivesEachMessageToOneOfManyThatReceiveAtOnce) {
  constexpr std::size_t count = 400;
  constexpr std::size_t thread_count = 16;
  for (const Durability durability : {Durability::normal, Durability::full}) {
    options_.durability = durability;
    options_.file += durability == Durability::full ? ".full" : ".normal";
    Backend backend = open();
    send_messages(backend, count);
    std::array<std::atomic<int>, count> received{};
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < thread_count; ++i) {
        threads.emplace_back([&] {
          while (true) {
            const auto deliveries = backend.queue->receive("work", {.count_max = 1, .wait = 0ms}, {}).value();
            if (deliveries.empty()) return;
            ++received.at(std::stoul(deliveries[0].content->id.substr(1)));
            const EndRequest end = claim(backend, deliveries[0]);
            EXPECT_EQ(backend.ledger->end(std::span(&end, 1), backend.clock->now()).value().outcomes.at(0),
                      EndOutcome::ended);
          }
        });
      }
    }
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(received.at(i), 1) << "message " << i;
    EXPECT_EQ(message_count(backend), 0U);
  }
}

TEST_F(StoreTest, KeepsTheWalShort) {
  Backend backend = open();
  const std::vector<TaskData> tasks(256, TaskData{'"' + std::string(1'000, 'x') + '"', {}});
  for (std::uint64_t page = 0; page < 256; ++page) backend.ledger->put_tasks("c", page * 256, tasks).value();
  EXPECT_LT(std::filesystem::file_size(options_.file.string() + "-wal"),
            3U * static_cast<std::uintmax_t>(checkpoint_bytes));
  EXPECT_GT(std::filesystem::file_size(options_.file), 40U * 1'024 * 1'024);
}

TEST_F(StoreTest, TellsItsOwnTokensFromThoseOfAnEarlierProcess) {
  Backend stays = open();
  std::uint64_t token = 0;
  {
    Backend goes = open();
    token = goes.ledger->new_token();
    EXPECT_FALSE(stays.ledger->is_dead_holder(token));
  }
  EXPECT_TRUE(stays.ledger->is_dead_holder(token));
  Backend next = open();  // Takes the same slot.
  EXPECT_TRUE(stays.ledger->is_dead_holder(token));
  EXPECT_FALSE(stays.ledger->is_dead_holder(next.ledger->new_token()));
  EXPECT_FALSE(stays.ledger->is_dead_holder(stays.ledger->new_token()));
}

TEST_F(StoreTest, WaitsForTheDiskOnceForANewClusterAndForNoNoteOfWhatWasSent) {
  options_.durability = Durability::full;
  Backend backend = open();
  const auto syncs_of = [](auto&& work) {
    const std::uint64_t before = statistics.sync_count;
    work();
    return statistics.sync_count - before;
  };
  ClusterHeader header = header_of(backend, "c", 2);
  header.round_size.reset();
  header.due.push_back({.kind = DueMark::Kind::creation, .id = "me", .round = 0, .since = header.created_at});
  header.sender = "me";
  EXPECT_EQ(syncs_of([&] {
              backend.ledger->put_tasks("c", 0, std::vector<TaskData>(2, TaskData{"{}", {}})).value();
              header = backend.ledger->create_cluster(header).value();
            }),
            0U)
      << "nobody was told of it yet";
  EXPECT_EQ(syncs_of([&] { backend.ledger->seal("c", header.created_at).value(); }), 1U);
  const auto change = [&](auto&& how) {
    header = backend.ledger->read_cluster("c", Consistency::strong).value();
    how(header);
    return syncs_of([&] { header = backend.ledger->update_cluster(header).value(); });
  };
  EXPECT_EQ(change([](ClusterHeader& now) {
              now.due.clear();
              now.sender.clear();
              now.sent_at = now.created_at;
            }),
            0U);
  EXPECT_EQ(change([](ClusterHeader& now) { now.finish_sent_at = now.created_at; }), 0U);
  EXPECT_EQ(change([](ClusterHeader& now) {
              now.due.push_back({.kind = DueMark::Kind::resend, .id = "you", .round = 0, .since = now.created_at});
            }),
            1U);
  EXPECT_EQ(change([](ClusterHeader& now) {
              now.due.clear();
              now.paused = true;
            }),
            1U);
  const auto send = [&](RecordType type) {
    std::vector<OutgoingMessage> messages(1);
    messages.front().content.type = type;
    messages.front().content.id = "c";
    return syncs_of([&] { EXPECT_TRUE(backend.queue->send("work", messages).value().front().has_value()); });
  };
  EXPECT_EQ(send(RecordType::cluster), 0U);
  EXPECT_EQ(send(RecordType::message), 1U);
}

TEST_F(StoreTest, TellsOfAClusterThatAnotherProcessFinishedOnceThatIsOnTheDisk) {
  options_.durability = Durability::full;
  Backend other = open();
  make_cluster(other, "c", 1);
  const auto store = Store::open(options_, std::make_shared<SystemClock>()).value();
  const auto ledger = make_ledger(store);
  const auto syncs_of_looking = [&] {
    const auto before = statistics.sync_count.load();
    const bool is_finished = ledger->read_cluster("c", Consistency::strong).value().finished();
    EXPECT_EQ(ledger->progress("c").value().finished, is_finished);
    return statistics.sync_count - before;
  };
  SyncWords& words = store->wake()->sync_words();
  // As where the other process has committed, and waits for the disk.
  words.begun = words.committed = words.begun + 1;
  EXPECT_EQ(syncs_of_looking(), 0U) << "it goes on";
  EndRequest end;
  end.ref = {.type = RecordType::task, .id = "c"};
  end.condition = NotEnded{};
  EXPECT_EQ(other.ledger->end(std::span(&end, 1), other.clock->now()).value().finished.size(), 1U);
  EXPECT_EQ(words.synced, words.begun);
  EXPECT_EQ(syncs_of_looking(), 0U);
  words.begun = words.committed = words.begun + 1;
  EXPECT_EQ(syncs_of_looking(), 1U);
}

TEST_F(StoreTest, WaitsForTheDiskOnceToTellOfAFinishedClusterWhileItCommitsItself) {
  options_.durability = Durability::full;
  const auto store = Store::open(options_, std::make_shared<SystemClock>()).value();
  std::uint64_t sync_count = 0;
  const auto written = store->write(Sync::needed, [&](Transaction&) -> Result<void> {
    const auto before = statistics.sync_count.load();
    const auto look = [](Connection&) -> Result<int> { return 1; };
    EXPECT_TRUE(store->read_settled(look, [](int finished_count) { return finished_count > 0; }).has_value());
    sync_count = statistics.sync_count - before;
    return {};
  });
  EXPECT_TRUE(written.has_value());
  EXPECT_EQ(sync_count, 1U) << "it owes as well as the others do";
}

}  // namespace
}  // namespace fanfold::sqlite
