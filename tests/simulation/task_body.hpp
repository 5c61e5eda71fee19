#pragma once

#include <fanfold/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace fanfold::simulation {

/// What a task is to do, said in its message: the same for every copy and attempt.
struct TaskBody {
  std::string plan;
  std::uint32_t depth = 0;
  std::uint32_t child_count = 0;
};
BOOST_DESCRIBE_STRUCT(TaskBody, (), (plan, depth, child_count))

/// The tasks of the child cluster of a task with this body.
inline std::vector<TaskBody> child_bodies(const TaskBody& parent) {
  std::vector<TaskBody> bodies;
  for (std::uint32_t i = 0; i < parent.child_count; ++i) {
    const bool is_parent = parent.depth == 0 && i == 0;
    bodies.push_back({is_parent ? "child" : i == 1 ? "retry once" : "done", parent.depth + 1, is_parent ? 1U : 0U});
  }
  return bodies;
}

}  // namespace fanfold::simulation
