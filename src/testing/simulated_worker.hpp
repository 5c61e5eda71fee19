#pragma once

#include <fanfold/testing/faults.hpp>

#include "engine/dispatch.hpp"
#include "engine/engine.hpp"

namespace fanfold::testing {

/// What a simulated worker needs of its world.
struct WorkerSurroundings {
  SeededRandom& random;
  std::size_t& in_hand_count;  ///< Workers that hold deliveries now.
  std::function<void()> yield{};
  std::function<void(std::string_view)> trace{};
  AttemptOptions attempts{};
  bool deduplicate = true;
};

/// One process that works: receives, begins, extends, runs, finishes and sweeps with the same parts as Worker, but one
/// step at a time and in an order that its world decides. Some of them use process_batch, as a Lambda does.
class SimulatedWorker {
 public:
  /// `handlers` is borrowed.
  SimulatedWorker(Client client, const Handlers& handlers, WorkerSurroundings surroundings);

  /// One round over one queue. False where there was nothing to do.
  bool step(const std::string& queue);

 private:
  bool step_as_worker(const std::string& queue);
  bool step_as_lambda(const std::string& queue);
  void work_on(const std::string& queue, std::vector<Delivery> deliveries);
  /// True where something failed, so that the rest of a FIFO group must wait.
  bool work_on_some(const std::string& queue, std::vector<Delivery> deliveries);
  /// False where the lease is known to be lost.
  bool beat(engine::Chunk& chunk, std::size_t position);
  void maybe_yield();

  Client client_;
  const Handlers& handlers_;
  WorkerSurroundings surroundings_;
  std::shared_ptr<engine::Engine> engine_;  // Shared with client_.
  engine::Dispatcher dispatcher_;
  bool as_lambda_;
};

}  // namespace fanfold::testing
