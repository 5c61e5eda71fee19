#include "engine/passing_queue_for_tests.hpp"

#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>
#include <fanfold/worker.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace fanfold {
namespace {

using namespace std::chrono_literals;

const std::string queue_name = "work";

/// A queue far away: a long poll goes on there after its caller has left, and takes messages that nobody gets.
class FarQueue final : public engine::PassingQueue {
 public:
  using PassingQueue::PassingQueue;
  [[nodiscard]] bool may_receive_after_stop() const override { return true; }

  /// Answers at once with what is there. Once `hold` was called an empty answer waits for `let_go`, or for the stop.
  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override {
    const ReceiveOptions now{.count_max = options.count_max, .wait = 0ms, .visibility = options.visibility};
    auto deliveries = PassingQueue::receive(url, now, stop);
    std::unique_lock lock(mutex_);
    wait_max_ = std::max(wait_max_, options.wait);
    if (!deliveries || !deliveries->empty() || !holds_) return deliveries;
    ++held_count_;
    changed_.notify_all();
    if (!changed_.wait(lock, stop, [&] { return !holds_; })) ++abandoned_count_;
    lock.unlock();
    return PassingQueue::receive(url, now, stop);
  }
  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override {
    auto answers = PassingQueue::change_visibility(url, changes);
    const std::scoped_lock lock(mutex_);
    changed_count_ += changes.size();
    changed_.notify_all();
    return answers;
  }

  void hold() {
    const std::scoped_lock lock(mutex_);
    holds_ = true;
  }
  void let_go() {
    const std::scoped_lock lock(mutex_);
    holds_ = false;
    changed_.notify_all();
  }
  void wait_until_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_count_ > 0; });
  }
  void wait_until_returned() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return changed_count_ > 0; });
  }
  [[nodiscard]] int abandoned_count() const {
    const std::scoped_lock lock(mutex_);
    return abandoned_count_;
  }
  [[nodiscard]] std::chrono::milliseconds wait_max() const {
    const std::scoped_lock lock(mutex_);
    return wait_max_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool holds_ = false;  // Guarded by mutex_, as all below.
  int held_count_ = 0;
  int abandoned_count_ = 0;
  std::size_t changed_count_ = 0;
  std::chrono::milliseconds wait_max_{0};
};

class Drain : public ::testing::Test {
 protected:
  Drain() : client_(make_client(backend())) {
    cluster_ = client_.open_message_cluster(queue_name).value().key;
    EXPECT_TRUE(client_.cluster(cluster_).add("first", std::vector<int>{0}).has_value());
    options_.queue = queue_name;
    options_.jobs = 1;
    options_.prefetch = 8;
    options_.sweep_interval = 0ms;
  }

  Backend backend() {
    testing::MemoryOptions options;
    options.clock = nullptr;
    options.header_age_max = 50ms;
    Backend backend = testing::MemoryStore(options).backend();
    auto queue = std::make_unique<FarQueue>(std::move(backend.queue));
    queue_ = queue.get();
    backend.queue = std::move(queue);
    return backend;
  }

  /// Its one handler is told when the next poll is out, and runs meanwhile.
  WorkerReport run(const std::function<void()>& while_a_poll_is_out) {
    queue_->hold();
    Handlers handlers;
    handlers.on_message = [&](const Message<int>&, const Context&) {
      ++ran_count_;
      queue_->wait_until_held();
      stop_.request_stop();
      while_a_poll_is_out();
      return done();
    };
    Worker worker(client_, handlers, options_);
    return worker.run(stop_.get_token()).value();
  }

  FarQueue* queue_ = nullptr;  // The client's.
  Client client_;
  MessageKey cluster_;
  WorkerOptions options_;
  std::stop_source stop_;
  std::atomic<int> ran_count_{0};
};

TEST_F(Drain, AwaitsAPollThatEndsSoonAndReturnsWhatItBrings) {
  options_.poll = 1s;
  const WorkerReport report = run([&] {
    ASSERT_TRUE(client_.cluster(cluster_).add("late", std::vector<int>{1}).has_value());
    queue_->let_go();
    queue_->wait_until_returned();
  });
  EXPECT_EQ(report.done_count, 1U);
  EXPECT_EQ(ran_count_, 1);
  EXPECT_EQ(queue_->abandoned_count(), 0);
  const QueueCounts counts = client_.queue_port().counts(queue_name).value();
  EXPECT_EQ(counts.visible_count, 1U);
  EXPECT_EQ(counts.in_flight_count, 0U);
}

TEST_F(Drain, LeavesAPollToItselfWhileAHandlerRuns) {
  options_.poll = 20s;
  run([&] {
    ASSERT_TRUE(client_.cluster(cluster_).add("late", std::vector<int>{1}).has_value());
    queue_->let_go();
    queue_->wait_until_returned();
  });
  EXPECT_EQ(queue_->abandoned_count(), 0);
  EXPECT_EQ(client_.queue_port().counts(queue_name).value().visible_count, 1U);
}

TEST_F(Drain, AbandonsAPollThatWouldTakeLong) {
  options_.poll = 20s;
  const WorkerReport report = run([] {});
  EXPECT_EQ(report.done_count, 1U);
  EXPECT_EQ(queue_->abandoned_count(), 1);
}

TEST_F(Drain, AbandonsEveryPollWhereNoneIsToBeAwaited) {
  options_.poll = 1s;
  options_.poll_drain_max = 0ms;
  run([] {});
  EXPECT_EQ(queue_->abandoned_count(), 1);
}

TEST_F(Drain, IsShortAfterRunUntilWhichPollsShortly) {
  ASSERT_TRUE(client_.cluster(cluster_).seal().has_value());
  Handlers handlers;
  handlers.on_message = [](const Message<int>&, const Context&) { return done(); };
  options_.poll = 20s;
  Worker worker(client_, handlers, options_);
  ASSERT_TRUE(worker.run_until(cluster_).has_value());
  EXPECT_EQ(queue_->wait_max(), 1s);
}

}  // namespace
}  // namespace fanfold
