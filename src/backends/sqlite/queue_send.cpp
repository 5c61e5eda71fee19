#include "backends/sqlite/header_codec.hpp"
#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/queue.hpp"
#include "backends/sqlite/void_messages.hpp"
#include "support/hash.hpp"
#include "support/identifier.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

std::optional<Error> refusal(const QueueInfo& queue, const OutgoingMessage& message) {
  const bool fifo = queue.attributes.fifo;
  if (message.delay < std::chrono::milliseconds(0) || message.delay > message_delay_max)
    return invalid_argument("delay: 0 to 15 min");
  if (fifo && message.group_id.empty()) return invalid_argument("group_id: required by a FIFO queue");
  if (!fifo && !message.group_id.empty()) return invalid_argument("group_id: FIFO queues only");
  if (fifo && message.deduplication_id.empty() && !queue.attributes.content_based_deduplication) {
    return invalid_argument("deduplication_id: required by a FIFO queue without content based deduplication");
  }
  if (message.text.size() + message.content.body.text().size() > message_bytes_max)
    return Error{ErrorCode::too_large, "a message holds at most 1 MiB", {}};
  return std::nullopt;
}

std::string number_id(Number number) { return message_id_of({false, number, 0, 0, 0}); }

/// The id of the message that went in with this deduplication id less than five minutes ago.
std::optional<std::string> find_duplicate(Connection& connection, Number queue, std::string_view id, Time now) {
  Rows rows(connection, "SELECT message FROM deduplication WHERE queue = ? AND deduplication_id = ? AND until > ?",
            queue, id, now);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

Result<std::string> put_message(Transaction& transaction, const QueueInfo& queue, const OutgoingMessage& message,
                                Time now) {
  if (auto error = refusal(queue, message)) return std::move(*error);
  Connection& connection = transaction.connection();
  const std::chrono::milliseconds delay =
      message.delay > std::chrono::milliseconds(0) ? message.delay : queue.attributes.delay;
  MessageRow row{.queue = queue.number, .visible_at = now + delay, .sent_at = now, .content = &message.content};
  if (!message.text.empty()) row.text = message.text;
  if (message.text.empty() && is_void_finish(transaction, message.content)) {
    // As if it had been sent, received and deleted at once; it has a number that nothing else gets.
    const Number number = insert_message(connection, row);
    execute(connection, "DELETE FROM message WHERE number = ?", number);
    return number_id(number);
  }
  if (!queue.attributes.fifo) return number_id(insert_message(connection, row));

  std::string id = message.deduplication_id;
  if (id.empty()) id = digest_text(message.text + message.content.body.text());
  if (auto known = find_duplicate(connection, queue.number, id, now)) return std::move(*known);
  row.group_id = message.group_id;
  std::string message_id = number_id(insert_message(connection, row));
  note_appended(connection, queue.number, message.group_id, row.visible_at);
  execute(connection,
          "INSERT OR REPLACE INTO deduplication (queue, deduplication_id, until, message) VALUES (?, ?, ?, ?)",
          queue.number, id, now + deduplication_window, message_id);
  return message_id;
}

void forget_deduplications(Connection& connection, Time now) {
  execute(connection, "DELETE FROM deduplication WHERE until <= ?", now);
}

/// The send of one range of tasks: into slots where their place says all, else as rows.
class TaskSend {
 public:
  TaskSend(Transaction& transaction, const QueueInfo& queue, const TaskRangeMessage& range, Time now)
      : transaction_(transaction),
        queue_(queue),
        range_(range),
        now_(now),
        cluster_(transaction.ensure_cluster(range.common.id)) {}

  void run(std::span<const TaskMessage> tasks) {
    if (queue_.attributes.fifo) {
      for (const TaskMessage& task : tasks) put_row(task);
      return;
    }
    tree_ = transaction_.ensure_tree(cluster_, range_.common.round);
    keep_common();
    for (const TaskMessage& task : tasks) {
      if (!put_slot(task)) put_row(task);
    }
  }

 private:
  void keep_common() {
    const std::string bytes = encode_common(range_.common);
    {
      Rows rows(transaction_.connection(), "SELECT common FROM tree WHERE number = ?", tree_.number);
      if (rows.next() && rows.bytes(0) == bytes) return;
    }
    execute(transaction_.connection(), "UPDATE tree SET common = ? WHERE number = ?", Blob{bytes}, tree_.number);
  }

  /// A message of this task that is still there is replaced: whoever has received it finds its receipt stale.
  bool put_slot(const TaskMessage& task) {
    if (!is_index_known(task)) return false;
    StatePage& page = transaction_.page(page_number(tree_.number, task.position));
    if (page.queue != 0 && page.queue != queue_.number) return false;
    const std::size_t slot = slot_of(task.position);
    Mail mail = page.slots.mail(slot);
    mail.is_present = true;
    mail.visible_at = now_ + delay_of(task);
    mail.sent_at = now_;
    mail.receive_count = 0;
    mail.holder = 0;
    mail.generation = mail.generation % generation_most + 1;
    page.slots.set_mail(slot, mail);
    page.queue = queue_.number;
    page.is_changed = true;
    return true;
  }

  /// The place tells the index in the first round; later ones have a list.
  bool is_index_known(const TaskMessage& task) {
    if (range_.common.round == 0) return task.index == task.position;
    const Number number = page_number(tree_.number, task.position);
    if (listed_page_ != number) {
      listed_page_ = number;
      listed_ = read_round_indexes(transaction_.connection(), tree_.number, task.position - slot_of(task.position),
                                   page_slot_count);
    }
    const std::size_t slot = slot_of(task.position);
    return slot < listed_.size() && listed_[slot] == task.index;
  }

  void put_row(const TaskMessage& task) {
    Envelope content = range_.common;
    content.type = RecordType::task;
    content.position = task.position;
    content.index = task.index;
    MessageRow row{.queue = queue_.number,
                   .visible_at = now_ + delay_of(task),
                   .sent_at = now_,
                   .content = &content,
                   .has_body = false};
    if (queue_.attributes.fifo) row.group_id = range_.group_id;
    insert_message(transaction_.connection(), row);
    if (queue_.attributes.fifo)
      note_appended(transaction_.connection(), queue_.number, range_.group_id, row.visible_at);
  }

  [[nodiscard]] std::chrono::milliseconds delay_of(const TaskMessage& task) const {
    return task.delay > std::chrono::milliseconds(0) ? task.delay : queue_.attributes.delay;
  }

  Transaction& transaction_;
  const QueueInfo& queue_;
  const TaskRangeMessage& range_;
  Time now_;
  ClusterRow& cluster_;
  TreeRow tree_;
  Number listed_page_ = 0;
  std::vector<std::uint64_t> listed_;
};

/// Calls `apply(page, slot, mail)` where the receipt is that of the slot's newest delivery.
template <class Apply>
void with_slot(Transaction& transaction, const Receipt& receipt, Apply apply) {
  StatePage& page = transaction.page(page_number(receipt.number, receipt.position));
  const std::size_t slot = slot_of(receipt.position);
  Mail mail = page.slots.mail(slot);
  if (!mail.is_present || mail.generation != receipt.generation || mail.receive_count != receipt.receive_count) return;
  if (!apply(mail)) return;
  page.slots.set_mail(slot, mail);
  page.is_changed = true;
}

/// Group of a FIFO queue's message, where this receipt is of its newest delivery.
std::optional<std::string> group_of(Connection& connection, const Receipt& receipt) {
  Rows rows(connection, "SELECT group_id FROM message WHERE number = ? AND receive_count = ?", receipt.number,
            receipt.receive_count);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return rows.text(0);
}

void change_one(Transaction& transaction, const QueueInfo& queue, const Receipt& receipt, Time visible_at, Time now) {
  // Later than that, long polls look again by themselves: heartbeats wake nobody.
  if (visible_at - now < poll_most) transaction.announce(queue.bucket);
  if (receipt.is_slot) {
    with_slot(transaction, receipt, [&](Mail& mail) {
      if (!mail.is_in_flight(now)) return false;
      mail.visible_at = visible_at;
      return true;
    });
    return;
  }
  Connection& connection = transaction.connection();
  const auto group = queue.attributes.fifo ? group_of(connection, receipt) : std::nullopt;
  execute(connection,
          "UPDATE message SET visible_at = ? WHERE number = ? AND queue = ? AND receive_count = ? AND receive_count > "
          "0 AND visible_at > ?",
          visible_at, receipt.number, queue.number, receipt.receive_count, now);
  if (group) settle_group(connection, queue.number, *group, now);
}

}  // namespace

