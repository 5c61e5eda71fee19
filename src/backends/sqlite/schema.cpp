#include "backends/sqlite/schema.hpp"

#include "backends/sqlite/new_file.hpp"

#include <array>
#include <vector>

namespace fanfold::sqlite {

namespace {

// Numbers of rows: a payload page's is (cluster << 36 | first index), a state page's and an index page's
// (tree << 28 | page). What belongs to a record (its `owner`) is (cluster << 36 | index) for a task, -number for a
// single record. Times are milliseconds since 1970.
constexpr const char* tables_1 = R"sql(
CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE queue (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  fifo INTEGER NOT NULL,
  visibility INTEGER NOT NULL,
  retention INTEGER NOT NULL,
  delay INTEGER NOT NULL,
  content_based_deduplication INTEGER NOT NULL,
  dead_letter_queue TEXT,
  receive_count_max INTEGER
);

CREATE TABLE cluster (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  status INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL DEFAULT 0,
  completed_at INTEGER,
  expires_at INTEGER NOT NULL DEFAULT 0,
  task_count INTEGER NOT NULL DEFAULT 0,
  round INTEGER NOT NULL DEFAULT 0,
  round_size INTEGER,
  marked INTEGER NOT NULL DEFAULT 0,
  tombstone INTEGER NOT NULL DEFAULT 0,
  unfinished INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  tree INTEGER NOT NULL DEFAULT 0,
  round_done INTEGER NOT NULL DEFAULT 0,
  round_failed INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  header BLOB
);
CREATE INDEX cluster_age ON cluster (created_at, id) WHERE header IS NOT NULL AND tombstone = 0;
CREATE INDEX cluster_unfinished ON cluster (created_at, id) WHERE unfinished = 1;

CREATE TABLE tree (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  cluster INTEGER NOT NULL,
  round INTEGER NOT NULL,
  size INTEGER,
  common BLOB,
  UNIQUE (cluster, round)
);
CREATE TABLE round_index (
  number INTEGER PRIMARY KEY,
  tree INTEGER NOT NULL,
  first_index INTEGER NOT NULL,
  last_index INTEGER NOT NULL,
  indexes BLOB NOT NULL
);
CREATE INDEX round_index_place ON round_index (tree, first_index);

CREATE TABLE payload (number INTEGER PRIMARY KEY, count INTEGER NOT NULL, tasks BLOB NOT NULL);

CREATE TABLE page (
  number INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  next_visible_at INTEGER,
  last_visible_at INTEGER,
  oldest_sent_at INTEGER,
  present INTEGER NOT NULL,
  received INTEGER NOT NULL,
  held INTEGER NOT NULL,
  leased INTEGER NOT NULL,
  slots BLOB NOT NULL
);
CREATE INDEX page_due ON page (queue, next_visible_at) WHERE next_visible_at IS NOT NULL;
CREATE INDEX page_held ON page (number) WHERE held > 0;

CREATE TABLE add_key (
  cluster INTEGER NOT NULL,
  add_key TEXT NOT NULL,
  first_index INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (cluster, add_key)
) WITHOUT ROWID;

CREATE TABLE waiting (
  tree INTEGER NOT NULL,
  position INTEGER NOT NULL,
  child TEXT NOT NULL,
  PRIMARY KEY (tree, position)
) WITHOUT ROWID;

CREATE TABLE task_meta (owner INTEGER PRIMARY KEY, meta TEXT, version INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE result (owner INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE error (
  owner INTEGER NOT NULL,
  number INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  at INTEGER NOT NULL,
  final INTEGER NOT NULL,
  PRIMARY KEY (owner, number)
) WITHOUT ROWID;
CREATE TABLE output (number INTEGER PRIMARY KEY, owner INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX output_owner ON output (owner, number);

CREATE TABLE record (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  type INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  meta_version INTEGER NOT NULL,
  leased INTEGER NOT NULL,
  alone INTEGER NOT NULL,
  cell BLOB NOT NULL,
  child TEXT,
  meta TEXT,
  body TEXT NOT NULL
);
CREATE INDEX record_leased ON record (number) WHERE leased = 1;

CREATE TABLE message (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  queue INTEGER NOT NULL,
  visible_at INTEGER NOT NULL,
  sent_at INTEGER NOT NULL,
  receive_count INTEGER NOT NULL,
  holder INTEGER NOT NULL,
  source INTEGER,
  group_id TEXT,
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  round INTEGER NOT NULL,
  position INTEGER NOT NULL,
  task INTEGER NOT NULL,
  first_failure INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  bucket TEXT,
  bucket_key TEXT,
  trace_parent TEXT NOT NULL,
  text TEXT,
  meta TEXT,
  body TEXT
);
CREATE INDEX message_due ON message (queue, visible_at);
CREATE INDEX message_source ON message (source) WHERE source IS NOT NULL;
CREATE INDEX message_group ON message (queue, group_id, number) WHERE group_id IS NOT NULL;
CREATE INDEX message_group_in_flight ON message (queue, group_id, visible_at) WHERE group_id IS NOT NULL AND receive_count > 0;

CREATE TABLE fifo_group (
  queue INTEGER NOT NULL,
  group_id TEXT NOT NULL,
  available_at INTEGER NOT NULL,
  PRIMARY KEY (queue, group_id)
) WITHOUT ROWID;
CREATE INDEX fifo_group_due ON fifo_group (queue, available_at);
CREATE TABLE deduplication (
  queue INTEGER NOT NULL,
  deduplication_id TEXT NOT NULL,
  until INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (queue, deduplication_id)
) WITHOUT ROWID;
CREATE INDEX deduplication_end ON deduplication (until);

CREATE TABLE globals (key TEXT PRIMARY KEY, version TEXT NOT NULL, write_ids BLOB NOT NULL, value TEXT NOT NULL);

CREATE TABLE holder (slot INTEGER PRIMARY KEY, generation INTEGER NOT NULL, process INTEGER NOT NULL, since INTEGER NOT NULL);
)sql";

// For people with a plain sqlite3 shell: it has none of our functions, so everything is counted from columns.
constexpr const char* views_1 = R"sql(
CREATE VIEW clusters AS
SELECT 'SQSMessage$' || id AS key, name,
       CASE status WHEN 0 THEN 'PRE FLIGHT' WHEN 1 THEN 'IN PROGRESS' WHEN 2 THEN 'COMPLETE' ELSE 'ERROR' END AS status,
       task_count AS total, done AS complete, failed, leased + waiting AS in_progress,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', completed_at / 1000.0, 'unixepoch') AS completed_at
FROM cluster WHERE header IS NOT NULL AND tombstone = 0 ORDER BY created_at DESC, id DESC;

CREATE VIEW queues AS
WITH clock AS (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now),
slots AS (
  SELECT queue,
         sum(CASE WHEN last_visible_at <= now THEN present WHEN next_visible_at > now THEN 0 ELSE present - received END) AS visible,
         sum(CASE WHEN last_visible_at <= now THEN 0 ELSE received END) AS in_flight,
         sum(CASE WHEN next_visible_at > now THEN present - received ELSE 0 END) AS delayed
  FROM page, clock WHERE next_visible_at IS NOT NULL GROUP BY queue),
rows AS (
  SELECT queue, sum(visible_at <= now) AS visible, sum(visible_at > now AND receive_count > 0) AS in_flight,
         sum(visible_at > now AND receive_count = 0) AS delayed
  FROM message, clock GROUP BY queue),
gone AS (SELECT source, count(*) AS dead FROM message WHERE source IS NOT NULL GROUP BY source)
SELECT name, coalesce(slots.visible, 0) + coalesce(rows.visible, 0) AS visible,
       coalesce(slots.in_flight, 0) + coalesce(rows.in_flight, 0) AS in_flight,
       coalesce(slots.delayed, 0) + coalesce(rows.delayed, 0) AS delayed, coalesce(dead, 0) AS dead
FROM queue LEFT JOIN slots ON slots.queue = queue.number LEFT JOIN rows ON rows.queue = queue.number
LEFT JOIN gone ON gone.source = queue.number ORDER BY name;
)sql";

// Finish and first-failure messages (RecordType::cluster) are found by their cluster.
constexpr const char* tables_2 = R"sql(
CREATE INDEX message_of_cluster ON message (id) WHERE type = 0;
ALTER TABLE output ADD COLUMN round INTEGER;
)sql";

/// The step from version i to version i + 1 of the schema stands at [i].
constexpr std::array<std::array<const char*, 2>, schema_version> migrations{{{tables_1, views_1}, {tables_2, ""}}};

/// Every write of another program fails: its connections have triggers on, ours have them off. The triggers are written
/// into the schema as rows, as the documentation of PRAGMA writable_schema has it: CREATE TRIGGER reads the schema
/// again each time, which for sixty took longer than all tables.
void guard_tables(Connection& connection) {
  std::vector<std::string> names;
  {
    Rows tables(connection, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (tables.next()) names.push_back(tables.text(0));
  }
  connection.run("PRAGMA writable_schema = ON");
  for (const std::string& name : names) {
    for (const char* operation : {"INSERT", "UPDATE", "DELETE"}) {
      const std::string trigger = "guard_" + name + "_" + operation;
      const std::string sql = "CREATE TRIGGER " + trigger + " BEFORE " + operation + " ON " + name +
                              " BEGIN SELECT RAISE(ABORT, 'only fanfold writes this file; others may read it'); END";
      execute(connection,
              "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) SELECT 'trigger', ?1, ?2, 0, ?3 "
              "WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)",
              trigger, name, sql);
    }
  }
  connection.run("PRAGMA writable_schema = OFF");
}

bool keeps_log(Connection& connection) {
  Rows mode(connection, "PRAGMA journal_mode");
  return mode.next() && mode.bytes(0) == "wal";
}

}  // namespace

FileKind look_at(Connection& connection) {
  FileKind kind;
  if (is_empty(connection)) {
    kind.is_empty = kind.is_unfinished = true;
    return kind;
  }
  try {
    kind.application = query_number(connection, "PRAGMA application_id").value_or(0);
    kind.version = query_number(connection, "PRAGMA user_version").value_or(0);
    kind.keeps_log = keeps_log(connection);
    kind.has_tables = query_number(connection, "SELECT count(*) FROM sqlite_schema").value_or(0) > 0;
    kind.is_unfinished = is_unfinished(connection);
  } catch (const StorageFailure& failure) {
    kind.is_unfinished = failure.error.code == ErrorCode::damaged && is_unfinished(connection);
    if (!kind.is_unfinished) throw;
  }
  return kind;
}

Result<void> check_kind(const FileKind& kind, const std::string& file) {
  if (kind.application != application_id && kind.has_tables) {
    return Error{ErrorCode::damaged, file + " is an SQLite database, but not one of fanfold's", {}};
  }
  if (kind.application == application_id && kind.version > schema_version) {
    return Error{ErrorCode::unsupported_version,
                 file + " has schema version " + std::to_string(kind.version) + "; this fanfold knows versions up to " +
                     std::to_string(schema_version) + ": use a newer one",
                 {}};
  }
  return {};
}

void migrate(Connection& connection, std::int64_t from_version) {
  if (from_version == schema_version) return;
  connection.run("BEGIN IMMEDIATE");
  try {
    for (auto version = static_cast<std::size_t>(from_version); version < migrations.size(); ++version) {
      for (const char* sql : migrations[version]) connection.run(sql);
    }
    guard_tables(connection);
    connection.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    connection.run(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
    connection.run("COMMIT");
  } catch (const StorageFailure&) {
    static_cast<void>(connection.try_run("ROLLBACK"));
    throw;
  }
  connection.forget_statements();
}

}  // namespace fanfold::sqlite
