#include "views/task_state.hpp"

#include <utility>

namespace fanfold::views {

std::string_view state_word(const TaskState& task) {
  if (task.waiting_for_child) return "waiting for child";
  switch (task.status) {
    case Status::pre_flight: return "open";
    case Status::in_progress: break;
    case Status::complete: return "complete";
    case Status::error: return "failed";
  }
  if (task.abandoned) return "abandoned";
  return task.backing_off || !task.lease_end ? "to be tried again" : "running";
}

std::optional<Status> status_of_word(std::string_view word) {
  if (auto status = status_from(word)) return status;
  static constexpr std::pair<std::string_view, Status> words[] = {{"open", Status::pre_flight},
                                                                  {"running", Status::in_progress},
                                                                  {"complete", Status::complete},
                                                                  {"failed", Status::error}};
  for (const auto& [name, status] : words) {
    if (word == name) return status;
  }
  return std::nullopt;
}

}  // namespace fanfold::views
