#pragma once

#include "backends/aws/headers.hpp"
#include "backends/aws/node.hpp"

namespace fanfold::aws {

/// The inner nodes of completion trees: what is full is handed up, until the root finishes the header. Every write is a
/// fixed value, so repeating it is always right. Thread-safe; calls block.
class Tree {
 public:
  /// Both outlive this object.
  Tree(Table& table, Headers& headers) : table_(table), headers_(headers) {}

  /// A node that was found full.
  struct FullNode {
    NodeRef node{};
    std::uint64_t failed_count = 0;
    bool root = false;
  };
  /// Hands it up as far as nodes get full. The answer is the cluster where that finished it, or found it finished with
  /// something of its end still open. With `looks_first` what was handed up before is read instead of written.
  Result<std::optional<ClusterHeader>> hand_up(FullNode full, std::uint64_t ttl, Time now, bool looks_first);

  /// Puts the sizes on the right edge of a sealed round's tree, bottom-up, and `root` on the top; hands up what it
  /// finds full. The answer is the failed count where the root is full.
  Result<std::optional<std::uint64_t>> mark(const ClusterHeader& header, Time now);

 private:
  Result<InnerNode> put_count(const NodeRef& parent, unsigned slot, std::uint64_t count, std::uint64_t ttl,
                              bool looks_first);

  Table& table_;
  Headers& headers_;
};

}  // namespace fanfold::aws
