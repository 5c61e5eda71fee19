#pragma once

#include "cli/output.hpp"

#include <fanfold/cluster_header.hpp>
#include <fanfold/records.hpp>

namespace fanfold::cli {

[[nodiscard]] Time now();

/// One or two words: "running", "paused", "open", "complete", "failed", "stopped", "deleted".
[[nodiscard]] std::string state_text(const ClusterHeader& header, const Progress& progress);

/// Some lines about one cluster, for people.
[[nodiscard]] std::string state_description(const ClusterHeader& header, const Progress& progress);

/// One object for scripts: cluster, name, status (the stored name), state, counts, times.
[[nodiscard]] JsonObject state_json(const ClusterHeader& header, const Progress& progress);

/// How it ended or where it stands: "photos: 19,997 of 20,000 complete, 3 failed".
[[nodiscard]] std::string ending_line(const std::string& label, const ClusterHeader& header, const Progress& progress);

}  // namespace fanfold::cli
