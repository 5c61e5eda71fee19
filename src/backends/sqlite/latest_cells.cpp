#include "backends/sqlite/latest_cells.hpp"

#include "backends/sqlite/bytes.hpp"

namespace fanfold::sqlite {

namespace {

std::optional<std::uint64_t> index_in_round(Connection& connection, Number tree, std::uint64_t position) {
  Rows rows(connection, "SELECT indexes FROM round_index WHERE number = ?", page_number(tree, position));
  if (!rows.next()) return std::nullopt;
  const std::string_view bytes = rows.bytes(0);
  const std::size_t offset = slot_of(position) * word_bytes;
  if (offset + word_bytes > bytes.size()) return std::nullopt;
  return load_word(bytes.data() + offset);
}

bool is_in_round(Connection& connection, Number tree, std::uint64_t index) {
  Rows rows(connection,
            "SELECT indexes FROM round_index WHERE tree = ? AND first_index <= ? ORDER BY first_index DESC LIMIT 1",
            tree, index);
  if (!rows.next()) return false;
  const std::string_view bytes = rows.bytes(0);
  for (std::size_t offset = 0; offset < bytes.size(); offset += word_bytes) {
    if (load_word(bytes.data() + offset) == index) return true;
  }
  return false;
}

}  // namespace

LatestCells::LatestCells(Connection& connection, const ClusterRow& cluster) : connection_(connection) {
  Rows rows(connection, "SELECT number, round, size FROM tree WHERE cluster = ? ORDER BY round", cluster.number);
  while (rows.next())
    trees_.push_back({rows.integer(0), cluster.number, static_cast<std::uint32_t>(rows.integer(1)), rows.count(2)});
}

const std::array<LatestCell, page_slot_count>& LatestCells::at(std::uint64_t begin) {
  if (begin == begin_) return cells_;
  begin_ = begin;
  read_first_round(begin);
  for (const TreeRow& tree : trees_) {
    if (tree.round > 0) read_later_round(tree, begin);
  }
  return cells_;
}

void LatestCells::read_first_round(std::uint64_t begin) {
  const bool has_first = !trees_.empty() && trees_.front().round == 0;
  const Number tree = has_first ? trees_.front().number : 0;
  StatePage page;
  if (has_first) page = read_state_page(connection_, page_number(tree, begin));
  for (std::size_t slot = 0; slot < page_slot_count; ++slot)
    cells_[slot] = {page.slots.cell(slot), tree, 0, begin + slot};
}

void LatestCells::read_later_round(const TreeRow& tree, std::uint64_t begin) {
  // A round's rows follow each other by their indexes: those that reach into the page come first, then only earlier
  // ones, which are as many as the round has pages.
  Rows rows(connection_,
            "SELECT number, indexes, last_index FROM round_index WHERE tree = ? AND first_index < ? "
            "ORDER BY first_index DESC",
            tree.number, begin + page_slot_count);
  while (rows.next() && rows.count(2) >= begin) {
    const Number number = rows.integer(0);
    const std::uint64_t first_position =
        (static_cast<std::uint64_t>(number) & ((std::uint64_t{1} << page_bits) - 1)) * page_slot_count;
    const std::string_view bytes = rows.bytes(1);
    std::optional<StatePage> page;
    for (std::size_t slot = 0; slot * word_bytes < bytes.size(); ++slot) {
      const std::uint64_t index = load_word(bytes.data() + slot * word_bytes);
      if (index < begin || index >= begin + page_slot_count) continue;
      if (!page) page = read_state_page(connection_, number);
      cells_[index - begin] = {page->slots.cell(slot), tree.number, tree.round, first_position + slot};
    }
  }
}

bool is_latest_round(Transaction& transaction, const ClusterRow& cluster, std::uint32_t round, std::uint64_t position) {
  Connection& connection = transaction.connection();
  std::uint64_t index = position;
  if (round > 0) {
    const auto tree = transaction.find_tree(cluster, round);
    const auto known = tree ? index_in_round(connection, tree->number, position) : std::nullopt;
    if (!known) return false;
    index = *known;
  }
  std::vector<Number> later;
  {
    Rows rows(connection, "SELECT number FROM tree WHERE cluster = ? AND round > ?", cluster.number, round);
    while (rows.next()) later.push_back(rows.integer(0));
  }
  for (const Number tree : later) {
    if (is_in_round(connection, tree, index)) return false;
  }
  return true;
}

}  // namespace fanfold::sqlite
