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
};
/// --max-cost.
void add_cost_limit(Command app, CostLimit& limit);

enum class Budget : std::uint8_t { kept, exceeded };
/// Called before anything is written. Kept where what is planned costs no more than the limit, and without a limit;
/// where it costs more, says so. The list is read and rewound, and its tasks are added to the workload.
/// On a file nothing costs anything. Errors: invalid_argument (the limit), bad_input (prices), those of the list.
[[nodiscard]] Result<Budget> check_budget(const CommonOptions& common, const CostLimit& limit, TaskInput* list,
                                          aws::Workload workload);

}  // namespace fanfold::cli
