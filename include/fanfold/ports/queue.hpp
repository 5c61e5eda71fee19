#pragma once

#include <fanfold/envelope.hpp>

#include <map>
#include <memory>
#include <span>
#include <stop_token>

namespace fanfold {

/// One delivery of one message. The same message may be delivered again, and two copies may be in flight at once.
struct Delivery {
  std::string message_id{};         ///< The queue's id; a message sent again has a new one.
  std::string receipt_handle{};     ///< For this delivery only; goes stale when the message is delivered again.
  std::uint32_t receive_count = 1;  ///< ApproximateReceiveCount.
  Time sent_at{};
  Time visible_at{};                  ///< When it shows up again unless deleted or changed.
  std::string group_id{};             ///< FIFO queues only.
  std::optional<Envelope> content{};  ///< Set where the backend hands it decoded; else decode `text`.
  std::string text{};                 ///< As on the wire.
  SharedTrace trace{};        ///< What the queue tells beside `text` (AWSTraceHeader); all of it is in `content`.
  bool is_pointer = false;    ///< `text` only names the place where the message's is kept: `Queue::fetch_payloads`.
  bool owns_payload = false;  ///< What its text was fetched from goes with it: `Queue::remove` deletes both.
};

/// One message to send.
struct OutgoingMessage {
  Envelope content{};
  std::string text{};  ///< When not empty it is sent as it is, in place of `content` (a foreign message moved on);
                       ///< beside it goes `content.trace` alone, as far as the queue has a place for it.
  std::chrono::milliseconds delay{0};  ///< Invisible this long; 0 to 15 min. SQS rounds up to seconds.
  std::string group_id{};              ///< FIFO queues: required. Standard queues: must be empty.
  std::string deduplication_id{};      ///< FIFO queues: a second message with it within 5 minutes is swallowed.
};

/// The part of a task's message that its own body, position and index are added to.
struct TaskRangeMessage {
  Envelope common{};  ///< type task; id, name, round, bucket_params, expires_at, trace.
  std::string group_id{};
};

struct TaskMessage {
  std::uint64_t position = 0;
  std::uint64_t index = 0;
  std::string_view body{};  ///< JSON text; borrowed for the call.
  std::chrono::milliseconds delay{0};
};

struct ReceiveOptions {
  std::size_t count_max = 10;              ///< Upper bound on what one call returns, 1 to `Queue::receive_count_max`.
  std::chrono::milliseconds wait{20'000};  ///< Long poll; zero polls once. At most 20 s.
  std::chrono::milliseconds visibility{30'000};  ///< Hidden from other receivers this long. At most 12 h.
};

struct RedrivePolicy {
  std::string dead_letter_queue{};
  std::uint32_t receive_count_max = 10;  ///< A message received this often goes there in place of a further delivery.
  friend bool operator==(const RedrivePolicy&, const RedrivePolicy&) = default;
};

struct QueueAttributes {
  bool fifo = false;                                     ///< By SQS's rule: the name ends in ".fifo".
  std::chrono::seconds visibility{30};                   ///< Default of a delivery; 0 to 12 h.
  std::chrono::seconds retention{std::chrono::days{4}};  ///< A message older than this is gone; 1 min to 14 days.
  std::chrono::seconds delay{0};                         ///< Default delay of a message; 0 to 15 min.
  bool content_based_deduplication = false;              ///< FIFO only.
  std::optional<RedrivePolicy> redrive{};
  friend bool operator==(const QueueAttributes&, const QueueAttributes&) = default;
};

struct QueueCounts {
  std::uint64_t visible_count = 0;
  std::uint64_t in_flight_count = 0;
  std::uint64_t delayed_count = 0;
  /// Single messages that nobody handled before they were older than the queue's retention, ever since it was made.
  /// Tasks and finish messages are sent again and not among them. Empty where the store cannot tell (SQS).
  std::optional<std::uint64_t> expired_count{};
};

struct VisibilityChange {
  std::string receipt_handle{};
  std::chrono::milliseconds visibility{0};  ///< From now; zero returns the message at once.
};

/// Message queues with the semantics of SQS. Thread-safe; calls block; every call may fail with unavailable or
/// throttled and may have been applied all the same. A queue is named by its url; the embedded engine's url is its
/// name.
class Queue {
 public:
  virtual ~Queue() = default;

  /// The most that one `receive` may ask for: 10 on SQS.
  [[nodiscard]] virtual std::size_t receive_count_max() const = 0;

  /// Whether a `receive` that `stop` ended may go on taking messages until its wait is over, as SQS does for callers
  /// that have left: nobody gets them, and they are hidden for their visibility.
  [[nodiscard]] virtual bool may_receive_after_stop() const { return false; }

  /// Name → url. Errors: not_found; the embedded engine creates a queue at its first use and never fails so.
  virtual Result<std::string> resolve(std::string_view name_or_url) = 0;

  /// Creates, or does nothing where a queue with equal attributes is there.
  /// Errors: already_exists with the first attribute that differs; invalid_argument.
  virtual Result<std::string> create(std::string_view name, const QueueAttributes& attributes) = 0;
  virtual Result<QueueAttributes> attributes(std::string_view url) = 0;
  virtual Result<QueueCounts> counts(std::string_view url) = 0;
  virtual Result<std::vector<std::string>> list() = 0;

  /// Takes up to `count_max` deliveries; empty where none came in time, and where `stop` was requested. Where the text
  /// is kept elsewhere and could not be had, `is_pointer` is still set: `fetch_payloads` tells why, and the message
  /// comes again.
  virtual Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                                std::stop_token stop) = 0;

  /// Completes deliveries that `receive` could not, and those that came by other means: an event of Lambda has the
  /// message as the queue keeps it. Where `is_pointer` is set the text is fetched and the receipt made one for
  /// `remove`; then it is cleared. All else is left as it is. One answer for each delivery; one with an error is
  /// unchanged. Errors: those of the place, which the message names: not_found, permission_denied; invalid_argument
  /// where the store has no such place. A backend without pointers takes each text for the message's.
  virtual std::vector<Result<void>> fetch_payloads(std::span<Delivery> deliveries) {
    for (Delivery& delivery : deliveries) delivery.is_pointer = false;
    return std::vector<Result<void>>(deliveries.size());
  }

  /// Sends each message, or says per message why not, in the order given; splits into the service's batches itself.
  /// The answer holds the queue's message ids. A finish message whose round is over already may be accepted and deleted
  /// at once.
  virtual Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                        std::span<const OutgoingMessage> messages) = 0;

