#include "backends/sqlite/ledger.hpp"

#include <fanfold/backends/sqlite.hpp>

namespace fanfold::sqlite {

namespace {

/// Rows that one transaction deletes, so that workers beside it wait for moments only.
constexpr std::int64_t prune_row_count = 256;

/// A creation that was at work later than this before now is not over for certain, however slow its tasks come.
constexpr std::chrono::days creation_pause_max{7};

/// Of the file once its log is copied into it, with the room in it that nothing uses.
Result<std::int64_t> file_bytes(Store& store) {
  return store.read([](Connection& connection) -> Result<std::int64_t> {
    return query_number(connection, "PRAGMA page_count").value() * query_number(connection, "PRAGMA page_size").value();
  });
}

Result<std::vector<std::string>> clusters_to_prune(Store& store, Time ended_before, Time now) {
  return store.read([&](Connection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> ids;
    Rows rows(
        connection,
        "SELECT id FROM cluster WHERE header IS NOT NULL AND (tombstone = 0 AND unfinished = 0 AND (completed_at < ? "
        "OR expires_at < ?) OR tombstone = 1 AND number IN (SELECT cluster FROM tree))",
        ended_before, now);
    while (rows.next()) ids.push_back(rows.text(0));
    return ids;
  });
}

/// Tombstones have served when their cluster would have expired: no message of it is accepted any more.
Result<void> remove_old_tombstones(Store& store, Time now) {
  return store.write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
    execute(transaction.connection(),
            "DELETE FROM cluster WHERE tombstone = 1 AND expires_at < ? AND number NOT IN (SELECT cluster FROM tree)",
            now);
    return {};
  });
}

enum class Left : std::uint8_t { nothing, maybe_more };
/// Payloads of a creation that was cut off before its header, which nothing but a call of the same creation could find.
/// Some of them, so that the lock goes around.
Result<Left> remove_cut_off(Transaction& transaction, Time before, std::uint64_t& removed_count) {
  Connection& connection = transaction.connection();
  const auto number =
      query_number(connection,
                   "SELECT number FROM cluster WHERE header IS NULL AND created_at BETWEEN 1 AND ? AND number NOT IN "
                   "(SELECT cluster FROM tree) LIMIT 1",
                   before);
  if (!number) return Left::nothing;
  execute(connection,
          "DELETE FROM payload WHERE number IN (SELECT number FROM payload WHERE number >= ? AND number < ? LIMIT ?)",
          task_owner(*number, 0), task_owner(*number + 1, 0), prune_row_count);
  if (sqlite3_changes64(connection.handle()) > 0) return Left::maybe_more;
  execute(connection, "DELETE FROM cluster WHERE number = ?", *number);
  ++removed_count;
  return Left::maybe_more;
}

Result<void> remove_cut_offs(Store& store, Time before, Time now, std::uint64_t& removed_count) {
  // An older version kept no time.
  auto begun = store.write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
    execute(transaction.connection(), "UPDATE cluster SET created_at = ? WHERE header IS NULL AND created_at = 0", now);
    return {};
  });
  if (!begun) return begun;
  while (true) {
    auto left = store.write(
        Sync::not_needed, [&](Transaction& transaction) { return remove_cut_off(transaction, before, removed_count); });
    if (!left) return std::move(left).error();
    if (*left == Left::nothing) return {};
  }
}

/// Ended messages' records, and such as expired without having been run. Those of live clusters' finish messages go
/// with their cluster.
Result<std::uint64_t> remove_records(Transaction& transaction, Time ended_before, Time now) {
  Connection& connection = transaction.connection();
  std::vector<Number> numbers;
  {
    Rows rows(connection,
              "SELECT number, cell, updated_at, expires_at FROM record WHERE leased = 0 AND type = ? AND (updated_at < "
              "? OR expires_at < ?) ORDER BY number",
              RecordType::message, ended_before, now);
    while (rows.next() && numbers.size() < static_cast<std::size_t>(prune_row_count)) {
      if (rows.bytes(1).size() != cell_bytes) continue;
      const Cell cell = load_cell(rows.bytes(1).data());
      const bool is_over = cell.has_ended() ? cell.time < ended_before || rows.time(3) < now : rows.time(3) < now;
      if (is_over) numbers.push_back(rows.integer(0));
    }
  }
  for (const Number number : numbers) {
    execute(connection, "DELETE FROM result WHERE owner = ?", -number);
    execute(connection, "DELETE FROM error WHERE owner = ?", -number);
    execute(connection, "DELETE FROM output WHERE owner = ?", -number);
    execute(connection, "DELETE FROM record WHERE number = ?", number);
  }
  return numbers.size();
}

}  // namespace

Result<PruneReport> prune(const Options& options, Time ended_before) {
  auto store = Store::open(options, std::make_shared<SystemClock>());
  if (!store) return std::move(store).error();
  const Time now = (*store)->clock().now();
  auto before = file_bytes(**store);
  if (!before) return std::move(before).error();
  PruneReport report;

  auto ids = clusters_to_prune(**store, ended_before, now);
  if (!ids) return std::move(ids).error();
  auto ledger = make_ledger(*store);
  auto globals = make_global_store(*store);
  for (const std::string& id : *ids) {
    auto removed = ledger->remove_cluster(id, now);
    if (!removed) return std::move(removed).error();
    auto forgotten = globals->remove(globals->location(id));
    if (!forgotten) return std::move(forgotten).error();
    ++report.cluster_count;
  }
  auto cleaned = remove_old_tombstones(**store, now);
  if (!cleaned) return std::move(cleaned).error();
  auto cut_off =
      remove_cut_offs(**store, std::min<Time>(ended_before, now - creation_pause_max), now, report.creation_count);
  if (!cut_off) return std::move(cut_off).error();
  while (true) {
    auto count = (*store)->write(
        Sync::not_needed, [&](Transaction& transaction) { return remove_records(transaction, ended_before, now); });
    if (!count) return std::move(count).error();
    if (*count == 0) break;
    report.message_count += *count;
  }
  auto compacted = (*store)->compact();
  if (!compacted) return std::move(compacted).error();
  auto after = file_bytes(**store);
  if (!after) return std::move(after).error();
  report.freed_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(*before - *after, 0));
  return report;
}

}  // namespace fanfold::sqlite
