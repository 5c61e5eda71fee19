#pragma once

#include "cli/invocation.hpp"

#include <fanfold/client.hpp>

namespace fanfold::cli {

/// Finds the cluster that a person means: by key, id, name (the newest of that name), or a unique beginning of an id of
/// at least four characters. Errors: not_found; invalid_argument where several ids begin so.
[[nodiscard]] Result<ClusterHeader> find_cluster(const Client& client, const std::string& argument);

/// "CLUSTER#INDEX", or the key or id of a message. Errors: those of find_cluster, bad_input.
[[nodiscard]] Result<MessageKey> find_record(const Client& client, const std::string& argument);

[[nodiscard]] MessageKey key_of(const ClusterHeader& header);
/// The name where it has one, else the id: for lines that people read.
[[nodiscard]] std::string label_of(const ClusterHeader& header);

/// The argument CLUSTER of a command.
void add_cluster_argument(Command app, std::string& target, bool required = true);

}  // namespace fanfold::cli
