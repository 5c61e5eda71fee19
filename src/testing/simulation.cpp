#include <fanfold/testing/simulation.hpp>

#include "support/assert.hpp"
#include "support/identifier.hpp"
#include "testing/simulated_worker.hpp"
#include "testing/turns.hpp"

#include <algorithm>
#include <thread>

namespace fanfold::testing {

namespace {

constexpr std::size_t worker_count_max = 64;
constexpr double yield_at_call_chance = 0.15;
constexpr std::size_t look_interval = 8;             // Turns between two looks at whether all is over.
constexpr std::uint64_t tick_max_milliseconds = 40;  // Of a turn.
constexpr std::uint64_t idle_step_seconds = 2;
constexpr std::size_t idle_doublings_max =
    13;  // Up to 4.5 hours at once, so that retentions and expiries come to pass.
constexpr double oversleep_chance = 0.1;
constexpr double long_pause_chance = 0.004;  // Of a turn: everything stands still for up to two leases.

}  // namespace

class Simulation::World {
 public:
  explicit World(SimulationOptions from)
      : options(std::move(from)),
        random(options.seed),
        engine_random(options.seed ^ 0x5eed),
        plan(std::make_shared<FaultPlan>(options.seed + 1, options.chaos)),
        store(with_clock(options.store)) {
    FANFOLD_ASSERT(options.worker_count >= 1 && options.worker_count <= worker_count_max, "1 to 64 workers");
    if (!options.trace) options.trace = [](std::string_view) {};
    plan->set_trace([this](Fault fault, std::string_view call) {
      options.trace(name_of_running() + " meets: " + std::string(to_string(fault)) + " at " + std::string(call));
    });
  }

  /// Everything that the engine draws comes from the seed while one of these lives.
  [[nodiscard]] std::function<std::uint64_t()> source() {
    return [this] { return engine_random.bits(); };
  }

  struct Process {
    std::string name{};
    std::optional<Client> client{};
  };

  [[nodiscard]] Client new_client(Process& process) {
    FaultyOptions faulty;
    faulty.plan = plan;
    faulty.clock = std::shared_ptr<ManualClock>(std::shared_ptr<void>(), &store.clock());
    faulty.on_call = [this, &process](std::string_view call) {
      if (random.chance(yield_at_call_chance)) yield(process);
      options.trace(process.name + " calls " + std::string(call));
    };
    return make_client(new_ports(std::move(faulty)));
  }

  [[nodiscard]] Backend new_ports(std::optional<FaultyOptions> faults) const {
    Backend memory = store.backend();
    if (options.ports) return options.ports(std::move(memory), std::move(faults));
    return faults ? with_faults(std::move(memory), *std::move(faults)) : std::move(memory);
  }

  void yield(Process& process) {
    turns->yield();
    running = &process;
  }

  [[nodiscard]] std::string name_of_running() const { return running == nullptr ? "world" : running->name; }

  Result<void> run(const Handlers& handlers, const std::function<bool()>& is_over);

  static MemoryOptions with_clock(MemoryOptions from) {
    FANFOLD_ASSERT(from.clock, "a simulation runs on a manual clock");
    return from;
  }

  struct NamedScript {
    std::string name{};
    Script script{};
    bool over = false;
  };

  SimulationOptions options;
  SeededRandom random;
  SeededRandom engine_random;
  RandomSourceScope own_scope{source()};  // For what is done by `client`.
  std::shared_ptr<FaultPlan> plan;        // Shared with every process.
  MemoryStore store;
  std::deque<NamedScript> scripts;
  std::unique_ptr<Turns> turns;  // While it runs.
  Process* running = nullptr;    // Of the actor that has the turn.
  std::uint64_t crash_count = 0;
  std::uint64_t turn_count = 0;

