#pragma once

#include "backends/sqlite/transaction.hpp"

#include <array>

namespace fanfold::sqlite {

/// A task's state in the latest round that it takes part in.
struct LatestCell {
  Cell cell{};
  Number tree = 0;
  std::uint32_t round = 0;
  std::uint64_t position = 0;
};

/// Reads the latest states of `page_slot_count` neighbouring tasks at a time. Rounds share the tasks' indexes, not
/// their places.
class LatestCells {
 public:
  LatestCells(Connection& connection, const ClusterRow& cluster);

  /// States of the tasks [begin, begin + page_slot_count), where `begin` is a multiple of it. The same again costs
  /// nothing.
  const std::array<LatestCell, page_slot_count>& at(std::uint64_t begin);

 private:
  void read_first_round(std::uint64_t begin);
  void read_later_round(const TreeRow& tree, std::uint64_t begin);

  Connection& connection_;
  std::vector<TreeRow> trees_;  // Oldest round first.
  std::uint64_t begin_ = ~std::uint64_t{0};
  std::array<LatestCell, page_slot_count> cells_{};
};

/// Whether no later round has this task again.
[[nodiscard]] bool is_latest_round(Transaction& transaction, const ClusterRow& cluster, std::uint32_t round,
                                   std::uint64_t position);

}  // namespace fanfold::sqlite
