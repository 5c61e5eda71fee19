#pragma once

#include "cli/invocation.hpp"
#include "cli/task_input.hpp"

#include <fanfold/backends/aws_cost.hpp>

namespace fanfold::cli {

/// The prices of this start: those of the file that --prices or fanfold.toml names, else the ones that are built in.
/// Errors: not_found, unavailable, bad_input with the key.
[[nodiscard]] Result<aws::Prices> prices_of(const std::string& file);

/// "$12.34"; below a dollar two digits that say something: "$0.0021".
[[nodiscard]] std::string dollars(double amount);

/// What a command that begins work on AWS is asked to cost at most.
struct CostLimit {
  std::string amount{};  ///< In dollars; empty: any.
  // What the estimate cannot know.
  std::chrono::milliseconds task_time{100};
  std::uint64_t workers = 1;
};
/// --max-cost, --task-time and --workers.
void add_cost_limit(Command app, CostLimit& limit);

/// What an estimate takes for granted, for people: "1 worker of 8 jobs, 100ms a task of 200 bytes".
[[nodiscard]] std::string assumptions(const aws::Workload& workload);

enum class Budget : std::uint8_t { kept, exceeded };
/// Called before anything is written. Kept where what is planned costs no more than the limit, and without a limit;
/// where it costs more, says so; either way with what it assumed. The list is read and rewound, and its tasks are added
/// to the workload, as is what the limit says of them.
/// On a file nothing costs anything. Errors: invalid_argument (the limit), bad_input (prices), those of the list.
[[nodiscard]] Result<Budget> check_budget(const CommonOptions& common, const CostLimit& limit, TaskInput* list,
                                          aws::Workload workload);

}  // namespace fanfold::cli
