// A cluster that moves from one store to another: what goes along, what is refused, and a crash before every call.
#include "engine/push.hpp"

#include "engine/creation.hpp"
#include "engine/dying_backend_for_tests.hpp"
#include "engine/scene_for_tests.hpp"

#include <fanfold/testing/faults.hpp>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

const std::string moved_key = "k";
const MessageKey moved = MessageKey::of_message(cluster_id_of("work", moved_key));
const PushOptions to_there{.target = "there"};

testing::MemoryOptions strict() {
  testing::MemoryOptions options;
  options.queues_made_at_use = false;
  return options;
}

/// Two stores, of which the second one has the queue.
struct Stores {
  Stores() { there.queue->create("work", {}).value(); }

  Cluster create(int count, ClusterOptions options = {}) {
    options.idempotency_key = moved_key;
    return here.client->create_message_cluster("work", numbers(count), options).value();
  }
  Result<PushReport> push(const PushOptions& options = to_there) const {
    return push_cluster(store_of(*here.client), store_of(*there.client), id_of(moved), options);
  }
  static Store& store_of(const Client& client) { return Engine::of(client)->store(); }

  [[nodiscard]] std::vector<TaskState> tasks_there() const {
    return there.ledger->list_tasks({.cluster_id = id_of(moved), .filter = {}, .first_index = 0}).value().tasks;
  }
  /// Takes `count` tasks of the first store and lets each end as `end` says.
  void work_here(std::size_t count, const std::function<void(const SqsRecord&, const Claim&)>& end) const {
    const auto records = here.client->receive("work", {.count_max = count, .wait = 0ms}).value();
    ASSERT_EQ(records.size(), count);
    for (const SqsRecord& record : records) end(record, here.client->is_complete(record).value());
  }
  void complete_here(std::size_t count) const {
    work_here(count, [&](const SqsRecord& record, const Claim& claim) {
      const auto message = here.client->read_sqs_record(record).value();
      here.client->mark_complete(claim, "result of " + std::to_string(*message.task)).value();
    });
  }
  void finish_there() {
    for (int i = 0; i < 4; ++i) {
      there.work();
      there.advance(61s);
      static_cast<void>(there.client->sweep().value());
    }
  }

  Scene here{};
  Scene there{strict()};
};

TEST(Push, MovesWhatIsOpenAndTakesAlongWhatItHasBecomeSoFar) {
  Stores stores;
  stores.create(20, {.name = "photos", .globals = 7, .meta = std::string("who"), .failures_allowed_count = 5});
  stores.complete_here(6);
  stores.work_here(
      2, [&](const SqsRecord&, const Claim& claim) { stores.here.client->mark_failed(claim, "no picture").value(); });

  const PushReport report = stores.push().value();
  EXPECT_EQ(report.total_count, 20U);
  EXPECT_EQ(report.done_count, 6U);
  EXPECT_EQ(report.failed_count, 2U);
  EXPECT_EQ(report.open_count, 12U);
  EXPECT_FALSE(report.went_on);
  EXPECT_EQ(stores.here.header(moved).moved_to, "there");

  const ClusterHeader there = stores.there.header(moved);
  EXPECT_EQ(there.name, "photos");
  EXPECT_EQ(there.meta->text(), "\"who\"");
  EXPECT_EQ(there.failures_allowed_count, 5U);
  EXPECT_FALSE(there.paused);
  EXPECT_EQ(there.moved_to, "");
  EXPECT_TRUE(there.due.empty());
  EXPECT_EQ(stores.there.client->get_cluster_globals<int>(moved).value(), 7);
  EXPECT_EQ(stores.there.message_count(), 12U);
  const Progress progress = stores.there.progress(moved);
  EXPECT_EQ(progress.total_count, 20U);
  EXPECT_EQ(progress.done_count, 6U);
  EXPECT_EQ(progress.failed_count, 2U);

  stores.finish_there();
  EXPECT_EQ(stores.there.progress(moved).done_count, 18U);
  EXPECT_EQ(stores.there.progress(moved).status, Status::complete) << "five failures are allowed";
  EXPECT_TRUE(stores.there.progress(moved).finish_handled);
  EXPECT_TRUE(stores.there.client->verify(moved).value().holds());
  std::size_t result_count = 0;
  for (const auto& result : stores.there.client->results<std::string>(moved)) {
    EXPECT_EQ(result.value().result, "result of " + std::to_string(result.value().index));
    ++result_count;
  }
  EXPECT_EQ(result_count, 6U);
  std::size_t error_count = 0;
  for (const TaskState& task : stores.tasks_there()) {
    if (task.status != Status::error) continue;
    ASSERT_FALSE(task.error.empty());
    EXPECT_EQ(task.error.back().message, "no picture");
    ++error_count;
  }
  EXPECT_EQ(error_count, 2U);
}

