#include "backends/sqlite/void_messages.hpp"

#include "backends/sqlite/queue.hpp"

namespace fanfold::sqlite {

namespace {

struct Found {
  Number number = 0;
  Number queue = 0;
  std::optional<std::string> group_id{};
};

void add(std::vector<Found>& found, Rows rows) {
  while (rows.next()) {
    found.push_back({rows.integer(0), rows.integer(1), std::nullopt});
    if (!rows.is_null(2)) found.back().group_id = rows.text(2);
  }
}

void remove(Transaction& transaction, const std::vector<Found>& found, Time now) {
  Connection& connection = transaction.connection();
  for (const Found& message : found) execute(connection, "DELETE FROM message WHERE number = ?", message.number);
  for (const Found& message : found) {
    if (!message.group_id) continue;
    settle_group(connection, message.queue, *message.group_id, now);
    Rows rows(connection, "SELECT name FROM queue WHERE number = ?", message.queue);
    if (rows.next()) transaction.announce(Wake::bucket_of(rows.bytes(0)));
  }
}

/// Of ended tasks only: a stopped cluster's others are many, and go with the cluster.
void remove_task_messages(Transaction& transaction, Number tree) {
  transaction.flush();
  std::vector<Number> numbers;
  {
    // By number, since a cluster has few pages beside those of a long queue.
    Rows rows(transaction.connection(),
              "SELECT number FROM page NOT INDEXED WHERE number BETWEEN ? AND ? AND next_visible_at IS NOT NULL",
              page_number(tree, 0), page_number(tree + 1, 0) - 1);
    while (rows.next()) numbers.push_back(rows.integer(0));
  }
  for (const Number number : numbers) {
    StatePage& page = transaction.page(number);
    for (std::size_t slot = 0; slot < page.slots.size(); ++slot) {
      Mail mail = page.slots.mail(slot);
      if (!mail.is_present || !page.slots.cell(slot).has_ended()) continue;
      mail.is_present = false;
      page.slots.set_mail(slot, mail);
      page.is_changed = true;
    }
  }
}

}  // namespace

bool is_void_finish(Transaction& transaction, const Envelope& content) {
  if (content.type != RecordType::cluster || content.first_failure) return false;
  const ClusterRow* row = transaction.find_cluster(content.id);
  if (row == nullptr || !row->has_header) return false;
  if (row->tombstone || row->round > content.round) return true;
  return row->round == content.round && row->is_finished() && row->header().finish_done;
}

void remove_void_messages(Transaction& transaction, const ClusterRow& row, const ClusterHeader& header, Time now) {
  std::vector<Found> found;
  add(found, Rows(transaction.connection(),
                  "SELECT number, queue, group_id FROM message WHERE type = 0 AND id = ? AND first_failure = 0 AND "
                  "round <= ?",
                  row.id, header.round));
  remove(transaction, found, now);
  if (row.tree != 0 && !header.stopped()) remove_task_messages(transaction, row.tree);
}

void remove_cluster_messages(Transaction& transaction, std::string_view id, Time now) {
  std::vector<Found> found;
  add(found,
      Rows(transaction.connection(), "SELECT number, queue, group_id FROM message WHERE type = 0 AND id = ?", id));
  remove(transaction, found, now);
}

}  // namespace fanfold::sqlite
