#include "dashboard/task_reads.hpp"

#include "dashboard/cluster_reads.hpp"
#include "views/cluster_state.hpp"
#include "views/task_state.hpp"

#include <algorithm>
#include <limits>

namespace fanfold::dashboard {

namespace {

using views::JsonObject;

constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr std::size_t attempts_max = 20;

JsonObject task_json(const std::string& cluster, const TaskState& task) {
  JsonObject object;
  object.count("index", task.index)
      .text("task", MessageKey::of_task(cluster, task.index).r_key)
      .text("status", to_string(task.status))
      .text("state", views::state_word(task))
      .count("attempts", task.attempt_count)
      .time("lease_end", task.lease_end)
      .time("completed_at", task.completed_at);
  return object;
}

Result<TaskFilter> filter_of(const serve::Request& request) {
  TaskFilter filter{.fingerprint = request.parameter("fingerprint"), .contains = request.parameter("contains")};
  if (const std::string state = request.parameter("state"); !state.empty()) {
    filter.status = views::status_of_word(state);
    if (!filter.status)
      return Error{ErrorCode::invalid_argument, "state: expected open, running, complete or failed", {}};
  }
  return filter;
}

std::string attempt_json(const AttemptOutput& attempt) {
  const std::size_t cut = attempt.output.size() - std::min(attempt.output.size(), output_bytes_max);
  JsonObject object;
  object.count("attempt", attempt.attempt);
  if (attempt.round)
    object.count("round", *attempt.round);
  else
    object.json("round", {});
  return object.time("at", attempt.at)
      .text("output", std::string_view(attempt.output).substr(cut))
      .count("cut", cut)
      .line();
}

}  // namespace

Reply TaskReads::tasks(const std::string& cluster, const serve::Request& request) const {
  auto filter = filter_of(request);
  if (!filter) return std::move(filter).error();
  auto first = number_parameter(request, "first", {});
  if (!first) return std::move(first).error();
  auto limit = number_parameter(request, "limit", {.missing = 50, .least = 1, .most = list_count_max});
  if (!limit) return std::move(limit).error();
  auto page = client_.core()->list_tasks(MessageKey::of_message(cluster), *filter, *first, *limit, TaskParts::errors);
  if (!page) return std::move(page).error();
  JsonObject answer;
  answer.json("tasks", array_of(page->tasks, [&](const TaskState& task) {
                JsonObject object = task_json(cluster, task);
                // The entries are an array of one, without its brackets.
                std::string last = "null";
                if (!task.error.empty()) {
                  last = views::errors_json({task.error.back()}).text();
                  last = last.substr(1, last.size() - 2);
                }
                return object.json("last_error", Json::from_valid_text(last)).line();
              }));
  if (page->next_index)
    answer.count("next", *page->next_index);
  else
    answer.json("next", {});
  return Json::from_valid_text(answer.line());
}

Result<TaskState> TaskReads::find(const std::string& cluster, std::uint64_t index, TaskParts parts) const {
  auto page = client_.core()->list_tasks(MessageKey::of_message(cluster), {}, index, 1, parts);
  if (!page) return std::move(page).error();
  if (page->tasks.empty() || page->tasks.front().index != index)
    return Error{ErrorCode::not_found, "there is no task " + std::to_string(index) + " in this cluster", {}};
  return std::move(page->tasks.front());
}

Reply TaskReads::task(const std::string& cluster, std::uint64_t index) const {
  auto task = find(cluster, index, TaskParts::errors);
  if (!task) return std::move(task).error();
  return Json::from_valid_text(task_json(cluster, *task).json("error", views::errors_json(task->error)).line());
}

Reply TaskReads::payload(const std::string& cluster, std::uint64_t index) const {
  auto task = find(cluster, index, TaskParts::whole);
  if (!task) return std::move(task).error();
  auto results = client_.core()->results(MessageKey::of_message(cluster), index, 1);
  if (!results) return std::move(results).error();
  const bool has_result = !results->results.empty() && results->results.front().index == index;
  JsonObject answer;
  answer.json("body", as_text(task->body))
      .json("meta", task->meta ? as_text(*task->meta) : Json())
      .json("result", has_result ? as_text(results->results.front().result) : Json());
  return Json::from_valid_text(answer.line());
}

Reply TaskReads::output(const std::string& cluster, std::uint64_t index) const {
  return newest_of(client_.outputs(MessageKey::of_task(cluster, index)));
}

Reply TaskReads::finish_output(const std::string& cluster) const {
  const MessageKey key = MessageKey::of_message(cluster);
  if (auto header = client_.cluster_header(key); !header) return std::move(header).error();
  auto outputs = client_.outputs(key);
  if (!outputs && outputs.error().code == ErrorCode::not_found) outputs = std::vector<AttemptOutput>();
  return newest_of(std::move(outputs));
}

Reply TaskReads::newest_of(Result<std::vector<AttemptOutput>> outputs) {
  if (!outputs) return std::move(outputs).error();
  const std::size_t skipped = outputs->size() - std::min(outputs->size(), attempts_max);
  outputs->erase(outputs->begin(), outputs->begin() + static_cast<std::ptrdiff_t>(skipped));
  return Json::from_valid_text(JsonObject().json("attempts", array_of(*outputs, attempt_json)).line());
}

}  // namespace fanfold::dashboard
