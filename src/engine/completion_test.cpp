#include "engine/completion.hpp"

#include "engine/engine.hpp"
#include "engine/world_for_tests.hpp"

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

/// Runs what is in the queue until nothing is visible; tasks with index 0 fail where `fails` is set.
struct Runner {
  Handlers handlers{};
  int task_count = 0;
  std::vector<std::string> finishes{};
  bool fails = false;

  Runner() {
    handlers.on_message = [this](const Message<Json>& message, const Context&) {
      ++task_count;
      return fails && message.task == 0 ? fail("broken") : done();
    };
    handlers.on_cluster_complete = noting("complete");
  }
  ClusterHandler noting(std::string name) {
    return [this, name](const MessageCluster<>& cluster, const Context&) {
      finishes.push_back(name + " " + cluster.record.name);
      return done();
    };
  }
  void run(World& world) {
    for (int i = 0; i < 20; ++i) {
      const SqsEvent event = world.receive();
      if (event.records.empty()) return;
      world.process(event, handlers);
    }
  }
};

Store& store_of(World& world) { return Engine::of(*world.client)->store(); }

TEST(Finish, RunsTheHandlerOnceAndMarksTheHeader) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3), {.name = "a"}).value();
  runner.run(world);
  EXPECT_EQ(runner.finishes, std::vector<std::string>{"complete a"});
  const ClusterHeader header = world.client->cluster_header(cluster).value();
  EXPECT_TRUE(header.finish_done);
  EXPECT_TRUE(header.finish_sent_at.has_value());
  EXPECT_EQ(header.status, Status::complete);
  EXPECT_EQ(world.message_count(), 0U);
  EXPECT_FALSE(world.client->progress(cluster).value().finish_failed);
}

TEST(Finish, PrefersTheHandlerForTheOutcomeAndThatOfTheClustersName) {
  World world;
  Runner runner;
  runner.fails = true;
  runner.handlers.on_cluster_success = runner.noting("success");
  runner.handlers.on_cluster_failure = runner.noting("failure");
  Handlers named;
  named.on_cluster_complete = runner.noting("named");
  runner.handlers.named["special"] = named;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(2), {.name = "bad"}).value());
  runner.run(world);
  runner.fails = false;
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(2), {.name = "good"}).value());
  runner.run(world);
  static_cast<void>(world.client->create_message_cluster(world.queue, numbers(2), {.name = "special"}).value());
  runner.run(world);
  EXPECT_EQ(runner.finishes, (std::vector<std::string>{"failure bad", "success good", "named special"}));
}

TEST(Finish, EndsTheMessageWhereNobodyHandlesIt) {
  World world;
  Runner runner;
  runner.handlers.on_cluster_complete = {};
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  runner.run(world);
  EXPECT_TRUE(world.client->cluster_header(cluster).value().finish_done);
}

TEST(Finish, IsReturnedByAWorkerWithoutAHandlerWhereOneIsRequired) {
  World world;
  Runner runner;
  const ClusterHandler handler = std::exchange(runner.handlers.on_cluster_complete, {});
  const Cluster cluster =
      world.client->create_message_cluster(world.queue, numbers(1), {.name = "a", .finish_handler_required = true})
          .value();
  runner.run(world);
  EXPECT_FALSE(world.client->cluster_header(cluster).value().finish_done);
  EXPECT_EQ(world.message_count(), 1U);
  runner.handlers.on_cluster_complete = handler;
  world.advance(11s);
  runner.run(world);
  EXPECT_EQ(runner.finishes, std::vector<std::string>{"complete a"});
}

TEST(Finish, IsRetriedLikeAnyMessageAndDoneWhenItFailedForGood) {
  World world;
  Runner runner;
  int calls = 0;
  runner.handlers.on_cluster_complete = [&](const MessageCluster<>&, const Context&) {
    ++calls;
    return retry("not now");
  };
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  for (int i = 0; i < 5; ++i) {
    runner.run(world);
    world.advance(20min);
  }
  EXPECT_EQ(calls, 3);
  const Progress progress = world.client->progress(cluster).value();
  EXPECT_TRUE(progress.finish_handled);
  EXPECT_TRUE(progress.finish_failed);
}

