#pragma once

namespace fanfold::detail {

/// Base of what a simulation throws where the process "dies": it passes through everything that handles exceptions.
struct ProcessEnd {};

}  // namespace fanfold::detail
