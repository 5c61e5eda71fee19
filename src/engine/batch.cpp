#include "engine/batch.hpp"

#include "core/lease.hpp"
#include "support/queue_name.hpp"
#include "wire/envelope_text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace fanfold::engine {

namespace {

bool comes_from_lambda(const SqsRecord& record) { return record.event_source_arn.starts_with("arn:"); }

/// The records of one queue.
class QueueBatch {
 public:
  QueueBatch(Dispatcher& dispatcher, std::string url, const BatchOptions& options)
      : dispatcher_(dispatcher), url_(std::move(url)), options_(options) {}

  Tally run(std::vector<Delivery> deliveries) {
    fetch_payloads(deliveries);
    if (support::is_fifo(url_))
      run_in_order(std::move(deliveries));
    else
      run_free(std::move(deliveries));
    if (!untouched_.empty()) dispatcher_.put_back(url_, std::move(untouched_), tally_);
    return std::move(tally_);
  }

  /// Those whose payload could not be fetched; they are among the tally's kept ones, too.
  std::vector<BatchItemError> take_unread() { return std::move(unread_); }

 private:
  void fetch_payloads(std::vector<Delivery>& deliveries) {
    auto answers = dispatcher_.store().queue().fetch_payloads(deliveries);
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      if (answers[i]) continue;
      tally_.failed = true;
      tally_.kept.push_back(deliveries[i].message_id);
      unread_.push_back({deliveries[i].message_id, std::move(answers[i]).error()});
    }
  }

  [[nodiscard]] bool is_over() const {
    return options_.stop.stop_requested() || (options_.deadline && dispatcher_.store().now() >= *options_.deadline);
  }

  void run_free(std::vector<Delivery> deliveries) {
    std::erase_if(deliveries, [](const Delivery& delivery) { return delivery.is_pointer; });
    // Not the one of std::ranges: clang 14 does not compile what it returns.
    const auto later = std::stable_partition(deliveries.begin(), deliveries.end(),
                                             [&](const Delivery& delivery) { return may_share_a_claim(delivery); });
    std::vector<Delivery> again(std::make_move_iterator(later), std::make_move_iterator(deliveries.end()));
    deliveries.erase(later, deliveries.end());

    const std::size_t together = std::max<std::size_t>(1, dispatcher_.store().backend.batch_count_max);
    for (std::size_t first = 0; first < deliveries.size(); first += together) {
      const std::size_t last = std::min(deliveries.size(), first + together);
      std::vector<Delivery> some(std::make_move_iterator(deliveries.begin() + static_cast<std::ptrdiff_t>(first)),
                                 std::make_move_iterator(deliveries.begin() + static_cast<std::ptrdiff_t>(last)));
      run_together(std::move(some), tally_);
    }
    for (Delivery& delivery : again) run_one(std::move(delivery), tally_);
  }

  /// What was received before may have crashed its process. Of one attempt: see what the worker says of it, a function
  /// that is killed has begun one of them.
  [[nodiscard]] bool may_share_a_claim(const Delivery& delivery) {
    if (delivery.receive_count > 1) return false;
    return dispatcher_.store().ledger().notes_begins() || attempts_max_of(delivery) != 1;
  }

  /// The cluster's, where it has one of its own. Where its header cannot be read nothing of it is claimed either.
  [[nodiscard]] std::uint32_t attempts_max_of(const Delivery& delivery) {
    const bool is_task = delivery.content && delivery.content->type == RecordType::task;
    if (!is_task) return options_.attempts.attempts_max;
    auto known = attempts_max_.find(delivery.content->id);
    if (known == attempts_max_.end()) {
      const auto header = dispatcher_.store().header(delivery.content->id);
      const auto own = header ? (*header)->attempts_max : std::nullopt;
      known = attempts_max_.emplace(delivery.content->id, own.value_or(options_.attempts.attempts_max)).first;
    }
    return known->second;
  }

  void run_in_order(std::vector<Delivery> deliveries) {
    std::set<std::string> blocked;
    for (Delivery& delivery : deliveries) {
      if (delivery.is_pointer) {  // Never sent again: it would come as the pointer's text alone.
        blocked.insert(delivery.group_id);
        continue;
      }
      if (blocked.contains(delivery.group_id)) {
        untouched_.push_back(std::move(delivery));
        continue;
      }
      std::string group = delivery.group_id;
      const bool failed_before = std::exchange(tally_.failed, false);
      run_one(std::move(delivery), tally_);
      if (tally_.failed || is_over()) blocked.insert(std::move(group));
      tally_.failed = tally_.failed || failed_before;
    }
  }

  void run_one(Delivery delivery, Tally& tally) {
    std::vector<Delivery> one;
    one.push_back(std::move(delivery));
    run_together(std::move(one), tally);
  }

