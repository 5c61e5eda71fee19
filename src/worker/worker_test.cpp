#include <fanfold/worker.hpp>

#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <atomic>
#include <gtest/gtest.h>
#include <latch>
#include <thread>

namespace fanfold {
namespace {

using namespace std::chrono_literals;
using testing::MemoryOptions;
using testing::MemoryStore;

constexpr std::string_view queue = "work";

/// A store on the system's time, since a worker's threads wait for each other.
MemoryStore real_time_store(std::size_t batch_count_max = 10) {
  MemoryOptions options;
  options.clock = nullptr;
  options.header_age_max = 50ms;
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

std::vector<int> numbers(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(i);
  return all;
}

Cluster cluster_of(const Client& client, int count, ClusterOptions options = {}) {
  return client.create_message_cluster(std::string(queue), numbers(count), std::move(options)).value();
}

TEST(Worker, RunsEveryTaskOnceAndTheFinishHandlerOnce) {
  const Client client = make_client(real_time_store().backend());
  std::atomic<int> ran_count{0};
  std::atomic<int> finish_count{0};
  std::atomic<std::int64_t> sum{0};
  const Handlers handlers{
      .on_message = [&](const Message<int>& task, const Context&) {
        ++ran_count;
        return done(task.body * 2);
      },
      .on_cluster_complete = [&](const MessageCluster<>& cluster, const Context&) {
        for (auto& result : cluster.results<int>()) sum += result.value().result;
        ++finish_count;
        return done();
      }};
  const Cluster cluster = cluster_of(client, 500);
  Worker worker(client, handlers, options_for(4));
  const auto progress = worker.run_until(cluster);
  ASSERT_TRUE(progress) << to_string(progress.error());
  EXPECT_EQ(progress->done_count, 500U);
  EXPECT_TRUE(progress->finish_handled);
  EXPECT_EQ(ran_count, 500);
  EXPECT_EQ(finish_count, 1);
  EXPECT_EQ(sum, 499 * 500);
  EXPECT_EQ(worker.report().done_count, 500U);
  EXPECT_EQ(worker.report().finish_handled_count, 1U);
}

}  // namespace
}  // namespace fanfold
