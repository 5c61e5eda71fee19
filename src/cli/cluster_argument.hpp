#pragma once

#include "cli/invocation.hpp"

#include <fanfold/client.hpp>

namespace fanfold::cli {

/// Finds the cluster that a person means: by key, id, name (the newest of that name), or a unique beginning of an id of
/// at least four characters. Errors: not_found; invalid_argument where several ids begin so.
[[nodiscard]] Result<ClusterHeader> find_cluster(const Client& client, const std::string& argument);

/// What "CLUSTER#INDEX", the key of a message, or a cluster alone names. A cluster's own key stands for its finish
/// message.
struct FoundRecord {
  MessageKey key;
  std::optional<ClusterHeader> cluster;  ///< Empty for a message that belongs to none.
  std::optional<std::uint64_t> index;    ///< Of a task.
};
/// Errors: those of find_cluster; not_found where the cluster has no such task; bad_input.
[[nodiscard]] Result<FoundRecord> find_record(const Client& client, const std::string& argument);

[[nodiscard]] MessageKey key_of(const ClusterHeader& header);
/// not_found, with the indexes that there are.
[[nodiscard]] Error no_task(const ClusterHeader& header, std::uint64_t index);
/// The name where it has one, else the id: for lines that people read.
[[nodiscard]] std::string label_of(const ClusterHeader& header);

/// The cluster as a word for a command line that people may copy: its name where that can be typed, else its id.
[[nodiscard]] std::string word_of(const ClusterHeader& header);

/// The argument CLUSTER of a command.
void add_cluster_argument(Command app, std::string& target, bool required = true);

}  // namespace fanfold::cli