  void run_together(std::vector<Delivery> deliveries, Tally& tally) {
    if (is_over()) {
      std::ranges::move(deliveries, std::back_inserter(untouched_));
      tally.failed = true;
      return;
    }
    Chunk chunk = dispatcher_.begin(url_, std::move(deliveries), tally);
    put_lonely_last(chunk);
    std::size_t started = 0;
    std::size_t finished = 0;
    for (; started < chunk.size() && !(started > 0 && is_over()); ++started) {
      const bool ends_now = chunk.assignments[started].alone || is_lease_used(chunk, finished);
      if (ends_now && finished < started) {
        dispatcher_.finish(chunk, finished, started, tally);
        finished = started;
      }
      if (!keep_lease(chunk, started)) break;
      dispatcher_.run(chunk, started, options_.stop);
    }
    dispatcher_.finish(chunk, finished, started, tally);
    if (started < chunk.size()) {
      tally.failed = true;
      dispatcher_.release(chunk, started, chunk.size(), tally);
    }
  }

  /// What has to run with nothing else in hand goes after all else has ended; of several, all but one are claimed anew
  /// later.
  void put_lonely_last(Chunk& chunk) {
    const auto alone = [](const Assignment& assignment) { return assignment.alone; };
    if (chunk.size() < 2 || std::ranges::none_of(chunk.assignments, alone)) return;
    Chunk lonely{.url = chunk.url};
    for (std::size_t i = 0; i < chunk.size();) {
      if (!chunk.assignments[i].alone) {
        ++i;
        continue;
      }
      lonely.deliveries.push_back(std::move(chunk.deliveries[i]));
      lonely.ends.push_back(std::move(chunk.ends[i]));
      lonely.assignments.push_back(std::move(chunk.assignments[i]));
      const auto at = static_cast<std::ptrdiff_t>(i);
      chunk.deliveries.erase(chunk.deliveries.begin() + at);
      chunk.ends.erase(chunk.ends.begin() + at);
      chunk.assignments.erase(chunk.assignments.begin() + at);
    }
    if (lonely.size() > 1) dispatcher_.release(lonely, 1, lonely.size(), tally_);
    chunk.deliveries.push_back(std::move(lonely.deliveries.front()));
    chunk.ends.push_back(std::move(lonely.ends.front()));
    chunk.assignments.push_back(std::move(lonely.assignments.front()));
  }

  /// Whether a third of a lease is over: what has run by then is written down before its lease ends.
  [[nodiscard]] bool is_lease_used(const Chunk& chunk, std::size_t position) const {
    return lease_step(chunk.assignments[position]).kind != core::LeaseStep::Kind::wait;
  }

  [[nodiscard]] core::LeaseStep lease_step(const Assignment& assignment) const {
    return core::next_lease_step(dispatcher_.store().now(), assignment.claimed_at, assignment.lease_end,
                                 options_.attempts.lease, core::visibility_max);
  }

  /// Those that wait behind slow neighbours have their leases extended; false where it is lost, or nobody knows.
  bool keep_lease(Chunk& chunk, std::size_t position) {
    Store& store = dispatcher_.store();
    const auto lease = options_.attempts.lease;
    Assignment& assignment = chunk.assignments[position];
    const auto* token = std::get_if<std::uint64_t>(&chunk.ends[position].condition);
    const core::LeaseStep step = lease_step(assignment);
    if (position == 0 || token == nullptr || step.kind != core::LeaseStep::Kind::extend) return true;
    const Lease held{chunk.ends[position].ref, *token};
    if (is_stopped(held.ref)) return false;  // Nothing is extended, and nothing new starts, once a stop was seen.
    // What lasts longer than the batch can need no more.
    if (options_.deadline && assignment.lease_end > *options_.deadline) return true;
    if (!may_extend(store, held.ref)) return store.now() < assignment.lease_end;
    const auto extended = with_patience(store, [&] { return store.ledger().extend(std::span(&held, 1), step.at); });
    if (!extended || !extended->front()) return false;
    assignment.lease_end = step.at;
    const VisibilityChange change{chunk.deliveries[position].receipt_handle, core::visibility_for(lease)};
    // A refusal is no harm: the lease keeps others away, the visibility only saves them the look.
    static_cast<void>(store.queue().change_visibility(url_, std::span(&change, 1)));
    return true;
  }

  [[nodiscard]] bool is_stopped(const RecordRef& ref) const {
    if (ref.type != RecordType::task) return false;
    const auto header = dispatcher_.store().header(ref.id);
    return header && (*header)->stopped();
  }

  Dispatcher& dispatcher_;
  std::string url_;
  const BatchOptions& options_;
  Tally tally_;
  std::vector<Delivery> untouched_;                    // In order.
  std::map<std::string, std::uint32_t> attempts_max_;  // By the cluster's id.
  std::vector<BatchItemError> unread_;
};

