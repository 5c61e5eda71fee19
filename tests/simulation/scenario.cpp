#include "scenario.hpp"

#include "actors.hpp"
#ifdef FANFOLD_AWS
#include "aws_services.hpp"
#endif
#include "wire/envelope_text.hpp"

namespace fanfold::simulation {

namespace {

using namespace std::chrono_literals;
using testing::Chaos;
using testing::SeededRandom;

constexpr double explain_chance = 0.1;  // Of a look at whether all is over.

/// The seed's choices, made before anything runs.
struct Setting {
  testing::SimulationOptions world{};
  QueueAttributes queue{};
  std::string queue_name = "work";
  std::vector<ClusterPlan> clusters{};
  std::uint64_t message_count = 0;
  bool purges = false;
  bool works_by_hand = false;
  std::uint64_t operator_count = 0;
  bool is_calm = false;
  std::string description{};
};

Chaos chaos_of(SeededRandom& random, Setting& setting) {
  Chaos chaos = Chaos::everything();
  switch (random.below(6)) {
    case 0:  // Only what a queue does on a good day.
      chaos.crash = chaos.lost_answer = chaos.refused = chaos.partial = chaos.clock_jump = 0;
      chaos.duplicate = 0.2;
      setting.is_calm = true;
      setting.description += " calm";
      break;
    case 1:
      chaos.crash *= 4;
      setting.description += " crashes";
      break;
    case 2:
      chaos.lost_answer *= 5;
      chaos.refused *= 3;
      setting.description += " lost-answers";
      break;
    case 3:
      chaos.clock_jump *= 12;
      setting.description += " clock-jumps";
      break;
    default: break;
  }
  return chaos;
}

void choose_queue(SeededRandom& random, Setting& setting) {
  const bool fifo = random.chance(0.2);
  if (fifo) {
    setting.queue_name = "work.fifo";
    setting.queue.fifo = true;
    setting.description += " fifo";
  }
  setting.queue.visibility = 30s;
  if (random.chance(0.6)) {
    setting.queue.redrive = RedrivePolicy{fifo ? "dead.fifo" : "dead", static_cast<std::uint32_t>(2 + random.below(5))};
    setting.description += " redrive" + std::to_string(setting.queue.redrive->receive_count_max);
  }
  if (random.chance(0.15)) {
    setting.queue.retention = std::chrono::seconds(20min);
    setting.description += " short-retention";
  }
}

ClusterPlan choose_cluster(SeededRandom& random, std::uint64_t number, const Setting& setting) {
  ClusterPlan plan;
  plan.number = number;
  plan.queue = setting.queue_name;
  plan.task_count = random.chance(0.1) ? 30 + random.below(30) : random.below(9);
  plan.open = random.chance(0.35);
  plan.pauses = random.chance(0.25);
  plan.stops = random.chance(0.1);
  plan.fails_one_by_hand = random.chance(0.15);
  plan.deletes = random.chance(0.3);
  plan.retry_count_max = random.below(3);
  plan.has_troubles = random.chance(0.7);
  plan.has_children = random.chance(0.3);
  plan.options.name = "cluster" + std::to_string(number);
  plan.options.idempotency_key = "key" + std::to_string(number);
  plan.options.expires_after = std::chrono::hours(24 * 365);
  plan.options.trace = trace_of_the_world;
  if (random.chance(0.5)) plan.options.attempts_max = static_cast<std::uint32_t>(1 + random.below(5));
  if (random.chance(0.3)) plan.options.failures_allowed_count = random.below(3);
  if (random.chance(0.2)) plan.options.failures_allowed_percent = 50;
  plan.options.fail_fast = random.chance(0.2);
  plan.options.first_failure_notice = random.chance(0.2);
  if (!setting.queue.fifo && random.chance(0.25)) plan.options.finish_queue = "finish";
  if (random.chance(0.1)) {
    plan.options.deadline = 2h;
    plan.options.deadline_action = random.chance(0.5) ? DeadlineAction::stop : DeadlineAction::report;
  }
  return plan;
}

Setting choose(std::uint64_t seed) {
  SeededRandom random(seed * 0x9e3779b97f4a7c15U + 17);
  Setting setting;
  setting.world.seed = seed;
  setting.world.chaos = chaos_of(random, setting);
  setting.world.worker_count = 1 + random.below(4);
  setting.world.store.header_age_max = random.chance(0.7) ? 5'000ms : 0ms;
  setting.world.store.queue_knows_payloads = random.chance(0.4);
  setting.world.store.frees_dead_holders = random.chance(0.3);
  setting.world.store.notes_begins = setting.world.store.frees_dead_holders;  // As the embedded engine does both.
  setting.world.store.batch_count_max = random.chance(0.5) ? 10 : 3;
  if (random.chance(0.2)) setting.world.store.encode = wire::write_envelope;
  if (random.chance(0.1)) {
    setting.world.deduplicate = false;
    setting.description += " cheap";
  }
  choose_queue(random, setting);
  const std::uint64_t cluster_count = random.below(4);
  for (std::uint64_t number = 0; number < cluster_count; ++number)
    setting.clusters.push_back(choose_cluster(random, number, setting));
  const bool loses_messages = setting.queue.retention < 1h;
  if (!loses_messages && (cluster_count == 0 || random.chance(0.3))) setting.message_count = 1 + random.below(6);
  setting.purges = setting.message_count == 0 && !setting.clusters.empty() && random.chance(0.25);
  setting.works_by_hand = setting.world.deduplicate && random.chance(0.2);
  const bool has_operators = !setting.is_calm && cluster_count > 0 && random.chance(0.3);
  if (has_operators) setting.operator_count = 1 + random.below(2);
  if (has_operators) setting.description += " operators=" + std::to_string(setting.operator_count);
  setting.description +=
      " " + std::to_string(cluster_count) + " clusters " + std::to_string(setting.message_count) + " messages";
  if (setting.purges) setting.description += " purge";
  return setting;
}

#ifdef FANFOLD_AWS
/// What the kit's queue can and SQS cannot; and the ports of AWS.
void move_to_aws(Setting& setting) {
  SeededRandom random(setting.world.seed * 0x9e3779b97f4a7c15U + 18);
  setting.world.store.queue_knows_payloads = false;
  setting.world.store.frees_dead_holders = false;
  setting.world.store.notes_begins = false;
  setting.world.store.encode = wire::write_envelope;
  if (setting.is_calm)
    setting.world.chaos.delayed = 0;  // A receive that comes back empty is calm, a late write is not.
  AwsServices::Options options{.has_bucket = random.chance(0.5), .tells_what_is_there = random.chance(0.8)};
  // Shared by the processes of the world.
  auto services = std::make_shared<AwsServices>(setting.world.store.clock, options);
  setting.world.ports = [services](Backend memory, std::optional<testing::FaultyOptions> faults) {
    return services->ports(std::move(memory), std::move(faults));
  };
  setting.description += options.has_bucket ? " aws-bucket" : " aws-table";
}
#endif

}  // namespace

Verdict run_scenario(Engine engine, std::uint64_t seed, const std::function<void(std::string_view)>& trace) {
  Setting setting = choose(seed);
  setting.world.trace = trace;
#ifdef FANFOLD_AWS
  if (engine == Engine::aws) move_to_aws(setting);
#else
  static_cast<void>(engine);
#endif
  testing::Simulation world(setting.world);
  Recorder recorder(world, setting.world.deduplicate);
  if (setting.is_calm) recorder.calm_from_the_start();
  if (!setting.purges && setting.queue.retention >= QueueAttributes{}.retention) recorder.loses_no_messages();
  if (setting.queue.redrive) {
    QueueAttributes dead;
    dead.fifo = setting.queue.fifo;
    dead.retention = std::chrono::days(14);
    world.client.create_queue(setting.queue.redrive->dead_letter_queue, dead).value();
  }
  world.client.create_queue(setting.queue_name, setting.queue).value();

  for (const ClusterPlan& plan : setting.clusters) add_cluster_script(world, recorder, plan);
  if (setting.message_count > 0) add_sender_script(world, recorder, setting.queue_name, setting.message_count);
  if (setting.purges) add_purge_script(world, setting.queue_name);
  for (std::uint64_t i = 0; i < setting.operator_count; ++i) add_operator_script(world, recorder);
  if (setting.works_by_hand) add_hand_script(world, recorder, setting.queue_name);

  try {
    const auto result = world.run(make_handlers(world, recorder), [&] {
      if (world.random().chance(explain_chance)) recorder.check_explained();
      return recorder.all_is_over();
    });
    if (result)
      recorder.check_all();
    else
      recorder.violation("hang: " + result.error().message + recorder.why());
  } catch (const std::exception& thrown) {
    // The recorder meets no faults: what it cannot read is damaged.
    recorder.violation(std::string("unreadable: ") + thrown.what());
  }
  return {seed,
          setting.description,
          recorder.violations(),
          world.coverage(),
          world.crash_count(),
          world.turn_count(),
          recorder.run_count()};
}

}  // namespace fanfold::simulation