 private:
  template <class Life>
  void live(const std::string& name, Life&& life);
  void work(const std::string& name, const Handlers& handlers);
  void follow(NamedScript& script);
  Result<void> run_here(const Handlers& handlers, const std::function<bool()>& is_over);
  void look_at_queues();
  void pass_time();
  [[nodiscard]] std::chrono::milliseconds idle_time();
  [[nodiscard]] bool scripts_are_over() const {
    return std::ranges::all_of(scripts, [](const NamedScript& script) { return script.over; });
  }

  std::vector<std::string> queues_;  // That workers take from.
  std::size_t in_hand_count_ = 0;    // Workers that hold deliveries.
  std::size_t idle_count_ = 0;       // Steps in a row that found nothing to do.
  std::size_t idle_doublings_ = 0;
};

/// Lives one process after another until the world closes or the last one has done all.
template <class Life>
void Simulation::World::live(const std::string& name, Life&& life) {
  for (std::uint64_t number = 1; !turns->is_closing(); ++number) {
    Process process{name + "." + std::to_string(number), std::nullopt};
    running = &process;
    try {
      process.client = new_client(process);
      life(process);
      return;
    } catch (const SimulatedCrash& crash) {
      ++crash_count;
      options.trace(process.name + " dies at " + std::string(crash.call));
    }
    turns->yield();
  }
}

void Simulation::World::work(const std::string& name, const Handlers& handlers) {
  live(name, [&](Process& process) {
    SimulatedWorker worker(*process.client, handlers,
                           {.random = random,
                            .in_hand_count = in_hand_count_,
                            .yield = [this, &process] { yield(process); },
                            .trace = options.trace,
                            .attempts = options.attempts,
                            .deduplicate = options.deduplicate});
    while (!turns->is_closing()) {
      const std::string queue = queues_.empty()
                                    ? std::string()
                                    : queues_[random.below(queues_.size())];  // A copy: the list changes between turns.
      const bool busy = !queue.empty() && worker.step(queue);
      idle_count_ = busy ? 0 : idle_count_ + 1;
      if (busy) idle_doublings_ = 0;
      yield(process);
    }
  });
}

void Simulation::World::follow(NamedScript& script) {
  live(script.name, [&](Process& process) {
    while (!turns->is_closing()) {
      if (script.script(*process.client) == Step::over) {
        script.over = true;
        return;
      }
      yield(process);
    }
  });
}

void Simulation::World::look_at_queues() {
  const Backend backend = store.backend();
  std::vector<std::string> all = backend.queue->list().value();
  std::vector<std::string> dead;
  for (const std::string& name : all) {
    const auto attributes = backend.queue->attributes(name).value();
    if (attributes.redrive) dead.push_back(attributes.redrive->dead_letter_queue);
  }
  std::erase_if(all, [&](const std::string& name) { return std::ranges::find(dead, name) != dead.end(); });
  queues_ = std::move(all);
}

/// To the next thing that happens by itself; where nothing will, or now and then past it, longer each time.
std::chrono::milliseconds Simulation::World::idle_time() {
  const auto next = store.next_message_at();
  if (next && !random.chance(oversleep_chance)) return *next - store.clock().now();
  const std::chrono::milliseconds length = std::chrono::seconds(idle_step_seconds << idle_doublings_);
  idle_doublings_ = std::min(idle_doublings_ + 1, idle_doublings_max);
  return length;
}

void Simulation::World::pass_time() {
  std::chrono::milliseconds by(random.below(tick_max_milliseconds));
  const std::size_t idle_enough = 3 * (queues_.size() + 1) * options.worker_count;
  if (idle_count_ >= idle_enough && in_hand_count_ == 0) {
    by += idle_time();
    idle_count_ = 0;
  } else if (options.chaos.clock_jump > 0 && random.chance(long_pause_chance)) {
    by += std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(2 * options.attempts.lease.count())));
  }
  store.clock().advance(by);
}

