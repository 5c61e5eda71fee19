#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

#include <condition_variable>
#include <deque>

namespace fanfold::engine {

/// How often one merged update of globals is swapped before it is given up as `conflict`.
inline constexpr std::size_t globals_swap_count_max = 256;
/// Most updates that one swap carries.
inline constexpr std::size_t globals_group_count_max = 1'024;

/// True while an update function of this thread runs: an update inside of it would wait for itself.
[[nodiscard]] bool is_inside_update_function() noexcept;

/// Marks the thread as running an update function, for its life.
class UpdateFunctionScope {
 public:
  UpdateFunctionScope() noexcept;
  ~UpdateFunctionScope();
  UpdateFunctionScope(const UpdateFunctionScope&) = delete;
  UpdateFunctionScope& operator=(const UpdateFunctionScope&) = delete;

 private:
  bool outer_;
};

/// Reads globals. Errors: not_found.
Result<Json> read_globals(Store& store, const BucketParams& where);

/// Updates globals by compare-and-swap. Updates of one cluster that come from several threads are merged: one thread
/// applies what waits, one after the other, and stores the outcome in one swap, since a key takes few of them a second.
/// Thread-safe; calls block.
class GlobalsUpdater {
 public:
  explicit GlobalsUpdater(Store& store) : store_(store) {}

  /// Applies `function`, exactly once in effect; it may run more often, on any thread that updates the same cluster.
  /// The answer is the version that holds its effect. What it throws comes out of here and changes nothing.
  /// Errors: invalid_argument (inside another update function), not_found, deleted, too_large, conflict,
  /// outcome_unknown; those of the function.
  Result<std::string> update(const std::string& cluster_id, const detail::JsonFunction& function);

 private:
  /// What became of one request.
  struct Settlement {
    std::optional<Result<std::string>> answer{};
    std::exception_ptr thrown{};
    [[nodiscard]] bool there() const noexcept { return answer.has_value() || thrown != nullptr; }
  };
  struct Request {
    const detail::JsonFunction* function = nullptr;  // Its caller waits for the settlement, so it outlives the request.
    Settlement settlement{};
  };
  /// Requests for one cluster; `led` while a thread works on those that it took.
  struct Group {
    std::deque<Request*> waiting{};
    bool led = false;
    std::size_t user_count = 0;
    std::condition_variable changed{};
  };
  class Swap;
  class Membership;

  Result<void> check_cluster(const std::string& cluster_id);
  void lead(std::unique_lock<std::mutex>& lock, Group& group, const std::string& cluster_id, const BucketParams& where);

  Store& store_;
  std::mutex mutex_;
  std::map<std::string, Group, std::less<>> groups_;  // Guarded by mutex_, as is all that is in it.
};

}  // namespace fanfold::engine
