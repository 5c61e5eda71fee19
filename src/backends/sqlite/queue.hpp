#pragma once

#include "backends/sqlite/receipt.hpp"
#include "backends/sqlite/store.hpp"

#include <fanfold/ports/queue.hpp>

namespace fanfold::sqlite {

inline constexpr std::size_t queue_receive_count_max = 1'024;
inline constexpr std::size_t message_bytes_max = 1024 * 1024;
inline constexpr std::chrono::milliseconds message_delay_max{std::chrono::minutes(15)};
inline constexpr std::chrono::milliseconds deduplication_window{std::chrono::minutes(5)};
/// A long poll looks by itself so often, should a call to wake it ever get lost.
inline constexpr std::chrono::milliseconds poll_most{1'000};

/// The Queue on one file. What it does in transactions is spread over queue_*.cpp.
class SqliteQueue final : public Queue {
 public:
  explicit SqliteQueue(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  std::size_t receive_count_max() const override { return queue_receive_count_max; }
  Result<std::string> resolve(std::string_view name_or_url) override;
  Result<std::string> create(std::string_view name, const QueueAttributes& attributes) override;
  Result<QueueAttributes> attributes(std::string_view url) override;
  Result<QueueCounts> counts(std::string_view url) override;
  Result<std::vector<std::string>> list() override;
  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override;
  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override;
  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override;
  Result<std::vector<Result<void>>> remove(std::string_view url, std::span<const std::string> receipt_handles) override;
  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override;
  Result<std::uint64_t> purge(std::string_view url) override;
  Result<std::vector<Delivery>> list_dead_letters(std::string_view dead_letter_url, std::size_t count_max) override;
  Result<std::uint64_t> redrive(std::string_view dead_letter_url) override;

 private:
  [[nodiscard]] Result<std::vector<Delivery>> take(const QueueInfo& queue, const ReceiveOptions& options);
  std::shared_ptr<Store> store_;  // Shared with the other ports of this store.
};

[[nodiscard]] Error invalid_argument(std::string message);

// Rows of messages.

/// Where a row's body is the payload of a task, it is not stored twice.
struct MessageRow {
  Number queue = 0;
  Time visible_at{};
  Time sent_at{};
  std::uint32_t receive_count = 0;
  std::optional<Number> source{};          ///< In a dead-letter queue: the queue that it came from.
  std::optional<std::string> group_id{};   ///< FIFO queues only.
  const Envelope* content = nullptr;       ///< Borrowed.
  std::optional<std::string_view> text{};  ///< As on the wire, in place of the content.
  bool has_body = true;
};
Number insert_message(Connection& connection, const MessageRow& row);

// Receiving, in three parts: what one transaction takes, and what is then read to make deliveries of it.

/// A slot that was received.
struct TakenSlot {
  Number tree = 0;
  std::uint64_t position = 0;
  Mail mail{};
};
/// What one receive took.
struct Taken {
  std::vector<TakenSlot> slots{};
  std::vector<Delivery> messages{};
};
[[nodiscard]] Taken take_messages(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                                  std::uint32_t holder, Time now);
void take_from_pages(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                     std::uint32_t holder, Time now, Taken& taken);
/// Those that became visible up to `until`.
void take_from_rows(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                    std::uint32_t holder, Time until, Time now, Taken& taken);
void take_from_groups(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                      std::uint32_t holder, Time now, Taken& taken);
/// Appends the deliveries of what was taken from pages.
void deliver_slots(Connection& connection, const std::vector<TakenSlot>& slots, std::vector<Delivery>& deliveries);
/// The earliest time at which something in the queue is visible; empty where nothing is in it.
[[nodiscard]] std::optional<Time> next_visible_at(Connection& connection, const QueueInfo& queue);

/// Reads one row as a delivery; as it is, without a receipt.
[[nodiscard]] Delivery read_row(Connection& connection, Number number);
/// The same, and delivers it: it is hidden, and its receive count goes up.
[[nodiscard]] Delivery deliver_row(Connection& connection, Number number, Time visible_at, std::uint32_t holder);

// What is delivered no more.

/// The setting that counts the queue's single messages that nobody handled within the retention.
[[nodiscard]] std::string expired_setting(Number queue);
/// True where the message is to go to the dead-letter queue in place of a further delivery.
[[nodiscard]] bool is_dead_letter(const QueueInfo& queue, std::uint32_t receive_count);
/// Number of the dead-letter queue, made where it is missing.
[[nodiscard]] Number dead_letter_queue(Transaction& transaction, const QueueInfo& queue);
void bury_row(Transaction& transaction, const QueueInfo& queue, Number number, Time now);
void bury_slot(Transaction& transaction, const QueueInfo& queue, Number tree, std::uint64_t position, const Mail& mail);

/// Deletes by receipt; a stale one, or what is none, deletes nothing.
void remove_message(Transaction& transaction, const QueueInfo& queue, std::string_view receipt_handle, Time now);

// FIFO groups.

/// A message was appended to its group.
void note_appended(Connection& connection, Number queue, std::string_view group_id, Time visible_at);
/// A group's messages changed: works out anew when its oldest one can be received.
void settle_group(Connection& connection, Number queue, std::string_view group_id, Time now);

}  // namespace fanfold::sqlite