/// On a thread of its own, so that thread-locals of the engine that actors leave behind are nobody else's.
Result<void> Simulation::World::run(const Handlers& handlers, const std::function<bool()>& is_over) {
  Result<void> result;
  std::exception_ptr thrown;
  std::thread([&] {
    const RandomSourceScope scope(source());
    try {
      result = run_here(handlers, is_over);
    } catch (...) {
      thrown = std::current_exception();
    }
    // Actors that are left in their middle end while they can still ask whether the world closes.
    if (turns) turns->close();
    turns.reset();
  }).join();
  running = nullptr;
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

Result<void> Simulation::World::run_here(const Handlers& handlers, const std::function<bool()>& is_over) {
  turns = std::make_unique<Turns>();
  plan->set_chaos(options.chaos);
  std::vector<std::size_t> actors;
  for (std::size_t i = 1; i <= options.worker_count; ++i) {
    actors.push_back(turns->add([this, i, &handlers] { work("worker" + std::to_string(i), handlers); }));
  }
  for (NamedScript& script : scripts) {
    if (!script.over) actors.push_back(turns->add([this, &script] { follow(script); }));
  }

  const std::size_t turn_count_max = options.faulty_turn_count_max + options.calm_turn_count_max;
  bool over = false;
  for (std::size_t count = 0; count < turn_count_max && !over; ++count, ++turn_count) {
    if (count == options.faulty_turn_count_max) {
      options.trace("no more faults from here on");
      plan->set_chaos(Chaos::nothing());
    }
    if (count % look_interval == 0) {
      look_at_queues();
      // Who has something in hand may be late with it, and begin a child cluster that nobody waits for.
      over = scripts_are_over() && in_hand_count_ == 0 && is_over();
    }
    if (!over) turns->give(actors[random.below(actors.size())]);
    pass_time();
  }
  plan->set_chaos(Chaos::nothing());
  turns->close();
  if (!over)
    return Error{ErrorCode::deadline_exceeded, "not over after " + std::to_string(turn_count_max) + " turns", {}};
  return {};
}

Simulation::Simulation(SimulationOptions options)
    : client(nullptr), world_(std::make_unique<World>(std::move(options))) {
  client = make_client(backend());
}

Simulation::~Simulation() = default;

Result<Progress> Simulation::run_until(const MessageKey& cluster, const Handlers& handlers) {
  const auto run_out = run(handlers, [&] {
    const auto progress = client.progress(cluster);
    return progress.has_value() && progress->finished && progress->finish_handled;
  });
  if (run_out) return client.progress(cluster);
  std::string message = run_out.error().message;
  const auto reasons = client.why(cluster);
  if (!reasons) return Error{ErrorCode::deadline_exceeded, message + "; why: " + to_string(reasons.error()), {}};
  for (const OpenReason& reason : *reasons) message += "; " + reason.cause + " (" + reason.remedy + ")";
  return Error{ErrorCode::deadline_exceeded, message, {}};
}

void Simulation::add_script(std::string name, Script script) {
  world_->scripts.push_back({std::move(name), std::move(script), false});
}

Result<void> Simulation::run(const Handlers& handlers, const std::function<bool()>& is_over) {
  return world_->run(handlers, is_over);
}

void Simulation::trace(std::string_view line) { world_->options.trace(line); }
void Simulation::yield() {
  if (world_->running != nullptr) world_->yield(*world_->running);
}
const Client& Simulation::running_client() const {
  FANFOLD_ASSERT(world_->running != nullptr && world_->running->client, "only handlers and scripts run in a process");
  return *world_->running->client;
}
Backend Simulation::backend() { return world_->new_ports(std::nullopt); }
MemoryStore& Simulation::store() { return world_->store; }
ManualClock& Simulation::clock() { return world_->store.clock(); }
SeededRandom& Simulation::random() { return world_->random; }
FaultPlan::Coverage Simulation::coverage() const { return world_->plan->coverage(); }
std::uint64_t Simulation::crash_count() const { return world_->crash_count; }
std::uint64_t Simulation::turn_count() const { return world_->turn_count; }

}  // namespace fanfold::testing
