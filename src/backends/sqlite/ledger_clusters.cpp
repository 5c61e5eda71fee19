#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/void_messages.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::sqlite {

namespace {

constexpr std::size_t cluster_page_count_max = 1'000;
/// Rows that one transaction of a removal deletes, so that nobody waits long for it.
constexpr std::int64_t removal_row_count = 64;

/// Removes some of what belongs to a deleted cluster. Answers how much; 0 where nothing is left.
Result<std::uint64_t> remove_some(Transaction& transaction, Number cluster) {
  Connection& connection = transaction.connection();
  const Number first = task_owner(cluster, 0);
  const Number last = task_owner(cluster + 1, 0) - 1;
  std::uint64_t count = 0;
  const auto run = [&](const char* sql, Number from, Number to) {
    execute(connection, sql, from, to, removal_row_count);
    count += static_cast<std::uint64_t>(sqlite3_changes64(connection.handle()));
  };
  run("DELETE FROM payload WHERE number IN (SELECT number FROM payload WHERE number BETWEEN ? AND ? LIMIT ?)", first,
      last);
  run("DELETE FROM result WHERE owner IN (SELECT owner FROM result WHERE owner BETWEEN ? AND ? LIMIT ?)", first, last);
  run("DELETE FROM output WHERE number IN (SELECT number FROM output WHERE owner BETWEEN ? AND ? LIMIT ?)", first,
      last);
  run("DELETE FROM error WHERE (owner, number) IN (SELECT owner, number FROM error WHERE owner BETWEEN ? AND ? LIMIT "
      "?)",
      first, last);
  run("DELETE FROM task_meta WHERE owner IN (SELECT owner FROM task_meta WHERE owner BETWEEN ? AND ? LIMIT ?)", first,
      last);
  const auto tree = query_number(connection, "SELECT number FROM tree WHERE cluster = ? LIMIT 1", cluster);
  if (!tree) return count;
  const std::uint64_t before = count;
  const Number first_page = page_number(*tree, 0);
  const Number last_page = page_number(*tree + 1, 0) - 1;
  run("DELETE FROM page WHERE number IN (SELECT number FROM page WHERE number BETWEEN ? AND ? LIMIT ?)", first_page,
      last_page);
  run("DELETE FROM round_index WHERE number IN (SELECT number FROM round_index WHERE number BETWEEN ? AND ? LIMIT ?)",
      first_page, last_page);
  if (count == before) {
    execute(connection, "DELETE FROM waiting WHERE tree = ?", *tree);
    execute(connection, "DELETE FROM tree WHERE number = ?", *tree);
    ++count;
  }
  return count;
}

void remove_records_of(Connection& connection, const std::string& id) {
  std::vector<Number> numbers;
  {
    Rows rows(connection, "SELECT number FROM record WHERE id > ? AND id < ?", id + '.', id + '/');
    while (rows.next()) numbers.push_back(rows.integer(0));
  }
  for (const Number number : numbers) {
    execute(connection, "DELETE FROM result WHERE owner = ?", -number);
    execute(connection, "DELETE FROM error WHERE owner = ?", -number);
    execute(connection, "DELETE FROM output WHERE owner = ?", -number);
    execute(connection, "DELETE FROM record WHERE number = ?", number);
  }
}

struct Cursor {
  Time created_at = Time::max();
  std::string id{};
};

Result<Cursor> parse_cursor(const std::string& text) {
  if (text.empty()) return Cursor{};
  std::int64_t milliseconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (code != std::errc() || end == text.data() + text.size() || *end != ' ')
    return Error{ErrorCode::invalid_argument, "the cursor is not one of list_clusters", {}};
  return Cursor{to_time(milliseconds), std::string(end + 1, text.data() + text.size())};
}

bool is_being_created(const ClusterHeader& header) {
  return std::ranges::any_of(header.due, [](const DueMark& mark) { return mark.kind == DueMark::Kind::creation; });
}

/// Whether all that differs are notes of what was sent, and by whom. They come after the sends in the log, so that a
/// power cut that takes them brings back the marks by which it is sent again.
bool notes_sends_alone(const ClusterHeader& before, const ClusterHeader& after) {
  const bool has_new_mark = std::ranges::any_of(
      after.due, [&](const DueMark& mark) { return std::ranges::find(before.due, mark) == before.due.end(); });
  if (has_new_mark) return false;
  ClusterHeader same = before;
  same.due = after.due;
  same.sender = after.sender;
  same.sender_until = after.sender_until;
  same.sent_at = after.sent_at;
  same.finish_sent_at = after.finish_sent_at;
  same.updated_at = after.updated_at;
  same.version = after.version;
  return same == after;
}

}  // namespace

Error no_cluster(std::string_view id) { return {ErrorCode::not_found, "no cluster is called " + std::string(id), {}}; }

Error only_tombstone(std::string_view id) {
  return {ErrorCode::deleted, "the cluster " + std::string(id) + " was deleted", {}};
}

Result<ClusterRow> find_cluster_row(Connection& connection, std::string_view id) {
  auto row = read_cluster_row(connection, id);
  if (!row || !row->has_header) return no_cluster(id);
  return std::move(*row);
}