TEST(Push, CountsAttemptsOn) {
  Stores stores;
  stores.create(1);
  const auto records = stores.here.client->receive("work", {.wait = 0ms}).value();
  ASSERT_EQ(stores.here.client->is_complete(records.at(0)).value().state, ClaimState::claimed);
  stores.here.advance(60s);  // Its holder died.
  stores.push().value();
  EXPECT_EQ(stores.tasks_there().at(0).attempt_count, 1U);
  const auto again = stores.there.client->receive("work", {.wait = 0ms}).value();
  const Claim claim = stores.there.client->is_complete(again.at(0)).value();
  EXPECT_EQ(claim.state, ClaimState::claimed);
  EXPECT_EQ(claim.attempt, 2U);
}

TEST(Push, WaitsForWhatRunsAndLeavesItPausedWhereThatTakesTooLong) {
  Stores stores;
  stores.create(3);
  const auto records = stores.here.client->receive("work", {.count_max = 1, .wait = 0ms}).value();
  const Claim claim = stores.here.client->is_complete(records.at(0), {.lease = 10min}).value();
  PushOptions options = to_there;
  options.wait_max = 30s;
  EXPECT_EQ(code_of(stores.push(options)), ErrorCode::not_finished);
  EXPECT_TRUE(stores.here.header(moved).paused);
  EXPECT_EQ(stores.here.header(moved).moved_to, "");
  EXPECT_EQ(code_of(stores.there.client->progress(moved)), ErrorCode::not_found);

  std::uint64_t waited_for = 0;
  options.on_step = [&](PushStep step, std::uint64_t count) {
    if (step != PushStep::wait) return;
    waited_for = count;
    stores.here.client->mark_complete(claim).value();
  };
  EXPECT_EQ(stores.push(options).value().done_count, 1U);
  EXPECT_EQ(waited_for, 1U);
}

TEST(Push, IsGivenUpBeforeItMovedAnythingWhereThatIsAsked) {
  Stores stores;
  stores.create(1);
  std::stop_source stop;
  stop.request_stop();
  PushOptions options = to_there;
  options.stop = stop.get_token();
  EXPECT_EQ(code_of(stores.push(options)), ErrorCode::cancelled);
  EXPECT_EQ(stores.here.header(moved).moved_to, "");
  EXPECT_EQ(stores.here.client->resume_cluster(moved).value(), 1U);
}

TEST(Push, GoesOnWhereItWasStoppedOnItsWay) {
  Stores stores;
  stores.create(3);
  std::stop_source stop;
  PushOptions options = to_there;
  options.stop = stop.get_token();
  options.on_step = [&](PushStep step, std::uint64_t) {
    if (step == PushStep::copy) stop.request_stop();
  };
  EXPECT_EQ(code_of(stores.push(options)), ErrorCode::cancelled);
  EXPECT_TRUE(stores.here.header(moved).moving());
  EXPECT_TRUE(stores.push().value().went_on);
  EXPECT_EQ(stores.there.message_count(), 3U);
}

TEST(Push, AHolderThatComesLateChangesNothing) {
  Stores stores;
  stores.create(2);
  Ledger& ledger = *stores.here.ledger;
  ClaimRequest request;
  request.ref = {.type = RecordType::task, .id = id_of(moved)};
  request.token = ledger.new_token();
  request.lease_end = stores.here.now() + 10min;
  const auto claim = [&] { return ledger.claim(std::span(&request, 1), stores.here.now()).value().at(0).outcome; };
  std::optional<ClaimOutcome> late;
  PushOptions options = to_there;
  options.on_step = [&](PushStep step, std::uint64_t) {
    // As by a process that stalled between its look at the header and its claim.
    if (step == PushStep::freeze) late = claim();
  };
  EXPECT_EQ(stores.push(options).value().open_count, 2U);
  EXPECT_EQ(late, ClaimOutcome::claimed);

  EndRequest end;
  end.ref = request.ref;
  end.condition = request.token;
  EXPECT_EQ(ledger.end(std::span(&end, 1), stores.here.now()).value().outcomes.at(0), EndOutcome::lease_lost);
  request.token = ledger.new_token();
  stores.here.advance(std::chrono::days(20));
  EXPECT_EQ(claim(), ClaimOutcome::in_progress) << "nobody can claim it here any more";
  EXPECT_EQ(stores.here.progress(moved).done_count, 0U);
  EXPECT_EQ(stores.there.message_count(), 2U);
}

