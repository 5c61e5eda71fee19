#include "engine/passing_queue_for_tests.hpp"
#include "engine/short_cuts_for_tests.hpp"
#include "worker/real_time_for_tests.hpp"

#include <fanfold/json.hpp>
#include <fanfold/testing/faults.hpp>
#include <fanfold/worker.hpp>

#include <gtest/gtest.h>
#include <atomic>
#include <thread>

namespace fanfold {
namespace {

using namespace std::chrono_literals;

/// Whoever receives is not allowed to.
class DeniedQueue final : public engine::PassingQueue {
 public:
  using PassingQueue::PassingQueue;
  Result<std::vector<Delivery>> receive(std::string_view, const ReceiveOptions&, std::stop_token) override {
    return Error{ErrorCode::permission_denied, "sqs:ReceiveMessage is not allowed", {}};
  }
};

WorkerOptions patient_options(std::size_t jobs) {
  WorkerOptions options;
  options.queue = "work";
  options.jobs = jobs;
  options.poll = 100ms;
  return options;
}

TEST(WorkerOnAFaultyStore, GoesOnThroughPassingFaultsAndLosesNothing) {
  const testing::MemoryStore store = testing::MemoryStore(real_time_options());
  const Client producer = make_client(store.backend());
  const Cluster cluster = producer.create_message_cluster("work", engine::numbers(60)).value();
  const auto plan = std::make_shared<testing::FaultPlan>(7, testing::Chaos{.lost_answer = 0.03, .refused = 0.03});
  const Client client =
      make_client(testing::with_faults(store.backend(), {.plan = plan, .clock = nullptr, .on_call = {}}));

  std::atomic<int> passing_error_count{0};
  std::atomic<int> other_error_count{0};
  std::atomic<int> ran_count{0};
  Handlers handlers;
  handlers.on_message = [&](const Message<int>&, const Context&) {
    ++ran_count;
    return done();
  };
  WorkerOptions options = patient_options(2);
  options.attempts.lease = 1s;
  options.on_event = [&](const WorkerEvent& event) {
    if (event.kind != WorkerEvent::Kind::error) return;
    const bool is_passing = event.error != nullptr && event.detail == to_string(*event.error) &&
                            (event.error->code == ErrorCode::unavailable || event.error->code == ErrorCode::throttled);
    ++(is_passing ? passing_error_count : other_error_count);
  };
  std::stop_source stop;
  Worker worker(client, handlers, options);
  std::jthread runs([&] { EXPECT_TRUE(worker.run(stop.get_token()).has_value()); });
  const auto give_up_at = std::chrono::steady_clock::now() + 40s;
  // Where all of it was done before the first fault, one of the polls that follow meets it.
  const auto is_over = [&] { return producer.cluster_header(cluster).value().finish_done && passing_error_count > 0; };
  while (!is_over() && std::chrono::steady_clock::now() < give_up_at) std::this_thread::yield();
  stop.request_stop();
  runs.join();
  const Progress progress = producer.progress(cluster).value();
  EXPECT_EQ(progress.done_count, 60U);
  EXPECT_TRUE(progress.finish_handled);
  EXPECT_GE(ran_count, 60);
  EXPECT_GT(passing_error_count, 0);
  EXPECT_EQ(other_error_count, 0);
}

TEST(WorkerOnAFaultyStore, EndsWithTheErrorThatNoRetryMends) {
  Backend backend = testing::MemoryStore(real_time_options()).backend();
  backend.queue = std::make_unique<DeniedQueue>(std::move(backend.queue));
  const Client client = make_client(std::move(backend));
  Worker worker(client, Handlers{}, patient_options(2));
  const auto ran = worker.run({});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(ran.error().message, "sqs:ReceiveMessage is not allowed");
}

TEST(WorkerOnAFaultyStore, EndsWhereItsQueueIsNotThere) {
  testing::MemoryOptions options;
  options.clock = nullptr;
  options.queues_made_at_use = false;
  const Client client = make_client(testing::MemoryStore(options).backend());
  Worker worker(client, Handlers{}, patient_options(1));
  const auto ran = worker.run({});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace fanfold
