#include "backends/aws/sqs_queue.hpp"

#include "aws/md5.hpp"
#include "backends/aws/keys.hpp"
#include "backends/aws/message_text.hpp"
#include "backends/aws/pointer.hpp"
#include "support/identifier.hpp"
#include "support/queue_name.hpp"
#include "support/trace_context.hpp"
#include "wire/envelope_text.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds delay_max{std::chrono::minutes{15}};
constexpr seconds visibility_max{std::chrono::hours{12}};
constexpr seconds wait_max{20};
/// What queues were made with until August 2025; a longer message is sent to none before it was asked.
constexpr std::size_t sqs_bytes_surely = std::size_t{256} * 1024;

seconds whole_seconds(milliseconds time, seconds most) {
  return std::clamp(std::chrono::ceil<seconds>(time), seconds{0}, most);
}

/// A receipt that went stale is harmless, as the port has it. SQS itself accepts it for standard queues; where it, or
/// another server, complains, the code says so.
bool is_stale(const EntryAnswer& entry) {
  constexpr std::string_view codes[] = {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"};
  return entry.error && std::ranges::find(codes, std::string_view(entry.service_code)) != std::end(codes);
}

/// Servers that know SQS as it was before August 2025 take no more than 256 KiB a message and a batch, and say so in
/// several ways; and one message may spoil a whole batch.
bool is_refused(const std::optional<Error>& error) {
  return error && (error->code == ErrorCode::too_large || error->code == ErrorCode::invalid_argument);
}

std::vector<EntryAnswer> take_answers(BatchCall& call, std::string_view url) {
  std::vector<EntryAnswer> answers = call.take();
  for (EntryAnswer& answer : answers) {
    if (answer.is_of_call && answer.error) answer.error = naming_queue(url, *std::move(answer.error));
  }
  return answers;
}

std::vector<Result<void>> verdicts(const std::vector<EntryAnswer>& entries) {
  std::vector<Result<void>> answers;
  answers.reserve(entries.size());
  for (const EntryAnswer& entry : entries) {
    if (!entry.error || is_stale(entry)) {
      answers.emplace_back();
    } else {
      answers.emplace_back(*entry.error);
    }
  }
  return answers;
}

Error payload_error(const ObjectRef& object, const Error& reason) {
  return {reason.code,
          "the message's payload in bucket " + object.bucket + ", key " + object.key +
              ", cannot be fetched: " + reason.message,
          reason.remote_detail};
}

void take_payload(Delivery& delivery, const ObjectRef& object, StoredObject payload) {
  delivery.is_pointer = false;
  delivery.text = std::move(payload.body);
  // Payloads of tasks live as long as their cluster; all others go with their message.
  delivery.owns_payload = !object.key.starts_with(key_prefix);
  if (delivery.owns_payload) delivery.receipt_handle = receipt_with_object(delivery.receipt_handle, object);
}

std::string payload_name_of_message() {
  return "fanfold-payloads/" + std::to_string(random_bits()) + std::to_string(random_bits());
}

}  // namespace

template <class Entry, class Make>
std::vector<EntryAnswer> SqsQueue::run_batches(std::string_view url, std::span<const Entry> entries,
                                               std::atomic<std::uint64_t>& counter, Make&& make) {
  std::vector<std::unique_ptr<BatchCall>> calls;
  for (std::size_t begin = 0; begin < entries.size(); begin += sqs_batch_count_max) {
    calls.push_back(make(entries.subspan(begin, std::min(sqs_batch_count_max, entries.size() - begin))));
  }
  counter += calls.size();
  if (calls.size() == 1) {
    sqs_.run(*calls.front(), {});
  } else if (!calls.empty()) {
    sqs_.run_all(std::span(calls), {});
  }
  std::vector<EntryAnswer> answers;
  answers.reserve(entries.size());
  for (const auto& call : calls) std::ranges::move(take_answers(*call, url), std::back_inserter(answers));
  return answers;
}

