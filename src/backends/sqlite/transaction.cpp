#include "backends/sqlite/transaction.hpp"

#include "backends/sqlite/header_codec.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

#define FANFOLD_CLUSTER_COLUMNS                                                                                     \
  "number, id, tombstone, marked, status, round, task_count, round_size, version, tree, round_done, round_failed, " \
  "done, "                                                                                                          \
  "failed, leased, waiting, header"

ClusterRow cluster_of(const Rows& rows) {
  ClusterRow row;
  row.number = rows.integer(0);
  row.id = rows.text(1);
  row.tombstone = rows.integer(2) != 0;
  row.marked = rows.integer(3) != 0;
  row.status = static_cast<Status>(rows.integer(4));
  row.round = static_cast<std::uint32_t>(rows.integer(5));
  row.task_count = rows.count(6);
  if (!rows.is_null(7)) row.round_size = rows.count(7);
  row.version = rows.count(8);
  row.tree = rows.integer(9);
  row.round_done = rows.integer(10);
  row.round_failed = rows.integer(11);
  row.done = rows.integer(12);
  row.failed = rows.integer(13);
  row.leased = rows.integer(14);
  row.waiting = rows.integer(15);
  row.has_header = !rows.is_null(16);
  row.header_bytes = rows.text(16);
  return row;
}

}  // namespace

ClusterHeader ClusterRow::header() const {
  auto decoded = decode_header(header_bytes);
  if (!decoded && is_of_newer_format(header_bytes)) {
    throw StorageFailure{{ErrorCode::unsupported_version,
                          "a newer fanfold wrote the header of cluster " + id + ": update this one",
                          {}}};
  }
  if (!decoded) throw StorageFailure{{ErrorCode::damaged, "the header of cluster " + id + " is damaged", {}}};
  decoded->version = version;
  return std::move(*decoded);
}

std::optional<ClusterRow> read_cluster_row(Connection& connection, std::string_view id) {
  Rows rows(connection, "SELECT " FANFOLD_CLUSTER_COLUMNS " FROM cluster WHERE id = ?", id);
  if (!rows.next()) return std::nullopt;
  return cluster_of(rows);
}

std::optional<ClusterRow> read_cluster_row(Connection& connection, Number number) {
  Rows rows(connection, "SELECT " FANFOLD_CLUSTER_COLUMNS " FROM cluster WHERE number = ?", number);
  if (!rows.next()) return std::nullopt;
  return cluster_of(rows);
}

std::optional<TreeRow> read_tree_row(Connection& connection, Number cluster, std::uint32_t round) {
  Rows rows(connection, "SELECT number, size FROM tree WHERE cluster = ? AND round = ?", cluster, round);
  if (!rows.next()) return std::nullopt;
  return TreeRow{rows.integer(0), cluster, round, rows.count(1)};
}

StatePage read_state_page(Connection& connection, Number number) {
  StatePage page;
  page.number = number;
  Rows rows(connection, "SELECT queue, slots FROM page WHERE number = ?", number);
  if (!rows.next()) return page;
  page.queue = rows.integer(0);
  page.slots = SlotPage(rows.text(1));
  page.is_stored = true;
  return page;
}

ClusterRow* Transaction::keep(std::optional<ClusterRow> row) {
  if (!row) return nullptr;
  const Number number = row->number;
  ClusterRow& kept = clusters_.insert_or_assign(number, std::move(*row)).first->second;
  cluster_numbers_[kept.id] = number;
  return &kept;
}

ClusterRow* Transaction::find_cluster(std::string_view id) {
  const auto found = cluster_numbers_.find(id);
  if (found != cluster_numbers_.end()) return &clusters_.at(found->second);
  return keep(read_cluster_row(connection_, id));
}

ClusterRow* Transaction::find_cluster(Number number) {
  const auto found = clusters_.find(number);
  if (found != clusters_.end()) return &found->second;
  return keep(read_cluster_row(connection_, number));
}

ClusterRow& Transaction::ensure_cluster(std::string_view id) {
  if (ClusterRow* row = find_cluster(id)) return *row;
  execute(connection_, "INSERT INTO cluster (id) VALUES (?)", id);
  ClusterRow row;
  row.number = connection_.last_number();
  row.id = id;
  return *keep(std::move(row));
}

