#include "engine/dispatch.hpp"

#include "core/delivery.hpp"
#include "engine/completion.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::engine {

/// One call of finish: ends, then what follows from the ends, then the messages.
struct Dispatcher::Ending {
  Ending(Dispatcher& owner, Chunk& of, std::size_t from, std::size_t to, Tally& sum)
      : dispatcher(owner),
        store(owner.store_),
        chunk(of),
        first(from),
        last(to),
        tally(sum),
        now(store.now()),
        settlement(owner.settlement(of.url)) {}

  void run() {
    if (support::mutant("delete_before_end")) delete_all();
    if (support::mutant("end_without_token")) forget_tokens();
    name_messages();
    const std::span<const EndRequest> ends = std::span(chunk.ends).subspan(first, last - first);
    auto answers = with_patience(store, [&] { return store.ledger().end(ends, now); });
    if (!answers) {
      tally.note(answers.error());
      for (std::size_t i = first; i < last; ++i) settlement.leave(chunk.deliveries[i]);
    } else {
      follow(*answers);
      for (std::size_t i = first; i < last; ++i)
        settle(i, answers->outcomes[i - first], answers->is_deleted(i - first));
    }
    dispatcher.settle(settlement, tally);
  }

  void forget_tokens() {
    for (std::size_t i = first; i < last; ++i) chunk.ends[i].condition = NotEnded{};
  }

  /// Nothing follows from the end of a single message but its deletion, which the ledger may be able to do at once.
  void name_messages() {
    for (std::size_t i = first; i < last; ++i) {
      EndRequest& end = chunk.ends[i];
      const Delivery& delivery = chunk.deliveries[i];
      if (end.ref.type != RecordType::message || end.verdict == Verdict::retry) continue;
      if (settlement.deletes_alone(delivery)) end.message = DeliveredMessage{chunk.url, delivery.receipt_handle};
    }
  }

  void delete_all() {
    for (std::size_t i = first; i < last; ++i) settlement.remove(chunk.deliveries[i]);
    dispatcher.settle(settlement, tally);
  }

  /// Everything that has to come before the messages are deleted. A fault leaves the messages in the queue: their next
  /// delivery repeats it.
  void follow(const EndAnswers& answers) {
    for (std::size_t i = first; i < last; ++i) {
      const EndRequest& end = chunk.ends[i];
      const EndOutcome outcome = answers.outcomes[i - first];
      if (outcome == EndOutcome::already && end.ref.type == RecordType::task) ended_before.push_back(end.ref);
      const bool ended = outcome == EndOutcome::ended || outcome == EndOutcome::already;
      if (!ended) continue;
      if (end.verdict == Verdict::failed && chunk.assignments[i].watches_failures) note_failure(end.ref, outcome);
      if (end.verdict == Verdict::waiting && outcome == EndOutcome::ended)
        note(end_if_child_finished(store, end.ref, end.index, end.child_id));
      const bool is_finish = end.ref.type == RecordType::cluster && !end.ref.first_failure;
      if (is_finish && (end.verdict != Verdict::retry || outcome == EndOutcome::already))
        note(mark_finish_done(store, end.ref.id, end.ref.round));
    }
    note(follow_failures(store, failed));  // First: the early notice is to come before the finish message.
    note(complete_finished(store, answers.finished));
    if (ended_before.empty()) return;
    auto repeated = with_patience(store, [&] { return store.ledger().propagate(ended_before, now); });
    if (repeated)
      note(complete_finished(store, repeated->finished));
    else
      note(repeated);
  }

  void note_failure(const RecordRef& ref, EndOutcome outcome) {
    const auto as = ended_as(store, ref, outcome);
    note(as);
    if (as && *as == EndedAs::failed) failed.push_back({ref.id, ref.round});
  }

  template <class T>
  void note(const Result<T>& result) {
    if (result.has_value()) return;
    fault = true;
    tally.note(result.error());
  }

