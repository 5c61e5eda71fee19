#pragma once

#include "cli/round_spans.hpp"

#include <fanfold/records.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// The timeline of a cluster, made afterwards from what its store keeps, as events of Chrome's JSON trace format. Of a
/// task that is when its failed attempts ended, up to 32 of them, and when it ended; when it began is not kept, so that
/// there are no spans of tasks. However many tasks there are, the events are some thousands: counts over time, of all;
/// marks of ends and failures, of the latest. Payloads, results and outputs are in none of it. Not thread-safe.
class ClusterTrace {
 public:
  struct Options {
    ClusterHeader cluster{};
    /// Of its finish messages that were sent, the latest too, ascending. What is missing leaves a gap.
    std::vector<RoundFinish> finishes{};
    Time looked_at{};               ///< Whatever goes on goes on until then.
    std::size_t shown_max = 2'000;  ///< Of ends, of failures, of open tasks and of child clusters, each.
  };
  /// Steps in which counts change, at most.
  static constexpr std::size_t step_count_max = 1'000;

  explicit ClusterTrace(Options options);

  /// With its errors; each task once, in any order.
  void add(const TaskState& task);
  /// A cluster that a task of this one waited for, or a child of such a cluster.
  void add_child(const ClusterHeader& child);
  /// The cluster whose task waits for this one, then whose task waits for that, and so on.
  void add_parent(const ClusterHeader& parent);

  /// All events, one object a call; the first is the name of a process. The last call.
  void write(const std::function<void(std::string_view event)>& sink);

  [[nodiscard]] std::uint64_t task_count() const noexcept { return task_count_; }
  /// As the tasks are now.
  [[nodiscard]] const TaskCounts& counts() const noexcept { return counts_; }
  /// Ends, failures, tasks that have begun and child clusters that have no mark or span.
  [[nodiscard]] std::uint64_t left_out_count() const noexcept;
  /// Tasks with as many failures as a record keeps: there may have been more, which no count has.
  [[nodiscard]] std::uint64_t partly_kept_count() const noexcept { return partly_kept_count_; }

 private:
  struct End {
    Time at{};
    std::uint64_t task = 0;
    std::uint32_t attempt_count = 0;
    bool failed = false;
  };
  struct Failure {
    Time at{};
    std::uint64_t task = 0;
    ErrorEntry error{};
  };
  /// What goes on, or may go on, when it is looked at.
  struct Open {
    std::uint64_t task = 0;
    std::uint32_t attempt_count = 0;
    std::string_view state{};
    bool is_leased = false;
    std::optional<Time> free_at{};  ///< When its lease ends, or another attempt may begin.
  };
  /// The latest of many, and how many there were.
  template <class Item>
  struct Latest {
    std::vector<Item> items{};
    std::uint64_t count = 0;

    void add(Item item, std::size_t shown_max);
    void cut(std::size_t shown_max);
  };
  class Writer;

  void add_failures(const TaskState& task);
  void count(std::size_t round, Time at, const TaskCounts& counts);
  void settle();

  Options options_;
  RoundSpans rounds_;
  TimeSteps steps_{step_count_max};
  TaskCounts counts_{};
  std::uint64_t task_count_ = 0;
  std::uint64_t partly_kept_count_ = 0;
  Latest<End> ends_;
  Latest<Failure> failures_;
  std::vector<Open> open_;
  std::uint64_t open_count_ = 0;
  std::vector<ClusterHeader> children_;
  std::uint64_t child_count_ = 0;
  std::vector<ClusterHeader> parents_;
};

}  // namespace fanfold::cli
