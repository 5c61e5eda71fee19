#include "support/queue_name.hpp"
#include "testing/memory_state.hpp"

#include <algorithm>
#include <set>

namespace fanfold::testing::memory {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t message_bytes_max = 1024 * 1024;
constexpr milliseconds delay_max = std::chrono::minutes(15);
constexpr milliseconds deduplication_window = std::chrono::minutes(5);

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

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
  if (name.empty()) return invalid("the queue's name is empty");
  if (attributes.fifo != support::is_fifo(name))
    return invalid("fifo: the name of a FIFO queue, and of no other, ends in .fifo");
  if (attributes.visibility < milliseconds(0) || attributes.visibility > std::chrono::hours(12))
    return invalid("visibility: 0 to 12 h");
  if (attributes.retention < std::chrono::minutes(1) || attributes.retention > std::chrono::days(14))
    return invalid("retention: 1 min to 14 days");
  if (attributes.delay < milliseconds(0) || attributes.delay > delay_max) return invalid("delay: 0 to 15 min");
  if (attributes.content_based_deduplication && !attributes.fifo)
    return invalid("content_based_deduplication: FIFO queues only");
  if (attributes.redrive && attributes.redrive->receive_count_max == 0)
    return invalid("redrive: receive_count_max is at least 1");
  return std::nullopt;
}

class MemoryQueue final : public Queue {
 public:
  explicit MemoryQueue(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::size_t receive_count_max() const override { return state_->options.receive_count_max; }

  Result<std::string> resolve(std::string_view name_or_url) override {
    const std::scoped_lock lock(state_->mutex);
    if (find(name_or_url) == nullptr) return no_queue(name_or_url);
    return std::string(name_or_url);
  }

  Result<std::string> create(std::string_view name, const QueueAttributes& attributes) override {
    if (auto error = check(name, attributes)) return std::move(*error);
    const std::scoped_lock lock(state_->mutex);
    const auto [entry, is_new] = state_->queues.try_emplace(std::string(name));
    if (is_new) entry->second.attributes = attributes;
    const std::string other = difference(entry->second.attributes, attributes);
    if (!other.empty()) return Error{ErrorCode::already_exists, "the queue is there with another " + other, {}};
    return std::string(name);
  }

  Result<QueueAttributes> attributes(std::string_view url) override {
    const std::scoped_lock lock(state_->mutex);
    const QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    return queue->attributes;
  }

  Result<QueueCounts> counts(std::string_view url) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    const Time now = state_->clock->now();
    drop_expired(*queue, now);
    QueueCounts counts;
    counts.expired_count = queue->expired_count;
    for (const QueuedMessage& message : queue->messages) {
      if (message.visible_at <= now)
        ++counts.visible_count;
      else if (message.receive_count == 0)
        ++counts.delayed_count;
      else
        ++counts.in_flight_count;
    }
    return counts;
  }

