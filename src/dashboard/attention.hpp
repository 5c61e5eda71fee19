#pragma once

#include <fanfold/client.hpp>

#include <string>

namespace fanfold::dashboard {

/// Why somebody should look at a cluster, in one line, beyond what its state and its counts say already; empty where
/// nobody needs to. By its header and its progress, without a further read: `why` knows more.
[[nodiscard]] std::string attention(const ClusterHeader& header, const Progress& progress, Time now);

}  // namespace fanfold::dashboard