void Transaction::put_header(ClusterRow& row, ClusterHeader& header) {
  header.version = row.version + 1;
  row.version = header.version;
  row.has_header = true;
  row.tombstone = header.tombstone;
  row.marked = header.marked;
  row.status = header.status;
  row.round = header.round;
  row.task_count = header.task_count;
  row.round_size = header.round_size;
  row.header_bytes = encode_header(header);
  execute(connection_,
          "UPDATE cluster SET name = ?, status = ?, created_at = ?, completed_at = ?, expires_at = ?, task_count = ?, "
          "round = ?, "
          "round_size = ?, marked = ?, tombstone = ?, unfinished = ?, version = ?, header = ? WHERE number = ?",
          header.name, header.status, header.created_at, header.completed_at, header.expires_at, header.task_count,
          header.round, header.round_size, header.marked, header.tombstone, header.unfinished(), header.version,
          Blob{row.header_bytes}, row.number);
  change(row);
}

std::optional<TreeRow> Transaction::find_tree(const ClusterRow& row, std::uint32_t round) {
  const auto known = std::ranges::find_if(
      trees_, [&](const TreeRow& tree) { return tree.cluster == row.number && tree.round == round; });
  if (known != trees_.end()) return *known;
  if (round == 0 && row.round == 0 && row.tree != 0) return TreeRow{row.tree, row.number, 0, 0};
  auto found = read_tree_row(connection_, row.number, round);
  if (found) trees_.push_back(*found);
  return found;
}

TreeRow Transaction::ensure_tree(ClusterRow& row, std::uint32_t round) {
  if (auto found = find_tree(row, round)) return *found;
  execute(connection_, "INSERT INTO tree (cluster, round) VALUES (?, ?)", row.number, round);
  const TreeRow made{connection_.last_number(), row.number, round, 0};
  trees_.push_back(made);
  if (round == row.round) {
    row.tree = made.number;
    change(row);
  }
  return made;
}

Number Transaction::start_tree(ClusterRow& row, std::uint32_t round, std::uint64_t size) {
  const TreeRow tree = ensure_tree(row, round);
  execute(connection_, "UPDATE tree SET size = ? WHERE number = ?", size, tree.number);
  std::erase_if(trees_, [&](const TreeRow& known) { return known.number == tree.number; });
  trees_.push_back({tree.number, row.number, round, size});
  row.tree = tree.number;
  change(row);
  return tree.number;
}

std::uint64_t Transaction::position_count(const ClusterRow& row, std::uint32_t round) {
  if (round == 0) return row.task_count;
  const auto tree = find_tree(row, round);
  return tree ? tree->size : 0;
}

StatePage& Transaction::page(Number number) {
  const auto found = pages_.find(number);
  if (found != pages_.end()) return found->second;
  return pages_.emplace(number, read_state_page(connection_, number)).first->second;
}

void Transaction::write_page(StatePage& page) {
  const PageSummary summary = page.slots.summary();
  std::optional<Time> next;
  std::optional<Time> last;
  std::optional<Time> oldest;
  if (summary.present_count > 0) {
    next = summary.next_visible_at;
    last = summary.last_visible_at;
    oldest = summary.oldest_sent_at;
  }
  constexpr const char* insert =
      "INSERT INTO page (queue, next_visible_at, last_visible_at, oldest_sent_at, present, received, held, leased, "
      "slots, number) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  constexpr const char* update =
      "UPDATE page SET queue = ?, next_visible_at = ?, last_visible_at = ?, oldest_sent_at = ?, present = ?, received "
      "= ?, held = ?, "
      "leased = ?, slots = ? WHERE number = ?";
  execute(connection_, page.is_stored ? update : insert, page.queue, next, last, oldest, summary.present_count,
          summary.received_count, summary.held_count, summary.leased_count, Blob{page.slots.bytes()}, page.number);
  page.is_stored = true;
  page.is_changed = false;
}

void Transaction::write_cluster(const ClusterRow& row) {
  execute(connection_,
          "UPDATE cluster SET tree = ?, round_done = ?, round_failed = ?, done = ?, failed = ?, leased = ?, waiting = "
          "? WHERE number = ?",
          row.tree, row.round_done, row.round_failed, row.done, row.failed, row.leased, row.waiting, row.number);
}

void Transaction::flush() {
  for (auto& [number, page] : pages_) {
    if (page.is_changed) write_page(page);
  }
  for (const auto& [number, row] : changed_clusters_) write_cluster(*row);
  changed_clusters_.clear();
}

}  // namespace fanfold::sqlite