  void settle(std::size_t i, EndOutcome outcome, bool is_deleted) {
    Delivery& delivery = chunk.deliveries[i];
    const EndRequest& end = chunk.ends[i];
    const auto* token = std::get_if<std::uint64_t>(&end.condition);
    if (token != nullptr && chunk.assignments[i].is_noted) store.ledger().forget_noted(*token);
    switch (outcome) {
      case EndOutcome::ended:
        count_ended(i);
        if (end.verdict == Verdict::retry)
          settlement.put_back(delivery, core::hidden_for(now, end.retry_at));
        else if (!is_deleted)
          remove(delivery);
        return;
      case EndOutcome::already:
        ++tally.counts.duplicate_count;
        emit(WorkerEvent::Kind::duplicate, i);
        remove(delivery);
        return;
      case EndOutcome::missing:
        // The cheap mode ends messages without a record; a claimed record that is gone was removed by hand.
        if (std::holds_alternative<NotEnded>(end.condition)) {
          count_ended(i);
          if (end.verdict == Verdict::retry)
            settlement.put_back(delivery, core::hidden_for(now, end.retry_at));
          else
            remove(delivery);
          return;
        }
        [[fallthrough]];
      case EndOutcome::lease_lost:
        ++tally.counts.lease_lost_count;
        tally.failed = true;
        emit(WorkerEvent::Kind::lease_lost, i);
        settlement.leave(delivery);
        return;
    }
  }

  void remove(Delivery& delivery) {
    if (fault)
      settlement.leave(delivery);
    else
      settlement.remove(delivery);
  }

  void count_ended(std::size_t i) {
    const EndRequest& end = chunk.ends[i];
    switch (end.verdict) {
      case Verdict::retry:
        tally.failed = true;
        if (end.unstarted) {
          ++tally.counts.returned_count;
          return emit(WorkerEvent::Kind::returned, i, "not started");
        }
        ++tally.counts.retried_count;
        return emit(WorkerEvent::Kind::retried, i);
      case Verdict::failed:
        ++tally.counts.failed_count;
        tally.failed = true;
        return emit(WorkerEvent::Kind::failed, i);
      case Verdict::done:
      case Verdict::waiting:
        if (end.ref.type == RecordType::cluster) {
          ++tally.counts.finish_handled_count;
          return emit(WorkerEvent::Kind::finish_handled, i);
        }
        ++tally.counts.done_count;
        return emit(WorkerEvent::Kind::done, i);
    }
  }

  void emit(WorkerEvent::Kind kind, std::size_t i) const {
    const EndRequest& end = chunk.ends[i];
    emit(kind, i, end.error ? std::string_view(end.error->message) : std::string_view());
  }

  void emit(WorkerEvent::Kind kind, std::size_t i, std::string_view detail) const {
    if (!dispatcher.options_.on_event) return;
    const EndRequest& end = chunk.ends[i];
    dispatcher.emit(kind, chunk.deliveries[i], end.attempt, detail, chunk.assignments[i].took);
  }

  Dispatcher& dispatcher;
  Store& store;
  Chunk& chunk;
  std::size_t first;
  std::size_t last;
  Tally& tally;
  Time now;
  Settlement settlement;
  std::vector<RecordRef> ended_before{};
  std::vector<FailedRound> failed{};
  bool fault = false;
};

void Dispatcher::finish(Chunk& chunk, std::size_t first, std::size_t last, Tally& tally) {
  if (first < last) Ending(*this, chunk, first, last, tally).run();
}

void Dispatcher::release(Chunk& chunk, std::size_t first, std::size_t last, Tally& tally) {
  const Time now = store_.now();
  for (std::size_t i = first; i < last; ++i) {
    EndRequest& end = chunk.ends[i];
    end.verdict = Verdict::retry;
    end.error.reset();
    end.retry_at = now;
    end.unstarted = true;
  }
  Tally ends;  // Nothing has failed by that.
  finish(chunk, first, last, ends);
  tally.counts.returned_count += ends.counts.returned_count;
  tally.counts.lease_lost_count += ends.counts.lease_lost_count;
  std::ranges::move(ends.kept, std::back_inserter(tally.kept));
  if (ends.error && !tally.error) tally.error = ends.error;
}

}  // namespace fanfold::engine
