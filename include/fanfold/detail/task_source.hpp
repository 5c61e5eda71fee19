#pragma once

#include <fanfold/detail/client_core.hpp>

#include <ranges>

namespace fanfold {

/// A task with meta of its own; a plain body will do where there is none.
template <class Body, class TaskMeta>
struct NewTask {
  Body body;
  TaskMeta meta;
};

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_new_task = false;
template <class B, class M>
inline constexpr bool is_new_task<NewTask<B, M>> = true;

/// Errors: those of the codec, with the task's number.
template <class T>
Result<std::optional<TaskData>> task_data(const T& task, std::uint64_t number) {
  const auto failed = [number](Error error) {
    error.message = "task " + std::to_string(number) + ": " + error.message;
    return error;
  };
  if constexpr (is_new_task<T>) {
    auto body = encoded(task.body);
    if (!body) return failed(std::move(body).error());
    auto meta = encoded(task.meta);
    if (!meta) return failed(std::move(meta).error());
    return std::optional(TaskData{body->text(), meta->text()});
  } else {
    static_assert(Encodable<T>,
                  "no Codec for the tasks' type: describe it (BOOST_DESCRIBE_STRUCT) and include <fanfold/json.hpp>");
    auto body = encoded(task);
    if (!body) return failed(std::move(body).error());
    return std::optional(TaskData{body->text(), {}});
  }
}

template <class T>
concept TaskGenerator = std::is_invocable_v<T&> && is_optional<std::remove_cvref_t<std::invoke_result_t<T&>>>;

/// A range of bodies (or NewTasks), or a generator that returns std::optional of one. A borrowed range must outlive the
/// call.
template <class Tasks>
TaskSource task_source(Tasks&& tasks) {
  if constexpr (TaskGenerator<std::remove_reference_t<Tasks>>) {
    return [&tasks, number = std::uint64_t{0}]() mutable -> Result<std::optional<TaskData>> {
      auto task = tasks();
      if (!task) return std::optional<TaskData>();
      return task_data(*task, number++);
    };
  } else {
    static_assert(std::ranges::input_range<Tasks>,
                  "tasks are a range of bodies, or a generator: []() -> std::optional<Body>");
    return [&tasks, position = std::optional<std::ranges::iterator_t<std::remove_reference_t<Tasks>>>(),
            number = std::uint64_t{0}]() mutable -> Result<std::optional<TaskData>> {
      if (!position) position.emplace(std::ranges::begin(tasks));
      if (*position == std::ranges::end(tasks)) return std::optional<TaskData>();
      auto data = task_data(static_cast<const std::ranges::range_value_t<Tasks>&>(**position), number++);
      ++*position;
      return data;
    };
  }
}

}  // namespace detail
}  // namespace fanfold