Result<ClusterRow> find_live_cluster_row(Connection& connection, std::string_view id) {
  auto row = find_cluster_row(connection, id);
  if (row && row->tombstone) return only_tombstone(id);
  return row;
}

Result<ClusterHeader> SqliteLedger::create_cluster(const ClusterHeader& header) {
  // Nobody is told of it before it is sealed.
  const Sync sync = is_being_created(header) ? Sync::not_needed : Sync::needed;
  return store_->write(sync, [&](Transaction& transaction) -> Result<ClusterHeader> {
    ClusterRow& row = transaction.ensure_cluster(header.id);
    if (row.has_header && row.tombstone) return only_tombstone(header.id);
    if (row.has_header) return Error{ErrorCode::already_exists, "the cluster " + header.id + " is there", {}};
    ClusterHeader created = header;
    transaction.put_header(row, created);
    return created;
  });
}

Result<ClusterHeader> SqliteLedger::read_cluster(std::string_view id, Consistency) {
  const auto read = [&](Connection& connection) -> Result<ClusterHeader> {
    auto row = find_cluster_row(connection, id);
    if (!row) return std::move(row).error();
    return row->header();
  };
  return store_->read_settled(read, [](const ClusterHeader& header) { return header.finished(); });
}

Result<ClusterHeader> SqliteLedger::update_cluster(const ClusterHeader& header) {
  // Should it change meanwhile, its version does too, and nothing is written.
  const auto sync = store_->read([&](Connection& connection) -> Result<Sync> {
    const auto row = read_cluster_row(connection, header.id);
    const bool is_note =
        row && row->has_header && row->version == header.version && notes_sends_alone(row->header(), header);
    return is_note ? Sync::not_needed : Sync::needed;
  });
  return store_->write(sync.value_or(Sync::needed), [&](Transaction& transaction) -> Result<ClusterHeader> {
    ClusterRow* row = transaction.find_cluster(header.id);
    if (row == nullptr || !row->has_header) return no_cluster(header.id);
    if (row->version != header.version) return Error{ErrorCode::conflict, "the cluster changed meanwhile", {}};
    const bool ends = header.finish_done && !header.tombstone && !row->header().finish_done;
    ClusterHeader changed = header;
    transaction.put_header(*row, changed);
    if (ends) remove_void_messages(transaction, *row, changed, store_->clock().now());
    return changed;
  });
}

Result<ClusterPage> SqliteLedger::list_clusters(const ClusterQuery& query) {
  auto cursor = parse_cursor(query.cursor);
  if (!cursor) return std::move(cursor).error();
  const std::size_t count_max = std::clamp<std::size_t>(query.count_max, 1, cluster_page_count_max);
  return store_->read([&](Connection& connection) -> Result<ClusterPage> {
    constexpr const char* all =
        "SELECT header, version, name FROM cluster WHERE header IS NOT NULL AND tombstone = 0 AND (created_at, id) < "
        "(?, ?) "
        "ORDER BY created_at DESC, id DESC";
    constexpr const char* unfinished =
        "SELECT header, version, name FROM cluster WHERE unfinished = 1 AND (created_at, id) < (?, ?) ORDER BY "
        "created_at DESC, id DESC";
    ClusterPage page;
    Rows rows(connection, query.unfinished_only ? unfinished : all, cursor->created_at, cursor->id);
    while (rows.next()) {
      if (!query.name.empty() && rows.bytes(2) != query.name) continue;
      if (page.clusters.size() == count_max) {
        const ClusterHeader& last = page.clusters.back();
        page.next_cursor = std::to_string(to_number(last.created_at)) + ' ' + last.id;
        break;
      }
      ClusterRow row;
      row.header_bytes = rows.text(0);
      row.version = rows.count(1);
      page.clusters.push_back(row.header());
    }
    return page;
  });
}

Result<void> SqliteLedger::remove_cluster(std::string_view id, Time now) {
  Number number = 0;
  auto marked = store_->write(Sync::needed, [&](Transaction& transaction) -> Result<void> {
    ClusterRow* row = transaction.find_cluster(id);
    if (row == nullptr || !row->has_header) return no_cluster(id);
    number = row->number;
    if (row->tombstone) return {};
    ClusterHeader header = row->header();
    if (!header.is_over()) return Error{ErrorCode::not_finished, "cluster " + row->id + " is not over", {}};
    remove_records_of(transaction.connection(), row->id);
    remove_cluster_messages(transaction, row->id, now);
    execute(transaction.connection(), "DELETE FROM add_key WHERE cluster = ?", number);
    header.meta.reset();
    header.due.clear();
    header.tombstone = true;
    header.updated_at = now;
    row->tree = 0;
    row->leased = 0;
    row->waiting = 0;
    transaction.put_header(*row, header);
    return {};
  });
  if (!marked) return marked;
  // A little at a time, so that the lock goes around. Called again it goes on where a crash left it.
  while (true) {
    auto removed =
        store_->write(Sync::not_needed, [&](Transaction& transaction) { return remove_some(transaction, number); });
    if (!removed) return std::move(removed).error();
    if (*removed == 0) return {};
  }
}

}  // namespace fanfold::sqlite
