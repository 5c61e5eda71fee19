#include "backends/sqlite/latest_cells.hpp"
#include "backends/sqlite/ledger.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace fanfold::sqlite {

namespace {

using StoredRecord = MessageRecord<Json, Json>;

Error no_record(std::string_view id) { return {ErrorCode::not_found, "no record is called " + std::string(id), {}}; }

Error changed_meanwhile() { return {ErrorCode::conflict, "the record changed meanwhile", {}}; }

void fill_status(StoredRecord& record, const Cell& cell) {
  record.status = status_of(cell);
  record.status_code = core::code_of(record.status);
  if (cell.has_ended()) record.completed_at = cell.time;
  record.consumption_count = cell.attempt;
}

std::optional<Json> read_result(Connection& connection, Number owner) {
  Rows rows(connection, "SELECT value FROM result WHERE owner = ?", owner);
  if (!rows.next()) return std::nullopt;
  return Json::from_valid_text(rows.text(0));
}

Result<Ledger::VersionedRecord> read_single(Connection& connection, const std::string& id) {
  Ledger::VersionedRecord versioned;
  StoredRecord& record = versioned.record;
  Number number = 0;
  {
    Rows rows(connection,
              "SELECT number, url, type, created_at, updated_at, expires_at, meta_version, cell, meta, body FROM "
              "record WHERE id = ?",
              id);
    if (!rows.next()) return no_record(id);
    const MessageKey key = MessageKey::of_message(id);
    number = rows.integer(0);
    record.p_key = key.p_key;
    record.r_key = key.r_key;
    record.id = id;
    record.url = rows.text(1);
    record.type = static_cast<RecordType>(rows.integer(2));
    record.started_at = rows.time(3);
    record.updated_at = rows.time(4);
    record.expires_at = rows.time(5);
    versioned.version = rows.count(6);
    if (rows.bytes(7).size() == cell_bytes) fill_status(record, load_cell(rows.bytes(7).data()));
    if (!rows.is_null(8)) record.meta = Json::from_valid_text(rows.text(8));
    record.body = Json::from_valid_text(rows.text(9));
  }
  record.error = read_errors(connection, -number);
  versioned.result = read_result(connection, -number);
  return versioned;
}

Result<Ledger::VersionedRecord> read_task(Connection& connection, const std::string& cluster_id, std::uint64_t index) {
  auto row = find_cluster_row(connection, cluster_id);
  if (!row) return no_record(cluster_id);
  const MessageKey key = MessageKey::of_task(cluster_id, index);
  if (row->tombstone || index >= row->task_count) return no_record(key.r_key);
  const ClusterHeader header = row->header();
  const Number owner = task_owner(row->number, index);
  Ledger::VersionedRecord versioned;
  StoredRecord& record = versioned.record;
  bool is_stored = false;
  visit_payloads(connection, row->number, index, index + 1,
                 [&](std::uint64_t, std::string_view body, std::string_view meta) {
                   record.body = Json::from_valid_text(std::string(body));
                   if (!meta.empty()) record.meta = Json::from_valid_text(std::string(meta));
                   is_stored = true;
                   return false;
                 });
  if (!is_stored) return no_record(key.r_key);
  record.p_key = key.p_key;
  record.r_key = key.r_key;
  record.id = key.r_key.substr(key_prefix.size());
  record.url = header.queue_url;
  record.type = RecordType::task;
  record.started_at = header.created_at;
  record.expires_at = header.expires_at;
  record.error = read_errors(connection, owner);
  versioned.result = read_result(connection, owner);
  LatestCells latest(connection, *row);
  const Cell& cell = latest.at(index - slot_of(index))[slot_of(index)].cell;
  fill_status(record, cell);
  record.updated_at = std::max(record.started_at, record.completed_at.value_or(Time()));
  if (!record.error.empty()) record.updated_at = std::max(record.updated_at, record.error.back().at);
  versioned.version = 1;
  Rows rows(connection, "SELECT meta, version, updated_at FROM task_meta WHERE owner = ?", owner);
  if (!rows.next()) return versioned;
  record.meta.reset();
  if (!rows.is_null(0)) record.meta = Json::from_valid_text(rows.text(0));
  versioned.version = rows.count(1);
  record.updated_at = std::max(record.updated_at, rows.time(2));
  return versioned;
}

std::optional<std::string> text_of(const std::optional<Json>& json) {
  if (!json) return std::nullopt;
  return json->text();
}

Result<void> update_task_meta(Transaction& transaction, const KeyParts& key, const std::optional<Json>& meta,
                              std::uint64_t version, Time now) {
  const ClusterRow* row = transaction.find_cluster(key.id);
  if (row == nullptr || !row->has_header || row->tombstone || *key.index >= row->task_count) return no_record(key.id);
  Connection& connection = transaction.connection();
  const Number owner = task_owner(row->number, *key.index);
  const auto stored = query_number(connection, "SELECT version FROM task_meta WHERE owner = ?", owner).value_or(1);
  if (static_cast<std::uint64_t>(stored) != version) return changed_meanwhile();
  execute(connection, "INSERT OR REPLACE INTO task_meta (owner, meta, version, updated_at) VALUES (?, ?, ?, ?)", owner,
          text_of(meta), version + 1, now);
  return {};
}

Result<void> update_single_meta(Connection& connection, const std::string& id, const std::optional<Json>& meta,
                                std::uint64_t version, Time now) {
  const auto stored = query_number(connection, "SELECT meta_version FROM record WHERE id = ?", id);
  if (!stored) return no_record(id);
  if (static_cast<std::uint64_t>(*stored) != version) return changed_meanwhile();
  execute(connection, "UPDATE record SET meta = ?, meta_version = ?, updated_at = ? WHERE id = ?", text_of(meta),
          version + 1, now, id);
  return {};
}

}  // namespace