Result<std::vector<Result<std::string>>> SqliteQueue::send(std::string_view url,
                                                           std::span<const OutgoingMessage> messages) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  // A cluster's own messages are sent again where a power cut takes them: the header's note that they were sent comes
  // after them in the log.
  const bool is_promised = std::ranges::any_of(
      messages, [](const OutgoingMessage& message) { return message.content.type != RecordType::cluster; });
  const Sync sync = is_promised ? Sync::needed : Sync::not_needed;
  return store_->write(sync, [&](Transaction& transaction) -> Result<std::vector<Result<std::string>>> {
    const Time now = store_->clock().now();
    if ((*queue)->attributes.fifo) forget_deduplications(transaction.connection(), now);
    std::vector<Result<std::string>> answers;
    answers.reserve(messages.size());
    for (const OutgoingMessage& message : messages) answers.push_back(put_message(transaction, **queue, message, now));
    transaction.announce((*queue)->bucket);
    return answers;
  });
}

Result<std::vector<Queue::TaskRefused>> SqliteQueue::send_tasks(std::string_view url, const TaskRangeMessage& range,
                                                                std::span<const TaskMessage> tasks) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  if ((*queue)->attributes.fifo == range.group_id.empty())
    return invalid_argument("group_id: required by a FIFO queue, and by no other");
  // The header's due mark stands until every send is out, and what takes it away comes after them in the log: a power
  // cut before is a re-send.
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<TaskRefused>> {
    std::vector<TaskRefused> refused;
    std::vector<TaskMessage> accepted;
    const bool all_fine = std::ranges::all_of(tasks, [](const TaskMessage& task) {
      return task.delay >= std::chrono::milliseconds(0) && task.delay <= message_delay_max;
    });
    if (!all_fine) {
      for (const TaskMessage& task : tasks) {
        const bool is_fine = task.delay >= std::chrono::milliseconds(0) && task.delay <= message_delay_max;
        if (is_fine)
          accepted.push_back(task);
        else
          refused.push_back({task.position, invalid_argument("delay: 0 to 15 min")});
      }
    }
    TaskSend(transaction, **queue, range, store_->clock().now())
        .run(all_fine ? tasks : std::span<const TaskMessage>(accepted));
    transaction.announce((*queue)->bucket);
    return refused;
  });
}

