#pragma once

#include <fanfold/client.hpp>

#include <string>

namespace fanfold::cli {

/// The library's words for what to do about a cluster, as commands that can be typed.
[[nodiscard]] std::string as_commands(std::string remedy, const ClusterHeader& header);

}  // namespace fanfold::cli
