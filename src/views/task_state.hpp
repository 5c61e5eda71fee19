#pragma once

#include <fanfold/records.hpp>

#include <optional>
#include <string_view>

namespace fanfold::views {

/// What a task is doing now, in the words of `status_of_word` as far as those tell.
[[nodiscard]] std::string_view state_word(const TaskState& task);

/// Of the stored names, and of the words for people: open, running, complete, failed. Empty where it is none.
[[nodiscard]] std::optional<Status> status_of_word(std::string_view word);

}  // namespace fanfold::views
