#include "worker/heartbeat.hpp"
#include "worker/watchdog.hpp"

#include <fanfold/json.hpp>
#include <fanfold/testing/faults.hpp>
#include <fanfold/testing/memory_store.hpp>

#include "engine/engine.hpp"

#include <gtest/gtest.h>

#include <future>

namespace fanfold::worker {
namespace {

using namespace std::chrono_literals;

/// A process over a store in memory with a clock of its own, of which each test plays one thread after the other.
class Keeping : public ::testing::Test {
 protected:
  Keeping() {
    handlers_.on_message = [](const Message<Json>&, const Context&) { return done(); };
    dispatcher_.emplace(store(), engine_, handlers_, engine::DispatchOptions{});
    heartbeat_.emplace(store(), intake_, active_, HeartbeatOptions{.lease = 30s, .lease_total_max = 100s});
    watchdog_.emplace(*dispatcher_, intake_, active_,
                      [this](engine::Tally& tally) { done_count_ += tally.counts.done_count; });
  }

  engine::Store& store() { return engine_->store(); }
  void create(int count) {
    std::vector<int> bodies;
    for (int i = 0; i < count; ++i) bodies.push_back(i);
    cluster_.emplace(client_.create_message_cluster("work", bodies).value());
  }
  std::vector<Delivery> receive() {
    return store().queue().receive("work", {.count_max = 10, .wait = 0ms, .visibility = 31s}, {}).value();
  }

  /// As a thread of the pool that has claimed what there is.
  std::shared_ptr<ActiveChunk> claim() {
    engine::Tally tally;
    engine::Chunk chunk = dispatcher_->begin("work", receive(), tally);
    const Time claimed_at = chunk.assignments.front().claimed_at;
    const Time lease_end = chunk.assignments.front().lease_end;
    auto active = std::make_shared<ActiveChunk>(std::move(chunk), 0, claimed_at, lease_end);
    active_.add(active);
    return active;
  }
  void run_next(ActiveChunk& chunk) {
    const auto position = chunk.next();
    ASSERT_TRUE(position);
    dispatcher_->run(chunk.chunk(), *position, chunk.stop_token());
  }
  /// What another process answers to a claim of this task now.
  ClaimState claim_elsewhere(std::uint64_t index) {
    Backend other = memory_.backend();
    ClaimRequest request;
    request.ref = {.type = RecordType::task,
                   .id = parse_key(cluster_->key).value().id,
                   .round = 0,
                   .position = index,
                   .first_failure = false};
    request.token = other.ledger->new_token();
    request.lease_end = store().now() + 30s;
    const ClaimAnswer answer = other.ledger->claim(std::span(&request, 1), store().now()).value().front();
    return answer.outcome == ClaimOutcome::claimed ? ClaimState::claimed : ClaimState::in_progress;
  }
  void advance(std::chrono::milliseconds by) { memory_.clock().advance(by); }

