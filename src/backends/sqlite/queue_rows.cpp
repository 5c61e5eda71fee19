#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/queue.hpp"
#include "support/trace_context.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

struct DueRow {
  Number number = 0;
  Time sent_at{};
  std::uint32_t receive_count = 0;
};

std::vector<DueRow> due_rows(Connection& connection, const QueueInfo& queue, std::size_t count_max, Time now) {
  std::vector<DueRow> due;
  Rows rows(connection,
            "SELECT number, sent_at, receive_count FROM message WHERE queue = ? AND visible_at <= ? "
            "ORDER BY visible_at, number LIMIT ?",
            queue.number, now, count_max);
  while (rows.next()) due.push_back({rows.integer(0), rows.time(1), static_cast<std::uint32_t>(rows.integer(2))});
  return due;
}

std::vector<DueRow> group_rows(Connection& connection, const QueueInfo& queue, std::string_view group_id,
                               std::size_t count_max, Time now) {
  std::vector<DueRow> due;
  Rows rows(connection,
            "SELECT number, sent_at, receive_count, visible_at FROM message WHERE queue = ? AND group_id = ? ORDER BY "
            "number LIMIT ?",
            queue.number, group_id, count_max);
  while (rows.next() && rows.time(3) <= now)
    due.push_back({rows.integer(0), rows.time(1), static_cast<std::uint32_t>(rows.integer(2))});
  return due;
}

/// Nothing sends a single message again, so that somebody may want to know.
void drop_expired(Connection& connection, Number queue, Number number) {
  execute(connection,
          "INSERT INTO setting SELECT ?, 1 FROM message WHERE number = ? AND type = ? "
          "ON CONFLICT DO UPDATE SET value = value + 1",
          expired_setting(queue), number, RecordType::message);
  execute(connection, "DELETE FROM message WHERE number = ?", number);
}

/// What is to be delivered; what is too old or a dead letter goes its way.
bool is_delivered(Transaction& transaction, const QueueInfo& queue, const DueRow& row, Time now) {
  if (row.sent_at + queue.attributes.retention <= now) {
    drop_expired(transaction.connection(), queue.number, row.number);
    return false;
  }
  if (!is_dead_letter(queue, row.receive_count)) return true;
  bury_row(transaction, queue, row.number, now);
  return false;
}

SharedTrace trace_of(const Rows& rows) {
  const std::string_view stored = rows.bytes(12);
  return stored.empty() ? SharedTrace() : SharedTrace(support::found_trace(stored));
}

void fill_content(const Rows& rows, Delivery& delivery) {
  if (!rows.is_null(13)) {
    delivery.text = rows.text(13);
    delivery.trace = trace_of(rows);
    return;
  }
  Envelope& content = delivery.content.emplace();
  content.type = static_cast<RecordType>(rows.integer(3));
  content.id = rows.text(4);
  content.name = rows.text(5);
  content.round = static_cast<std::uint32_t>(rows.integer(6));
  content.position = rows.count(7);
  content.index = rows.count(8);
  content.first_failure = rows.integer(9) != 0;
  content.expires_at = rows.time(10);
  if (!rows.is_null(11)) content.bucket_params = BucketParams{rows.text(11), rows.text(16)};
  content.trace = trace_of(rows);
  if (!rows.is_null(14)) content.meta = Json::from_valid_text(rows.text(14));
  if (!rows.is_null(15)) content.body = Json::from_valid_text(rows.text(15));
}

}  // namespace

Number insert_message(Connection& connection, const MessageRow& row) {
  static const Envelope nothing;
  const Envelope& content = row.content != nullptr ? *row.content : nothing;
  std::optional<std::string_view> bucket;
  std::optional<std::string_view> bucket_key;
  std::optional<std::string_view> meta;
  std::optional<std::string_view> body;
  const std::string trace = content.trace.empty() ? std::string() : support::stored_trace(*content.trace);
  if (content.bucket_params) {
    bucket = content.bucket_params->bucket;
    bucket_key = content.bucket_params->key;
  }
  if (content.meta) meta = content.meta->text();
  if (row.has_body && !row.text) body = content.body.text();
  execute(connection,
          "INSERT INTO message (queue, visible_at, sent_at, receive_count, holder, source, group_id, type, id, name, "
          "round, position, task, "
          "first_failure, expires_at, bucket, bucket_key, trace_parent, text, meta, body) "
          "VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          row.queue, row.visible_at, row.sent_at, row.receive_count, row.source, row.group_id, content.type, content.id,
          content.name, content.round, content.position, content.index, content.first_failure, content.expires_at,
          bucket, bucket_key, trace, row.text, meta, body);
  return connection.last_number();
}

Delivery deliver_row(Connection& connection, Number number, Time visible_at, std::uint32_t holder) {
  execute(connection,
          "UPDATE message SET visible_at = ?, holder = ?, receive_count = min(receive_count + 1, ?) WHERE number = ?",
          visible_at, holder, receive_count_most, number);
  Delivery delivery = read_row(connection, number);
  delivery.receipt_handle = receipt_text({false, number, 0, 0, delivery.receive_count});
  return delivery;
}

