// ctest: labels=slow timeout=240
// The power goes off in the middle of the work: what somebody was told is there afterwards.
#include "support/power_cut_scene.hpp"

#include <fanfold/json.hpp>

namespace fanfold::sqlite {
namespace {

class SqlitePowerCut : public PowerCutScene {};

/// Small ones, and such that the log is copied into the file several times.
constexpr std::array<std::size_t, 2> body_sizes{50, 300'000};

TEST_F(SqlitePowerCut, LosesNothingAcknowledgedWhereEverythingIsSynced) {
  for (const std::size_t body_bytes : body_sizes) {
    const std::uint64_t changes = count_changes([&] {
      Backend backend = open(Durability::full).value();
      Senders(body_bytes).run(backend);
    });
    std::size_t cut_count = 0;
    std::size_t acknowledged_count = 0;
    const std::uint64_t seeds = seed_count(body_bytes > 1'000 ? 20 : 80);
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      start_empty();
      Senders senders(body_bytes);
      disk_.cut_after(1 + std::mt19937_64(seed)() % changes);
      if (auto backend = open(Durability::full)) senders.run(*backend);
      cut_count += disk_.is_off() ? 1 : 0;
      start_again(seed);
      auto backend = open(Durability::full);
      ASSERT_TRUE(backend.has_value()) << "seed " << seed << ": " << to_string(backend.error());
      const auto there = Senders::found(*backend);
      ASSERT_TRUE(senders.has_all_acknowledged(there)) << "seed " << seed;
      ASSERT_EQ(integrity(), "ok") << "seed " << seed;
      acknowledged_count += senders.acknowledged_count();
    }
    EXPECT_GT(cut_count, seeds / 2);
    EXPECT_GT(acknowledged_count, seeds * 10) << "cuts came too early to show anything";
  }
}

TEST_F(SqlitePowerCut, TakesOnlyTheNewestWritesUnderNormal) {
  std::size_t lost_count = 0;
  for (const std::size_t body_bytes : body_sizes) {
    const std::uint64_t changes = count_changes([&] {
      Backend backend = open(Durability::normal).value();
      Senders(body_bytes).run(backend);
    });
    const std::uint64_t seeds = seed_count(body_bytes > 1'000 ? 20 : 80);
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      start_empty();
      Senders senders(body_bytes);
      disk_.cut_after(1 + std::mt19937_64(seed)() % changes);
      if (auto backend = open(Durability::normal)) senders.run(*backend);
      start_again(seed);
      auto backend = open(Durability::normal);
      ASSERT_TRUE(backend.has_value()) << "seed " << seed << ": " << to_string(backend.error());
      const auto there = Senders::found(*backend);
      ASSERT_TRUE(senders.is_prefix(there)) << "seed " << seed;
      ASSERT_EQ(integrity(), "ok") << "seed " << seed;
      for (std::size_t i = 0; i < Senders::count; ++i)
        lost_count += senders.acknowledged(i) && !there.contains(i) ? 1 : 0;
    }
  }
  EXPECT_GT(lost_count, 0U) << "this disk loses nothing, so that the test shows nothing";
}

constexpr std::uint64_t task_count = 60;

/// Creates the cluster and works on it until it is finished or the power is off. Answers the most tasks that anybody
/// was told are done.
std::uint64_t work_until_the_cut(const Client& client, const test::PowerCutDisk& disk) {
  std::uint64_t index = 0;
  const auto tasks = [&]() -> std::optional<std::uint64_t> {
    return index == task_count ? std::nullopt : std::optional(index++);
  };
  const auto cluster = client.create_message_cluster("work", tasks, {.idempotency_key = "once"});
  if (!cluster) return 0;
  std::atomic<std::uint64_t> told = 0;
  const auto ask = [&] {
    const auto progress = client.progress(*cluster);
    if (!progress) return;
    for (std::uint64_t before = told; before < progress->done_count;)
      if (told.compare_exchange_weak(before, progress->done_count)) break;
  };
  std::stop_source stop;
  std::jthread watcher([&](const std::stop_token& over) {
    while (!over.stop_requested() && !disk.is_off()) std::this_thread::yield();
    stop.request_stop();
  });
  // Each task asks, so that how much anybody was told does not hang on how often a thread of its own gets its turn.
  Worker worker{client,
                {.on_message =
                     [&](const Message<std::uint64_t>& task, const Context&) {
                       ask();
                       return done(task.body);
                     },
                 .on_cluster_complete = [](const MessageCluster<>&, const Context&) { return done(); }},
                {.queue = "work", .jobs = 2, .sweep_interval = {}, .drain_max = {}}};
  static_cast<void>(worker.run_until(*cluster, stop.get_token()));
  watcher.request_stop();
  watcher.join();
  ask();
  return told;
}

TEST_F(SqlitePowerCut, LeavesAClusterThatStillFinishesAndTakesNoProgressBack) {
  const std::uint64_t changes = count_changes([&] {
    const Client client = make_client(open(Durability::full).value());
    ASSERT_EQ(work_until_the_cut(client, disk_), task_count);
  });
  std::size_t told_count = 0;
  const std::uint64_t seeds = seed_count(40);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    start_empty();
    disk_.cut_after(1 + std::mt19937_64(seed)() % changes);
    std::uint64_t told = 0;
    if (auto backend = open(Durability::full)) told = work_until_the_cut(make_client(std::move(*backend)), disk_);
    told_count += told > 0 ? 1 : 0;
    start_again(seed);
    auto backend = open(Durability::full);
    ASSERT_TRUE(backend.has_value()) << "seed " << seed << ": " << to_string(backend.error());
    const Client client = make_client(std::move(*backend));
    const auto clusters = client.list_clusters().value().clusters;
    const std::uint64_t kept =
        clusters.empty() ? 0 : client.progress(MessageKey::of_message(clusters.front().id)).value().done_count;
    ASSERT_GE(kept, told) << "seed " << seed;
    ASSERT_EQ(work_until_the_cut(client, disk_), task_count) << "seed " << seed;
    ASSERT_EQ(integrity(), "ok") << "seed " << seed;
  }
  EXPECT_GT(told_count, seeds / 4) << "cuts came too early to show anything";
}

TEST_F(SqlitePowerCut, WhileTheFileIsMadeLeavesOneThatTheSameCommandGoesOnWith) {
  for (const Durability durability : {Durability::full, Durability::normal}) {
    const std::uint64_t changes = count_changes([&] { static_cast<void>(open(durability).value()); });
    for (std::uint64_t change = 1; change <= changes; ++change) {
      // A cut between two changes may leave all of what was not synced, nothing, or parts: three of these each.
      for (std::uint64_t seed = 3 * change; seed < 3 * change + 3; ++seed) {
        start_empty();
        disk_.cut_after(change);
        static_cast<void>(open(durability));
        start_again(seed);
        auto backend = open(durability);
        ASSERT_TRUE(backend.has_value()) << "change " << change << ", seed " << seed << ": "
                                         << to_string(backend.error()) << ", " << backend.error().remote_detail;
        ASSERT_TRUE(backend->queue->create("work", {}).has_value());
        ASSERT_EQ(integrity(), "ok") << "change " << change << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace fanfold::sqlite
