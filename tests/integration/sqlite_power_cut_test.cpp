// ctest: labels=slow
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

/// A worker waits for a store that does not answer, so that it has to be told.
std::jthread stop_when_off(const test::PowerCutDisk& disk, std::stop_source& stop) {
  return std::jthread([&](const std::stop_token& over) {
    while (!over.stop_requested() && !disk.is_off()) std::this_thread::yield();
    stop.request_stop();
  });
}

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
  std::jthread watcher = stop_when_off(disk, stop);
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

/// On which every sleep is over at once, since it goes on by as much.
class SkippingClock final : public Clock {
 public:
  Time now() override { return SystemClock().now() + std::chrono::milliseconds(skipped_.load()); }
  void sleep_until(Time time, std::stop_token) override {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(time - now()).count();
    if (left > 0) skipped_ += left;
    std::this_thread::yield();
  }

 private:
  std::atomic<std::int64_t> skipped_ = 0;
};

/// What somebody was told of a job of a few tasks.
struct Told {
  bool created = false;
  std::uint64_t done_count = 0;
  bool finish_handled = false;
};

Told run_small_job(const Client& client, const test::PowerCutDisk& disk, std::size_t count) {
  Told told;
  const auto cluster =
      client.create_message_cluster("work", std::vector<std::uint64_t>(count, 7), {.idempotency_key = "once"});
  if (!cluster) return told;
  told.created = true;
  Worker worker{client,
                {.on_message = [](const Message<std::uint64_t>& task, const Context&) { return done(task.body); },
                 .on_cluster_complete = [](const MessageCluster<>&, const Context&) { return done(); }},
                {.queue = "work", .jobs = 1, .sweep_interval = {}, .drain_max = {}}};
  std::stop_source stop;
  const std::jthread watcher = stop_when_off(disk, stop);
  const auto progress = worker.run_until(*cluster, stop.get_token());
  if (!progress) return told;
  told.done_count = progress->done_count;
  told.finish_handled = progress->finish_handled;
  return told;
}

TEST_F(SqlitePowerCut, InTheMiddleOfASmallJobLeavesWhatWasToldAndAJobThatStillFinishes) {
  constexpr std::size_t count = 2;
  const auto open_skipping = [&] {
    return open_backend_with_clock({.file = folder_ / "store.db"}, std::make_shared<SkippingClock>());
  };
  const auto run = [&]() -> Told {
    auto backend = open_skipping();
    return backend ? run_small_job(make_client(std::move(*backend)), disk_, count) : Told{};
  };
  const std::uint64_t changes = count_changes([&] { ASSERT_TRUE(run().finish_handled); });
  std::size_t created_count = 0;
  for (std::uint64_t change = 1; change <= changes; change += 2) {
    start_empty();
    disk_.cut_after(change);
    const Told told = run();
    created_count += told.created ? 1 : 0;
    start_again(change);
    {
      auto backend = open_skipping();
      ASSERT_TRUE(backend.has_value()) << "change " << change << ": " << to_string(backend.error());
      const Client client = make_client(std::move(*backend));
      const auto clusters = client.list_clusters().value().clusters;
      ASSERT_EQ(clusters.empty() && told.created, false) << "change " << change;
      if (!clusters.empty()) {
        const auto kept = client.progress(MessageKey::of_message(clusters.front().id)).value();
        ASSERT_GE(kept.done_count, told.done_count) << "change " << change;
        ASSERT_GE(kept.finish_handled, told.finish_handled) << "change " << change;
      }
    }
    const Told again = run();
    ASSERT_EQ(again.done_count, count) << "change " << change;
    ASSERT_TRUE(again.finish_handled) << "change " << change;
    ASSERT_EQ(integrity(), "ok") << "change " << change;
  }
  EXPECT_GT(created_count, changes / 10) << "cuts came too early to show anything";
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
