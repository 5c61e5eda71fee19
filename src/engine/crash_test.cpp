// Every use case is cut off before each of its calls of a port, and has to be mended by being asked for again, or by
// the sweep alone.
#include "engine/creation.hpp"
#include "engine/dying_backend_for_tests.hpp"
#include "engine/scene_for_tests.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

/// A process that dies before the call of a port with this number.
struct DyingProcess {
  DyingProcess(const testing::MemoryStore& store, std::size_t calls_to_live)
      : left(std::make_shared<std::size_t>(calls_to_live)), client(make_client(dying_backend(store, left))) {}

  std::shared_ptr<std::size_t> left;  // Shared with the backend's hook.
  Client client;
};

/// Where the operation begins, and what it is. `again` may be empty: then only the sweep mends it.
struct UseCase {
  std::function<void(Scene&)> prepare{};
  std::function<void(const Client&)> run{};
  std::function<void(const Client&)> again{};
  std::function<void(Scene&)> check{};
};

const std::string creation_key = "k";
const MessageKey the_cluster = MessageKey::of_message(cluster_id_of("work", creation_key));

Cluster create(const Client& client, int count = 25) {
  return client.create_message_cluster("work", numbers(count), {.idempotency_key = creation_key}).value();
}

void work_until_still(Scene& scene) {
  for (int i = 0; i < 4; ++i) {
    scene.work();
    scene.advance(61s);
    static_cast<void>(scene.client->sweep().value());
  }
}

void expect_all_done(Scene& scene, std::uint64_t count) {
  work_until_still(scene);
  const Progress progress = scene.progress(the_cluster);
  EXPECT_EQ(progress.total_count, count);
  EXPECT_EQ(progress.done_count, count);
  EXPECT_TRUE(progress.finish_handled);
  EXPECT_EQ(scene.message_count(), 0U);
  EXPECT_TRUE(scene.header(the_cluster).due.empty());
  EXPECT_EQ(scene.header(the_cluster).sender, "");
  EXPECT_TRUE(scene.client->verify(the_cluster).value().holds());
}

/// Runs the use case with every number of calls to live until it lives to its end; answers how many ends it met.
std::size_t cut_off_everywhere(const UseCase& use_case, bool ask_again) {
  for (std::size_t calls = 0;; ++calls) {
    SCOPED_TRACE("dies after " + std::to_string(calls) + " calls");
    Scene scene;
    if (use_case.prepare) use_case.prepare(scene);
    bool died = false;
    try {
      use_case.run(DyingProcess(scene.memory, calls).client);
    } catch (const testing::SimulatedCrash&) {
      died = true;
    }
    scene.restart();
    scene.advance(61s);
    static_cast<void>(scene.client->sweep().value());
    if (ask_again) use_case.again(*scene.client);
    use_case.check(scene);
    if (!died || ::testing::Test::HasFailure()) return calls;
  }
}

TEST(Crash, OfACreatorIsMendedByTheSameCreation) {
  const auto run = [](const Client& client) { static_cast<void>(create(client)); };
  const UseCase creation{.run = run, .again = run, .check = [](Scene& scene) { expect_all_done(scene, 25); }};
  EXPECT_GT(cut_off_everywhere(creation, true), 10U);
}

TEST(Crash, OfACreatorWithAHeaderIsMendedByTheSweepAlone) {
  const UseCase creation{.run = [](const Client& client) { static_cast<void>(create(client)); },
                         .check =
                             [](Scene& scene) {
                               if (!scene.client->progress(the_cluster).has_value())
                                 return;  // Never acknowledged, and nothing is visible of it.
                               expect_all_done(scene, 25);
                             }};
  EXPECT_GT(cut_off_everywhere(creation, false), 10U);
}

TEST(Crash, OfAnAdderIsMendedByTheSameAdds) {
  const auto run = [](const Client& client) {
    const Cluster open = client.open_message_cluster("work", {.idempotency_key = creation_key}).value();
    static_cast<void>(open.add("a", numbers(12)).value());
    static_cast<void>(open.add("b", numbers(3)).value());
    open.seal().value();
  };
  const UseCase adding{.run = run,
                       .again =
                           [](const Client& client) {
                             const Cluster open =
                                 client.open_message_cluster("work", {.idempotency_key = creation_key}).value();
                             for (const auto& [name, count] : {std::pair("a", 12), std::pair("b", 3)}) {
                               const auto added = open.add(name, numbers(count));
                               // The seal may have come through, but then so have the adds.
                               EXPECT_TRUE(added.has_value());
                             }
                             open.seal().value();
                           },
                       .check = [](Scene& scene) { expect_all_done(scene, 15); }};
  EXPECT_GT(cut_off_everywhere(adding, true), 10U);
}

TEST(Crash, OfAResumeIsMendedByTheSweep) {
  const UseCase resuming{
      .prepare =
          [](Scene& scene) {
            static_cast<void>(create(*scene.client));
            scene.client->pause_cluster(the_cluster).value();
            static_cast<void>(scene.queue->purge("work").value());
          },
      .run = [](const Client& client) { static_cast<void>(client.resume_cluster(the_cluster).value()); },
      .check =
          [](Scene& scene) {
            // Either nothing happened yet, or the sweep goes on from the header.
            if (scene.progress(the_cluster).paused)
              static_cast<void>(scene.client->resume_cluster(the_cluster).value());
            expect_all_done(scene, 25);
          }};
  EXPECT_GT(cut_off_everywhere(resuming, false), 5U);
}

