#include "backends/sqlite/queue.hpp"

#include "support/queue_name.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

constexpr std::size_t name_bytes_max = 256;
/// Rows or pages that one transaction of a purge or redrive touches, so that the write lock goes around.
constexpr std::int64_t sweep_row_count = 256;

/// The first attribute that differs, empty where none does.
std::string difference(const QueueAttributes& a, const QueueAttributes& b) {
  if (a.fifo != b.fifo) return "fifo";
  if (a.visibility != b.visibility) return "visibility";
  if (a.retention != b.retention) return "retention";
  if (a.delay != b.delay) return "delay";
  if (a.content_based_deduplication != b.content_based_deduplication) return "content_based_deduplication";
  return a.redrive == b.redrive ? "" : "redrive";
}

std::optional<Error> check(std::string_view name, const QueueAttributes& attributes) {
  using std::chrono::milliseconds;
  if (name.empty() || name.size() > name_bytes_max) return invalid_argument("a queue's name has 1 to 256 bytes");
  if (attributes.fifo != support::is_fifo(name))
    return invalid_argument("fifo: the name of a FIFO queue, and of no other, ends in .fifo");
  if (attributes.visibility < milliseconds(0) || attributes.visibility > std::chrono::hours(12))
    return invalid_argument("visibility: 0 to 12 h");
  if (attributes.retention < std::chrono::minutes(1) || attributes.retention > std::chrono::days(14)) {
    return invalid_argument("retention: 1 min to 14 days");
  }
  if (attributes.delay < milliseconds(0) || attributes.delay > message_delay_max)
    return invalid_argument("delay: 0 to 15 min");
  if (attributes.content_based_deduplication && !attributes.fifo)
    return invalid_argument("content_based_deduplication: FIFO queues only");
  if (!attributes.redrive) return std::nullopt;
  if (attributes.redrive->receive_count_max == 0) return invalid_argument("redrive: receive_count_max is at least 1");
  if (attributes.redrive->receive_count_max > receive_count_most)
    return invalid_argument("redrive: receive_count_max is at most 4,095");
  if (attributes.redrive->dead_letter_queue == name)
    return invalid_argument("redrive: a queue is not its own dead-letter queue");
  if (support::is_fifo(attributes.redrive->dead_letter_queue) != attributes.fifo) {
    return invalid_argument("redrive: the dead-letter queue of a FIFO queue is one too, and of no other");
  }
  return std::nullopt;
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max) return invalid_argument("a queue's name has 1 to 256 bytes");
  return {};
}

/// What is in pages. Those that are neither all visible nor all hidden are unpacked.
void count_pages(Connection& connection, const QueueInfo& queue, Time now, QueueCounts& counts) {
  const Time oldest_kept = now - queue.attributes.retention;
  Rows rows(connection,
            "SELECT next_visible_at, last_visible_at, oldest_sent_at, present, received, "
            "CASE WHEN oldest_sent_at <= ?2 OR (next_visible_at <= ?3 AND last_visible_at > ?3) THEN slots END "
            "FROM page WHERE queue = ?1 AND next_visible_at IS NOT NULL",
            queue.number, oldest_kept, now);
  while (rows.next()) {
    if (rows.is_null(5)) {
      const std::uint64_t present = rows.count(3);
      const std::uint64_t received = rows.count(4);
      if (rows.time(1) <= now) {
        counts.visible_count += present;
      } else {
        counts.in_flight_count += received;
        counts.delayed_count += present - received;
      }
      continue;
    }
    const SlotPage slots(rows.text(5));
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      const Mail mail = slots.mail(slot);
      if (!mail.is_present || mail.sent_at <= oldest_kept) continue;
      ++(mail.visible_at <= now   ? counts.visible_count
         : mail.receive_count > 0 ? counts.in_flight_count
                                  : counts.delayed_count);
    }
  }
}

void count_rows(Connection& connection, const QueueInfo& queue, Time now, QueueCounts& counts) {
  Rows rows(connection,
            "SELECT sum(visible_at <= ?2), sum(visible_at > ?2 AND receive_count > 0), sum(visible_at > ?2 AND "
            "receive_count = 0) "
            "FROM message WHERE queue = ?1 AND sent_at > ?3",
            queue.number, now, now - queue.attributes.retention);
  if (!rows.next()) return;
  counts.visible_count += rows.count(0);
  counts.in_flight_count += rows.count(1);
  counts.delayed_count += rows.count(2);
}

/// Those that a receive took away, and those that the next one will.
std::uint64_t count_expired(Connection& connection, const QueueInfo& queue, Time now) {
  const auto gone =
      query_number(connection, "SELECT value FROM setting WHERE name = ?", expired_setting(queue.number)).value_or(0);
  const auto due = query_number(
      connection, "SELECT count(*) FROM message WHERE queue = ? AND sent_at <= ? AND visible_at <= ? AND type = ?",
      queue.number, now - queue.attributes.retention, now, RecordType::message);
  return static_cast<std::uint64_t>(gone + due.value_or(0));
}

}  // namespace

