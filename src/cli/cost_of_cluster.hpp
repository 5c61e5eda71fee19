#pragma once

#include "cli/invocation.hpp"

#include <fanfold/backends/aws_cost.hpp>
#include <fanfold/cluster_header.hpp>

namespace fanfold::cli {

/// A cluster that is there, as far as its cost is concerned.
struct CostOfCluster {
  ClusterHeader header{};
  aws::Workload whole{};    ///< From creation to its finish message, with what is known of retries and rounds.
  aws::Workload to_come{};  ///< What is still open of it.
  std::uint64_t ended_count = 0;
  bool is_over = false;  ///< Nothing of it is to come.
  bool is_on_aws = false;
};

/// Reads the state of every task, and of the first ones what they hold, which stands for all. `workers` says what the
/// records do not. Retries of rounds before the newest are not kept count of, and are not in it.
/// Errors: those of find_cluster and of the store.
[[nodiscard]] Result<CostOfCluster> cost_of_cluster(const CommonOptions& common, const std::string& cluster,
                                                    const aws::Workload& workers);

}  // namespace fanfold::cli