TEST(Crash, OfARetryIsMendedByTheSameRetryAndMakesOneRound) {
  const auto run = [](const Client& client) {
    static_cast<void>(client.retry_failed(the_cluster, {.idempotency_key = "r"}).value());
  };
  std::vector<std::uint64_t> failing;
  for (std::uint64_t i = 0; i < 15; ++i) failing.push_back(i);
  const UseCase retrying{.prepare =
                             [&](Scene& scene) {
                               static_cast<void>(create(*scene.client));
                               scene.work(failing);
                               scene.work();
                               ASSERT_EQ(scene.progress(the_cluster).failed_count, 15U);
                               ASSERT_TRUE(scene.progress(the_cluster).finish_handled);
                             },
                         .run = run,
                         .again = run,
                         .check =
                             [](Scene& scene) {
                               expect_all_done(scene, 25);
                               EXPECT_EQ(scene.progress(the_cluster).round, 1U);
                               EXPECT_EQ(scene.progress(the_cluster).status, Status::complete);
                             }};
  EXPECT_GT(cut_off_everywhere(retrying, true), 8U);
}

TEST(Crash, OfAStopIsMendedByTheSameStop) {
  const auto run = [](const Client& client) { client.stop_cluster(the_cluster, "enough").value(); };
  const UseCase stopping{.prepare = [](Scene& scene) { static_cast<void>(create(*scene.client)); },
                         .run = run,
                         .again = run,
                         .check =
                             [](Scene& scene) {
                               work_until_still(scene);
                               EXPECT_TRUE(scene.header(the_cluster).stopped());
                               EXPECT_EQ(scene.header(the_cluster).error.size(), 1U);
                               EXPECT_TRUE(scene.progress(the_cluster).finish_handled);
                               EXPECT_EQ(scene.progress(the_cluster).done_count, 0U);
                             }};
  EXPECT_GT(cut_off_everywhere(stopping, true), 3U);
}

TEST(Crash, OfADeleteIsMendedByTheSameDelete) {
  const auto run = [](const Client& client) { client.delete_cluster(the_cluster).value(); };
  const UseCase deleting{.prepare =
                             [](Scene& scene) {
                               static_cast<void>(create(*scene.client, 2));
                               scene.client->update_cluster_globals(the_cluster, 1).value();
                               scene.work();
                               scene.work();
                             },
                         .run = run,
                         .again = run,
                         .check =
                             [](Scene& scene) {
                               EXPECT_TRUE(scene.header(the_cluster).tombstone);
                               EXPECT_EQ(code_of(scene.client->get_cluster_globals<int>(the_cluster)),
                                         ErrorCode::not_found);
                             }};
  EXPECT_GT(cut_off_everywhere(deleting, true), 2U);
}

TEST(Crash, OfADeleteWithoutTheFinishHandlerIsMendedByTheSameDelete) {
  const auto run = [](const Client& client) {
    client.delete_cluster(the_cluster, {.without_finish_handler = true}).value();
  };
  const UseCase deleting{.prepare =
                             [](Scene& scene) {
                               static_cast<void>(create(*scene.client, 2));
                               scene.client->stop_cluster(the_cluster).value();
                             },
                         .run = run,
                         .again = run,
                         .check = [](Scene& scene) { EXPECT_TRUE(scene.header(the_cluster).tombstone); }};
  EXPECT_GT(cut_off_everywhere(deleting, true), 5U);
}

TEST(Crash, OfASweeperIsMendedByTheNextSweep) {
  const UseCase sweeping{.prepare =
                             [](Scene& scene) {
                               static_cast<void>(create(*scene.client));
                               scene.client->pause_cluster(the_cluster).value();
                               static_cast<void>(scene.queue->purge("work").value());
                               EXPECT_THROW(
                                   static_cast<void>(DyingProcess(scene.memory, 6).client.resume_cluster(the_cluster)),
                                   testing::SimulatedCrash);
                               ASSERT_FALSE(scene.progress(the_cluster).paused);
                               scene.advance(61s);
                             },
                         .run = [](const Client& client) { static_cast<void>(client.sweep().value()); },
                         .check = [](Scene& scene) { expect_all_done(scene, 25); }};
  EXPECT_GT(cut_off_everywhere(sweeping, false), 15U);
}

TEST(Crash, OfWhoeverFailsTheLastTaskIsMendedBySweepAndResume) {
  const UseCase failing{
      .prepare =
          [](Scene& scene) {
            static_cast<void>(create(*scene.client, 1));
            static_cast<void>(scene.queue->purge("work").value());
          },
      .run = [](const Client& client) { client.fail_task(MessageKey::of_task(id_of(the_cluster), 0), "no").value(); },
      .again =
          [](const Client& client) {
            const auto failed = client.fail_task(MessageKey::of_task(id_of(the_cluster), 0), "no");
            EXPECT_TRUE(failed.has_value() || failed.error().code == ErrorCode::lease_lost);
          },
      .check =
          [](Scene& scene) {
            work_until_still(scene);
            EXPECT_EQ(scene.progress(the_cluster).failed_count, 1U);
            EXPECT_TRUE(scene.progress(the_cluster).finish_handled);
          }};
  EXPECT_GT(cut_off_everywhere(failing, true), 3U);
}

}  // namespace
}  // namespace fanfold::engine
