#pragma once

#include <fanfold/backends/aws.hpp>

#include "backends/aws/object_store.hpp"
#include "backends/aws/sqs_calls.hpp"

#include <fanfold/ports/clock.hpp>
#include <fanfold/ports/queue.hpp>

#include <atomic>
#include <mutex>

namespace fanfold::aws {

/// An error of a call about this queue. Where the service says no more than that something is not there, it is the
/// queue: the answer names it, and says what makes it.
[[nodiscard]] Error naming_queue(std::string_view name_or_url, Error error);

/// The Queue on SQS, standard and FIFO. What is longer than a message may be goes into the bucket, with a pointer in
/// its place. Thread-safe.
class SqsQueue : public Queue {
 public:
  /// All outlive this object. Without a bucket, messages that are too long are refused.
  SqsQueue(Service& sqs, Clock& clock, ObjectStore* objects, std::string bucket, Usage& usage)
      : sqs_(sqs), clock_(clock), objects_(objects), bucket_(std::move(bucket)), usage_(usage) {}

  [[nodiscard]] std::size_t receive_count_max() const override { return sqs_batch_count_max; }
  [[nodiscard]] bool may_receive_after_stop() const override { return true; }
  Result<std::string> resolve(std::string_view name_or_url) override;
  Result<std::string> create(std::string_view name, const QueueAttributes& attributes) override;
  Result<QueueAttributes> attributes(std::string_view url) override;
  /// What the server does not tell is as in `untold`.
  Result<QueueAttributes> attributes_or(std::string_view url, const QueueAttributes& untold);
  Result<QueueCounts> counts(std::string_view url) override;
  Result<std::vector<std::string>> list() override;
  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override;
  std::vector<Result<void>> fetch_payloads(std::span<Delivery> deliveries) override;
  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override;
  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override;
  Result<std::vector<Result<void>>> remove(std::string_view url, std::span<const std::string> receipt_handles) override;
  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override;
  Result<std::uint64_t> purge(std::string_view url) override;
  Result<std::uint64_t> redrive(std::string_view dead_letter_url) override;

 private:
  /// A message on its way out.
  struct Outgoing {
    std::string text{};
    SendEntry entry{};  ///< `body` views `text`, or is what stands for it.
    std::optional<Error> error{};
    std::string message_id{};
    bool is_of_call = false;  ///< `error` is of the whole call and says nothing about the message.
    bool is_long = false;     ///< Its queue takes no message of this length.
  };
  void check(std::string_view url, Outgoing& message);
  /// The queue's MaximumMessageSize, asked for once.
  std::size_t bytes_max_of(std::string_view url);
  void send_all(std::string_view url, std::vector<Outgoing>& messages, bool keeps_payloads);
  /// All at once. What is refused is sent message by message, and a long one by the bucket.
  void send_batches(std::string_view url, std::span<const std::vector<Outgoing*>> batches, bool keeps_payloads);
  void send_alone(std::string_view url, Outgoing& message, bool keeps_payloads);
  void offload(Outgoing& message, bool keeps_payload);
  Result<std::string> arn_of(std::string_view name_or_url);
  /// One answer for each entry, from calls of ten.
  template <class Entry, class Make>
  std::vector<EntryAnswer> run_batches(std::string_view url, std::span<const Entry> entries,
                                       std::atomic<std::uint64_t>& counter, Make&& make);

  Service& sqs_;
  Clock& clock_;
  ObjectStore* objects_;
  std::string bucket_;
  Usage& usage_;
  std::atomic<bool> asks_by_older_name_{false};  ///< The server did not tell what it was asked by the newer one.
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> urls_;       // By name. Guarded by mutex_.
  std::map<std::string, std::size_t, std::less<>> bytes_max_;  // By url. Guarded by mutex_.
};

}  // namespace fanfold::aws