  testing::MemoryStore memory_;
  std::shared_ptr<testing::FaultPlan> plan_ =  // Shared with the ports.
      std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  std::function<void(std::string_view)> on_call_{};  ///< Before each call of this process.
  Client client_ = make_client(
      testing::with_faults(memory_.backend(), {.plan = plan_, .clock = {}, .on_call = [this](std::string_view call) {
                                                 if (on_call_) on_call_(call);
                                               }}));
  std::shared_ptr<engine::Engine> engine_ = engine::Engine::of(client_);
  Handlers handlers_;
  Intake intake_{{{.url = "work", .weight = 1, .fifo = false}}, 2, 100, 10};
  ActiveChunks active_;
  std::optional<engine::Dispatcher> dispatcher_;
  std::optional<Heartbeat> heartbeat_;
  std::optional<Watchdog> watchdog_;
  std::optional<Cluster> cluster_;
  std::uint64_t done_count_ = 0;
};

using HeartbeatTest = Keeping;
using WatchdogTest = Keeping;

TEST_F(HeartbeatTest, KeepsTheLeaseAndTheVisibilityOfWhatRuns) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  for (int i = 0; i < 5; ++i) {
    advance(15s);
    heartbeat_->beat();
    EXPECT_EQ(claim_elsewhere(0), ClaimState::in_progress);
    EXPECT_TRUE(receive().empty());
  }
  EXPECT_FALSE(chunk->stop_token().stop_requested());
}

TEST_F(HeartbeatTest, DoesNothingBeforeAThirdOfTheLeaseIsOver) {
  create(1);
  const auto chunk = claim();
  const Time end = chunk->times()->lease_end;
  advance(9s);
  heartbeat_->beat();
  EXPECT_EQ(chunk->times()->lease_end, end);
  advance(1s);
  heartbeat_->beat();
  EXPECT_EQ(chunk->times()->lease_end, end + 10s);
}

TEST_F(HeartbeatTest, LetsGoOfALeaseAtTheCap) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  for (int i = 0; i < 9; ++i) {
    advance(11s);
    heartbeat_->beat();
    EXPECT_FALSE(chunk->stop_token().stop_requested());
  }
  advance(2s);
  heartbeat_->beat();
  EXPECT_TRUE(chunk->stop_token().stop_requested());
  EXPECT_EQ(claim_elsewhere(0), ClaimState::claimed);
}

TEST_F(HeartbeatTest, SetsTheStopTokenOfAHandlerWhoseLeaseIsLost) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  advance(31s);
  ASSERT_EQ(claim_elsewhere(0), ClaimState::claimed);
  heartbeat_->beat();
  EXPECT_TRUE(chunk->stop_token().stop_requested());
}

TEST_F(HeartbeatTest, SetsTheStopTokenByTheLeasesEndWhereTheStoreDoesNotAnswer) {
  create(2);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  const Time lease_end = chunk->times()->lease_end;
  advance(15s);
  std::promise<void> asked;
  std::promise<void> answer;
  on_call_ = [&](std::string_view call) {
    if (call != "ledger.extend") return;
    asked.set_value();
    answer.get_future().wait();
  };
  std::thread beating([&] { heartbeat_->beat(); });
  asked.get_future().wait();
  const auto hung_for = [](std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; };
  heartbeat_->look_at_beat(hung_for(10s));
  EXPECT_FALSE(chunk->stop_token().stop_requested()) << "the lease lasts";
  advance(lease_end - store().now() - 10ms);
  heartbeat_->look_at_beat(hung_for(100ms));
  EXPECT_FALSE(chunk->stop_token().stop_requested()) << "it may still be extended";
  heartbeat_->look_at_beat(hung_for(10s));
  EXPECT_TRUE(chunk->stop_token().stop_requested());
  EXPECT_FALSE(chunk->next()) << "what did not begin must not";
  on_call_ = {};
  answer.set_value();
  beating.join();
}

TEST_F(HeartbeatTest, LeavesALeaseThatIsOverToTheNextBeatWhereNoneIsHeldUp) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  advance(40s);  // As where the machine was asleep.
  heartbeat_->look_at_beat(std::chrono::steady_clock::now() + 10s);
  EXPECT_FALSE(chunk->stop_token().stop_requested());
  heartbeat_->beat();
  EXPECT_FALSE(chunk->stop_token().stop_requested());
  EXPECT_EQ(claim_elsewhere(0), ClaimState::in_progress);
}

TEST_F(HeartbeatTest, SetsTheStopTokenWhereTheStoreRefusesUntilTheLeaseIsOver) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  advance(15s);
  plan_->strike_next(testing::Fault::refused, "ledger.extend");
  heartbeat_->beat();
  EXPECT_FALSE(chunk->stop_token().stop_requested());
  advance(16s);
  plan_->strike_next(testing::Fault::refused, "ledger.extend");
  heartbeat_->beat();
  EXPECT_TRUE(chunk->stop_token().stop_requested());
}