Result<std::vector<Delivery>> SqsQueue::receive(std::string_view url, const ReceiveOptions& options,
                                                std::stop_token stop) {
  std::vector<Delivery> deliveries;
  if (stop.stop_requested()) return deliveries;
  const std::size_t count_max = std::clamp<std::size_t>(options.count_max, 1, sqs_batch_count_max);
  const seconds visibility = whole_seconds(options.visibility, visibility_max);
  ReceiveCall call(sqs_, url, count_max, whole_seconds(options.wait, wait_max), visibility, asks_by_older_name_);
  ++usage_.sqs_receive_count;
  sqs_.run(call, {.stop = stop});
  if (call.answer().error) {
    if (call.answer().error->code == ErrorCode::cancelled) return deliveries;
    return naming_queue(url, *call.answer().error);
  }
  const Time visible_at = clock_.now() + visibility;
  for (ReceivedMessage& message : call.messages) {
    // What got damaged on the way is left: it comes again.
    if (!message.md5.empty() && message.md5 != md5_text(message.body)) continue;
    if (!message.has_attributes) asks_by_older_name_ = true;
    Delivery delivery;
    delivery.message_id = std::move(message.id);
    delivery.receipt_handle = std::move(message.receipt);
    delivery.receive_count = message.receive_count;
    delivery.sent_at = Time(milliseconds(message.sent_at_milliseconds));
    delivery.visible_at = visible_at;
    delivery.group_id = std::move(message.group_id);
    delivery.text = std::move(message.body);
    delivery.is_pointer = message.has_extended_size;
    if (!message.trace.empty()) delivery.trace = support::tolerated_trace(std::move(message.trace));
    deliveries.push_back(std::move(delivery));
  }
  static_cast<void>(fetch_payloads(deliveries));
  return deliveries;
}

std::vector<Result<void>> SqsQueue::fetch_payloads(std::span<Delivery> deliveries) {
  std::vector<Result<void>> answers(deliveries.size());
  std::vector<ObjectRef> objects;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    Delivery& delivery = deliveries[i];
    if (!delivery.is_pointer) continue;
    auto object = read_pointer(delivery.text);
    delivery.is_pointer = object.has_value();
    if (!object) continue;
    objects.push_back(*std::move(object));
    places.push_back(i);
  }
  if (objects.empty()) return answers;
  if (objects_ == nullptr) {
    for (std::size_t k = 0; k < objects.size(); ++k) {
      const Error no_bucket{ErrorCode::invalid_argument, "this store has no bucket", {}};
      answers[places[k]] = payload_error(objects[k], no_bucket);
    }
    return answers;
  }
  auto payloads = objects_->get(objects);
  for (std::size_t k = 0; k < objects.size(); ++k) {
    if (payloads[k])
      take_payload(deliveries[places[k]], objects[k], std::move(*payloads[k]));
    else
      answers[places[k]] = payload_error(objects[k], payloads[k].error());
  }
  return answers;
}

std::size_t SqsQueue::bytes_max_of(std::string_view url) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = bytes_max_.find(url); known != bytes_max_.end()) return known->second;
  }
  GetQueueAttributesCall call(sqs_, url, {"MaximumMessageSize"});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  std::size_t bytes_max = sqs_bytes_max;  // A sender that may not ask learns of less from the refusal.
  if (call.answer().error && is_retryable(call.answer().error->code)) return bytes_max;
  if (const auto told = call.attributes.find("MaximumMessageSize"); told != call.attributes.end())
    std::from_chars(told->second.data(), told->second.data() + told->second.size(), bytes_max);
  const std::scoped_lock lock(mutex_);
  return bytes_max_.emplace(url, std::min(bytes_max, sqs_bytes_max)).first->second;
}

