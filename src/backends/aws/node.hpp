#pragma once

#include "backends/aws/cell.hpp"
#include "backends/aws/keys.hpp"

#include <array>

namespace fanfold::aws {

/// A leaf of a tree, or a single message's state, which is one with a single slot.
struct Leaf {
  bool exists = false;
  bool gone = false;
  bool root = false;
  std::optional<unsigned> size{};
  std::uint64_t ttl = 0;
  std::array<Cell, tree_radix> cells{};
  std::vector<std::pair<unsigned, std::string>> children{};  ///< Of waiting slots.

  [[nodiscard]] std::string_view child_of(unsigned slot) const noexcept;
  /// Every task below the size, or in all 32 slots, has ended.
  [[nodiscard]] bool is_full() const noexcept;
  [[nodiscard]] std::uint64_t failed_count() const noexcept;
};

/// Errors: damaged. Null is a leaf that does not exist.
[[nodiscard]] Result<Leaf> read_leaf(const Item* item);

struct InnerNode {
  bool exists = false;
  bool root = false;
  std::optional<unsigned> size{};
  std::array<std::optional<std::uint64_t>, tree_radix> counts{};  ///< Failed tasks below each child that is full.

  [[nodiscard]] bool is_full() const noexcept;
  [[nodiscard]] std::uint64_t failed_count() const noexcept;
};

/// Errors: damaged. Null is a node that does not exist.
[[nodiscard]] Result<InnerNode> read_inner_node(const Item* item);

/// The tree over `count` positions, at least 1.
struct TreeShape {
  explicit TreeShape(std::uint64_t count);

  /// Nodes of each level from the leaves on; the last level has one, the root.
  std::vector<std::uint64_t> node_counts{};
  std::uint64_t position_count = 0;

  [[nodiscard]] unsigned top() const noexcept { return static_cast<unsigned>(node_counts.size() - 1); }
  /// Children of the last node of this level.
  [[nodiscard]] unsigned edge_size(unsigned level) const noexcept;
  /// Positions below one node.
  [[nodiscard]] std::uint64_t positions_below(unsigned level, std::uint64_t number) const noexcept;
};

}  // namespace fanfold::aws