TEST_F(HeartbeatTest, DropsWhatIsLostBeforeItStartsAndGivesTheRestToOthers) {
  create(3);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  advance(31s);
  ASSERT_EQ(claim_elsewhere(1), ClaimState::claimed);
  heartbeat_->beat();
  EXPECT_FALSE(chunk->stop_token().stop_requested());
  EXPECT_FALSE(chunk->next());
  auto job = intake_.take();
  ASSERT_TRUE(job && job->claimed);
  ASSERT_EQ(job->claimed->size(), 1U);
  EXPECT_EQ(job->claimed->chunk().ends.front().index, 2U);
}

TEST_F(HeartbeatTest, ExtendsNothingOnceTheStopOfTheClusterWasSeen) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  ASSERT_TRUE(client_.stop_cluster(*cluster_).has_value());
  advance(20s);
  heartbeat_->beat();
  EXPECT_FALSE(chunk->stop_token().stop_requested());  // It may end within its lease.
  advance(11s);
  EXPECT_EQ(claim_elsewhere(0), ClaimState::claimed);
  heartbeat_->beat();
  EXPECT_TRUE(chunk->stop_token().stop_requested());
}

TEST_F(HeartbeatTest, HidesWhatOnlyWaitsInMemoryForLonger) {
  create(2);
  std::vector<Delivery> waiting = receive();
  const std::size_t asked = intake_.wait_for_room(0, false, waiting.size());
  EXPECT_TRUE(intake_.offer(0, asked, std::move(waiting)).empty());
  for (int i = 0; i < 4; ++i) {
    advance(20s);
    heartbeat_->beat();
    EXPECT_TRUE(receive().empty());
  }
}

TEST_F(WatchdogTest, TakesTheRestFromAThreadThatIsStuckAndFlushesWhatEnded) {
  create(5);
  const auto chunk = claim();
  run_next(*chunk);
  run_next(*chunk);
  ASSERT_TRUE(chunk->next());  // The third one hangs.
  const auto start = std::chrono::steady_clock::now();
  watchdog_->watch(start);
  watchdog_->watch(start + overrun - 1ms);
  EXPECT_EQ(done_count_, 0U);
  watchdog_->watch(start + overrun);
  EXPECT_EQ(done_count_, 2U);
  EXPECT_EQ(client_.progress(*cluster_).value().done_count, 2U);
  EXPECT_FALSE(chunk->next());
  EXPECT_EQ(chunk->begin_finish(), 2U);
  auto job = intake_.take();
  ASSERT_TRUE(job && job->claimed);
  EXPECT_EQ(job->claimed->size(), 2U);
}

TEST_F(WatchdogTest, FlushesWhatEndedBeforeTheLastOneOfAChunk) {
  create(2);
  const auto chunk = claim();
  run_next(*chunk);
  ASSERT_TRUE(chunk->next());
  const auto start = std::chrono::steady_clock::now();
  watchdog_->watch(start);
  watchdog_->watch(start + overrun);
  watchdog_->watch(start + 2 * overrun);
  EXPECT_EQ(done_count_, 1U);
}

TEST_F(WatchdogTest, LeavesAThreadAloneThatGoesOn) {
  create(3);
  const auto chunk = claim();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    run_next(*chunk);
    watchdog_->watch(start + i * overrun);
  }
  EXPECT_EQ(done_count_, 0U);
  EXPECT_EQ(chunk->begin_finish(), 0U);
}

TEST_F(WatchdogTest, HasNothingToTakeFromAThreadThatWorksOnOneTask) {
  create(1);
  const auto chunk = claim();
  ASSERT_TRUE(chunk->next());
  const auto start = std::chrono::steady_clock::now();
  watchdog_->watch(start);
  watchdog_->watch(start + 10 * overrun);
  EXPECT_FALSE(chunk->standing().others_wait);
  EXPECT_EQ(done_count_, 0U);
}

}  // namespace
}  // namespace fanfold::worker