void SqsQueue::check(std::string_view url, Outgoing& message) {
  const auto refuse = [&](ErrorCode code, std::string text) { message.error = Error{code, std::move(text), {}}; };
  if (support::is_fifo(url) && message.entry.group_id.empty())
    return refuse(ErrorCode::invalid_argument, "a message on a FIFO queue has a group");
  if (!support::is_fifo(url) && !message.entry.group_id.empty())
    return refuse(ErrorCode::invalid_argument, "a message on a standard queue has no group");
  if (!is_sendable(message.text))
    return refuse(ErrorCode::invalid_argument, "the message has characters that SQS does not take");
  if (message.text.empty()) return refuse(ErrorCode::invalid_argument, "the message is empty");
  message.is_long = message.text.size() > sqs_bytes_surely && message.text.size() > bytes_max_of(url);
  if (message.is_long && objects_ == nullptr) {
    refuse(ErrorCode::too_large,
           "without a bucket a message has at most the " + std::to_string(bytes_max_of(url)) + " bytes of its queue");
  }
}

void SqsQueue::offload(Outgoing& message, bool keeps_payload) {
  PutObject object;
  object.where = {bucket_, keeps_payload ? message.message_id : payload_name_of_message()};
  object.body = std::move(message.text);
  auto put = objects_->put(object);
  message.error.reset();
  if (!put) {
    message.error = std::move(put).error();
    return;
  }
  message.entry.extended_bytes = object.body.size();
  message.text = write_pointer(object.where);
}

void SqsQueue::send_all(std::string_view url, std::vector<Outgoing>& messages, bool keeps_payloads) {
  std::vector<std::vector<Outgoing*>> batches;
  std::size_t bytes = 0;
  for (Outgoing& message : messages) {
    check(url, message);
    if (!message.error && message.is_long) offload(message, keeps_payloads);
    if (message.error) continue;
    message.entry.body = message.text;
    const std::size_t size = message.text.size() + (message.entry.extended_bytes > 0 ? 64 : 0);
    if (batches.empty() || batches.back().size() == sqs_batch_count_max || bytes + size > sqs_bytes_max) {
      batches.emplace_back();
      bytes = 0;
    }
    batches.back().push_back(&message);
    bytes += size;
  }
  if (support::is_fifo(url)) {
    // One after the other: two batches at once could overtake each other.
    for (const std::vector<Outgoing*>& batch : batches) send_batches(url, std::span(&batch, 1), keeps_payloads);
  } else {
    send_batches(url, batches, keeps_payloads);
  }
}

void SqsQueue::send_batches(std::string_view url, std::span<const std::vector<Outgoing*>> batches,
                            bool keeps_payloads) {
  std::vector<std::unique_ptr<BatchCall>> calls;
  for (const std::vector<Outgoing*>& batch : batches) {
    std::vector<SendEntry> entries;
    for (const Outgoing* message : batch) entries.push_back(message->entry);
    calls.push_back(make_send_call(sqs_, url, entries));
  }
  usage_.sqs_send_count += calls.size();
  if (calls.size() == 1) {
    sqs_.run(*calls.front(), {});
  } else if (!calls.empty()) {
    sqs_.run_all(std::span(calls), {});
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::vector<EntryAnswer> answers = take_answers(*calls[i], url);
    if (is_refused(calls[i]->answer().error) && batches[i].size() > 1) {
      for (Outgoing* message : batches[i]) send_alone(url, *message, keeps_payloads);
      continue;
    }
    for (std::size_t k = 0; k < answers.size(); ++k) {
      Outgoing& message = *batches[i][k];
      message.error = std::move(answers[k].error);
      message.is_of_call = answers[k].is_of_call;
      if (!message.error) message.message_id = std::move(answers[k].message_id);
      const bool is_damaged = !message.error && !answers[k].md5.empty() && answers[k].md5 != md5_text(message.text);
      if (is_damaged) message.error = Error{ErrorCode::unavailable, "sqs got another message than was sent", {}};
      if (is_refused(message.error) && message.text.size() > sqs_bytes_surely && objects_ != nullptr) {
        offload(message, keeps_payloads);
        if (!message.error) send_alone(url, message, keeps_payloads);
      }
    }
  }
}

void SqsQueue::send_alone(std::string_view url, Outgoing& message, bool keeps_payloads) {
  message.entry.body = message.text;
  const std::vector<Outgoing*> alone{&message};
  send_batches(url, std::span(&alone, 1), keeps_payloads);
}

