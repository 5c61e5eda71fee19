#include "backends/aws/node.hpp"

#include "support/assert.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

Error damaged(const Item& item, std::string_view attribute) {
  return {
      ErrorCode::damaged, "item " + item.key.partition + " has an unreadable attribute " + std::string(attribute), {}};
}

/// Reads `size`; false where it is unreadable.
bool read_size(const Item& item, std::optional<unsigned>& size) {
  const Value* value = item.find(size_name);
  if (value == nullptr) return true;
  const auto number = value->number();
  if (!number || *number == 0 || *number > tree_radix) return false;
  size = static_cast<unsigned>(*number);
  return true;
}

}  // namespace

std::string_view Leaf::child_of(unsigned slot) const noexcept {
  const auto found = std::ranges::find(children, slot, &std::pair<unsigned, std::string>::first);
  return found == children.end() ? std::string_view() : std::string_view(found->second);
}

bool Leaf::is_full() const noexcept {
  std::size_t count = size.value_or(tree_radix);
  if (support::mutant("full_without_size") && !size) {
    const auto is_free = [](const Cell& cell) { return cell.state == Cell::State::free; };
    count = static_cast<std::size_t>(std::ranges::find_if(cells, is_free) - cells.begin());
  }
  return std::all_of(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const Cell& cell) { return cell.has_ended(); });
}

std::uint64_t Leaf::failed_count() const noexcept {
  return static_cast<std::uint64_t>(std::ranges::count(cells, Cell::State::failed, &Cell::state));
}

Result<Leaf> read_leaf(const Item* item) {
  Leaf leaf;
  if (item == nullptr) return leaf;
  leaf.exists = true;
  for (const Member& member : item->attributes) {
    if (const auto slot = slot_of(member.name, 't')) {
      const auto cell = decode_cell(member.value.text);
      if (!cell) return damaged(*item, member.name);
      leaf.cells[*slot] = *cell;
    } else if (const auto waiting = slot_of(member.name, 'w')) {
      leaf.children.emplace_back(*waiting, member.value.text);
    } else if (member.name == gone_name) {
      leaf.gone = true;
    } else if (member.name == root_name) {
      leaf.root = true;
    } else if (member.name == ttl_name) {
      leaf.ttl = member.value.number().value_or(0);
    }
  }
  if (!read_size(*item, leaf.size)) return damaged(*item, size_name);
  return leaf;
}

bool InnerNode::is_full() const noexcept {
  const std::size_t count = size.value_or(tree_radix);
  return std::all_of(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const auto& one) { return one.has_value(); });
}

std::uint64_t InnerNode::failed_count() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& count : counts) sum += count.value_or(0);
  return sum;
}

Result<InnerNode> read_inner_node(const Item* item) {
  InnerNode node;
  if (item == nullptr) return node;
  node.exists = true;
  for (const Member& member : item->attributes) {
    if (const auto slot = slot_of(member.name, 'c')) {
      const auto count = member.value.number();
      if (!count) return damaged(*item, member.name);
      node.counts[*slot] = *count;
    } else if (member.name == root_name) {
      node.root = true;
    }
  }
  if (!read_size(*item, node.size)) return damaged(*item, size_name);
  return node;
}

TreeShape::TreeShape(std::uint64_t count) : position_count(count) {
  FANFOLD_ASSERT(count > 0, "a tree has at least one position");
  std::uint64_t nodes = count;
  do {
    nodes = (nodes + tree_radix - 1) / tree_radix;
    node_counts.push_back(nodes);
  } while (nodes > 1);
}

unsigned TreeShape::edge_size(unsigned level) const noexcept {
  const std::uint64_t children = level == 0 ? position_count : node_counts[level - 1];
  return static_cast<unsigned>((children - 1) % tree_radix) + 1;
}

std::uint64_t TreeShape::positions_below(unsigned level, std::uint64_t number) const noexcept {
  std::uint64_t span = tree_radix;
  for (unsigned i = 0; i < level; ++i) span *= tree_radix;
  const std::uint64_t first = number * span;
  return first >= position_count ? 0 : std::min(span, position_count - first);
}

}  // namespace fanfold::aws
