#include <fanfold/worker.hpp>

#include <fanfold/json.hpp>
#include <fanfold/testing/faults.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <gtest/gtest.h>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "engine/short_cuts_for_tests.hpp"
#include "worker/real_time_for_tests.hpp"

namespace fanfold {
namespace {

using namespace std::chrono_literals;
using engine::numbers;
using testing::MemoryOptions;
using testing::MemoryStore;

const std::string queue = "work";

MemoryStore real_time_store(std::size_t batch_count_max = 10) {
  MemoryOptions options = real_time_options();
  options.batch_count_max = batch_count_max;
  options.receive_count_max = batch_count_max;
  options.frees_dead_holders = true;
  return MemoryStore(options);
}

WorkerOptions options_for(std::size_t jobs) {
  WorkerOptions options;
  options.queue = queue;
  options.jobs = jobs;
  options.poll = 1'000ms;
  options.attempts.backoff_initial = 1ms;
  options.attempts.backoff_max = 5ms;
  return options;
}

Cluster cluster_of(const Client& client, int count, ClusterOptions options = {}) {
  return client.create_message_cluster(queue, numbers(count), std::move(options)).value();
}

/// Counts up to a number that others wait for.
class Gate {
 public:
  void arrive() {
    {
      const std::scoped_lock lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  /// False where it takes absurdly long.
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

Handlers handling(std::function<Outcome(const Message<int>&, const Context&)> handle) {
  Handlers handlers;
  handlers.on_message = [handle = std::move(handle)](const Message<int>& message, const Context& context) {
    return handle(message, context);
  };
  return handlers;
}

TEST(Worker, RunsEveryTaskOnceAndTheFinishHandlerOnce) {
  const Client client = make_client(real_time_store(100).backend());
  std::atomic<int> ran_count{0};
  std::atomic<int> finish_count{0};
  std::atomic<std::int64_t> sum{0};
  Handlers handlers = handling([&](const Message<int>& task, const Context&) {
    ++ran_count;
    return done(task.body * 2);
  });
  handlers.on_cluster_complete = [&](const MessageCluster<>& cluster, const Context&) {
    for (auto& result : cluster.results<int>()) sum += result.value().result;
    ++finish_count;
    return done();
  };
  const Cluster cluster = cluster_of(client, 1'000);
  Worker worker(client, handlers, options_for(4));
  const auto progress = worker.run_until(cluster);
  ASSERT_TRUE(progress) << to_string(progress.error());
  EXPECT_EQ(progress->done_count, 1'000U);
  EXPECT_TRUE(progress->finish_handled);
  EXPECT_EQ(ran_count, 1'000);
  EXPECT_EQ(finish_count, 1);
  EXPECT_EQ(sum, 999 * 1'000);
  EXPECT_EQ(worker.report().done_count, 1'000U);
  EXPECT_EQ(worker.report().finish_handled_count, 1U);
}

TEST(Worker, RefusesToWaitForAStoppedClusterWhoseFinishMessageComesToOthers) {
  const Client client = make_client(real_time_store().backend());
  const Handlers handlers = handling([](const Message<int>&, const Context&) { return done(); });
  const Cluster cluster = client.create_message_cluster("elsewhere", std::vector<int>{1, 2}).value();
  Worker worker(client, handlers, options_for(1));
  const auto before = worker.run_until(cluster);
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::invalid_argument);
  client.stop_cluster(cluster).value();
  const auto after = worker.run_until(cluster);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(after.error().message.find("elsewhere"), std::string::npos) << after.error().message;
}

/// In how many calls 200 tasks of one attempt are claimed.
std::uint64_t claim_calls(bool notes_begins) {
  MemoryOptions options = real_time_options();
  options.batch_count_max = 100;
  options.receive_count_max = 100;
  options.notes_begins = notes_begins;
  std::atomic<std::uint64_t> call_count = 0;
  testing::FaultyOptions counting;
  counting.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  counting.on_call = [&](std::string_view call) { call_count += call == "ledger.claim" ? 1 : 0; };
  const Client client = make_client(testing::with_faults(MemoryStore(options).backend(), counting));
  const Cluster cluster = cluster_of(client, 200, {.attempts_max = 1});
  Worker worker(client, handling([](const Message<int>&, const Context&) { return done(); }), options_for(1));
  EXPECT_EQ(worker.run_until(cluster).value().done_count, 200U);
  return call_count;
}

TEST(Worker, ClaimsWhatHasOneAttemptTogetherOnlyWhereTheStoreNotesWhatBegins) {
  EXPECT_GE(claim_calls(false), 200U);
  EXPECT_LT(claim_calls(true), 200U);
}

TEST(Worker, RetriesUntilTheAttemptsAreUsedUp) {
  const Client client = make_client(real_time_store().backend());
  std::atomic<int> ran_count{0};
  const Handlers handlers = handling([&](const Message<int>& task, const Context& context) {
    ++ran_count;
    return task.body == 0 || context.attempt < 2 ? retry("not now") : done();
  });
  const Cluster cluster = cluster_of(client, 20);
  Worker worker(client, handlers, options_for(3));
  const Progress progress = worker.run_until(cluster).value();
  EXPECT_EQ(progress.done_count, 19U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(ran_count, 19 * 2 + 3);
  EXPECT_EQ(worker.report().retried_count, 19U + 2U);
  EXPECT_EQ(worker.report().failed_count, 1U);
}

TEST(Worker, SharesTheWorkWithAnotherOneOverTheSameStore) {
  const MemoryStore store = real_time_store();
  const Client client = make_client(store.backend());
  const Client other_client = make_client(store.backend());
  std::mutex mutex;
  std::map<int, int> runs;
  const Handlers handlers = handling([&](const Message<int>& task, const Context&) {
    const std::scoped_lock lock(mutex);
    ++runs[task.body];
    return done();
  });
  const Cluster cluster = cluster_of(client, 400);
  Worker other(other_client, handlers, options_for(2));
  std::jthread beside([&](std::stop_token stop) { EXPECT_TRUE(other.run(stop).has_value()); });
  Worker worker(client, handlers, options_for(2));
  EXPECT_EQ(worker.run_until(cluster).value().done_count, 400U);
  EXPECT_EQ(runs.size(), 400U);
  for (const auto& [task, count] : runs) EXPECT_EQ(count, 1) << task;
}

TEST(Worker, LetsNobodyWaitBehindASlowHandler) {
  const Client client = make_client(real_time_store(200).backend());
  constexpr int count = 400;
  Gate others;
  const Handlers handlers = handling([&](const Message<int>& task, const Context&) {
    if (task.body == count / 2) return others.wait_for(count - 1) ? done() : fail("somebody waits behind this one");
    others.arrive();
    return done();
  });
  const Cluster cluster = cluster_of(client, count);
  Worker worker(client, handlers, options_for(2));
  EXPECT_EQ(worker.run_until(cluster).value().done_count, static_cast<std::uint64_t>(count));
}

TEST(Worker, ReportsWhatEndedBeforeASlowHandlerWithoutWaitingForIt) {
  const Client client = make_client(real_time_store(200).backend());
  constexpr int count = 300;
  std::optional<Cluster> cluster;
  std::atomic<int> ran_count{0};
  const Handlers handlers = handling([&](const Message<int>& task, const Context&) {
    if (task.body == count - 1) {
      while (client.progress(*cluster).value().done_count < static_cast<std::uint64_t>(ran_count))
        std::this_thread::yield();
    } else {
      ++ran_count;
    }
    return done();
  });
  cluster.emplace(cluster_of(client, count));
  Worker worker(client, handlers, options_for(1));
  EXPECT_EQ(worker.run_until(*cluster).value().done_count, static_cast<std::uint64_t>(count));
}

TEST(Worker, LetsWhatRunsEndAndReturnsTheRestWhenItIsStopped) {
  const Client client = make_client(real_time_store().backend());
  std::stop_source stop;
  Gate started;
  std::atomic<int> ended_count{0};
  const Handlers handlers = handling([&](const Message<int>&, const Context& context) {
    started.arrive();
    started.wait_for(2);
    stop.request_stop();
    EXPECT_FALSE(context.stop.stop_requested());
    ++ended_count;
    return done();
  });
  const Cluster cluster =
      client.open_message_cluster(queue).value();  // Not sealed: no finish message gets into the counts.
  ASSERT_TRUE(cluster.add("all", numbers(10)).has_value());
  WorkerOptions options = options_for(2);
  options.prefetch = 8;
  Worker worker(client, handlers, options);
  const WorkerReport report = worker.run(stop.get_token()).value();
  EXPECT_EQ(report.done_count, static_cast<std::uint64_t>(ended_count));
  EXPECT_EQ(report.cut_off_count, 0U);
  const QueueCounts counts = client.queue_port().counts(queue).value();
  EXPECT_EQ(counts.in_flight_count, 0U);
  EXPECT_EQ(counts.visible_count, 10U - report.done_count);
  EXPECT_EQ(client.progress(cluster).value().in_progress_count, 0U);
}

TEST(Worker, SetsTheStopTokenOfWhatStillRunsWhenTheDrainIsOver) {
  const Client client = make_client(real_time_store().backend());
  std::stop_source stop;
  const Handlers handlers = handling([&](const Message<int>&, const Context& context) {
    stop.request_stop();
    while (!context.stop.stop_requested()) std::this_thread::yield();
    return retry("stopped", 0ms);
  });
  const Cluster cluster = cluster_of(client, 1);
  WorkerOptions options = options_for(1);
  options.drain_max = 20ms;
  Worker worker(client, handlers, options);
  const WorkerReport report = worker.run(stop.get_token()).value();
  EXPECT_EQ(report.cut_off_count, 1U);
  EXPECT_EQ(report.retried_count, 1U);
  EXPECT_EQ(client.queue_port().counts(queue).value().visible_count, 1U);
}

struct Step {
  std::string group{};
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Step, (), (group, number))

TEST(Worker, KeepsTheOrderOfEachFifoGroupOnManyThreads) {
  const Client client = make_client(real_time_store().backend());
  const std::string fifo = "work.fifo";
  constexpr int per_group = 20;
  for (int i = 0; i < per_group; ++i) {
    for (const char* group : {"a", "b", "c"})
      ASSERT_TRUE(client.send_message(fifo, Step{group, i}, {.group_id = group}).has_value());
  }
  std::mutex mutex;
  std::map<std::string, std::vector<int>> order;
  Gate ended;
  std::stop_source stop;
  Handlers handlers;
  handlers.on_message = [&](const Message<Step>& message, const Context& context) {
    if (message.body.number == 7 && context.attempt == 1) return retry("not now", 1ms);
    {
      const std::scoped_lock lock(mutex);
      order[message.body.group].push_back(message.body.number);
    }
    ended.arrive();
    return done();
  };
  WorkerOptions options = options_for(4);
  options.queue = fifo;
  Worker worker(client, handlers, options);
  std::jthread waiter([&] {
    EXPECT_TRUE(ended.wait_for(3 * per_group));
    stop.request_stop();
  });
  ASSERT_TRUE(worker.run(stop.get_token()).has_value());
  ASSERT_EQ(order.size(), 3U);
  for (const auto& [group, ran] : order) EXPECT_EQ(ran, numbers(per_group)) << group;
}

TEST(Worker, RunsWhatWasInHandAtACrashWithNothingBesideIt) {
  const MemoryStore store = real_time_store();
  Backend dying = store.backend();
  Ledger& its_ledger = *dying.ledger;
  auto its_client = std::make_unique<Client>(make_client(std::move(dying)));
  const Cluster cluster = cluster_of(*its_client, 40);
  for (const SqsRecord& record : its_client->receive(queue, {.count_max = 3, .wait = 0ms, .visibility = 1ms}).value()) {
    ASSERT_EQ(its_client->is_complete(record).value().state, ClaimState::claimed);
  }
  store.crash_process(its_ledger, 11);
  its_client.reset();

  const Client client = make_client(store.backend());
  std::atomic<int> running_count{0};
  std::atomic<int> lonely_count{0};
  const Handlers handlers = handling([&](const Message<int>&, const Context& context) {
    const bool lonely = context.attempt > 1;
    if (++running_count > 1 && lonely) ADD_FAILURE() << "something ran beside it";
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    if (running_count > 1 && lonely) ADD_FAILURE() << "something began beside it";
    lonely_count += lonely ? 1 : 0;
    --running_count;
    return done();
  });
  Worker worker(client, handlers, options_for(4));
  EXPECT_EQ(worker.run_until(cluster).value().done_count, 40U);
  EXPECT_EQ(lonely_count, 3);
}

TEST(Worker, FailsATaskThatKilledItsProcessAndRunsItsNeighbours) {
  const MemoryStore store = real_time_store();
  Backend dying = store.backend();
  Ledger& its_ledger = *dying.ledger;
  auto its_client = std::make_unique<Client>(make_client(std::move(dying)));
  const Cluster cluster = cluster_of(*its_client, 5);
  ASSERT_EQ(
      its_client
          ->is_complete(its_client->receive(queue, {.count_max = 1, .wait = 0ms, .visibility = 1ms}).value().front())
          .value()
          .state,
      ClaimState::claimed);
  store.crash_process(its_ledger, 11);
  its_client.reset();

  const Client client = make_client(store.backend());
  Worker worker(client, handling([](const Message<int>&, const Context&) { return done(); }), options_for(2));
  const Progress progress = worker.run_until(cluster).value();
  EXPECT_EQ(progress.done_count, 4U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(client.errors(cluster).value().front().code, "signal 11");
}

TEST(Worker, WorksOnSeveralQueues) {
  const Client client = make_client(real_time_store().backend());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.send_message("one", i).has_value());
    ASSERT_TRUE(client.send_message("two", i).has_value());
  }
  Gate ran;
  std::stop_source stop;
  const Handlers handlers = handling([&](const Message<int>&, const Context&) {
    ran.arrive();
    return done();
  });
  WorkerOptions options = options_for(2);
  options.queue.clear();
  options.queues = {{.name = "one", .weight = 1}, {.name = "two", .weight = 5}};
  Worker worker(client, handlers, options);
  std::jthread waiter([&] {
    EXPECT_TRUE(ran.wait_for(40));
    stop.request_stop();
  });
  EXPECT_EQ(worker.run(stop.get_token()).value().done_count, 40U);
}

TEST(Worker, TellsWhatHappensWithoutPayloads) {
  const Client client = make_client(real_time_store().backend());
  const Handlers handlers = handling([](const Message<int>&, const Context&) { return done(); });
  std::mutex mutex;
  std::map<WorkerEvent::Kind, int> counts;
  WorkerOptions options = options_for(2);
  options.on_event = [&](const WorkerEvent& event) {
    const std::scoped_lock lock(mutex);
    ++counts[event.kind];
    if (event.kind == WorkerEvent::Kind::done) {
      EXPECT_TRUE(event.task.has_value());
      EXPECT_EQ(event.attempt, 1U);
    }
  };
  Worker worker(client, handlers, options);
  ASSERT_TRUE(worker.run_until(cluster_of(client, 5)).has_value());
  EXPECT_EQ(counts[WorkerEvent::Kind::started], 1);
  EXPECT_EQ(counts[WorkerEvent::Kind::claimed], 6);
  EXPECT_EQ(counts[WorkerEvent::Kind::done], 5);
  EXPECT_EQ(counts[WorkerEvent::Kind::finish_handled], 1);
  EXPECT_EQ(counts[WorkerEvent::Kind::stopped], 1);
}

TEST(Worker, TellsOfWhatItGaveBackUnbegunThatItWasReturnedAndNotTried) {
  const Client client = make_client(real_time_store().backend());
  const Handlers handlers = handling([](const Message<int>&, const Context&) { return done(); });
  std::mutex mutex;
  std::map<WorkerEvent::Kind, std::uint64_t> counts;
  WorkerOptions options = options_for(1);
  options.on_event = [&](const WorkerEvent& event) {
    const std::scoped_lock lock(mutex);
    ++counts[event.kind];
    if (event.kind == WorkerEvent::Kind::returned) {
      EXPECT_EQ(event.detail, "not started");
    }
  };
  Worker worker(client, handlers, options);
  // Of tasks that have one attempt one is kept of those that were claimed together.
  ASSERT_TRUE(worker.run_until(cluster_of(client, 20, {.attempts_max = 1})).has_value());
  EXPECT_EQ(counts[WorkerEvent::Kind::done], 20U);
  EXPECT_GT(counts[WorkerEvent::Kind::returned], 0U);
  EXPECT_EQ(counts[WorkerEvent::Kind::returned], worker.report().returned_count);
  EXPECT_EQ(counts[WorkerEvent::Kind::retried], 0U);
  EXPECT_EQ(worker.report().retried_count, 0U);
}

TEST(RunUntil, IsRefusedInAHandler) {
  const Client client = make_client(real_time_store().backend());
  const Cluster cluster = cluster_of(client, 1);
  std::optional<Error> error;
  const Handlers handlers = handling([&](const Message<int>&, const Context&) {
    Worker inner(client, Handlers{}, options_for(1));
    const auto waited = inner.run_until(cluster);
    if (!waited) error = waited.error();
    return done();
  });
  Worker worker(client, handlers, options_for(1));
  ASSERT_TRUE(worker.run_until(cluster).has_value());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::invalid_argument);
}

TEST(RunUntil, EndsByTheDeadlineOfAClusterThatNobodySeals) {
  const Client client = make_client(real_time_store().backend());
  const Cluster cluster = client.open_message_cluster(queue, {.deadline = 30ms}).value();
  Worker worker(client, handling([](const Message<int>&, const Context&) { return done(); }), options_for(1));
  const auto waited = worker.run_until(cluster);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::deadline_exceeded);
}

TEST(RunUntil, StopsAClusterAtItsDeadlineWhereThatIsItsPolicy) {
  const Client client = make_client(real_time_store().backend());
  const Cluster cluster =
      client.open_message_cluster(queue, {.deadline = 30ms, .deadline_action = DeadlineAction::stop}).value();
  Worker worker(client, handling([](const Message<int>&, const Context&) { return done(); }), options_for(1));
  const auto progress = worker.run_until(cluster);
  ASSERT_TRUE(progress) << to_string(progress.error());
  EXPECT_EQ(progress->status_code, StatusCode::stopped);
}

TEST(RunUntil, SaysSoWhereItWasStoppedBeforeTheClusterFinished) {
  const Client client = make_client(real_time_store().backend());
  const Cluster cluster = client.open_message_cluster(queue).value();
  std::stop_source stop;
  stop.request_stop();
  Worker worker(client, handling([](const Message<int>&, const Context&) { return done(); }), options_for(1));
  const auto waited = worker.run_until(cluster, stop.get_token());
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::cancelled);
}

TEST(RunUntil, DoesNotWaitForWhatItsOwnOptionsKeepFromHappening) {
  const Client client = make_client(real_time_store().backend());
  const Cluster cluster = cluster_of(client, 1);
  const auto waited = Worker(client, Handlers{}, options_for(1)).run_until(cluster);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().message, "handlers.on_message: expected a handler, since tasks of the cluster are open");
  WorkerOptions elsewhere = options_for(1);
  elsewhere.queue = "other";
  const auto mistaken = Worker(client, handling([](const Message<int>&, const Context&) { return done(); }), elsewhere)
                            .run_until(cluster);
  ASSERT_FALSE(mistaken);
  EXPECT_TRUE(mistaken.error().message.starts_with("queue: expected \"work\", where the tasks of cluster "));
}

TEST(RunUntil, DoesNotWaitForAClusterThatIsNotThere) {
  const Client client = make_client(real_time_store().backend());
  Worker worker(client, Handlers{}, options_for(1));
  const auto waited = worker.run_until("SQSMessage$nowhere");
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::not_found);
}

TEST(WorkerOptionsCheck, NamesTheOptionThatIsWrong) {
  const Client client = make_client(real_time_store().backend());
  const auto refusal = [&](auto change) {
    WorkerOptions options = options_for(1);
    change(options);
    std::stop_source stop;
    stop.request_stop();
    const auto ran = Worker(client, Handlers{}, options).run(stop.get_token());
    EXPECT_FALSE(ran.has_value());
    return ran.has_value() ? std::string() : ran.error().message.substr(0, ran.error().message.find(':'));
  };
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.queue.clear(); }), "queue, queues");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.queues = {{.name = "other"}}; }), "queue, queues");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.jobs = 1'025; }), "jobs");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.poll = 21s; }), "poll");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.attempts.lease = 10ms; }), "lease");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.attempts.attempts_max = 0; }), "attempts_max");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.lease_total_max = 1s; }), "lease_total_max");
  EXPECT_EQ(refusal([](WorkerOptions& options) { options.drain_max = -1ms; }), "drain_max");
}

}  // namespace
}  // namespace fanfold
