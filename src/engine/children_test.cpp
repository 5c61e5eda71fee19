#include "engine/scene_for_tests.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

/// A folder that holds folders: its task fans out into one task for each of them, down to depth 0.
Outcome scan(const Message<int>& folder, const Context& context) {
  if (folder.body == 0) return done(1);
  return context.create_child_cluster("work", std::vector<int>(2, folder.body - 1));
}

struct Children : Scene {
  void run(const Handlers& handlers) const {
    for (int i = 0; i < 1'000; ++i) {
      const auto records = client->receive("work", {.count_max = 10, .wait = 0ms}).value();
      if (records.empty()) return;
      static_cast<void>(client->process_batch({records}, handlers).value());
    }
  }
};

TEST(ChildCluster, EndsItsParentsTaskWhenItDoes) {
  Children scene;
  const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{3}).value();
  scene.run({.on_message = scan});
  EXPECT_TRUE(scene.progress(root).finish_handled);
  EXPECT_EQ(scene.progress(root).status, Status::complete);
  EXPECT_EQ(scene.client->list_clusters().value().clusters.size(), 1U + 1U + 2U + 4U);
  EXPECT_TRUE(scene.client->list_clusters({.unfinished_only = true}).value().clusters.empty());
}

TEST(ChildCluster, FailsItsParentsTaskWhereItFailedUnlessToldOtherwise) {
  for (const bool fails : {true, false}) {
    Children scene;
    const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{1}).value();
    const Handlers handlers{.on_message = [fails](const Message<int>& message, const Context& context) {
      if (message.body == 0) return fail("no");
      return context.create_child_cluster("work", std::vector<int>{0}, {.parent_fails_with_child = fails});
    }};
    scene.run(handlers);
    EXPECT_EQ(scene.progress(root).status, fails ? Status::error : Status::complete);
  }
}

TEST(ChildCluster, IsOneHoweverOftenItsTaskRuns) {
  Children scene;
  const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{1}).value();
  int attempts = 0;
  const Handlers handlers{.on_message = [&attempts](const Message<int>& message, const Context& context) {
    if (message.body == 0) return done();
    const Outcome child = context.create_child_cluster("work", std::vector<int>(3, 0));
    return ++attempts == 1 ? retry("the process died before it could say that it waits", 0ms) : child;
  }};
  scene.run(handlers);
  scene.advance(60s);
  scene.run(handlers);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(scene.client->list_clusters().value().clusters.size(), 2U);
  EXPECT_EQ(scene.progress(root).status, Status::complete);
}

TEST(ChildCluster, OfAMessageThatIsNoTaskFailsTheMessage) {
  Children scene;
  const MessageKey key = scene.client->send_message("work", 1).value();
  scene.run({.on_message = scan});
  const auto record = scene.client->get_message_record(key).value();
  EXPECT_EQ(record.status, Status::error);
  EXPECT_NE(record.error.at(0).message.find("only the task of a cluster can wait for a child cluster"),
            std::string::npos);
}

TEST(ChildCluster, TakesNoKeyOfItsOwn) {
  Children scene;
  const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{1}).value();
  const Handlers handlers{.on_message = [](const Message<int>&, const Context& context) {
    return context.create_child_cluster("work", std::vector<int>{0}, {.idempotency_key = "k"});
  }};
  scene.run(handlers);
  EXPECT_EQ(scene.client->list_tasks(root).value().tasks.front().error.at(0).message,
            "invalid_argument: idempotency_key: a child cluster is keyed by its task");
}

TEST(ChildCluster, OfARetriedTaskIsAnotherOne) {
  Children scene;
  const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{1}).value();
  bool broken = true;
  const Handlers handlers{.on_message = [&broken](const Message<int>& message, const Context& context) {
    if (message.body == 0) return broken ? fail("no") : done();
    return context.create_child_cluster("work", std::vector<int>{0});
  }};
  scene.run(handlers);
  ASSERT_EQ(scene.progress(root).status, Status::error);
  broken = false;
  EXPECT_EQ(scene.client->retry_failed(root).value(), 1U);
  scene.run(handlers);
  EXPECT_EQ(scene.progress(root).status, Status::complete);
  EXPECT_EQ(scene.client->list_clusters().value().clusters.size(), 3U);
}

TEST(Sweep, LetsGoOfAChildWhoseParentIsOver) {
  Children scene;
  const Cluster root = scene.client->create_message_cluster("work", std::vector<int>{1}).value();
  const ParentTask task{.cluster_id = id_of(root), .queue_url = "work", .round = 0, .position = 0, .index = 0};
  const auto none = []() -> Result<std::optional<TaskData>> { return std::optional<TaskData>(); };
  // A late holder made it, and nobody waits for it.
  const auto child = scene.client->core()
                         ->create_cluster({.queue = "work", .options = {}, .open = false, .parent = task}, none)
                         .value();
  scene.client->stop_cluster(root).value();
  scene.advance(60s);
  const Handlers handlers{.on_message = scan};
  scene.run(handlers);
  ASSERT_TRUE(scene.progress(root).finish_handled);
  EXPECT_FALSE(scene.header(child).parent_ended);
  static_cast<void>(scene.client->sweep().value());
  EXPECT_TRUE(scene.header(child).parent_ended);
  EXPECT_EQ(scene.client->sweep().value().cluster_count, 0U);
}

}  // namespace
}  // namespace fanfold::engine
