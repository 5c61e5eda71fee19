#pragma once

#include <fanfold/trace_context.hpp>

#include <string>
#include <vector>

namespace fanfold::cli {

/// The environment of a program that is run for a message: `own` before `given`, each "NAME=value". Where the message
/// has a trace, the variables TRACEPARENT, TRACESTATE and _X_AMZN_TRACE_ID say what it has, and none of them is left
/// from `given`, which would be of another place; else they are as in `given`. Ends with null; borrows both.
[[nodiscard]] std::vector<char*> environment_with_trace(std::vector<std::string>& own,
                                                        const std::vector<std::string>& given,
                                                        const TraceContext& trace);

}  // namespace fanfold::cli