std::optional<RecordRow> find_record_row(Connection& connection, std::string_view id) {
  Rows rows(connection, "SELECT number, cell, alone, child FROM record WHERE id = ?", id);
  if (!rows.next()) return std::nullopt;
  RecordRow row;
  row.number = rows.integer(0);
  if (rows.bytes(1).size() == cell_bytes) row.cell = load_cell(rows.bytes(1).data());
  row.cell.alone = rows.integer(2) != 0;
  row.child = rows.text(3);
  return row;
}

void write_record_row(Connection& connection, const RecordRow& row, Time now) {
  std::array<char, cell_bytes> cell{};
  store_cell(cell.data(), row.cell);
  std::optional<std::string_view> child;
  if (!row.child.empty()) child = row.child;
  execute(connection, "UPDATE record SET updated_at = ?, leased = ?, alone = ?, cell = ?, child = ? WHERE number = ?",
          now, row.cell.state == Cell::State::leased, row.cell.alone, Blob{{cell.data(), cell.size()}}, child,
          row.number);
}

void insert_record(Connection& connection, const NewMessage& message) {
  std::array<char, cell_bytes> cell{};
  store_cell(cell.data(), Cell());
  execute(connection,
          "INSERT INTO record (id, url, type, created_at, updated_at, expires_at, meta_version, leased, alone, cell, "
          "meta, body) "
          "VALUES (?, ?, ?, ?, ?, ?, 1, 0, 0, ?, ?, ?) ON CONFLICT DO NOTHING",
          message.id, message.url, message.type, message.created_at, message.created_at, message.expires_at,
          Blob{{cell.data(), cell.size()}}, text_of(message.meta), message.body.text());
}

Result<std::vector<Result<void>>> SqliteLedger::put_messages(std::span<const NewMessage> messages) {
  // The send that follows makes both durable; without it nobody was told anything.
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<Result<void>>> {
    for (const NewMessage& message : messages) insert_record(transaction.connection(), message);
    return std::vector<Result<void>>(messages.size());
  });
}

Result<Ledger::VersionedRecord> SqliteLedger::read_record(const KeyParts& key, Consistency) {
  return store_->read_settled([&](Connection& connection) {
    return key.index ? read_task(connection, key.id, *key.index) : read_single(connection, key.id);
  });
}

Result<FailedMessagePage> SqliteLedger::list_failed_messages(const FailedMessageQuery& query) {
  Number after = std::numeric_limits<Number>::min();
  if (!query.cursor.empty()) {
    const char* end = query.cursor.data() + query.cursor.size();
    const auto [stop, code] = std::from_chars(query.cursor.data(), end, after);
    if (code != std::errc{} || stop != end)
      return Error{ErrorCode::invalid_argument, "cursor: not one of a page before", {}};
  }
  return store_->read_settled([&](Connection& connection) -> Result<FailedMessagePage> {
    // What failed for good has an error that says so; an owner below zero is a single record, the newest the lowest.
    std::vector<std::pair<Number, std::string>> found;
    FailedMessagePage page;
    {
      Rows rows(connection,
                "SELECT DISTINCT owner, id FROM error CROSS JOIN record ON record.number = -owner "
                "WHERE owner > ? AND owner < 0 AND final = 1 AND url = ? AND type = ? ORDER BY owner LIMIT ?",
                after, query.url, RecordType::message, query.count_max + 1);
      while (rows.next()) found.emplace_back(rows.integer(0), rows.text(1));
    }
    if (found.size() > query.count_max) {
      found.resize(query.count_max);
      page.next_cursor = std::to_string(found.back().first);
    }
    for (const auto& [owner, id] : found) {
      auto record = read_single(connection, id);
      if (!record) return std::move(record).error();
      if (record->record.status == Status::error) page.messages.push_back(std::move(record->record));
    }
    return page;
  });
}

Result<void> SqliteLedger::update_record_meta(const KeyParts& key, const std::optional<Json>& meta,
                                              std::uint64_t version, Time now) {
  return store_->write(Sync::needed, [&](Transaction& transaction) {
    return key.index ? update_task_meta(transaction, key, meta, version, now)
                     : update_single_meta(transaction.connection(), key.id, meta, version, now);
  });
}

Result<std::vector<AttemptOutput>> SqliteLedger::read_outputs(const RecordRef& ref, std::uint64_t index) {
  return store_->read([&](Connection& connection) -> Result<std::vector<AttemptOutput>> {
    Number owner = 0;
    if (ref.type == RecordType::task) {
      const auto row = read_cluster_row(connection, ref.id);
      if (!row || !row->has_header || row->tombstone || index >= row->task_count) return no_record(ref.id);
      owner = task_owner(row->number, index);
    } else {
      const auto row = find_record_row(connection, record_id(ref));
      if (!row) return no_record(ref.id);
      owner = -row->number;
    }
    std::vector<AttemptOutput> outputs;
    Rows rows(connection, "SELECT attempt, at, bytes, round FROM output WHERE owner = ? ORDER BY number", owner);
    while (rows.next()) {
      outputs.push_back({static_cast<std::uint32_t>(rows.integer(0)), rows.time(1), rows.text(2), std::nullopt});
      if (!rows.is_null(3)) outputs.back().round = static_cast<std::uint32_t>(rows.integer(3));
    }
    return outputs;
  });
}

std::unique_ptr<Ledger> make_ledger(std::shared_ptr<Store> store) {
  return std::make_unique<SqliteLedger>(std::move(store));
}

}  // namespace fanfold::sqlite