Delivery read_row(Connection& connection, Number number) {
  Delivery delivery;
  {
    Rows rows(connection,
              "SELECT sent_at, receive_count, group_id, type, id, name, round, position, task, first_failure, "
              "expires_at, bucket, trace_parent, text, "
              "meta, body, bucket_key, visible_at FROM message WHERE number = ?",
              number);
    if (!rows.next()) return delivery;
    const Receipt receipt{false, number, 0, 0, static_cast<std::uint32_t>(rows.integer(1))};
    delivery.message_id = message_id_of(receipt);
    delivery.receive_count = receipt.receive_count;
    delivery.sent_at = rows.time(0);
    delivery.visible_at = rows.time(17);
    delivery.group_id = rows.text(2);
    fill_content(rows, delivery);
    if (!rows.is_null(13) || !rows.is_null(15)) return delivery;
  }
  // A task's: its payload is where all of them are.
  Envelope& content = *delivery.content;
  if (const auto cluster = read_cluster_row(connection, content.id)) {
    visit_payloads(connection, cluster->number, content.index, content.index + 1,
                   [&](std::uint64_t, std::string_view body, std::string_view) {
                     content.body = Json::from_valid_text(std::string(body));
                     return false;
                   });
  }
  return delivery;
}

void take_from_rows(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                    std::uint32_t holder, Time until, Time now, Taken& taken) {
  while (taken.messages.size() + taken.slots.size() < options.count_max) {
    const std::size_t room = options.count_max - taken.messages.size() - taken.slots.size();
    const auto due = due_rows(transaction.connection(), queue, room, until);
    if (due.empty()) return;
    for (const DueRow& row : due) {
      if (!is_delivered(transaction, queue, row, now)) continue;
      taken.messages.push_back(deliver_row(transaction.connection(), row.number, now + options.visibility, holder));
    }
    if (options.visibility <= std::chrono::milliseconds::zero()) return;  // They are visible again already.
  }
}

void take_from_groups(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                      std::uint32_t holder, Time now, Taken& taken) {
  Connection& connection = transaction.connection();
  while (taken.messages.size() < options.count_max) {
    std::optional<std::string> group;
    {
      Rows rows(connection,
                "SELECT group_id FROM fifo_group WHERE queue = ? AND available_at <= ? ORDER BY available_at LIMIT 1",
                queue.number, now);
      if (rows.next()) group = rows.text(0);
    }
    if (!group) return;
    for (const DueRow& row : group_rows(connection, queue, *group, options.count_max - taken.messages.size(), now)) {
      if (!is_delivered(transaction, queue, row, now)) continue;
      taken.messages.push_back(deliver_row(connection, row.number, now + options.visibility, holder));
    }
    settle_group(connection, queue.number, *group, now);
    if (options.visibility <= std::chrono::milliseconds::zero()) return;
  }
}

void note_appended(Connection& connection, Number queue, std::string_view group_id, Time visible_at) {
  execute(connection, "INSERT INTO fifo_group (queue, group_id, available_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          queue, group_id, visible_at);
}

void settle_group(Connection& connection, Number queue, std::string_view group_id, Time now) {
  // One in flight blocks its group: nothing overtakes it.
  auto available = query_number(
      connection,
      "SELECT max(visible_at) FROM message WHERE queue = ? AND group_id = ? AND receive_count > 0 AND visible_at > ?",
      queue, group_id, now);
  if (!available)
    available = query_number(connection,
                             "SELECT visible_at FROM message WHERE queue = ? AND group_id = ? ORDER BY number LIMIT 1",
                             queue, group_id);
  if (available) {
    execute(connection, "UPDATE fifo_group SET available_at = ? WHERE queue = ? AND group_id = ?", *available, queue,
            group_id);
  } else {
    execute(connection, "DELETE FROM fifo_group WHERE queue = ? AND group_id = ?", queue, group_id);
  }
}

std::string expired_setting(Number queue) { return "expired/" + std::to_string(queue); }

bool is_dead_letter(const QueueInfo& queue, std::uint32_t receive_count) {
  return queue.attributes.redrive && receive_count >= queue.attributes.redrive->receive_count_max;
}

Number dead_letter_queue(Transaction& transaction, const QueueInfo& queue) {
  const std::string& name = queue.attributes.redrive->dead_letter_queue;
  transaction.announce(Wake::bucket_of(name));
  // `create` made it, and queues are never removed.
  return query_number(transaction.connection(), "SELECT number FROM queue WHERE name = ?", name).value_or(queue.number);
}

void bury_row(Transaction& transaction, const QueueInfo& queue, Number number, Time now) {
  Connection& connection = transaction.connection();
  const Number dead = dead_letter_queue(transaction, queue);
  // It keeps its id and its age; its receipts are stale, since the receive count goes on from there.
  execute(connection, "UPDATE message SET queue = ?, source = ?, visible_at = ?, holder = 0 WHERE number = ?", dead,
          queue.number, now, number);
  if (!queue.attributes.fifo) return;
  Rows rows(connection, "SELECT group_id FROM message WHERE number = ?", number);
  if (rows.next()) note_appended(connection, dead, rows.bytes(0), now);
}

}  // namespace fanfold::sqlite
