#include "core/delivery.hpp"
#include "core/outcome.hpp"
#include "engine/completion.hpp"
#include "engine/failures.hpp"
#include "engine/sender.hpp"
#include "engine/sweep.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"
#include "wire/envelope_text.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

/// What is left alone is hidden until the look is over, so that it does not come twice, and then given back; after a
/// process that died in between it shows up this long after it was received. What is dealt with is deleted long before.
constexpr std::chrono::milliseconds look_time{60'000};
/// Of a look that did not come to the end of its queue, so that the next ones go on behind what it has seen. All that
/// it has not seen shows meanwhile, and its last messages.
constexpr std::chrono::milliseconds rest_time{600'000};

enum class Fate : std::uint8_t { remove, leave };

class DeadLetters {
 public:
  DeadLetters(Store& store, std::string dead_letter_url, SweepReport& report)
      : store_(store), url_(std::move(dead_letter_url)), report_(report) {}

  Result<void> run(const DeadLetterLimits& limits) {
    auto looked = look(limits);
    auto given_back = give_back();
    if (unknown_count_ > 0)
      add_report(report_, std::to_string(unknown_count_) +
                              " messages that this store has no record of are left in dead-letter queue " + url_ +
                              (has_more_ ? ", and more behind them: the next sweep goes on" : ""));
    return looked ? given_back : looked;
  }

 private:
  /// A message that is left alone for now.
  struct Left {
    std::string receipt_handle{};
    bool is_unknown = false;
  };

  Result<void> look(const DeadLetterLimits& limits) {
    const ReceiveOptions options{.count_max = std::min<std::size_t>(10, store_.queue().receive_count_max()),
                                 .wait = std::chrono::milliseconds{0},
                                 .visibility = look_time};
    for (std::size_t count = 0; count < dead_letter_count_max && left_.size() < limits.left_count_max &&
                                !(limits.deadline && store_.now() >= *limits.deadline);) {
      auto deliveries = with_patience(store_, [&] { return store_.queue().receive(url_, options, {}); });
      if (!deliveries) return std::move(deliveries).error();
      has_more_ = !deliveries->empty();
      if (!has_more_) break;
      count += deliveries->size();
      const std::size_t left_before_count = left_.size();
      auto dealt = deal_with_all(*deliveries);
      if (limits.rests && left_.size() > left_before_count) resting_count_ = left_before_count;
      if (!dealt) return dealt;
    }
    return {};
  }

  /// After an error the message that it was of stays hidden, so that the next look goes on behind it.
  Result<void> deal_with_all(std::span<Delivery> deliveries) {
    Result<void> outcome;
    for (Delivery& delivery : deliveries) {
      if (!outcome) {
        left_.push_back({.receipt_handle = std::move(delivery.receipt_handle)});
        continue;
      }
      if (auto fetched = fetch_payload(store_, delivery); !fetched) {
        add_report(report_, "a message in dead-letter queue " + url_ + " is left: " + to_string(fetched.error()));
        left_.push_back({.receipt_handle = std::move(delivery.receipt_handle)});
        continue;
      }
      outcome = deal_with(delivery);
    }
    return outcome;
  }

  /// A receipt that is stale by now changes nothing.
  Result<void> give_back() {
    if (left_.empty()) return {};
    std::vector<VisibilityChange> changes;
    changes.reserve(left_.size());
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const bool rests = has_more_ && i < resting_count_ && left_[i].is_unknown;
      changes.push_back({std::move(left_[i].receipt_handle), rests ? rest_time : std::chrono::milliseconds{0}});
    }
    auto changed = with_patience(store_, [&] { return store_.queue().change_visibility(url_, changes); });
    if (!changed) return std::move(changed).error();
    return {};
  }

  Result<void> deal_with(const Delivery& delivery) {
    const std::uint64_t unknown_count_before = unknown_count_;
    auto fate = decide(delivery);
    if (!fate) return std::move(fate).error();
    if (*fate == Fate::leave) {
      left_.push_back({delivery.receipt_handle, unknown_count_ > unknown_count_before});
      return {};
    }
    ++report_.dead_letter_count;
    auto removed =
        with_patience(store_, [&] { return store_.queue().remove(url_, std::span(&delivery.receipt_handle, 1)); });
    if (!removed) return std::move(removed).error();
    return {};
  }

  Result<Fate> decide(const Delivery& delivery) {
    auto content = wire::content_of(delivery);
    if (!content) {
      if (content.error().code != ErrorCode::unsupported_version) ++unknown_count_;
      return Fate::leave;
    }
    switch (content->type) {
      case RecordType::task: return decide_task(*content);
      case RecordType::cluster: return decide_cluster_message(*content);
      case RecordType::message: break;
    }
    return decide_message(*content, delivery);
  }

  Result<Fate> decide_task(const Envelope& content) {
    auto header = store_.header_strong(content.id);
    if (!header && header.error().code != ErrorCode::not_found) return std::move(header).error();
    switch (core::admit_task(content, header ? &*header : nullptr, core::Knowledge::strong, store_.now())) {
      case core::Admission::remove: return Fate::remove;
      case core::Admission::unknown: ++unknown_count_; return Fate::leave;
      case core::Admission::claim: break;
      default: return Fate::leave;
    }
    auto seen = look_at(store_, RecordRef::of(content));
    if (!seen) return std::move(seen).error();
    switch (core::next_step(seen->outcome)) {
      case core::NextStep::check_child: return check_child(content, seen->child_id);
      case core::NextStep::repeat_finish: return repeat_finish(content);
      case core::NextStep::fail: break;
      default:
        if (support::mutant("dead_letter_fails_its_task")) return fail(content, *seen, expired_error(content));
        return Fate::leave;
    }
    if (core::is_expired(content, store_.now())) return fail(content, *seen, expired_error(content));
    const bool is_used_up = header->attempts_max && seen->attempt >= *header->attempts_max;
    if (seen->outcome == ClaimOutcome::crashed || is_used_up) {
      return fail(content, *seen, core::claim_error(*seen, header->attempts_max.value_or(seen->attempt), store_.now()));
    }
    // Without a limit of the cluster's own, the worker's decides: it fails the task when it meets it.
    TaskSender sender(store_, *header, {});
    auto sent = sender.send(content.position, content.index, std::chrono::milliseconds{0});
    if (sent) sent = sender.flush();
    if (!sent) return std::move(sent).error();
    ++report_.resent_count;
    return Fate::remove;
  }

  Result<Fate> decide_cluster_message(const Envelope& content) {
    auto header = store_.header_strong(content.id);
    if (!header && header.error().code != ErrorCode::not_found) return std::move(header).error();
    if (!header && !core::is_expired(content, store_.now())) {
      ++unknown_count_;
      return Fate::leave;
    }
    if (!header || header->tombstone || content.round < header->round) return Fate::remove;
    auto seen = look_at(store_, RecordRef::of(content));
    if (!seen) return std::move(seen).error();
    switch (core::next_step(seen->outcome)) {
      case core::NextStep::repeat_finish: return note_finish_done(content);
      case core::NextStep::fail: break;
      default: return Fate::leave;
    }
    if (seen->outcome == ClaimOutcome::crashed) {
      auto failed = fail(content, *seen, core::claim_error(*seen, seen->attempt, store_.now()));
      if (!failed || *failed == Fate::leave) return failed;
      return note_finish_done(content);
    }
    return send_again(header->finish_queue_url, content, header->id);
  }

  Result<Fate> decide_message(const Envelope& content, const Delivery& delivery) {
    auto seen = look_at(store_, RecordRef::of(content));
    if (!seen) return std::move(seen).error();
    switch (core::next_step(seen->outcome)) {
      case core::NextStep::repeat_finish: return Fate::remove;
      case core::NextStep::fail: break;
      case core::NextStep::look_again: ++unknown_count_; return Fate::leave;
      default: return Fate::leave;
    }
    if (core::is_expired(content, store_.now())) return fail(content, *seen, expired_error(content));
    if (seen->outcome == ClaimOutcome::crashed)
      return fail(content, *seen, core::claim_error(*seen, seen->attempt, store_.now()));
    auto record = with_patience(store_, [&] {
      return store_.ledger().read_record({.id = content.id, .index = std::nullopt}, Consistency::strong);
    });
    if (!record) return std::move(record).error();
    return send_again(record->record.url, content, delivery.group_id);
  }

  ErrorEntry expired_error(const Envelope& content) const {
    return core::error_entry(0, to_string(ErrorCode::expired), "its life ended " + to_iso8601(content.expires_at),
                             store_.now(), true);
  }

  Result<Fate> fail(const Envelope& content, const ClaimAnswer& seen, ErrorEntry error) {
    EndRequest request;
    request.ref = RecordRef::of(content);
    request.index = content.index;
    request.condition = seen.seen;
    request.verdict = Verdict::failed;
    request.error = std::move(error);
    auto outcomes = end_and_follow(store_, std::span(&request, 1));
    if (!outcomes) return std::move(outcomes).error();
    if (outcomes->front() == EndOutcome::lease_lost)
      return Fate::leave;  // Somebody took it since: the next sweep looks again.
    ++report_.failed_count;
    return Fate::remove;
  }

  Result<Fate> check_child(const Envelope& content, const std::string& child_id) {
    auto child = end_if_child_finished(store_, RecordRef::of(content), content.index, child_id);
    if (!child) return std::move(child).error();
    return Fate::remove;  // The child's finish ends the task; no message is needed for it.
  }

  Result<Fate> repeat_finish(const Envelope& content) {
    const RecordRef ref = RecordRef::of(content);
    auto answers = with_patience(store_, [&] { return store_.ledger().propagate(std::span(&ref, 1), store_.now()); });
    if (!answers) return std::move(answers).error();
    auto completed = complete_finished(store_, answers->finished);
    if (!completed) return std::move(completed).error();
    return Fate::remove;
  }

  Result<Fate> note_finish_done(const Envelope& content) {
    if (content.first_failure) return Fate::remove;
    auto marked = mark_finish_done(store_, content.id, content.round);
    if (!marked) return std::move(marked).error();
    return Fate::remove;
  }

  /// First the new message, then the old one goes: in between there are two, never none.
  Result<Fate> send_again(const std::string& url, const Envelope& content, const std::string& group_id) {
    OutgoingMessage message;
    message.content = content;
    if (support::is_fifo(url)) {
      message.group_id = group_id.empty() ? content.id : group_id;
      message.deduplication_id = make_identifier(store_.now());
    }
    auto sent = with_patience(store_, [&] { return store_.queue().send(url, std::span(&message, 1)); });
    if (!sent) return std::move(sent).error();
    if (!sent->front()) return sent->front().error();
    ++report_.resent_count;
    return Fate::remove;
  }

  Store& store_;
  std::string url_;
  SweepReport& report_;
  std::vector<Left> left_;
  std::size_t resting_count_ = 0;    ///< The first of these, before the last receive that left some: they may rest.
  std::uint64_t unknown_count_ = 0;  ///< Of these, what this store has no record of.
  bool has_more_ = false;            ///< The last receive brought something.
};

}  // namespace

Result<void> sweep_dead_letters(Store& store, std::string_view url, SweepReport& report,
                                const DeadLetterLimits& limits) {
  auto attributes = with_patience(store, [&] { return store.queue().attributes(url); });
  if (!attributes) return std::move(attributes).error();
  if (!attributes->redrive) return {};
  auto dead_letter_url =
      with_patience(store, [&] { return store.queue().resolve(attributes->redrive->dead_letter_queue); });
  if (!dead_letter_url) return std::move(dead_letter_url).error();
  return DeadLetters(store, std::move(*dead_letter_url), report).run(limits);
}

}  // namespace fanfold::engine
