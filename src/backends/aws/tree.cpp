#include "backends/aws/tree.hpp"

#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

/// What one write of the tree answered.
Result<Item> written_item(std::vector<Result<WriteAnswer>> answers) {
  Result<WriteAnswer>& answer = answers.front();
  if (!answer) return std::move(answer).error();
  if (!answer->item) return Error{ErrorCode::damaged, "the table answers an update without the item", {}};
  return std::move(*answer->item);
}

/// For a mutant alone.
std::optional<unsigned> next_free_slot(Table& table, const ItemKey& key) {
  const auto there = table.get(key, Consistency::strong);
  const auto node = there && *there ? read_inner_node(&**there) : Result<InnerNode>(InnerNode{});
  if (!node) return std::nullopt;
  const auto free = std::ranges::find_if(node->counts, [](const auto& count) { return !count; });
  return free == node->counts.end() ? std::nullopt : std::optional(static_cast<unsigned>(free - node->counts.begin()));
}

}  // namespace

Result<InnerNode> Tree::put_count(const NodeRef& parent, unsigned slot, std::uint64_t count, std::uint64_t ttl,
                                  bool looks_first) {
  UpdateRequest request;
  request.key = node_key(parent);
  if (looks_first) {
    auto there = table_.get(request.key, Consistency::strong);
    if (!there) return std::move(there).error();
    auto node = read_inner_node(*there ? &**there : nullptr);
    if (!node || node->counts[slot] == count) return node;
  }
  if (support::mutant("hand_ups_are_counted")) slot = next_free_slot(table_, request.key).value_or(slot);
  request.set.push_back({std::string(count_name(slot)), Value::of_number(count)});
  request.set_if_absent.push_back({std::string(ttl_name), Value::of_number(ttl)});
  auto item = written_item(table_.update(std::span(&request, 1)));
  if (!item) return std::move(item).error();
  return read_inner_node(&*item);
}

Result<std::optional<ClusterHeader>> Tree::hand_up(FullNode full, std::uint64_t ttl, Time now, bool looks_first) {
  while (!full.root && full.node.level < tree_level_max) {
    const auto slot = static_cast<unsigned>(full.node.number % tree_radix);
    NodeRef parent = std::move(full.node);
    ++parent.level;
    parent.number /= tree_radix;
    auto node = put_count(parent, slot, full.failed_count, ttl, looks_first);
    if (!node) return std::move(node).error();
    if (!node->is_full()) return std::optional<ClusterHeader>();
    full = {std::move(parent), node->failed_count(), node->root};
  }
  if (!full.root) return std::optional<ClusterHeader>();
  return headers_.finish(full.node.cluster_id, full.node.round, full.failed_count, now, false);
}

Result<std::optional<std::uint64_t>> Tree::mark(const ClusterHeader& header, Time now) {
  const TreeShape shape(*header.round_size);
  const std::uint64_t ttl = ttl_of(header.expires_at);
  for (unsigned level = 0; level <= shape.top(); ++level) {
    const bool is_top = level == shape.top();
    const NodeRef ref{header.id, header.round, level, shape.node_counts[level] - 1};
    UpdateRequest request;
    request.key = node_key(ref);
    request.set.push_back({std::string(size_name), Value::of_number(shape.edge_size(level))});
    if (is_top) request.set.push_back({std::string(root_name), Value::of_flag(true)});
    request.set_if_absent.push_back({std::string(ttl_name), Value::of_number(ttl)});
    auto item = written_item(table_.update(std::span(&request, 1)));
    if (!item) return std::move(item).error();

    bool is_full = false;
    std::uint64_t failed_count = 0;
    if (level == 0) {
      auto leaf = read_leaf(&*item);
      if (!leaf) return std::move(leaf).error();
      is_full = leaf->is_full();
      failed_count = leaf->failed_count();
    } else {
      auto node = read_inner_node(&*item);
      if (!node) return std::move(node).error();
      is_full = node->is_full();
      failed_count = node->failed_count();
    }
    if (!is_full || (support::mutant("sealer_leaves_full_nodes") && !is_top)) continue;
    if (is_top) return std::optional(failed_count);
    auto handed_up = hand_up({ref, failed_count, false}, ttl, now, false);
    if (!handed_up) return std::move(handed_up).error();
  }
  return std::optional<std::uint64_t>();
}

}  // namespace fanfold::aws