/// Groups of FIFO queues whose order is kept: what comes in an event after a record of theirs that stays waits with it.
class HeldGroups {
 public:
  void hold(const SqsRecord& record) {
    const bool is_of_known_source = wire::queue_url_of(record.event_source_arn).has_value();
    const bool may_be_fifo = record.event_source_arn.empty() || support::is_fifo(record.event_source_arn);
    if (is_of_known_source && !may_be_fifo) return;
    const auto group = record.attributes.find("MessageGroupId");
    if (group != record.attributes.end())
      groups_.insert(group->second);
    else
      holds_all_ = true;
  }
  [[nodiscard]] bool holds(std::string_view url, const Delivery& delivery) const {
    return support::is_fifo(url) && (holds_all_ || groups_.contains(delivery.group_id));
  }

 private:
  std::set<std::string> groups_;
  bool holds_all_ = false;
};

struct Sources {
  std::map<std::string, std::vector<Delivery>> queues{};
  std::set<std::string> kept{};
  std::vector<BatchItemError> unread{};
};

/// Records by queue; those that cannot be read, or whose source is no queue, stay where they are.
Sources by_queue(std::span<const SqsRecord> records) {
  Sources sources;
  HeldGroups held;
  for (const SqsRecord& record : records) {
    auto delivery = delivery_to_dispatch(record);
    auto url = wire::queue_url_of(record.event_source_arn);
    if (!delivery || !url) {
      sources.kept.insert(record.message_id);
      sources.unread.push_back({record.message_id, delivery ? std::move(url).error() : std::move(delivery).error()});
      held.hold(record);
    } else if (held.holds(*url, *delivery)) {
      sources.kept.insert(record.message_id);
    } else {
      sources.queues[*url].push_back(std::move(*delivery));
    }
  }
  return sources;
}

void note_failed(const WorkerEvent& event, BatchResponse& response) {
  if (event.kind != WorkerEvent::Kind::failed && event.kind != WorkerEvent::Kind::crashed_before) return;
  std::string what = std::string(key_prefix) + std::string(event.record_id);
  if (event.task)
    what = "task " + std::to_string(*event.task) + " of " + what;
  else if (!event.cluster_id.empty())
    what = "the finish of " + what;
  response.failed.push_back(
      {std::move(what), std::string(event.detail), event.trace != nullptr ? event.trace->trace_id() : std::string()});
}

}  // namespace

Result<Delivery> delivery_to_dispatch(const SqsRecord& record) {
  if (record.error) return *record.error;
  auto delivery = wire::delivery_of(record);
  if (delivery) return delivery;
  auto url = wire::queue_url_of(record.event_source_arn);
  if (!url) return std::move(url).error();
  SqsRecord readable = record;
  readable.body = "null";  // Its attributes may still tell how often it was received.
  auto attributes = wire::delivery_of(readable);
  Delivery raw = attributes ? std::move(*attributes) : Delivery{};
  raw.message_id = record.message_id;
  raw.receipt_handle = record.receipt_handle;
  raw.content.reset();
  raw.text = record.body;
  raw.is_pointer = wire::is_extended(record);
  return raw;
}

Result<BatchResponse> process_batch(Store& store, const std::shared_ptr<detail::ClientCore>& core,
                                    const SqsEvent& event, const Handlers& handlers, const BatchOptions& options) {
  if (auto checked = check_attempts(options.attempts); !checked) return std::move(checked).error();
  BatchResponse response;
  const bool lambda = std::ranges::any_of(event.records, comes_from_lambda);
  Dispatcher dispatcher(store, core, handlers,
                        {.attempts = options.attempts,
                         .deduplicate = options.deduplicate,
                         .deletion = lambda ? Deletion::callers : Deletion::ours,
                         .deadline = options.deadline,
                         .collect_kept = true,
                         .on_event = [&response](const WorkerEvent& seen) { note_failed(seen, response); }});
  Sources sources = by_queue(event.records);
  response.unread = std::move(sources.unread);
  std::optional<Error> fatal;
  for (auto& [url, deliveries] : sources.queues) {
    store.queues_known.note(url);
    QueueBatch batch(dispatcher, url, options);
    Tally tally = batch.run(std::move(deliveries));
    std::ranges::move(batch.take_unread(), std::back_inserter(response.unread));
    sources.kept.insert(std::make_move_iterator(tally.kept.begin()), std::make_move_iterator(tally.kept.end()));
    if (tally.error && !is_retryable(tally.error->code)) fatal = std::move(tally.error);
  }
  if (fatal) return *std::move(fatal);
  for (const SqsRecord& record : event.records) {
    if (sources.kept.erase(record.message_id) > 0) response.batch_item_failures.push_back(record.message_id);
  }
  return response;
}

}  // namespace fanfold::engine
