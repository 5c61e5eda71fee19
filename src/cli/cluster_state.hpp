#pragma once

#include "cli/exit_code.hpp"
#include "cli/output.hpp"

#include <fanfold/client.hpp>

namespace fanfold::cli {

[[nodiscard]] Time now();

/// One or two words: "running", "paused", "open", "complete", "failed", "stopped", "deleted".
[[nodiscard]] std::string state_text(const ClusterHeader& header, const Progress& progress);

/// What became of a cluster's finish message, as its own record says.
struct FinishState {
  Status status = Status::pre_flight;
  std::uint32_t attempt_count = 0;
  std::vector<ErrorEntry> error{};
  [[nodiscard]] bool failed() const noexcept { return status == Status::error; }
};
/// Empty where none was sent yet. Blocks.
[[nodiscard]] Result<std::optional<FinishState>> read_finish(const Client& client, const ClusterHeader& header);

/// Some lines about one cluster, for people.
[[nodiscard]] std::string state_description(const ClusterHeader& header, const Progress& progress,
                                            const std::optional<FinishState>& finish);
/// The member `finish` that `cluster show --json` adds to a record.
[[nodiscard]] std::string finish_json(const FinishState& finish);

/// Error entries as a JSON array.
[[nodiscard]] Json errors_json(const std::vector<ErrorEntry>& errors);

/// One object for scripts: cluster, name, status (the stored name), state, counts, times.
[[nodiscard]] JsonObject state_json(const ClusterHeader& header, const Progress& progress);

/// How it ended or where it stands: "photos: 19,997 of 20,000 complete, 3 failed".
[[nodiscard]] std::string ending_line(const std::string& label, const ClusterHeader& header, const Progress& progress);

/// For whoever waited for its end: failed also where its finish handler has failed for good; interrupted before the
/// end.
[[nodiscard]] ExitCode ending_code(const Progress& progress);

}  // namespace fanfold::cli