  Result<std::vector<std::string>> list() override {
    const std::scoped_lock lock(state_->mutex);
    std::vector<std::string> names;
    for (const auto& [name, queue] : state_->queues) names.push_back(name);
    return names;
  }

  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override {
    if (options.count_max == 0 || options.count_max > receive_count_max())
      return invalid("count_max: 1 to receive_count_max");
    std::unique_lock lock(state_->mutex);
    if (find(url) == nullptr) return no_queue(url);
    const Time end = state_->clock->now() + options.wait;
    while (!stop.stop_requested()) {
      auto deliveries = take(*find(url), options);
      if (!deliveries.empty()) return deliveries;
      if (state_->options.clock) {
        if (state_->options.empty_poll_advances) state_->options.clock->sleep_until(end, stop);
        break;
      }
      if (state_->clock->now() >= end) break;
      wait_for_message(lock, *find(url), end, stop);
    }
    return std::vector<Delivery>();
  }

  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    std::vector<Result<std::string>> answers;
    for (const OutgoingMessage& message : messages) answers.push_back(put(*queue, message));
    notify();
    return answers;
  }

  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    std::vector<TaskRefused> refused;
    for (const TaskMessage& task : tasks) {
      OutgoingMessage message{
          .content = range.common, .text = {}, .delay = task.delay, .group_id = range.group_id, .deduplication_id = {}};
      message.content.position = task.position;
      message.content.index = task.index;
      message.content.body = Json::from_valid_text(body_of(range.common.id, task));
      // A fresh id for every send, or a re-send within five minutes would be swallowed.
      if (queue->attributes.fifo) message.deduplication_id = "send-" + std::to_string(state_->message_count + 1);
      auto answer = put(*queue, message);
      if (!answer) refused.push_back({task.position, answer.error()});
    }
    notify();
    return refused;
  }

  Result<std::vector<Result<void>>> remove(std::string_view url,
                                           std::span<const std::string> receipt_handles) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    for (const std::string& receipt : receipt_handles) remove_message(*state_, *queue, receipt);
    return std::vector<Result<void>>(receipt_handles.size());
  }

  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    const Time now = state_->clock->now();
    for (const VisibilityChange& change : changes) {
      for (QueuedMessage& message : queue->messages) {
        const bool is_in_flight =
            !message.receipt.empty() && message.receipt == change.receipt_handle && message.visible_at > now;
        if (is_in_flight) message.visible_at = now + change.visibility;
      }
    }
    notify();
    return std::vector<Result<void>>(changes.size());
  }

  Result<std::uint64_t> purge(std::string_view url) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* queue = find(url);
    if (queue == nullptr) return no_queue(url);
    const std::uint64_t count = queue->messages.size();
    queue->messages.clear();
    return count;
  }

  Result<std::uint64_t> redrive(std::string_view dead_letter_url) override {
    const std::scoped_lock lock(state_->mutex);
    QueueEntry* dead = find(dead_letter_url);
    if (dead == nullptr) return no_queue(dead_letter_url);
    const std::string source = source_of(dead_letter_url);
    if (source.empty()) return invalid("no queue has this one as its dead-letter queue");
    std::deque<QueuedMessage> moved;
    moved.swap(dead->messages);
    for (QueuedMessage& message : moved) {
      const std::string& target = message.source.empty() ? source : message.source;
      append(*find(target), std::move(message.message), state_->clock->now());
    }
    notify();
    return moved.size();
  }

 private:
  QueueEntry* find(std::string_view url) {
    const auto found = state_->queues.find(url);
    if (found != state_->queues.end()) return &found->second;
    if (!state_->options.queues_made_at_use || url.empty()) return nullptr;
    QueueEntry& made = state_->queues[std::string(url)];
    made.attributes.fifo = support::is_fifo(url);
    return &made;
  }

  static Error no_queue(std::string_view url) {
    return {ErrorCode::not_found, "no queue is called " + std::string(url), {}};
  }

  void notify() {
    ++state_->change_count;
    state_->message_came.notify_all();
  }

  std::string source_of(std::string_view dead_letter_url) const {
    for (const auto& [name, queue] : state_->queues) {
      if (queue.attributes.redrive && queue.attributes.redrive->dead_letter_queue == dead_letter_url) return name;
    }
    return {};
  }

  std::string body_of(const std::string& cluster_id, const TaskMessage& task) const {
    if (!state_->options.queue_knows_payloads) return std::string(task.body);
    const auto cluster = state_->clusters.find(cluster_id);
    if (cluster == state_->clusters.end()) return "null";
    const auto entry = cluster->second.tasks.find(task.index);
    return entry == cluster->second.tasks.end() ? "null" : entry->second.created.body;
  }

  static std::optional<Error> refusal(const QueueEntry& queue, const OutgoingMessage& message) {
    const bool fifo = queue.attributes.fifo;
    if (message.delay < milliseconds(0) || message.delay > delay_max) return invalid("delay: 0 to 15 min");
    if (fifo && message.group_id.empty()) return invalid("group_id: required by a FIFO queue");
    if (!fifo && !message.group_id.empty()) return invalid("group_id: FIFO queues only");
    if (fifo && message.deduplication_id.empty() && !queue.attributes.content_based_deduplication) {
      return invalid("deduplication_id: required by a FIFO queue without content based deduplication");
    }
    if (message.text.size() + message.content.body.text().size() > message_bytes_max) {
      return Error{ErrorCode::too_large, "a message holds at most 1 MiB", {}};
    }
    return std::nullopt;
  }

  Result<std::string> put(QueueEntry& queue, const OutgoingMessage& message) {
    if (auto error = refusal(queue, message)) return std::move(*error);
    const Time now = state_->clock->now();
    if (!queue.attributes.fifo) return append(queue, message, now);

    std::erase_if(queue.deduplications, [&](const auto& entry) { return entry.second.until <= now; });
    const std::string id =
        !message.deduplication_id.empty() ? message.deduplication_id : message.text + message.content.body.text();
    const auto seen = queue.deduplications.find(id);
    if (seen != queue.deduplications.end()) return seen->second.message_id;
    std::string message_id = append(queue, message, now);
    queue.deduplications[id] = {now + deduplication_window, message_id};
    return message_id;
  }

  std::string append(QueueEntry& queue, OutgoingMessage message, Time now) {
    const milliseconds delay = message.delay > milliseconds(0) ? message.delay : milliseconds(queue.attributes.delay);
    QueuedMessage queued;
    queued.id = "m-" + std::to_string(++state_->message_count);
    queued.message = std::move(message);
    queued.sent_at = now;
    queued.visible_at = now + delay;
    queue.messages.push_back(std::move(queued));
    return queue.messages.back().id;
  }

  static void drop_expired(QueueEntry& queue, Time now) {
    std::erase_if(queue.messages, [&](const QueuedMessage& message) {
      const bool is_expired = message.sent_at + queue.attributes.retention <= now;
      const bool is_lost =
          is_expired && message.visible_at <= now && message.message.content.type == RecordType::message;
      queue.expired_count += is_lost ? 1 : 0;
      return is_expired;
    });
  }

  /// In place of a further delivery. The message keeps its id and its age.
  void move_dead_letters(QueueEntry& queue, Time now) {
    if (!queue.attributes.redrive) return;
    const RedrivePolicy policy = *queue.attributes.redrive;
    const std::string name = name_of(queue);
    QueueEntry& dead = state_->queues[policy.dead_letter_queue];
    if (&dead == &queue) return;
    dead.attributes.fifo = support::is_fifo(policy.dead_letter_queue);
    for (auto message = queue.messages.begin(); message != queue.messages.end();) {
      if (message->visible_at > now || message->receive_count < policy.receive_count_max) {
        ++message;
        continue;
      }
      message->source = name;
      message->receipt.clear();
      dead.messages.push_back(std::move(*message));
      message = queue.messages.erase(message);
    }
  }

  std::string name_of(const QueueEntry& queue) const {
    for (const auto& [name, entry] : state_->queues) {
      if (&entry == &queue) return name;
    }
    return {};
  }

  std::vector<Delivery> take(QueueEntry& queue, const ReceiveOptions& options) {
    const Time now = state_->clock->now();
    drop_expired(queue, now);
    move_dead_letters(queue, now);
    std::vector<Delivery> deliveries;
    std::set<std::string> blocked;  // A FIFO group waits for its oldest message.
    for (QueuedMessage& message : queue.messages) {
      if (deliveries.size() == options.count_max) break;
      const bool visible = message.visible_at <= now;
      if (queue.attributes.fifo && !visible) blocked.insert(message.message.group_id);
      if (!visible || blocked.contains(message.message.group_id)) continue;
      deliveries.push_back(deliver(message, now + options.visibility));
    }
    return deliveries;
  }

  Delivery deliver(QueuedMessage& message, Time visible_at) {
    ++message.receive_count;
    message.visible_at = visible_at;
    message.receipt = message.id + "/" + std::to_string(++state_->receipt_count);
    Delivery delivery;
    delivery.message_id = message.id;
    delivery.receipt_handle = message.receipt;
    delivery.receive_count = message.receive_count;
    delivery.sent_at = message.sent_at;
    delivery.visible_at = visible_at;
    delivery.group_id = message.message.group_id;
    const bool is_text = !message.message.text.empty() || state_->options.encode;
    if (is_text) delivery.trace = message.message.content.trace;
    if (!message.message.text.empty())
      delivery.text = message.message.text;
    else if (state_->options.encode)
      delivery.text = state_->options.encode(message.message.content);
    else
      delivery.content = message.message.content;
    return delivery;
  }

  void wait_for_message(std::unique_lock<std::mutex>& lock, const QueueEntry& queue, Time end,
                        const std::stop_token& stop) {
    const Time now = state_->clock->now();
    Time wake = end;
    for (const QueuedMessage& message : queue.messages) {
      if (message.visible_at > now) wake = std::min(wake, message.visible_at);
    }
    const std::uint64_t seen = state_->change_count;
    state_->message_came.wait_until(lock, stop, wake, [&] { return state_->change_count != seen; });
  }

  std::shared_ptr<State> state_;  // Shared with the store and its other ports.
};

}  // namespace

void remove_message(State& state, QueueEntry& queue, std::string_view receipt_handle) {
  std::erase_if(queue.messages, [&](const QueuedMessage& message) {
    return !receipt_handle.empty() && message.receipt == receipt_handle;
  });
  ++state.change_count;
  state.message_came.notify_all();
}

std::unique_ptr<Queue> make_queue(std::shared_ptr<State> state) {
  return std::make_unique<MemoryQueue>(std::move(state));
}

}  // namespace fanfold::testing::memory
