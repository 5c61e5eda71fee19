#pragma once

#include <chrono>
#include <stop_token>

namespace fanfold::cli {

/// Blocks for so long, or until `stop` is requested.
void pause_for(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace fanfold::cli
