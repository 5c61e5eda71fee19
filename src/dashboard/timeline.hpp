#pragma once

#include "dashboard/answers.hpp"

#include <fanfold/client.hpp>

namespace fanfold::dashboard {

/// How many tasks of a sample ended in each part of a cluster's time, and what else happened when.
[[nodiscard]] Reply timeline_of(const Client& client, const ClusterHeader& header, Time now);

}  // namespace fanfold::dashboard
