#include "engine/globals.hpp"

#include "engine/scene_for_tests.hpp"

#include <fanfold/testing/faults.hpp>

#include <atomic>
#include <thread>

namespace fanfold::engine {
namespace {

using Step = ScriptedGlobals::Step;

struct GlobalsScene : Scene {
  GlobalsScene() : cluster(client->create_message_cluster("work", numbers(1), {.globals = 0}).value()) {}
  [[nodiscard]] int value() const { return client->get_cluster_globals<int>(cluster).value(); }
  Result<GlobalsUpdate> increment() const {
    return client->update_cluster_globals(cluster, [](int old) { return old + 1; });
  }
  Cluster cluster;
};

TEST(Globals, AreReplacedByAValue) {
  GlobalsScene scene;
  const GlobalsUpdate update = scene.client->update_cluster_globals(scene.cluster, 5).value();
  EXPECT_EQ(update.key, scene.cluster.key);
  EXPECT_FALSE(update.version.empty());
  EXPECT_EQ(scene.value(), 5);
}

TEST(Globals, AreUpdatedUnderTheWholeKeyThePKeyAndATasksOwn) {
  GlobalsScene scene;
  const std::string id = id_of(scene.cluster);
  for (const MessageKey& key : {scene.cluster.key, MessageKey("SQSMessage$" + id), MessageKey(id),
                                MessageKey::of_task(id, 0), MessageKey("SQSMessage$" + id + "#0")}) {
    EXPECT_TRUE(scene.client->update_cluster_globals(key, [](int old) { return old + 1; }).has_value());
  }
  EXPECT_EQ(scene.value(), 5);
}

TEST(Globals, ThatWereNotGivenBeginAsTheDefault) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  EXPECT_EQ(code_of(scene.client->get_cluster_globals<int>(cluster)), ErrorCode::not_found);
  scene.client->update_cluster_globals(cluster, [](int old) { return old + 1; }).value();
  EXPECT_EQ(scene.client->get_cluster_globals<int>(cluster).value(), 1);
}

TEST(Globals, OfAnotherWriterInBetweenAreNotLost) {
  GlobalsScene scene;
  Client other = make_client(scene.memory.backend());
  scene.globals->before_write = [&] {
    other.update_cluster_globals(scene.cluster, [](int old) { return old + 10; }).value();
  };
  scene.increment().value();
  EXPECT_EQ(scene.value(), 11);
}

TEST(Globals, WhoseAnswerWasLostAreNotAppliedTwice) {
  GlobalsScene scene;
  scene.globals->steps = {Step::lose_answer};
  scene.increment().value();
  EXPECT_EQ(scene.value(), 1);
  EXPECT_EQ(scene.globals->write_count, 1U + 1U) << "creation's, and one";
}

TEST(Globals, WhoseRequestWasLostAreAppliedAllTheSame) {
  GlobalsScene scene;
  scene.globals->steps = {Step::refuse, Step::refuse};
  scene.increment().value();
  EXPECT_EQ(scene.value(), 1);
}

/// Loses the answer of the next write, and lets another process write so often before anybody reads.
class LostThenOverwritten final : public GlobalStore {
 public:
  LostThenOverwritten(std::unique_ptr<GlobalStore> inner, std::function<void()> others)
      : inner_(std::move(inner)), others_(std::move(others)) {}
  [[nodiscard]] BucketParams location(std::string_view cluster_id) const override {
    return inner_->location(cluster_id);
  }
  Result<StoredGlobals> read(const BucketParams& where) override { return inner_->read(where); }
  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    auto written = inner_->write(where, globals, expected_version);
    if (!others_) return written;
    std::exchange(others_, {})();
    return Error{ErrorCode::unavailable, "no answer", {}};
  }
  Result<void> remove(const BucketParams& where) override { return inner_->remove(where); }

 private:
  std::unique_ptr<GlobalStore> inner_;
  std::function<void()> others_;
};

