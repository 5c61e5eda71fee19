#pragma once

#include <fanfold/client.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace fanfold::cli {

/// Waits until no task of these clusters is run by a process that lives: other starts of a job, with other lists, which
/// would run again what they have not completed yet. On AWS, where nobody sees that a process died, a dead one's tasks
/// count until their leases end. `say` is told once of the first cluster that is waited for. Blocks. Errors: those of
/// the store; cancelled once `stop` is requested.
[[nodiscard]] Result<void> wait_for_other_starts(const Client& client, const std::vector<ClusterHeader>& clusters,
                                                 std::chrono::milliseconds interval,
                                                 const std::function<void(const ClusterHeader&)>& say,
                                                 const std::stop_token& stop);

}  // namespace fanfold::cli