Error invalid_argument(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Result<std::string> SqliteQueue::resolve(std::string_view name_or_url) {
  auto checked = check_name(name_or_url);
  if (!checked) return std::move(checked).error();
  return std::string(name_or_url);
}

Result<std::string> SqliteQueue::create(std::string_view name, const QueueAttributes& attributes) {
  if (auto error = check(name, attributes)) return std::move(*error);
  if (attributes.redrive) {
    auto dead = store_->ensure_queue(attributes.redrive->dead_letter_queue);
    if (!dead) return std::move(dead).error();
  }
  auto queue = store_->ensure_queue(name, &attributes);
  if (!queue) return std::move(queue).error();
  const std::string other = difference((*queue)->attributes, attributes);
  if (!other.empty())
    return Error{ErrorCode::already_exists, "the queue " + std::string(name) + " is there with another " + other, {}};
  return std::string(name);
}

Result<QueueAttributes> SqliteQueue::attributes(std::string_view url) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  return (*queue)->attributes;
}

Result<QueueCounts> SqliteQueue::counts(std::string_view url) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  const Time now = store_->clock().now();
  return store_->read([&](Connection& connection) -> Result<QueueCounts> {
    QueueCounts counts;
    count_pages(connection, **queue, now, counts);
    count_rows(connection, **queue, now, counts);
    counts.expired_count = count_expired(connection, **queue, now);
    return counts;
  });
}

Result<std::vector<std::string>> SqliteQueue::list() {
  return store_->read([](Connection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> names;
    Rows rows(connection, "SELECT name FROM queue ORDER BY name");
    while (rows.next()) names.push_back(rows.text(0));
    return names;
  });
}

Result<std::vector<Delivery>> SqliteQueue::receive(std::string_view url, const ReceiveOptions& options,
                                                   std::stop_token stop) {
  if (options.count_max == 0 || options.count_max > queue_receive_count_max)
    return invalid_argument("count_max: 1 to " + std::to_string(queue_receive_count_max));
  Wake* wake = store_->wake();
  if (wake == nullptr) return Error{ErrorCode::read_only, "the store was opened for reading only", {}};
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  const std::size_t bucket = (*queue)->bucket;
  const std::stop_callback wake_up(stop, [&] { wake->notify(bucket); });
  // How long it waits is real time, also where a test's clock says what is visible.
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const steady_clock::time_point end = steady_clock::now() + options.wait;
  while (!stop.stop_requested()) {
    const std::uint32_t seen = wake->sequence(bucket);
    auto next = store_->read(
        [&](Connection& connection) -> Result<std::optional<Time>> { return next_visible_at(connection, **queue); });
    if (!next) return std::move(next).error();
    const Time now = store_->clock().now();
    if (*next && **next <= now) {
      auto deliveries = take(**queue, options);
      if (!deliveries || !deliveries->empty()) return deliveries;
      if (steady_clock::now() < end) continue;  // Others were faster, or what was visible had to go elsewhere.
    }
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left <= milliseconds::zero()) break;
    milliseconds most = std::min(left, poll_most);
    if (*next) most = std::min(most, std::max<milliseconds>(**next - now, milliseconds(1)));
    wake->wait(bucket, seen, most);
  }
  return std::vector<Delivery>();
}

Result<std::vector<Delivery>> SqliteQueue::take(const QueueInfo& queue, const ReceiveOptions& options) {
  const std::uint32_t holder = store_->holder()->slot();
  const auto step = [&](Transaction& transaction) -> Result<Taken> {
    return take_messages(transaction, queue, options, holder, store_->clock().now());
  };
  // What a receive did means nothing without its process. Tasks are read by another connection, which has to see the
  // commit; and of a FIFO group nobody may get the next one while somebody may hold this.
  const auto is_early = [&](const Result<Taken>& taken) {
    return taken && taken->slots.empty() && !taken->messages.empty() && !queue.attributes.fifo;
  };
  auto taken = store_->write_early(step, is_early);
  if (!taken) return std::move(taken).error();
  std::vector<Delivery> deliveries = std::move(taken->messages);
  if (taken->slots.empty()) return deliveries;
  // Payloads never change, so they are read beside the next writer.
  return store_->read([&](Connection& connection) -> Result<std::vector<Delivery>> {
    deliver_slots(connection, taken->slots, deliveries);
    return std::move(deliveries);
  });
}