Result<GlobalsUpdate> update_with_others_after_a_lost_answer(GlobalsScene& scene, std::size_t other_write_count) {
  Client other = make_client(scene.memory.backend());
  Backend backend = scene.memory.backend();
  backend.globals = std::make_unique<LostThenOverwritten>(std::move(backend.globals), [&] {
    for (std::size_t i = 0; i < other_write_count; ++i)
      other.update_cluster_globals(scene.cluster, [](int old) { return old + 1; }).value();
  });
  Client client = make_client(std::move(backend));
  return client.update_cluster_globals(scene.cluster, [](int old) { return old + 1'000; });
}

TEST(Globals, WithALostAnswerSucceedWhileTheirIdIsInTheList) {
  GlobalsScene scene;
  EXPECT_TRUE(update_with_others_after_a_lost_answer(scene, global_write_id_count_max - 1).has_value());
  EXPECT_EQ(scene.value(), 1'000 + static_cast<int>(global_write_id_count_max) - 1);
}

TEST(Globals, WithALostAnswerAreUnknownOnceTheListTurnedOver) {
  GlobalsScene scene;
  EXPECT_EQ(code_of(update_with_others_after_a_lost_answer(scene, global_write_id_count_max)),
            ErrorCode::outcome_unknown);
  EXPECT_EQ(scene.value(), 1'000 + static_cast<int>(global_write_id_count_max)) << "it was applied, and not again";
}

TEST(Globals, AreLeftAloneByAFunctionThatThrows) {
  GlobalsScene scene;
  EXPECT_THROW(static_cast<void>(scene.client->update_cluster_globals(
                   scene.cluster, [](int) -> int { throw std::runtime_error("no"); })),
               std::runtime_error);
  EXPECT_EQ(scene.value(), 0);
  scene.increment().value();
  EXPECT_EQ(scene.value(), 1);
}

TEST(Globals, OfAnotherTypeAreBadInputWithThePath) {
  GlobalsScene scene;
  scene.client->update_cluster_globals(scene.cluster, std::string("text")).value();
  auto update = scene.increment();
  ASSERT_FALSE(update.has_value());
  EXPECT_EQ(update.error().code, ErrorCode::bad_input);
  EXPECT_EQ(update.error().message, "globals: /: expected integer, got string");
}

TEST(Globals, RefuseAnUpdateInsideAnUpdateFunction) {
  GlobalsScene scene;
  ErrorCode inner = ErrorCode::internal;
  ErrorCode inner_record = ErrorCode::internal;
  scene.client
      ->update_cluster_globals(scene.cluster,
                               [&](int old) {
                                 inner = code_of(scene.increment());
                                 inner_record = code_of(scene.client->update_message_cluster<int>(
                                     scene.cluster, [](auto record) { return record; }));
                                 return old + 1;
                               })
      .value();
  EXPECT_EQ(inner, ErrorCode::invalid_argument);
  EXPECT_EQ(inner_record, ErrorCode::invalid_argument);
  EXPECT_EQ(scene.value(), 1);
}

TEST(Globals, OfNoClusterOrADeletedOneAreRefused) {
  Scene scene;
  EXPECT_EQ(code_of(scene.client->update_cluster_globals("SQSMessage$nobody", 5)), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->update_cluster_globals("no key", 5)), ErrorCode::bad_input);
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1), {.globals = 1}).value();
  scene.work();
  scene.work();
  scene.client->delete_cluster(cluster).value();
  EXPECT_EQ(code_of(scene.client->update_cluster_globals(cluster, 5)), ErrorCode::deleted);
  EXPECT_EQ(code_of(scene.client->get_cluster_globals<int>(cluster)), ErrorCode::not_found);
}

TEST(Globals, AreNotLeftBehindByWhoStillRunsWhenTheClusterIsDeleted) {
  for (const std::string before : {"globals.read", "globals.write"}) {
    SCOPED_TRACE("deleted before " + before);
    Scene scene;
    const Cluster cluster = scene.client->create_message_cluster("work", numbers(2), {.globals = 1}).value();
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [&, is_over = false](std::string_view call) mutable {
      if (call != before || std::exchange(is_over, true)) return;
      scene.client->stop_cluster(cluster).value();
      scene.client->delete_cluster(cluster, {.without_finish_handler = true}).value();
    };
    const Client late = make_client(testing::with_faults(scene.memory.backend(), options));
    EXPECT_EQ(code_of(late.update_cluster_globals(cluster, 5)), ErrorCode::deleted);
    EXPECT_EQ(code_of(late.update_cluster_globals(cluster, [](int old) { return old + 1; })), ErrorCode::deleted);
    EXPECT_EQ(code_of(scene.client->get_cluster_globals<int>(cluster)), ErrorCode::not_found);
  }
}

TEST(Globals, StayWhenTheClusterIsFinished) {
  GlobalsScene scene;
  scene.work();
  scene.work();
  ASSERT_TRUE(scene.progress(scene.cluster).finish_handled);
  EXPECT_EQ(scene.value(), 0);
}

TEST(Globals, OfManyThreadsAreMergedIntoFewerSwapsAndNoneIsLost) {
  GlobalsScene scene;
  constexpr int thread_count = 8;
  constexpr int update_count = 50;
  std::atomic<int> started{0};
  // The first swap waits until everybody is there, so that the others have to be merged.
  scene.globals->before_write = [&] {
    while (started.load() < thread_count) std::this_thread::yield();
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([&] {
        ++started;
        for (int k = 0; k < update_count; ++k) scene.increment().value();
      });
    }
  }
  EXPECT_EQ(scene.value(), thread_count * update_count);
}

TEST(Globals, OfOneGroupAreNotDisturbedByAFunctionThatThrows) {
  GlobalsScene scene;
  std::atomic<int> started{0};
  std::atomic<int> thrown{0};
  scene.globals->before_write = [&] {
    while (started.load() < 4) std::this_thread::yield();
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        ++started;
        try {
          static_cast<void>(scene.client
                                ->update_cluster_globals(scene.cluster,
                                                         [i](int old) {
                                                           if (i % 2 == 1) throw std::runtime_error("odd");
                                                           return old + 1;
                                                         })
                                .value());
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      });
    }
  }
  EXPECT_EQ(scene.value(), 2);
  EXPECT_EQ(thrown.load(), 2);
}

TEST(Globals, OfSeveralProcessesAreNeverLost) {
  GlobalsScene scene;
  constexpr int process_count = 4;
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < process_count; ++i) {
      processes.emplace_back([&] {
        Client own = make_client(scene.memory.backend());
        for (int k = 0; k < 25; ++k) own.update_cluster_globals(scene.cluster, [](int old) { return old + 1; }).value();
      });
    }
  }
  EXPECT_EQ(scene.value(), process_count * 25);
}

}  // namespace
}  // namespace fanfold::engine