TEST(Push, AClusterWhoseLastTaskEndsMeanwhileFinishesThere) {
  Stores stores;
  stores.create(1);
  const auto records = stores.here.client->receive("work", {.wait = 0ms}).value();
  const Claim claim = stores.here.client->is_complete(records.at(0)).value();
  testing::FaultyOptions faulty;
  faulty.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  faulty.on_call = [&](std::string_view call) {
    // Between `moving` and the moment in which the task would be taken.
    if (call == "ledger.list_open_tasks") stores.here.client->mark_complete(claim, 17).value();
  };
  stores.here.advance(60s);  // The lease is over, and its holder still there.
  const Client other = make_client(with_faults(stores.here.memory.backend(), std::move(faulty)));
  const PushReport report =
      push_cluster(Stores::store_of(other), Stores::store_of(*stores.there.client), id_of(moved), to_there).value();
  EXPECT_EQ(report.done_count, 1U);
  EXPECT_EQ(report.open_count, 0U);
  EXPECT_FALSE(stores.here.header(moved).finished());
  EXPECT_TRUE(stores.there.header(moved).finished());
  for (const auto& result : stores.there.client->results<int>(moved)) EXPECT_EQ(result.value().result, 17);
  EXPECT_EQ(stores.there.message_count(), 1U) << "its finish message";
  stores.finish_there();
  EXPECT_TRUE(stores.there.progress(moved).finish_handled);
  EXPECT_FALSE(stores.here.progress(moved).finish_handled);
}

TEST(Push, CalledAgainSaysThatItIsDone) {
  Stores stores;
  stores.create(4);
  stores.complete_here(1);
  stores.push().value();
  const PushReport again = stores.push().value();
  EXPECT_TRUE(again.moved_before);
  EXPECT_EQ(again.done_count, 1U);
  EXPECT_EQ(again.open_count, 3U);
  EXPECT_EQ(stores.there.message_count(), 3U);
}

TEST(Push, RefusesWhatCannotMove) {
  const auto refused = [](const std::function<void(Stores&)>& prepare, ErrorCode code) {
    Stores stores;
    prepare(stores);
    const auto pushed = stores.push();
    EXPECT_EQ(code_of(pushed), code) << pushed.error().message;
    const ClusterHeader header = stores.here.header(moved);
    EXPECT_TRUE(!header.paused || !header.moved_to.empty()) << "nothing was changed";
  };
  refused(
      [](Stores& stores) {
        static_cast<void>(stores.here.client->open_message_cluster("work", {.idempotency_key = moved_key}).value());
      },
      ErrorCode::invalid_argument);
  refused(
      [](Stores& stores) {
        stores.create(1);
        stores.complete_here(1);
      },
      ErrorCode::invalid_argument);
  refused(
      [](Stores& stores) {
        stores.create(2);
        stores.here.work({0});
        stores.here.work();
        static_cast<void>(stores.here.client->retry_failed(moved).value());
      },
      ErrorCode::invalid_argument);
  refused(
      [](Stores& stores) {
        stores.create(2);
        PushOptions elsewhere;
        elsewhere.target = "elsewhere";
        stores.push(elsewhere).value();
      },
      ErrorCode::invalid_argument);
  refused(
      [](Stores& stores) {
        stores.create(2);
        static_cast<void>(
            stores.there.client->create_message_cluster("work", numbers(2), {.idempotency_key = moved_key}).value());
      },
      ErrorCode::already_exists);
  refused(
      [](Stores& stores) {
        static_cast<void>(
            stores.here.client
                ->create_message_cluster("work", numbers(2), {.idempotency_key = moved_key, .finish_queue = "no"})
                .value());
      },
      ErrorCode::not_found);
}

