#pragma once

#include "backends/aws/item.hpp"

#include <fanfold/cluster_header.hpp>

/// A cluster's header as an item; docs/wire-format.md names the attributes.
namespace fanfold::aws {

inline constexpr std::string_view version_name = "version";
inline constexpr std::string_view write_id_name = "writeId";

/// Fields that are as they begin are left out, so that a header costs few units.
[[nodiscard]] Item write_header(const ClusterHeader& header);
/// Errors: damaged.
[[nodiscard]] Result<ClusterHeader> read_header(const Item& item);

[[nodiscard]] Value write_error_entry(const ErrorEntry& entry);
[[nodiscard]] ErrorEntry read_error_entry(const Value& value);
/// ISO 8601 with milliseconds.
[[nodiscard]] Value write_time(Time time);
[[nodiscard]] std::optional<Time> read_time(const Value* value);

}  // namespace fanfold::aws
