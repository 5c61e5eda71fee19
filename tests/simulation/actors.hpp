#pragma once

#include "recorder.hpp"

namespace fanfold::simulation {

/// What one producer does with one cluster, and what its tasks are like.
struct ClusterPlan {
  std::uint64_t number = 0;
  std::string queue{};
  std::uint64_t task_count = 0;
  ClusterOptions options{};
  bool open = false;    ///< Opened, added to and sealed, in place of created.
  bool pauses = false;  ///< Paused once, then resumed.
  bool stops = false;
  bool fails_one_by_hand = false;
  bool deletes = false;  ///< In the end.
  std::uint64_t retry_count_max = 0;
  bool has_troubles = false;  ///< Some tasks retry, fail or throw.
  bool has_children = false;  ///< Some tasks create child clusters.
};

/// Every cluster and message of a world is sent with it, so that every handler has to see it.
inline const TraceContext trace_of_the_world{
    .parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    .state = "congo=t61rcWkgMzE",
    .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};

[[nodiscard]] Handlers make_handlers(testing::Simulation& world, Recorder& recorder);

void add_cluster_script(testing::Simulation& world, Recorder& recorder, const ClusterPlan& plan);
void add_sender_script(testing::Simulation& world, Recorder& recorder, const std::string& queue, std::uint64_t count);
/// Empties the queue once, as an operator may by mistake.
void add_purge_script(testing::Simulation& world, const std::string& queue);
/// Steers clusters a while at random, whatever state they are in.
void add_operator_script(testing::Simulation& world, Recorder& recorder);
/// Works a while with is_complete and mark_complete.
void add_hand_script(testing::Simulation& world, Recorder& recorder, const std::string& queue);

}  // namespace fanfold::simulation