TEST(Push, ClustersThatMovedAreSteeredWhereTheyWent) {
  Stores stores;
  stores.create(3);
  stores.push().value();
  const Client& client = *stores.here.client;
  EXPECT_EQ(code_of(client.stop_cluster(moved, "no")), ErrorCode::sealed);
  EXPECT_EQ(code_of(client.pause_cluster(moved)), ErrorCode::sealed);
  EXPECT_EQ(code_of(client.resume_cluster(moved)), ErrorCode::sealed);
  EXPECT_EQ(code_of(client.fail_task(MessageKey::of_task(id_of(moved), 0), "no")), ErrorCode::sealed);
  EXPECT_NE(client.why(moved).value().at(0).cause.find("moved to there"), std::string::npos);
  stores.here.advance(std::chrono::days(5));
  EXPECT_EQ(client.sweep().value().resent_count, 0U);
  client.delete_cluster(moved).value();
  EXPECT_TRUE(stores.here.header(moved).tombstone);
  EXPECT_EQ(stores.there.progress(moved).total_count, 3U);
}

TEST(Push, TasksFailedByHandWhileItMovesTheClusterAreFailedThereOrRefused) {
  std::size_t calls = 0;
  for (bool pushed = true; pushed && !::testing::Test::HasFailure(); ++calls) {
    SCOPED_TRACE("pushed before call " + std::to_string(calls));
    Stores stores;
    stores.create(3);
    pushed = false;
    testing::FaultyOptions options;
    options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
    options.on_call = [&, left = calls, is_inside = false](std::string_view) mutable {
      if (is_inside || left-- != 0) return;
      is_inside = true;
      stores.push().value();
      pushed = true;
    };
    const Client client = make_client(testing::with_faults(stores.here.memory.backend(), options));
    const auto failed = client.fail_task(MessageKey::of_task(id_of(moved), 0), "by hand");
    if (!pushed) break;
    EXPECT_TRUE(failed || code_of(failed) == ErrorCode::sealed) << to_string(failed.error());
    EXPECT_EQ(stores.tasks_there().at(0).status == Status::error, failed.has_value());
  }
  EXPECT_GT(calls, 2U);
}

/// A process that pushes, and dies before the call of a port, of either store, with this number.
struct DyingPusher {
  DyingPusher(const Stores& stores, std::size_t calls_to_live)
      : left(std::make_shared<std::size_t>(calls_to_live)),
        here(make_client(dying_backend(stores.here.memory, left))),
        there(make_client(dying_backend(stores.there.memory, left))) {}

  std::shared_ptr<std::size_t> left;  // Shared with the hooks of both backends.
  Client here;
  Client there;
};

TEST(Push, CutOffBeforeAnyCallIsEndedByTheSamePush) {
  std::size_t calls = 0;
  for (bool died = true; died && !::testing::Test::HasFailure(); ++calls) {
    SCOPED_TRACE("dies after " + std::to_string(calls) + " calls");
    Stores stores;
    stores.create(40, {.globals = 7});
    stores.complete_here(5);
    stores.complete_here(5);
    stores.work_here(
        1, [&](const SqsRecord&, const Claim& claim) { stores.here.client->mark_failed(claim, "no picture").value(); });
    died = false;
    try {
      const DyingPusher pusher(stores, calls);
      push_cluster(Stores::store_of(pusher.here), Stores::store_of(pusher.there), id_of(moved), to_there).value();
    } catch (const testing::SimulatedCrash&) {
      died = true;
    }
    // Whoever works there may be faster than whoever pushes again; whoever works here does what is left here.
    if (calls % 2 == 0) {
      stores.there.work();
      stores.there.advance(61s);
      static_cast<void>(stores.there.client->sweep().value());
    }
    stores.here.advance(61s);
    static_cast<void>(stores.here.client->sweep().value());
    const PushReport report = stores.push().value();
    EXPECT_EQ(report.done_count, 10U);
    EXPECT_EQ(report.failed_count, 1U);
    EXPECT_EQ(report.open_count, 29U);
    EXPECT_EQ(stores.here.header(moved).moved_to, "there");
    stores.finish_there();
    const Progress progress = stores.there.progress(moved);
    EXPECT_EQ(progress.done_count, 39U);
    EXPECT_EQ(progress.failed_count, 1U);
    EXPECT_TRUE(progress.finish_handled);
    EXPECT_EQ(stores.there.client->get_cluster_globals<int>(moved).value(), 7);
    EXPECT_EQ(stores.there.message_count(), 0U);
    EXPECT_TRUE(stores.there.client->verify(moved).value().holds());
    for (const TaskState& task : stores.tasks_there()) EXPECT_EQ(task.attempt_count, 1U) << task.index;
    EXPECT_EQ(stores.here.progress(moved).done_count, 10U);
    stores.here.work();
    EXPECT_EQ(stores.here.progress(moved).done_count, 10U);
  }
  EXPECT_GT(calls, 20U);
}

}  // namespace
}  // namespace fanfold::engine
