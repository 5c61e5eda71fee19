#pragma once

#include <fanfold/client.hpp>

#include <vector>

namespace fanfold::cli {

/// Clusters that tasks of a cluster wait or waited for, at any depth, and those whose tasks wait for it.
struct ClusterRelatives {
  std::vector<ClusterHeader> children{};
  std::vector<ClusterHeader> parents{};  ///< Its own first.
  /// There were more clusters to look through for children than are looked at.
  bool is_cut = false;
};

/// No record of a task says which child it waited for, but a child says whose it is: the clusters that are younger than
/// this one are looked through, the newest first. Blocks.
[[nodiscard]] Result<ClusterRelatives> find_relatives(const Client& client, const ClusterHeader& cluster);

inline constexpr std::size_t relatives_looked_at_max = 10'000;  ///< Clusters: on AWS, each is a read.
inline constexpr std::size_t parents_max = 100;

}  // namespace fanfold::cli