TEST(Finish, ThatFailedForGoodIsRetriedByHandAndThenNoMore) {
  World world;
  Runner runner;
  runner.handlers.on_cluster_complete = [](const MessageCluster<>&, const Context&) { return fail("no room"); };
  runner.handlers.on_message = [](const Message<int>& message, const Context&) {
    return message.body == 1 ? fail("odd") : done(message.body);
  };
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3), {.name = "a"}).value();
  EXPECT_EQ(world.client->retry_finish(cluster).error().code, ErrorCode::not_finished);
  runner.run(world);
  ASSERT_TRUE(world.client->progress(cluster).value().finish_failed);

  std::uint64_t result_count = 0;
  std::vector<Status> finishes;
  runner.handlers.on_cluster_complete = [&](const MessageCluster<>& finished, const Context& context) {
    EXPECT_EQ(context.attempt, 1U);
    EXPECT_EQ(context.round, finishes.size() + 1);
    for (const auto& result : finished.results()) result_count += result.has_value() ? 1 : 0;
    finishes.push_back(finished.record.status);
    return done();
  };
  world.client->retry_finish(cluster).value();
  EXPECT_FALSE(world.client->progress(cluster).value().finish_handled);
  EXPECT_EQ(world.client->retry_finish(cluster).error().code, ErrorCode::not_found) << "it runs anew already";
  runner.run(world);
  EXPECT_EQ(finishes, std::vector{Status::error});
  EXPECT_EQ(result_count, 2U);
  const Progress progress = world.client->progress(cluster).value();
  EXPECT_TRUE(progress.finish_handled);
  EXPECT_FALSE(progress.finish_failed);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(world.client->retry_finish(cluster).error().code, ErrorCode::not_found);
  EXPECT_EQ(world.message_count(), 0U);

  // The tasks that failed may be retried afterwards, too.
  runner.handlers.on_message = [](const Message<int>& message, const Context&) { return done(message.body); };
  EXPECT_EQ(world.client->retry_failed(cluster).value(), 1U);
  runner.run(world);
  EXPECT_EQ(finishes.size(), 2U);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 3U);
}

TEST(Finish, OfAStoppedClusterIsNotRetried) {
  World world;
  Runner runner;
  runner.handlers.on_cluster_complete = [](const MessageCluster<>&, const Context&) { return fail("no room"); };
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(3)).value();
  world.client->stop_cluster(cluster).value();
  world.advance(1min);
  runner.run(world);
  ASSERT_TRUE(world.client->progress(cluster).value().finish_failed);
  EXPECT_EQ(world.client->retry_finish(cluster).error().code, ErrorCode::stopped);
}

TEST(Finish, RunsWhileTheClusterIsPaused) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  world.process(runner.handlers);
  static_cast<void>(world.client->pause_cluster(cluster));
  runner.run(world);
  EXPECT_EQ(runner.finishes.size(), 1U);
}

TEST(Finish, OfAStoppedClusterFollowsOneCacheAgeAndTheLeasesLater) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(2)).value();
  const auto claim = world.client->is_complete(world.receive(1).records.front()).value();
  ASSERT_TRUE(world.client->stop_cluster(cluster).has_value());
  runner.run(world);
  EXPECT_TRUE(runner.finishes.empty());
  world.advance(6s);
  runner.run(world);
  EXPECT_TRUE(runner.finishes.empty());  // One task is still leased.
  ASSERT_TRUE(world.client->mark_complete(claim).has_value());
  world.advance(6s);
  runner.run(world);
  EXPECT_EQ(runner.finishes.size(), 1U);
  EXPECT_EQ(world.client->progress(cluster).value().done_count, 1U);
  EXPECT_TRUE(world.client->cluster_header(cluster).value().finish_done);
}

TEST(Finish, IsRepairedByTheNextDeliveryOfATaskWhenItsSenderDied) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  const SqsEvent event = world.receive();
  // As if the process died right after the task had ended.
  const auto claim = world.client->is_complete(event.records.front()).value();
  EndRequest end;
  end.ref = claim.ticket.ref;
  end.index = 0;
  end.condition = claim.ticket.token;
  end.verdict = Verdict::done;
  end.attempt = 1;
  ASSERT_EQ(world.ledger->end(std::span(&end, 1), world.store.clock().now()).value().finished.size(), 1U);
  EXPECT_FALSE(world.client->cluster_header(cluster).value().finish_sent_at.has_value());
  world.process(event, runner.handlers);
  EXPECT_TRUE(world.client->cluster_header(cluster).value().finish_sent_at.has_value());
  runner.run(world);
  EXPECT_EQ(runner.finishes.size(), 1U);
  EXPECT_EQ(runner.task_count, 0);
}

TEST(Finish, IsSentOnceHoweverOftenItIsFollowedUp) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  world.process(runner.handlers);
  const ClusterHeader header = world.client->cluster_header(cluster).value();
  ASSERT_TRUE(complete_finished(store_of(world), std::span(&header, 1)).has_value());
  EXPECT_EQ(world.message_count(), 1U);
}

TEST(FirstFailure, SendsOneEarlyNoticeWhereItIsWanted) {
  World world;
  Runner runner;
  runner.fails = true;
  runner.handlers.on_first_failure = runner.noting("early");
  static_cast<void>(
      world.client->create_message_cluster(world.queue, numbers(2), {.name = "a", .first_failure_notice = true})
          .value());
  runner.run(world);
  EXPECT_EQ(runner.finishes, (std::vector<std::string>{"early a", "complete a"}));
}

TEST(FailFast, StopsTheClusterAtTheFirstFailureForGood) {
  World world;
  Runner runner;
  runner.fails = true;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(30), {.fail_fast = true}).value();
  world.process(runner.handlers);
  world.advance(31s);
  runner.run(world);
  world.advance(31s);
  runner.run(world);
  EXPECT_EQ(runner.task_count, 10);  // The first batch.
  const ClusterHeader header = world.client->cluster_header(cluster).value();
  EXPECT_TRUE(header.stopped());
  EXPECT_EQ(header.error.back().code, fail_fast_code);
  EXPECT_EQ(runner.finishes.size(), 1U);
}

