#pragma once

#include "engine/store.hpp"

#include <functional>
#include <stop_token>

namespace fanfold::engine {

/// How far a push has come; told before each step begins.
enum class PushStep : std::uint8_t {
  pause,   ///< Nothing new starts.
  wait,    ///< For what runs; the count is how many tasks that is.
  freeze,  ///< `moving` is set: from here on a push goes forward only. Whoever still holds a task loses it.
  copy,    ///< Payloads, the header, and what the tasks have become so far; the count is the cluster's tasks.
  resume,  ///< The target sends what is open.
  done
};

struct PushOptions {
  /// What the source's `moved_to` says in the end, e.g. "aws:jobs". Not empty; another one for every target.
  std::string target{};
  /// How long running tasks, and child clusters that tasks wait for, may take to end.
  std::chrono::milliseconds wait_max{std::chrono::minutes{10}};
  std::function<void(PushStep, std::uint64_t)> on_step{};
  std::stop_token stop{};  ///< Up to `freeze` the cluster is left paused, from then on `moving`.
};

struct PushReport {
  bool moved_before = false;  ///< An earlier push had moved it; nothing was done.
  bool went_on = false;       ///< An earlier push was cut off, and this one did the rest.
  std::uint64_t total_count = 0;
  std::uint64_t done_count = 0;    ///< Done before the move; results went along.
  std::uint64_t failed_count = 0;  ///< Failed for good before the move; the last errors went along.
  std::uint64_t open_count = 0;    ///< To be done at the target, attempts so far counted.
};

/// Moves what is open of a cluster from one store to another, under the same key: docs/adr/0055. A cut-off push is
/// ended by the same call. The source's workers may run meanwhile. Blocks; not for two callers at once (the second one
/// goes on where the first one is, which is harmless).
///
/// Errors: not_found (also: the target has no queue of this name); deleted; invalid_argument (open, a child or in a
/// later round; finished; moved elsewhere; globals without a place at the target); already_exists (the target has
/// another cluster under this key); not_finished and cancelled (tasks still run, or `stop`: it is paused).
Result<PushReport> push_cluster(Store& source, Store& target, const std::string& id, const PushOptions& options);

}  // namespace fanfold::engine
