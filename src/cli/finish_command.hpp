#pragma once

#include <fanfold/handlers.hpp>

#include <string>
#include <vector>

namespace fanfold::cli {

/// A handler of finished clusters that runs `command`, one string, so a shell's: sh -c, with FANFOLD_CLUSTER,
/// FANFOLD_NAME, FANFOLD_STATUS and FANFOLD_ATTEMPT besides `environment`, each "NAME=value".
[[nodiscard]] ClusterHandler finish_handler_of(std::string command, std::vector<std::string> environment);

}  // namespace fanfold::cli
