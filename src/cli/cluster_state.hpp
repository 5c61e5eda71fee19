#pragma once

#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "views/cluster_state.hpp"

#include <fanfold/client.hpp>

namespace fanfold::cli {

[[nodiscard]] Time now();

using views::errors_json;
using views::finish_json;
using views::FinishState;
using views::read_finish;
using views::state_json;
using views::state_text;
using views::trace_json;

/// Some lines about one cluster, for people.
[[nodiscard]] std::string state_description(const ClusterHeader& header, const Progress& progress,
                                            const std::optional<FinishState>& finish);
/// How it ended or where it stands: "photos: 19,997 of 20,000 complete, 3 failed".
[[nodiscard]] std::string ending_line(const std::string& label, const ClusterHeader& header, const Progress& progress);

/// For whoever waited for its end: failed also where its finish handler has failed for good; interrupted before the
/// end.
[[nodiscard]] ExitCode ending_code(const Progress& progress);

}  // namespace fanfold::cli