  /// The same for many tasks of one cluster whose payloads the Ledger has already. A backend may merge this with
  /// a message of the same task that is still in the queue. Answers hold errors only: empty when all were accepted.
  /// What says nothing about the tasks, such as that this caller may not send, is the error of the call, or of a task
  /// with a code other than invalid_argument, too_large and bad_input.
  struct TaskRefused {
    std::uint64_t position = 0;
    Error error;
  };
  virtual Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                                      std::span<const TaskMessage> tasks) = 0;

  /// Deletes by receipt. A stale or unknown receipt is harmless and reported as success, as SQS does.
  virtual Result<std::vector<Result<void>>> remove(std::string_view url,
                                                   std::span<const std::string> receipt_handles) = 0;

  /// Hides each from now on for the time given. A stale receipt changes nothing and is reported as success.
  virtual Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                              std::span<const VisibilityChange> changes) = 0;

  /// Deletes all that is in the queue. The answer is how many were there, where the service tells.
  virtual Result<std::uint64_t> purge(std::string_view url) = 0;

  /// What was moved to a dead-letter queue, the oldest first, up to `count_max`, without receiving it: nothing is
  /// hidden or counted, and the deliveries have no receipts. Errors: invalid_argument where the service shows messages
  /// to receivers alone, as SQS does.
  virtual Result<std::vector<Delivery>> list_dead_letters(std::string_view dead_letter_url, std::size_t count_max) {
    static_cast<void>(dead_letter_url);
    static_cast<void>(count_max);
    return Error{ErrorCode::invalid_argument, "this store shows messages to receivers alone", {}};
  }

  /// Moves what a dead-letter queue holds back to its source queue. Errors: invalid_argument where `url` is no
  /// dead-letter queue.
  virtual Result<std::uint64_t> redrive(std::string_view dead_letter_url) = 0;
};

}  // namespace fanfold