void remove_message(Transaction& transaction, const QueueInfo& queue, std::string_view receipt_handle, Time now) {
  const auto receipt = parse_receipt(receipt_handle);
  if (!receipt) return;
  if (receipt->is_slot) {
    with_slot(transaction, *receipt, [](Mail& mail) {
      mail.is_present = false;
      return true;
    });
    return;
  }
  Connection& connection = transaction.connection();
  const auto group = queue.attributes.fifo ? group_of(connection, *receipt) : std::nullopt;
  execute(connection, "DELETE FROM message WHERE number = ? AND queue = ? AND receive_count = ? AND receive_count > 0",
          receipt->number, queue.number, receipt->receive_count);
  if (!group) return;
  settle_group(connection, queue.number, *group, now);
  transaction.announce(queue.bucket);
}

Result<std::vector<Result<void>>> SqliteQueue::remove(std::string_view url,
                                                      std::span<const std::string> receipt_handles) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<Result<void>>> {
    const Time now = store_->clock().now();
    for (const std::string& handle : receipt_handles) remove_message(transaction, **queue, handle, now);
    return std::vector<Result<void>>(receipt_handles.size());
  });
}

Result<std::vector<Result<void>>> SqliteQueue::change_visibility(std::string_view url,
                                                                 std::span<const VisibilityChange> changes) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<Result<void>>> {
    const Time now = store_->clock().now();
    for (const VisibilityChange& change : changes) {
      if (const auto receipt = parse_receipt(change.receipt_handle))
        change_one(transaction, **queue, *receipt, now + change.visibility, now);
    }
    return std::vector<Result<void>>(changes.size());
  });
}

void bury_slot(Transaction& transaction, const QueueInfo& queue, Number tree, std::uint64_t position,
               const Mail& mail) {
  Connection& connection = transaction.connection();
  std::optional<Envelope> content;
  {
    Rows rows(connection, "SELECT common FROM tree WHERE number = ?", tree);
    if (rows.next()) content = decode_common(rows.bytes(0));
  }
  if (!content) return;  // Its cluster is being deleted.
  content->position = position;
  content->index = position;
  if (content->round > 0) {
    const auto listed = read_round_indexes(connection, tree, position, 1);
    if (!listed.empty()) content->index = listed.front();
  }
  insert_message(connection, {.queue = dead_letter_queue(transaction, queue),
                              .visible_at = mail.visible_at,
                              .sent_at = mail.sent_at,
                              .receive_count = mail.receive_count,
                              .source = queue.number,
                              .content = &*content,
                              .has_body = false});
}

}  // namespace fanfold::sqlite