Result<std::vector<Result<std::string>>> SqsQueue::send(std::string_view url,
                                                        std::span<const OutgoingMessage> messages) {
  std::vector<Outgoing> outgoing(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const OutgoingMessage& message = messages[i];
    outgoing[i].text = message.text.empty() ? sendable_json(wire::write_envelope(message.content)) : message.text;
    outgoing[i].entry.group_id = message.group_id;
    outgoing[i].entry.trace_header = message.content.trace->aws_header;
    if (support::is_fifo(url)) {
      outgoing[i].entry.deduplication_id = message.deduplication_id;
    } else {
      outgoing[i].entry.delay = whole_seconds(message.delay, delay_max);
    }
  }
  send_all(url, outgoing, false);
  std::vector<Result<std::string>> answers;
  answers.reserve(outgoing.size());
  for (Outgoing& message : outgoing) {
    if (message.error) {
      answers.emplace_back(*std::move(message.error));
    } else {
      answers.emplace_back(std::move(message.message_id));
    }
  }
  return answers;
}

Result<std::vector<Queue::TaskRefused>> SqsQueue::send_tasks(std::string_view url, const TaskRangeMessage& range,
                                                             std::span<const TaskMessage> tasks) {
  std::vector<Outgoing> outgoing(tasks.size());
  std::vector<std::string> deduplication_ids(tasks.size());
  Envelope content = range.common;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    content.position = tasks[i].position;
    content.index = tasks[i].index;
    content.body = Json::from_valid_text(std::string(tasks[i].body));
    outgoing[i].text = sendable_json(wire::write_envelope(content));
    outgoing[i].message_id = payload_name_of_task(range.common.id, tasks[i].index);
    outgoing[i].entry.group_id = range.group_id;
    outgoing[i].entry.trace_header = range.common.trace->aws_header;
    if (support::is_fifo(url)) {
      // Fresh for every send: SQS swallows what it knows for five minutes.
      deduplication_ids[i] = std::to_string(random_bits());
      outgoing[i].entry.deduplication_id = deduplication_ids[i];
    } else {
      outgoing[i].entry.delay = whole_seconds(tasks[i].delay, delay_max);
    }
  }
  send_all(url, outgoing, true);
  std::vector<TaskRefused> refused;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (outgoing[i].is_of_call && !is_retryable(outgoing[i].error->code)) return *std::move(outgoing[i].error);
    if (outgoing[i].error) refused.push_back({tasks[i].position, *std::move(outgoing[i].error)});
  }
  return refused;
}

Result<std::vector<Result<void>>> SqsQueue::remove(std::string_view url, std::span<const std::string> receipt_handles) {
  std::vector<SplitReceipt> receipts;
  std::vector<std::string_view> views;
  for (const std::string& receipt : receipt_handles) {
    receipts.push_back(split_receipt(receipt));
    views.push_back(receipts.back().receipt);
  }
  const auto entries =
      run_batches(url, std::span<const std::string_view>(views), usage_.sqs_delete_count,
                  [&](std::span<const std::string_view> some) { return make_delete_call(sqs_, url, some); });
  std::vector<Result<void>> answers = verdicts(entries);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i] || !receipts[i].object || objects_ == nullptr) continue;
    // Last: a payload without its message is only litter, a message without its payload is lost.
    if (auto removed = objects_->remove(*receipts[i].object); !removed) answers[i] = removed;
  }
  return answers;
}

Result<std::vector<Result<void>>> SqsQueue::change_visibility(std::string_view url,
                                                              std::span<const VisibilityChange> changes) {
  std::vector<VisibilityEntry> entries;
  for (const VisibilityChange& change : changes) {
    entries.push_back({split_receipt(change.receipt_handle).receipt, whole_seconds(change.visibility, visibility_max)});
  }
  return verdicts(
      run_batches(url, std::span<const VisibilityEntry>(entries), usage_.sqs_visibility_count,
                  [&](std::span<const VisibilityEntry> some) { return make_visibility_call(sqs_, url, some); }));
}

}  // namespace fanfold::aws
