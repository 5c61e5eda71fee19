#pragma once

#include <fanfold/client.hpp>
#include <fanfold/testing/faults.hpp>

namespace fanfold::testing {

struct SimulationOptions {
  std::uint64_t seed = 1;  ///< The same seed, program and handlers: the same run, fault for fault.
  Chaos chaos = Chaos::everything();
  std::size_t worker_count = 3;               ///< Processes that work, 1 to 64. One that dies is followed by another.
  std::size_t faulty_turn_count_max = 3'000;  ///< After so many turns nothing fails any more,
  std::size_t calm_turn_count_max = 30'000;   ///< and after so many more all must be over.
  AttemptOptions attempts{};
  bool deduplicate = true;  ///< False: the workers' cheap mode.
  MemoryOptions store{};
  /// Makes the ports of one process where they are not those of `store` alone. Given are the store's ports without
  /// faults and what the process is to meet; nothing for a process that no fault meets. Empty: with_faults.
  std::function<Backend(Backend memory, std::optional<FaultyOptions> faults)> ports{};
  std::function<void(std::string_view)> trace{};  ///< Told in one line what happens: turns, calls, faults, deaths.
};

/// A world of several processes over one store in memory, in one run that its seed decides: who runs, what fails, who
/// dies and when, how time passes. Handlers and scripts are run by one process at a time and may be cut off at any call
/// that they make of their Client (by a SimulatedCrash, which passes through them). For unit tests of handlers:
/// `run_until`, then look. Not thread-safe. Nothing of it touches real time, disk or network.
class Simulation {
 public:
  explicit Simulation(SimulationOptions options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// A process of its own that no fault ever meets: for setting up and for looking at what came of it.
  Client client;

  /// Works until the cluster is finished and its finish message is done; then finishes what is in hand.
  /// Errors: deadline_exceeded where this takes more turns than allowed, with what keeps it open (`why`).
  Result<Progress> run_until(const MessageKey& cluster, const Handlers& handlers);

  enum class Step : std::uint8_t { again, over };
  /// Code of a producer or operator that runs beside the workers, one call after another until it answers `over`;
  /// `client` belongs to a process that may die in any call: then the next call has a new process. What the function
  /// keeps outlives its processes.
  using Script = std::function<Step(const Client& client)>;
  void add_script(std::string name, Script script);

  /// Works until every script and `is_over` say so. The latter is asked between turns, about the `client` above.
  Result<void> run(const Handlers& handlers, const std::function<bool()>& is_over);

  /// From within a handler or script: lets other processes run, as a slow call would.
  void yield();
  /// From within a handler: the Client of the process that runs it, so that what it does can fail and be cut off too.
  [[nodiscard]] const Client& running_client() const;
  /// Adds a line to the trace of the options.
  void trace(std::string_view line);
  [[nodiscard]] MemoryStore& store();
  /// The ports as one more process sees them that no fault ever meets.
  [[nodiscard]] Backend backend();
  [[nodiscard]] ManualClock& clock();
  /// By the seed, so that a run can be repeated: for scripts and handlers that choose.
  [[nodiscard]] SeededRandom& random();
  [[nodiscard]] FaultPlan::Coverage coverage() const;
  [[nodiscard]] std::uint64_t crash_count() const;
  [[nodiscard]] std::uint64_t turn_count() const;

 private:
  class World;
  std::unique_ptr<World> world_;
};

}  // namespace fanfold::testing
