#pragma once

#include <fanfold/handlers.hpp>

#include <string>
#include <vector>

namespace fanfold::cli {

class Telemetry;

/// A handler of finished clusters that runs `command`, one string, so a shell's: sh -c, with FANFOLD_CLUSTER,
/// FANFOLD_NAME, FANFOLD_STATUS and FANFOLD_ATTEMPT besides `environment`, each "NAME=value". `telemetry`, borrowed, is
/// told of each run.
[[nodiscard]] ClusterHandler finish_handler_of(std::string command, std::vector<std::string> environment,
                                               Telemetry* telemetry);

}  // namespace fanfold::cli