/// A cluster of one task that fans out into a child of `count` tasks, each of which ends as `child_outcome` says.
struct Family {
  explicit Family(int count, std::function<Outcome()> child_outcome, ClusterOptions child_options = {}) {
    child_options.name = "child";
    runner.handlers.on_message = [count, child_options](const Message<Json>&, const Context& context) {
      return context.create_child_cluster("work", numbers(count), child_options);
    };
    Handlers named;
    named.on_message = [child_outcome = std::move(child_outcome)](const Message<Json>&, const Context&) {
      return child_outcome();
    };
    runner.handlers.named["child"] = named;
    parent.emplace(world.client->create_message_cluster(world.queue, numbers(1), {.name = "parent"}).value());
  }
  World world;
  Runner runner;
  std::optional<Cluster> parent;
};

TEST(Child, EndsTheTaskThatMadeItWhenItFinishes) {
  Family family(3, [] { return done(); });
  family.world.process(family.runner.handlers);
  EXPECT_TRUE(family.world.client->list_tasks(*family.parent).value().tasks.front().waiting_for_child);
  EXPECT_FALSE(family.world.client->progress(*family.parent).value().finished);
  family.runner.run(family.world);
  const Progress progress = family.world.client->progress(*family.parent).value();
  EXPECT_TRUE(progress.finished);
  EXPECT_EQ(progress.done_count, 1U);
  EXPECT_EQ(family.runner.finishes.size(), 2U);
  EXPECT_EQ(family.world.message_count(), 0U);
}

TEST(Child, ThatIsEmptyEndsTheTaskAtOnce) {
  Family family(0, [] { return done(); });
  family.runner.run(family.world);
  EXPECT_TRUE(family.world.client->progress(*family.parent).value().finished);
}

TEST(Child, FailsTheTaskWithItUnlessItsPolicySaysOtherwise) {
  Family strict(1, [] { return fail("broken"); });
  strict.runner.run(strict.world);
  EXPECT_EQ(strict.world.client->progress(*strict.parent).value().failed_count, 1U);
  EXPECT_EQ(strict.world.task(*strict.parent, 0).error.back().code, "child_failed");

  Family lenient(1, [] { return fail("broken"); }, {.parent_fails_with_child = false});
  lenient.runner.run(lenient.world);
  EXPECT_EQ(lenient.world.client->progress(*lenient.parent).value().done_count, 1U);
}

TEST(Child, IsMadeOnceHoweverOftenItsTaskRuns) {
  Family family(2, [] { return done(); });
  const SqsEvent event = family.world.receive();
  family.world.process(event, family.runner.handlers);
  family.world.process(event, family.runner.handlers);
  EXPECT_EQ(family.world.message_count(), 2U);
}

TEST(Child, WhoseTaskWasNotWaitingYetIsFoundFinishedByWhoeverMeetsIt) {
  Family family(1, [] { return done(); });
  World& world = family.world;
  std::optional<Outcome> from_handler;
  // The handler made the child, and its process died before the task began to wait.
  const Handlers dying = messages([&](const Message<Json>&, const Context& context) {
    from_handler.emplace(context.create_child_cluster("work", numbers(1), {.name = "child"}));
    return retry("died", 1h);
  });
  world.process(world.receive(1), dying);
  family.runner.run(world);  // The child finishes meanwhile.
  ASSERT_TRUE(from_handler);
  const ClusterHeader child = store_of(world).header_strong(from_handler->child_id()).value();
  EXPECT_TRUE(child.finished());
  EXPECT_FALSE(child.parent_ended);
  world.advance(61min);
  family.runner.run(world);
  EXPECT_TRUE(world.client->progress(*family.parent).value().finished);
  EXPECT_TRUE(store_of(world).header_strong(from_handler->child_id()).value().parent_ended);
}

TEST(Child, OfAChildEndsTheWholeChain) {
  World world;
  Runner runner;
  int depth = 0;
  runner.handlers.on_message = [&](const Message<Json>&, const Context& context) {
    return ++depth < 6 ? context.create_child_cluster("work", numbers(1), {.name = "link " + std::to_string(depth)})
                       : done();
  };
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1), {.name = "top"}).value();
  runner.run(world);
  EXPECT_EQ(depth, 6);
  EXPECT_TRUE(world.client->progress(cluster).value().finished);
  EXPECT_EQ(runner.finishes.size(), 6U);
}

TEST(StopHeader, LeavesAFinishedClusterAsItIs) {
  World world;
  Runner runner;
  const Cluster cluster = world.client->create_message_cluster(world.queue, numbers(1)).value();
  runner.run(world);
  const ClusterHeader header = stop_header(store_of(world), id_of(cluster), {"stopped", "too late", {}}).value();
  EXPECT_EQ(header.status, Status::complete);
}

}  // namespace
}  // namespace fanfold::engine
