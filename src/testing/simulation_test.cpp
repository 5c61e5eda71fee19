#include <fanfold/json.hpp>
#include <fanfold/testing/simulation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace fanfold::testing {
namespace {

std::vector<int> numbers(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(i);
  return all;
}

Handlers doubling() {
  Handlers handlers;
  handlers.on_message = [](const Message<int>& message, const Context&) { return done(message.body * 2); };
  return handlers;
}

class EverySeed : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(EverySeed, EndsEveryTaskOnceWhateverHappens) {
  Simulation world{{.seed = GetParam(), .chaos = Chaos::everything(), .attempts = {.attempts_max = 100}}};
  const auto cluster = world.client.create_message_cluster("resize", numbers(9), {.idempotency_key = "once"}).value();
  const auto progress = world.run_until(cluster, doubling());
  ASSERT_TRUE(progress.has_value()) << to_string(progress.error());
  EXPECT_EQ(progress->done_count, 9U);
  int sum = 0;
  for (auto& result : world.client.results<int>(cluster)) sum += result.value().result;
  EXPECT_EQ(sum, 72);
}

INSTANTIATE_TEST_SUITE_P(Simulation, EverySeed, ::testing::Range<std::uint64_t>(1, 13));

TEST(Simulation, OfOneSeedIsTheSameRunEveryTime) {
  const auto trace_of = [](std::uint64_t seed) {
    std::string trace;
    Simulation world{{.seed = seed, .trace = [&](std::string_view line) { trace.append(line).append("\n"); }}};
    const auto cluster = world.client.create_message_cluster("resize", numbers(5)).value();
    world.run_until(cluster, doubling()).value();
    return trace;
  };
  EXPECT_EQ(trace_of(3), trace_of(3));
  EXPECT_NE(trace_of(3), trace_of(4));
}

TEST(Simulation, SaysWhatKeepsAClusterOpen) {
  Simulation world{{.chaos = Chaos::nothing(), .faulty_turn_count_max = 10, .calm_turn_count_max = 200}};
  const auto cluster = world.client.open_message_cluster("resize").value();
  const auto progress = world.run_until(cluster, doubling());
  ASSERT_FALSE(progress.has_value());
  EXPECT_EQ(progress.error().code, ErrorCode::deadline_exceeded);
  EXPECT_NE(progress.error().message.find("seal"), std::string::npos) << progress.error().message;
}

TEST(Simulation, PassesOnWhatTheQuestionThrowsWhileActorsAreInTheirMiddle) {
  Simulation world{{.seed = 4}};
  static_cast<void>(world.client.create_message_cluster("resize", numbers(30)).value());
  int asked_count = 0;
  const auto is_over = [&]() -> bool {
    if (++asked_count == 10) throw std::runtime_error("unreadable");
    return false;
  };
  EXPECT_THROW(static_cast<void>(world.run(doubling(), is_over)), std::runtime_error);
}

TEST(Simulation, AsksForThePortsOfEachProcess) {
  std::size_t faulty_count = 0;
  std::size_t sound_count = 0;
  SimulationOptions options{.chaos = Chaos::nothing(), .worker_count = 2};
  options.ports = [&](Backend memory, std::optional<FaultyOptions> faults) {
    ++(faults ? faulty_count : sound_count);
    return memory;
  };
  Simulation world(options);
  const auto cluster = world.client.create_message_cluster("resize", numbers(3)).value();
  EXPECT_EQ(world.run_until(cluster, doubling()).value().done_count, 3U);
  EXPECT_EQ(faulty_count, 2U);
  EXPECT_EQ(sound_count, 1U) << "the world's own client meets no fault";
}

TEST(Simulation, BeginsAScriptAnewInAnotherProcessWhenItsProcessDies) {
  Chaos chaos;
  chaos.crash = 0.05;
  Simulation world{{.seed = 5, .chaos = chaos}};
  std::optional<MessageKey> key;
  world.add_script("producer", [&](const Client& client) {
    const auto made = client.create_message_cluster("resize", numbers(30), {.idempotency_key = "once"});
    if (!made) return Simulation::Step::again;
    key = made->key;
    return Simulation::Step::over;
  });
  const auto over = [&] { return key && world.client.progress(*key).value().finish_handled; };
  ASSERT_TRUE(world.run(doubling(), over).has_value());
  EXPECT_GT(world.crash_count(), 0U);
  EXPECT_EQ(world.client.progress(*key).value().total_count, 30U);
}

TEST(Simulation, GivesHandlersAClientThatCanFail) {
  Chaos chaos;
  chaos.crash = 0.02;
  chaos.lost_answer = 0.1;
  Simulation world{{.seed = 2, .chaos = chaos, .attempts = {.attempts_max = 100}}};
  const auto cluster =
      world.client.create_message_cluster("count", numbers(8), {.globals = std::vector<int>()}).value();
  Handlers handlers;
  handlers.on_message = [&](const Message<int>& message, const Context&) {
    const int number = message.body;
    const auto updated = world.running_client().update_cluster_globals(message.key, [number](std::vector<int> seen) {
      if (std::find(seen.begin(), seen.end(), number) == seen.end()) seen.push_back(number);
      return seen;
    });
    return updated ? done() : retry(to_string(updated.error()));
  };
  ASSERT_TRUE(world.run_until(cluster, handlers).has_value());
  EXPECT_EQ(world.client.get_cluster_globals<std::vector<int>>(cluster).value().size(), 8U);
}

}  // namespace
}  // namespace fanfold::testing
