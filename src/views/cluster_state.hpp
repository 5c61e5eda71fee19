#pragma once

#include "views/json_object.hpp"

#include <fanfold/client.hpp>

namespace fanfold::views {

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

/// The member `finish` that `cluster show --json` adds to a record.
[[nodiscard]] std::string finish_json(const FinishState& finish);

/// What a cluster's header tells of when something happened to it, the earliest first.
struct Moment {
  Time at{};
  std::string what{};
};
[[nodiscard]] std::vector<Moment> moments_of(const ClusterHeader& header);

/// The member `trace` that it adds where the cluster has one.
[[nodiscard]] std::string trace_json(const TraceContext& trace);

/// Error entries as a JSON array.
[[nodiscard]] Json errors_json(const std::vector<ErrorEntry>& errors);

/// One object for scripts: cluster, name, status (the stored name), state, counts, times.
[[nodiscard]] JsonObject state_json(const ClusterHeader& header, const Progress& progress);

}  // namespace fanfold::views
