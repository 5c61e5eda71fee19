// ctest: labels=slow
// A disk that fails while it syncs, and a file that is exchanged while it is open.
#include "support/power_cut_scene.hpp"

#include <fanfold/json.hpp>

#include <fstream>

namespace fanfold::sqlite {
namespace {

class SqliteFailedSync : public PowerCutScene {
 protected:
  /// Sends until a sync fails and on, and checks what everybody was told.
  void send_until_refused(Senders& senders, Backend& backend) {
    senders.run(backend);
    if (!disk_.sync_has_failed()) return;
    for (const Error& error : senders.errors()) {
      const bool stands = error.message.find("the commit stands, but a power cut may take it") != std::string::npos;
      EXPECT_TRUE(stands || error.code == ErrorCode::read_only) << to_string(error);
    }
    OutgoingMessage late;
    late.content.id = "late";
    const auto refused = backend.queue->send("work", std::span(&late, 1));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::read_only);
    EXPECT_EQ(refused.error().message,
              "syncing " + (folder_ / "store.db-wal").string() +
                  " has failed, so that nothing more can be promised: look at the disk, then open the store again");
  }
};

TEST_F(SqliteFailedSync, IsToldToAllWhoseCommitsItHeldAndStopsEveryWrite) {
  std::size_t failure_count = 0;
  for (const std::string file : {"store.db-wal", "store.db"}) {
    // The file itself is synced when it is made, and whenever the log is copied into it.
    const std::size_t body_bytes = file == "store.db" ? 300'000 : 50;
    const std::uint64_t syncs = file == "store.db" ? 3 : 60;
    for (std::uint64_t seed = 0; seed < seed_count(24); ++seed) {
      start_empty();
      Senders senders(body_bytes);
      {
        Backend backend = open(Durability::full).value();
        disk_.fail_sync(file, 1 + (seed * 7) % syncs);
        send_until_refused(senders, backend);
        failure_count += disk_.sync_has_failed() ? 1 : 0;
        if (disk_.sync_has_failed()) {
          EXPECT_LT(senders.acknowledged_count(), Senders::count);
        }
      }
      start_again(seed);
      Backend backend = open(Durability::full).value();
      ASSERT_TRUE(senders.has_all_acknowledged(Senders::found(backend))) << file << ", seed " << seed;
      ASSERT_EQ(integrity(), "ok") << file << ", seed " << seed;
    }
  }
  EXPECT_GT(failure_count, seed_count(24)) << "hardly a sync failed, so that this shows nothing";
}

TEST_F(SqliteFailedSync, LeavesAStoreThatIsSafeAgainOnceItIsOpenedAgain) {
  for (std::uint64_t seed = 0; seed < seed_count(24); ++seed) {
    start_empty();
    Senders before(50);
    {
      Backend backend = open(Durability::full).value();
      disk_.fail_sync("-wal", 1 + seed % 30);
      before.run(backend);
      ASSERT_TRUE(disk_.sync_has_failed());
    }
    std::set<std::size_t> seen;
    Senders after(50, Senders::count);
    {
      // Nothing is lost yet: what the disk does not have is in the system's memory.
      Backend backend = open(Durability::full).value();
      after.run(backend);
      ASSERT_EQ(after.acknowledged_count(), Senders::count);
    }
    start_again(seed);
    Backend backend = open(Durability::full).value();
    const auto there = Senders::found(backend);
    ASSERT_TRUE(before.has_all_acknowledged(there)) << "seed " << seed;
    ASSERT_TRUE(after.has_all_acknowledged(there)) << "seed " << seed;
    ASSERT_EQ(integrity(), "ok") << "seed " << seed;
  }
}

TEST_F(SqliteFailedSync, WhileTheFileIsMadeIsSaidAndTheNextOpeningMakesItAnew) {
  for (std::uint64_t seed = 0; seed < seed_count(10); ++seed) {
    start_empty();
    disk_.fail_sync("store.db", 1);
    auto failed = open(Durability::full);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
    EXPECT_NE(failed.error().message.find("syncing the new file"), std::string::npos) << failed.error().message;
    Senders senders(50);
    {
      Backend backend = open(Durability::full).value();
      senders.run(backend);
      ASSERT_EQ(senders.acknowledged_count(), Senders::count);
      disk_.cut_after(1);  // So that closing it does not copy the log.
    }
    start_again(seed);
    Backend backend = open(Durability::full).value();
    ASSERT_TRUE(senders.has_all_acknowledged(Senders::found(backend))) << "seed " << seed;
  }
}

TEST_F(SqliteFailedSync, FailsTheUpdateOfGlobalsThatItHeld) {
  start_empty();
  Client client = make_client(open(Durability::full).value());
  const Cluster cluster = client.create_message_cluster("work", std::vector<int>{1}, {.globals = 1}).value();
  disk_.fail_sync("-wal", 1);
  const auto updated = client.update_cluster_globals(cluster.key, [](int value) { return value + 1; });
  ASSERT_TRUE(disk_.sync_has_failed());
  EXPECT_FALSE(updated.has_value()) << "a power cut may still take it";
}

TEST_F(SqliteFailedSync, OfARemovalLeavesWhatTheNextPruneRemoves) {
  start_empty();
  {
    Backend backend = open(Durability::full).value();
    const Client client = make_client(open(Durability::full).value());
    const Cluster cluster = client.create_message_cluster("work", std::vector<int>(2'000, 7)).value();
    client.stop_cluster(cluster).value();
    ClusterHeader header = client.cluster_header(cluster).value();
    header.finish_done = true;
    backend.ledger->update_cluster(header).value();
    disk_.fail_sync("-wal", 1);
    const auto removed = backend.ledger->remove_cluster(header.id, backend.clock->now());
    ASSERT_FALSE(removed.has_value()) << "the tombstone stands, but the tasks are still there";
  }
  const Options options{.file = folder_ / "store.db"};
  const PruneReport first = prune(options, Time{}).value();
  EXPECT_EQ(first.cluster_count, 1U);
  EXPECT_GT(first.freed_bytes, 0U);
  EXPECT_EQ(prune(options, Time{}).value().cluster_count, 0U) << "nothing is left of it";
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(SqliteFailedSync, IsNotNeededToRefuseAFileThatWasExchangedWhileItWasOpen) {
  start_empty();
  const std::filesystem::path file = folder_ / "store.db";
  const std::filesystem::path aside = folder_ / "aside.db";
  Senders senders(50);
  {
    Backend backend = open(Durability::full).value();
    senders.run(backend);
    ASSERT_EQ(senders.acknowledged_count(), Senders::count);
    std::filesystem::rename(file, aside);
    std::ofstream(file) << "somebody else's";
    OutgoingMessage late;
    late.content.id = "late";
    const auto refused = backend.queue->send("work", std::span(&late, 1));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::damaged);
    EXPECT_EQ(refused.error().message, file.string() + " was removed or replaced while it was open");
  }
  EXPECT_EQ(bytes_of(file), "somebody else's");
  std::filesystem::rename(aside, file);
  Backend backend = open(Durability::full).value();
  EXPECT_TRUE(senders.has_all_acknowledged(Senders::found(backend)));
}

}  // namespace
}  // namespace fanfold::sqlite
