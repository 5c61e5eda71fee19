#pragma once

#include "backends/aws/item.hpp"

#include <fanfold/envelope.hpp>

/// How items are named; docs/wire-format.md says the same to people.
namespace fanfold::aws {

#ifdef FANFOLD_TREE_RADIX
// Of a build of tests/simulation, in which a few tasks make a tree of many levels.
inline constexpr std::uint64_t tree_radix = FANFOLD_TREE_RADIX;
#else
inline constexpr std::uint64_t tree_radix = 32;
#endif
inline constexpr unsigned tree_level_max = 6;  ///< 32^6 > 10^9 leaves.

// The index `clusters` over headers: entries of unfinished clusters are in the shards "u0"…, all others in "f0"….
inline constexpr std::string_view index_name = "clusters";
inline constexpr std::string_view index_partition_name = "listed";
inline constexpr std::string_view index_sort_name = "age";  ///< Sorts by creation, then id.
inline constexpr std::string_view index_projected_name = "name";
inline constexpr unsigned index_shard_count = 4;

inline constexpr std::string_view ttl_name = "ttl";    ///< Seconds since 1970, a Number: DynamoDB's time to live.
inline constexpr std::string_view size_name = "size";  ///< Children of a node on the tree's right edge.
inline constexpr std::string_view root_name = "root";
inline constexpr std::string_view gone_name = "gone";  ///< A leaf of a deleted cluster.
inline constexpr std::string_view type_name = "type";
inline constexpr std::string_view node_sort = "node";
inline constexpr std::string_view body_sort = "body";

inline constexpr std::string_view sweep_began_name = "beganAt";  ///< Of the note of a sweep.

/// "t0" … "t31": a task's claim. "c0" … "c31": failed tasks below a child. "w0" … "w31": the child cluster waited for.
[[nodiscard]] std::string_view cell_name(unsigned slot) noexcept;
[[nodiscard]] std::string_view count_name(unsigned slot) noexcept;
[[nodiscard]] std::string_view child_name(unsigned slot) noexcept;
/// The slot that such a name means, where it begins with `letter`.
[[nodiscard]] std::optional<unsigned> slot_of(std::string_view name, char letter) noexcept;

/// One node of one round's tree. Level 0 are the leaves.
struct NodeRef {
  std::string cluster_id{};
  std::uint32_t round = 0;
  unsigned level = 0;
  std::uint64_t number = 0;
  friend bool operator==(const NodeRef&, const NodeRef&) = default;
};

[[nodiscard]] std::string partition_of(std::string_view id);
/// Of a cluster's header, and of a single message's state.
[[nodiscard]] ItemKey record_key(std::string_view id);
[[nodiscard]] ItemKey body_key(std::string_view id);
/// Of the one note of when the last sweep began.
[[nodiscard]] ItemKey sweep_key();
[[nodiscard]] std::string node_partition(const NodeRef& node);
[[nodiscard]] ItemKey node_key(const NodeRef& node);
[[nodiscard]] NodeRef leaf_of(std::string_view cluster_id, std::uint32_t round, std::uint64_t position);

/// Finish and first-failure messages share the ids of single messages.
[[nodiscard]] std::string record_id(const RecordRef& ref);

// Items under the partition of a leaf or of a message, one per attempt: the cell says whose attempt and token won.
enum class DataKind : char { error = 'e', result = 'r', output = 'o', meta = 'm' };
/// "e#05#"
[[nodiscard]] std::string data_prefix(DataKind kind, unsigned slot);
/// "e#05#0003#00ff00ff00ff00ff"
[[nodiscard]] std::string data_sort(DataKind kind, unsigned slot, std::uint32_t attempt, std::uint64_t token);
struct DataName {
  unsigned slot = 0;
  std::uint32_t attempt = 0;
  std::uint64_t token = 0;
};
/// Empty where it is no such sort key.
[[nodiscard]] std::optional<DataName> parse_data_sort(std::string_view sort);

// Under the partition "<cluster>#adds", "<cluster>#rounds", "<cluster>#<round>.<hash>".
[[nodiscard]] std::string adds_partition(std::string_view cluster_id);
[[nodiscard]] std::string add_by_key_sort(std::string_view add_key);
[[nodiscard]] std::string add_by_index_sort(std::uint64_t first_index);
[[nodiscard]] std::string rounds_partition(std::string_view cluster_id);
[[nodiscard]] std::string round_sort(std::uint32_t round);
[[nodiscard]] std::string round_partition(std::string_view cluster_id, std::uint32_t round, std::string_view hash);
[[nodiscard]] std::string round_page_sort(std::uint64_t page);

/// The object that holds a task's message where it is too long for the queue.
[[nodiscard]] std::string payload_name_of_task(std::string_view cluster_id, std::uint64_t index);

/// Decimal with leading zeros, so that text sorts by number.
[[nodiscard]] std::string padded(std::uint64_t number, std::size_t width);

}  // namespace fanfold::aws
