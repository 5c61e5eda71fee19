#pragma once

#include <fanfold/types.hpp>

namespace fanfold {

/// The record of one message or task. Stored and JSON names are the owner's (pKey, rKey, startedAt, consumtion_count,
/// …); `to_json` in records_json.hpp is the one place that maps them.
template <class Meta = Json, class Body = Json>
struct MessageRecord {
  std::string p_key{};
  std::string r_key{};
  std::string id{};   ///< Of the message; of a task the r_key without its prefix.
  std::string url{};  ///< Of the queue.
  std::optional<Meta> meta{};
  Body body{};
  RecordType type = RecordType::message;
  Time started_at{};
  Status status = Status::pre_flight;
  StatusCode status_code = StatusCode::pre_flight;
  std::optional<Time> completed_at{};
  Time updated_at{};
  Time expires_at{};
  std::uint32_t consumption_count = 0;  ///< Attempts: how often we started processing. Stored as `consumtion_count`.
  std::vector<ErrorEntry> error{};

  [[nodiscard]] MessageKey key() const { return {p_key, r_key}; }
};

/// One line of a cluster's task lists.
template <class TaskMeta = Json>
struct Task {
  std::optional<TaskMeta> meta{};
  std::string id{};  ///< `<cluster id>#<index>`
  Status status = Status::pre_flight;
};

/// The record of a cluster. Its task lists are filled where they were asked for, and only up to `task_list_max`:
/// a cluster may have millions; read those with `list_tasks`.
template <class Meta = Json, class TaskMeta = Json>
struct MessageClusterRecord {
  RecordType type = RecordType::cluster;
  std::string url{};
  std::string p_key{};
  std::string r_key{};
  std::string name{};
  Status status = Status::pre_flight;
  StatusCode status_code = StatusCode::pre_flight;
  std::vector<ErrorEntry> error{};
  Time started_at{};
  std::optional<Time> completed_at{};
  std::vector<Task<TaskMeta>> completed_tasks{};
  std::vector<Task<TaskMeta>> incomplete_tasks{};
  std::optional<BucketParams> bucket_params{};
  std::optional<Meta> meta{};
  Time updated_at{};
  Time expires_at{};

  [[nodiscard]] MessageKey key() const { return {p_key, r_key}; }
};

/// Counts of a cluster's current state; cheap at any size.
struct Progress {
  std::uint64_t total_count = 0;        ///< Tasks known so far.
  std::uint64_t done_count = 0;         ///< Complete.
  std::uint64_t failed_count = 0;       ///< Failed for good, earlier rounds' included that were not retried.
  std::uint64_t in_progress_count = 0;  ///< Leased now, or waiting for a child cluster.
  bool estimated = false;               ///< AWS, while a large cluster runs: the counts are extrapolated from a sample.
  std::uint64_t abandoned_count = 0;    ///< Leased by processes that are known to be dead: in progress no more.
  bool sealed = false;                  ///< False while tasks may still be added.
  bool paused = false;
  bool finished = false;        ///< No task can change any more.
  bool finish_handled = false;  ///< The finish message has ended.
  bool finish_failed = false;   ///< Its handler has failed for good: `why` says how, `retry_finish` runs it anew.
  std::uint32_t round = 0;      ///< Grows with every retry_failed and retry_finish.
  Status status = Status::in_progress;
  StatusCode status_code = StatusCode::in_progress;

  friend bool operator==(const Progress&, const Progress&) = default;
};

/// What one task returned.
template <class Result_ = Json>
struct TaskResult {
  std::uint64_t index = 0;
  Result_ result{};
};

/// Where one task stands, as list_tasks shows it.
struct TaskState {
  std::uint64_t index = 0;
  Status status = Status::pre_flight;
  bool waiting_for_child = false;
  bool backing_off = false;  ///< Its last attempt failed: the next one may begin at `lease_end`.
  /// Leased by a process that is known to be dead: the next one that opens the store for writing frees it. Never set
  /// where nobody can tell, as on AWS: there its lease runs out.
  bool abandoned = false;
  std::uint32_t attempt_count = 0;
  std::optional<Time> lease_end{};     ///< Where it is in progress, or backing off after a failure.
  std::optional<Time> completed_at{};  ///< Where it ended.
  Json body{};
  std::optional<Json> meta{};
  std::vector<ErrorEntry> error{};
};

/// What a list of tasks has of each. Errors and payloads cost reads of their own on AWS; a page of large payloads is
/// large.
enum class TaskParts : std::uint8_t {
  states,  ///< No errors, body or meta.
  errors,  ///< No body or meta.
  whole
};

/// Which tasks list_tasks and retry_failed mean. Every field given must match.
struct TaskFilter {
  std::optional<Status> status{};
  std::string fingerprint{};  ///< A prefix of an error's fingerprint; empty matches all.
  std::string contains{};     ///< Part of the last error's message; empty matches all.
};

}  // namespace fanfold
