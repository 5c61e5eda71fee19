#pragma once

#include "dashboard/answers.hpp"
#include "dashboard/dashboard.hpp"

#include <fanfold/client.hpp>

namespace fanfold::dashboard {

inline constexpr std::size_t measured_cluster_count_max = 200;
inline constexpr std::size_t measured_queue_count_max = 50;

/// What a store holds, as Prometheus reads it: the newest 200 clusters that are not over, and 50 queues. What workers
/// do is served by each of them (`--metrics`). Behind it, what `options.write_process` writes. Thread-safe; blocks for
/// as long as the store does.
[[nodiscard]] serve::Answer store_metrics(const Client& client, const Options& options);

}  // namespace fanfold::dashboard
