#pragma once

#include "cli/invocation.hpp"
#include "views/queue_name.hpp"

#include <fanfold/client.hpp>

namespace fanfold::cli {

/// The url of a queue that is there. The embedded engine would make one at its first use; where people look at a queue
/// or work on one, a typing error is no new queue. Errors: not_found, with the names of queues that there are.
[[nodiscard]] Result<std::string> existing_queue(const Invocation& invocation, const Client& client,
                                                 const std::string& name);

using views::queue_name_of;

}  // namespace fanfold::cli
