#pragma once

#include "backends/sqlite/database.hpp"
#include "backends/sqlite/slot_page.hpp"

#include <fanfold/cluster_header.hpp>

#include <bitset>
#include <map>

namespace fanfold::sqlite {

inline constexpr unsigned index_bits = 36;  ///< Of a payload's number, for the task's index.
inline constexpr unsigned page_bits = 28;   ///< Of a state page's number, for the page in its tree.

/// Owner of results, errors, outputs and changed meta of a task; also the number of its payload row.
[[nodiscard]] constexpr Number task_owner(Number cluster, std::uint64_t index) noexcept {
  return cluster << index_bits | static_cast<Number>(index);
}
[[nodiscard]] constexpr Number page_number(Number tree, std::uint64_t position) noexcept {
  return tree << page_bits | static_cast<Number>(position / page_slot_count);
}
[[nodiscard]] constexpr std::size_t slot_of(std::uint64_t position) noexcept { return position % page_slot_count; }

/// A cluster's row: what is counted and asked often stands in columns, the rest in the header's bytes.
struct ClusterRow {
  Number number = 0;
  std::string id{};
  bool has_header = false;  ///< Payloads may be stored before it.
  bool tombstone = false;
  bool marked = false;
  Status status = Status::in_progress;
  std::uint32_t round = 0;
  std::uint64_t task_count = 0;
  std::optional<std::uint64_t> round_size{};
  std::uint64_t version = 0;
  Number tree = 0;  ///< Of the current round, 0 where nobody needed it yet.
  std::int64_t round_done = 0;
  std::int64_t round_failed = 0;
  std::int64_t done = 0;  ///< By each task's latest round, as the next three.
  std::int64_t failed = 0;
  std::int64_t leased = 0;
  std::int64_t waiting = 0;
  std::string header_bytes{};

  [[nodiscard]] bool is_finished() const noexcept { return status == Status::complete || status == Status::error; }
  /// Throws StorageFailure where the bytes are damaged.
  [[nodiscard]] ClusterHeader header() const;
};

[[nodiscard]] std::optional<ClusterRow> read_cluster_row(Connection& connection, std::string_view id);
[[nodiscard]] std::optional<ClusterRow> read_cluster_row(Connection& connection, Number number);

/// One round's tree of states.
struct TreeRow {
  Number number = 0;
  Number cluster = 0;
  std::uint32_t round = 0;
  std::uint64_t size = 0;  ///< Of rounds after the first: how many tasks are in it.
};
[[nodiscard]] std::optional<TreeRow> read_tree_row(Connection& connection, Number cluster, std::uint32_t round);

struct StatePage {
  Number number = 0;
  Number queue = 0;  ///< Whose messages are in the slots; 0 before the first send.
  SlotPage slots{};
  bool is_stored = false;
  bool is_changed = false;
};
/// An empty page where there is none yet.
[[nodiscard]] StatePage read_state_page(Connection& connection, Number number);

/// Buckets of Wake.
using WakeSet = std::bitset<64>;

/// The operations of one group commit work on this: pages and clusters are read once, changed in memory, and written at
/// the end. Whatever an operation reads by SQL that another may have changed is preceded by `flush`.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}

  [[nodiscard]] Connection& connection() const noexcept { return connection_; }

  /// Null where there is no row; one without a header is found too.
  [[nodiscard]] ClusterRow* find_cluster(std::string_view id);
  [[nodiscard]] ClusterRow* find_cluster(Number number);
  [[nodiscard]] ClusterRow& ensure_cluster(std::string_view id);
  /// To be called after counters or columns were changed.
  void change(ClusterRow& row) { changed_clusters_[row.number] = &row; }
  /// Stores the header as the next version, columns included. `header.version` is set.
  void put_header(ClusterRow& row, ClusterHeader& header);

  [[nodiscard]] std::optional<TreeRow> find_tree(const ClusterRow& row, std::uint32_t round);
  [[nodiscard]] TreeRow ensure_tree(ClusterRow& row, std::uint32_t round);
  /// The tree of a round that begins, with so many tasks; from now on the current one.
  [[nodiscard]] Number start_tree(ClusterRow& row, std::uint32_t round, std::uint64_t size);
  /// Positions known in this round.
  [[nodiscard]] std::uint64_t position_count(const ClusterRow& row, std::uint32_t round);

  [[nodiscard]] StatePage& page(Number number);
  void forget_pages() noexcept { pages_.clear(); }

  /// Long polls on this bucket look again after the commit.
  void announce(std::size_t bucket) { announced_.set(bucket); }
  [[nodiscard]] const WakeSet& announced() const noexcept { return announced_; }

  void flush();

 private:
  [[nodiscard]] ClusterRow* keep(std::optional<ClusterRow> row);
  void write_page(StatePage& page);
  void write_cluster(const ClusterRow& row);

  Connection& connection_;
  std::map<Number, ClusterRow> clusters_;
  std::map<std::string, Number, std::less<>> cluster_numbers_;
  std::map<Number, ClusterRow*> changed_clusters_;
  std::map<Number, StatePage> pages_;
  std::vector<TreeRow> trees_;
  WakeSet announced_;
};

}  // namespace fanfold::sqlite