Result<std::uint64_t> SqliteQueue::purge(std::string_view url) {
  auto queue = store_->ensure_queue(url);
  if (!queue) return std::move(queue).error();
  const Number number = (*queue)->number;
  std::uint64_t total = 0;
  while (true) {
    auto count = store_->write(Sync::needed, [&](Transaction& transaction) -> Result<std::uint64_t> {
      transaction.flush();
      Connection& connection = transaction.connection();
      std::vector<Number> pages;
      {
        Rows rows(connection, "SELECT number FROM page WHERE queue = ? AND next_visible_at IS NOT NULL LIMIT ?", number,
                  sweep_row_count);
        while (rows.next()) pages.push_back(rows.integer(0));
      }
      std::uint64_t removed = 0;
      for (const Number page_of : pages) {
        StatePage& page = transaction.page(page_of);
        page.is_changed = true;
        for (std::size_t slot = 0; slot < page.slots.size(); ++slot) {
          Mail mail = page.slots.mail(slot);
          if (!mail.is_present) continue;
          mail.is_present = false;
          page.slots.set_mail(slot, mail);
          ++removed;
        }
      }
      execute(connection, "DELETE FROM message WHERE number IN (SELECT number FROM message WHERE queue = ? LIMIT ?)",
              number, sweep_row_count);
      removed += static_cast<std::uint64_t>(sqlite3_changes64(connection.handle()));
      if (removed == 0) execute(connection, "DELETE FROM fifo_group WHERE queue = ?", number);
      return removed;
    });
    if (!count) return count;
    if (*count == 0) return total;
    total += *count;
  }
}

Result<std::vector<Delivery>> SqliteQueue::list_dead_letters(std::string_view dead_letter_url, std::size_t count_max) {
  return store_->read_settled([&](Connection& connection) -> Result<std::vector<Delivery>> {
    std::vector<Number> numbers;
    {
      Rows rows(connection,
                "SELECT message.number FROM queue CROSS JOIN message ON queue = queue.number "
                "WHERE queue.name = ? AND source IS NOT NULL ORDER BY message.number LIMIT ?",
                dead_letter_url, count_max);
      while (rows.next()) numbers.push_back(rows.integer(0));
    }
    std::vector<Delivery> letters;
    letters.reserve(numbers.size());
    for (const Number number : numbers) letters.push_back(read_row(connection, number));
    return letters;
  });
}

Result<std::uint64_t> SqliteQueue::redrive(std::string_view dead_letter_url) {
  auto queue = store_->ensure_queue(dead_letter_url);
  if (!queue) return std::move(queue).error();
  const Number dead = (*queue)->number;
  std::uint64_t total = 0;
  while (true) {
    auto count = store_->write(Sync::needed, [&](Transaction& transaction) -> Result<std::uint64_t> {
      Connection& connection = transaction.connection();
      const auto source = query_number(
          connection, "SELECT number FROM queue WHERE dead_letter_queue = ? ORDER BY number LIMIT 1", dead_letter_url);
      if (!source)
        return invalid_argument("no queue has " + std::string(dead_letter_url) + " as its dead-letter queue");
      struct Moved {
        Number number = 0;
        Number target = 0;
        std::optional<std::string> group_id{};
      };
      std::vector<Moved> moved;
      {
        Rows rows(connection,
                  "SELECT number, coalesce(source, ?2), group_id FROM message WHERE queue = ?1 ORDER BY visible_at, "
                  "number LIMIT ?3",
                  dead, *source, sweep_row_count);
        while (rows.next()) {
          moved.push_back({rows.integer(0), rows.integer(1), std::nullopt});
          if (!rows.is_null(2)) moved.back().group_id = rows.text(2);
        }
      }
      const Time now = store_->clock().now();
      for (const Moved& message : moved) {
        // As a new message: with a new id, and none of its receives.
        execute(connection,
                "INSERT INTO message (queue, visible_at, sent_at, receive_count, holder, group_id, type, id, name, "
                "round, position, task, "
                "first_failure, expires_at, bucket, bucket_key, trace_parent, text, meta, body) "
                "SELECT ?, ?, ?, 0, 0, group_id, type, id, name, round, position, task, first_failure, expires_at, "
                "bucket, bucket_key, "
                "trace_parent, text, meta, body FROM message WHERE number = ?",
                message.target, now, now, message.number);
        execute(connection, "DELETE FROM message WHERE number = ?", message.number);
        if (message.group_id) {
          note_appended(connection, message.target, *message.group_id, now);
          settle_group(connection, dead, *message.group_id, now);
        }
        Rows rows(connection, "SELECT name FROM queue WHERE number = ?", message.target);
        if (rows.next()) transaction.announce(Wake::bucket_of(rows.bytes(0)));
      }
      return moved.size();
    });
    if (!count) return count;
    if (*count == 0) return total;
    total += *count;
  }
}

std::unique_ptr<Queue> make_queue(std::shared_ptr<Store> store) {
  return std::make_unique<SqliteQueue>(std::move(store));
}

}  // namespace fanfold::sqlite
