#include "engine/dispatch.hpp"

#include "core/lease.hpp"
#include "engine/admission.hpp"
#include "engine/completion.hpp"
#include "engine/creation.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

constexpr std::chrono::milliseconds lease_shortest{1'000};

RecordRef ref_of(const Delivery& delivery) { return RecordRef::of(*delivery.content); }

template <class T>
std::vector<T> take_tail(std::vector<T>& from, std::size_t first) {
  std::vector<T> tail(std::make_move_iterator(from.begin() + static_cast<std::ptrdiff_t>(first)),
                      std::make_move_iterator(from.end()));
  from.resize(first);
  return tail;
}

}  // namespace

Chunk Chunk::split(std::size_t first) {
  Chunk rest;
  rest.url = url;
  rest.deliveries = take_tail(deliveries, first);
  rest.ends = take_tail(ends, first);
  rest.assignments = take_tail(assignments, first);
  return rest;
}

Result<void> check_attempts(const AttemptOptions& options) {
  const auto refuse = [](const char* message) -> Result<void> {
    return Error{ErrorCode::invalid_argument, message, {}};
  };
  if (options.attempts_max < 1 || options.attempts_max > attempts_limit)
    return refuse("attempts_max: expected 1 to 1,000");
  if (options.lease < lease_shortest || options.lease > core::visibility_max)
    return refuse("lease: expected 1 s to 12 h");
  if (options.backoff_initial.count() < 0) return refuse("backoff_initial: expected no negative time");
  if (options.backoff_max < options.backoff_initial) return refuse("backoff_max: expected at least backoff_initial");
  return {};
}

bool may_extend(Store& store, const RecordRef& ref) {
  if (ref.type != RecordType::task) return true;
  const auto header = store.header(ref.id);
  return !header || !((*header)->stopped() || (*header)->round > ref.round);
}

Chunk Chunk::take(const std::vector<bool>& wanted) {
  Chunk taken{.url = url, .deliveries = {}, .ends = {}, .assignments = {}};
  Chunk kept{.url = url, .deliveries = {}, .ends = {}, .assignments = {}};
  for (std::size_t i = 0; i < size(); ++i) {
    Chunk& to = wanted[i] ? taken : kept;
    to.deliveries.push_back(std::move(deliveries[i]));
    to.ends.push_back(std::move(ends[i]));
    to.assignments.push_back(std::move(assignments[i]));
  }
  *this = std::move(kept);
  return taken;
}

/// One call of begin: admits, claims, and deals with what is not ours to run.
struct Dispatcher::Batch {
  struct Other {  // Answered with something else than "claimed".
    Delivery delivery{};
    Assignment assignment{};
    ClaimAnswer answer{};
    bool failed_now = false;  // By us, since nobody answered for it any more.
  };

  Batch(Dispatcher& owner, const std::string& url, Tally& sum)
      : dispatcher(owner),
        store(owner.store_),
        tally(sum),
        now(store.now()),
        admitter(store, owner.handlers_, owner.options_, url, now),
        settlement(owner.settlement(url)) {
    chunk.url = url;
  }

  void admit(std::vector<Delivery> deliveries) {
    requests.reserve(deliveries.size());
    chunk.assignments.reserve(deliveries.size());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      Delivery& delivery = deliveries[i];
      Assignment assignment;
      if (!is_read(delivery) || !is_admitted(delivery, assignment)) continue;
      request_claim(delivery, assignment);
      chunk.assignments.push_back(std::move(assignment));
      if (kept != i) deliveries[kept] = std::move(delivery);
      ++kept;
    }
    deliveries.resize(kept);
    chunk.deliveries = std::move(deliveries);
  }

  /// What its queue could not fetch is tried once more, since that tells why. Else it is left and comes again.
  bool is_read(Delivery& delivery) {
    auto fetched = fetch_payload(store, delivery);
    if (fetched) return true;
    tally.failed = true;
    if (dispatcher.options_.on_event) dispatcher.emit_error(delivery, fetched.error());
    settlement.leave(delivery);
    return false;
  }

  bool is_admitted(Delivery& delivery, Assignment& assignment) {
    auto answer = admitter.admit(delivery, assignment);
    if (!answer) {
      tally.note(answer.error());
      settlement.leave(delivery);
      return false;
    }
    switch (answer->admission) {
      case core::Admission::claim: return true;
      case core::Admission::remove:
        emit(WorkerEvent::Kind::duplicate, delivery, 0, answer->reason);
        ++tally.counts.duplicate_count;
        tally.ended_status = Status::error;
        settlement.remove(delivery);
        return false;
      case core::Admission::unknown: {
        emit(WorkerEvent::Kind::error, delivery, 0, unknown_cluster(delivery.content->id));
        put_back(delivery, core::put_back_time);
        return false;
      }
      case core::Admission::put_back:
      case core::Admission::read_strongly: break;
    }
    emit(answer->is_newer ? WorkerEvent::Kind::error : WorkerEvent::Kind::returned, delivery, 0, answer->reason);
    put_back(delivery, answer->hidden);
    return false;
  }

  static std::string unknown_cluster(const std::string& id) {
    return "this store has no cluster " + id + ", whose messages are in the queue and are left there: is it another " +
           "store's (table, file), or were its records removed by hand?";
  }

  void request_claim(const Delivery& delivery, Assignment& assignment) {
    assignment.claimed_at = now;
    assignment.lease_end = core::first_lease_end(now, dispatcher.options_.attempts.lease, delivery.visible_at);
    ClaimRequest& request = requests.emplace_back();
    request.ref = ref_of(delivery);
    request.lease_end = assignment.lease_end;
    request.attempts_max = assignment.attempts_max;
    request.first_delivery = delivery.receive_count == 1;
    if (!needs_claim(delivery, assignment)) return;
    // Of one attempt, a claim that counts at once and whose process is killed has failed a task that nobody has begun.
    const auto noted = assignment.attempts_max == 1 ? store.ledger().new_noted_token() : std::nullopt;
    assignment.is_noted = noted.has_value();
    request.token = noted ? *noted : store.ledger().new_token();
    request.record = admitter.record_for(delivery);
  }

  /// The cheap mode claims too where the message is to be sent again if this attempt fails: the new one counts its
  /// receives from the start, and only the record knows then how many attempts there were.
  [[nodiscard]] bool needs_claim(const Delivery& delivery, const Assignment& assignment) const {
    return dispatcher.options_.deduplicate || delivery.content->type == RecordType::cluster ||
           assignment.bad_input != nullptr || !settlement.is_received_again(delivery);
  }

  /// One answer per request; none where the ledger gave none.
  std::vector<ClaimAnswer> claim() {
    if (dispatcher.options_.deduplicate) return ask(requests);
    std::vector<ClaimAnswer> answers(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].token == 0) {
        answers[i].outcome = ClaimOutcome::claimed;
        answers[i].attempt = chunk.deliveries[i].receive_count;
        continue;
      }
      auto one = ask(std::span(&requests[i], 1));
      if (!one.empty()) answers[i] = std::move(one.front());
    }
    return answers;
  }

  std::vector<ClaimAnswer> ask(std::span<const ClaimRequest> some) {
    auto answers = with_patience(store, [&] { return store.ledger().claim(some, now); });
    if (answers) return std::move(*answers);
    tally.note(answers.error());
    return {};
  }

  void sort(std::vector<ClaimAnswer> answers) {
    chunk.ends.reserve(answers.size());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < chunk.deliveries.size(); ++i) {
      if (i >= answers.size()) {
        settlement.leave(chunk.deliveries[i]);
      } else if (is_ours(answers[i].outcome)) {
        add_end(i, answers[i]);
        if (kept != i) {
          chunk.deliveries[kept] = std::move(chunk.deliveries[i]);
          chunk.assignments[kept] = std::move(chunk.assignments[i]);
        }
        ++kept;
      } else {
        // Where it is missing, in the cheap mode, there may have been no answer.
        if (chunk.assignments[i].is_noted && answers[i].outcome != ClaimOutcome::missing)
          store.ledger().forget_noted(requests[i].token);
        others.push_back({std::move(chunk.deliveries[i]), std::move(chunk.assignments[i]), std::move(answers[i])});
      }
    }
    chunk.deliveries.resize(kept);
    chunk.assignments.resize(kept);
  }

  [[nodiscard]] static bool is_ours(ClaimOutcome outcome) {
    return outcome == ClaimOutcome::claimed ||
           (support::mutant("ignore_live_lease") && outcome == ClaimOutcome::in_progress);
  }

  void add_end(std::size_t i, const ClaimAnswer& answer) {
    const Delivery& delivery = chunk.deliveries[i];
    chunk.assignments[i].alone = answer.alone;
    EndRequest& end = chunk.ends.emplace_back();
    end.ref = std::move(requests[i].ref);
    end.index = delivery.content->index;
    if (requests[i].token != 0)
      end.condition = requests[i].token;
    else
      end.condition = NotEnded{};
    end.attempt = support::mutant("receives_are_attempts") ? delivery.receive_count : answer.attempt;
    emit(WorkerEvent::Kind::claimed, delivery, answer.attempt);
  }

  /// A claim that took as long as its lease lasts, in a store that was slow or throttled, is nobody's until it is
  /// extended. Answers what could not be: it is not to be begun.
  Chunk renew_late() {
    const Time answered_at = store.now();
    std::vector<Lease> leases;
    std::vector<std::size_t> late;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      const auto* token = std::get_if<std::uint64_t>(&chunk.ends[i].condition);
      if (token == nullptr || chunk.assignments[i].lease_end > answered_at) continue;
      leases.push_back({chunk.ends[i].ref, *token});
      late.push_back(i);
    }
    if (late.empty()) return {};
    const Time lease_end = answered_at + dispatcher.options_.attempts.lease;
    const auto answers = store.ledger().extend(leases, lease_end);
    const bool in_time = answers && store.now() < lease_end;
    std::vector<bool> lost(chunk.size(), false);
    for (std::size_t i = 0; i < late.size(); ++i) {
      const bool is_kept = in_time && (*answers)[i].has_value();
      lost[late[i]] = !is_kept;
      if (is_kept) chunk.assignments[late[i]].lease_end = lease_end;
    }
    return chunk.take(lost);
  }

  void deal_with_others() {
    for (Other& other : others) {
      switch (core::next_step(other.answer.outcome)) {
        case core::NextStep::leave: leave(other); break;
        case core::NextStep::check_child: check_child(other); break;
        case core::NextStep::repeat_finish: ended.push_back(&other); break;
        case core::NextStep::fail: unanswered.push_back(&other); break;
        case core::NextStep::look_again: look_again(other); break;
        case core::NextStep::run: break;
      }
    }
    if (!unanswered.empty()) fail_unanswered();
    if (!ended.empty()) repeat_finish();
  }

  void leave(Other& other) {
    emit(WorkerEvent::Kind::in_progress, other.delivery, other.answer.attempt);
    if (support::mutant("live_lease_deletes")) return settlement.remove(other.delivery);
    put_back(other.delivery, core::hidden_for(now, other.answer.busy_until));
  }

  void put_back(Delivery& delivery, std::chrono::milliseconds hidden) {
    tally.failed = true;
    tally.hidden = hidden;
    settlement.put_back(delivery, hidden);
  }

  void check_child(Other& other) {
    auto child =
        end_if_child_finished(store, ref_of(other.delivery), other.delivery.content->index, other.answer.child_id);
    if (!child) return keep_for_later(other, child.error());
    if (*child == ChildState::running) {
      tally.waits_for_child = true;
      tally.hidden = core::put_back_time;
    }
    emit(WorkerEvent::Kind::duplicate, other.delivery, other.answer.attempt, "it waits for its child cluster");
    ++tally.counts.duplicate_count;
    settlement.remove(other.delivery);
  }

  void look_again(Other& other) {
    const Envelope& content = *other.delivery.content;
    bool gone = false;
    if (content.type != RecordType::message) {
      auto header = store.header_strong(content.id);
      if (!header && header.error().code != ErrorCode::not_found) return keep_for_later(other, header.error());
      gone = header ? header->tombstone || header->round > content.round : core::is_expired(content, now);
    }
    if (gone) {
      emit(WorkerEvent::Kind::duplicate, other.delivery, 0, "its record is gone");
      ++tally.counts.duplicate_count;
      tally.ended_status = Status::error;
      settlement.remove(other.delivery);
    } else {
      emit(WorkerEvent::Kind::error, other.delivery, 0, "its record is missing");
      put_back(other.delivery, core::put_back_time);
    }
  }

  /// Fails, on condition of what was seen, those that nobody answers for any more.
  void fail_unanswered() {
    std::vector<EndRequest> ends;
    ends.reserve(unanswered.size());
    for (const Other* other : unanswered) {
      EndRequest& end = ends.emplace_back();
      end.ref = ref_of(other->delivery);
      end.index = other->delivery.content->index;
      end.condition = other->answer.seen;
      end.verdict = Verdict::failed;
      end.error = core::claim_error(other->answer, other->assignment.attempts_max, now);
      end.attempt = other->answer.attempt;
    }
    auto answers = with_patience(store, [&] { return store.ledger().end(ends, now); });
    if (!answers) {
      for (Other* other : unanswered) keep_for_later(*other, answers.error());
      return;
    }
    if (auto followed = complete_finished(store, answers->finished); !followed) tally.note(followed.error());
    for (std::size_t i = 0; i < unanswered.size(); ++i)
      settle_unanswered(*unanswered[i], answers->outcomes[i], ends[i]);
  }

  void settle_unanswered(Other& other, EndOutcome outcome, const EndRequest& end) {
    if (outcome == EndOutcome::lease_lost || outcome == EndOutcome::missing) {
      // Somebody changed it in between: evaluated again from the top, at once.
      put_back(other.delivery, std::chrono::milliseconds::zero());
      return;
    }
    if (outcome == EndOutcome::ended) {
      tally.failed = true;
      ++tally.counts.failed_count;
      const bool crashed = other.answer.outcome == ClaimOutcome::crashed;
      emit(crashed ? WorkerEvent::Kind::crashed_before : WorkerEvent::Kind::failed, other.delivery,
           other.answer.attempt, end.error->message);
    }
    auto as = ended_as(store, end.ref, outcome);
    if (!as) return keep_for_later(other, as.error());
    other.failed_now = outcome == EndOutcome::ended;
    other.answer.outcome = *as == EndedAs::failed ? ClaimOutcome::failed : ClaimOutcome::done;
    ended.push_back(&other);
  }

  /// Ended records: a crash may have come between their end and what follows from it.
  void repeat_finish() {
    std::vector<RecordRef> tasks;
    std::vector<FailedRound> failed;
    std::optional<Error> fault;
    for (const Other* other : ended) {
      RecordRef ref = ref_of(other->delivery);
      if (other->answer.outcome == ClaimOutcome::failed && other->assignment.watches_failures)
        failed.push_back({ref.id, ref.round});
      if (ref.type == RecordType::task) {
        tasks.push_back(std::move(ref));
      } else if (ref.type == RecordType::cluster && !ref.first_failure) {
        if (auto marked = mark_finish_done(store, ref.id, ref.round); !marked) fault = marked.error();
      }
    }
    if (auto followed = follow_failures(store, failed); !followed) fault = followed.error();
    if (auto repeated = propagate(tasks); !repeated) fault = repeated.error();
    for (Other* other : ended) {
      if (fault) {
        keep_for_later(*other, *fault);
        continue;
      }
      remove_ended(*other);
    }
  }

  void remove_ended(Other& other) {
    tally.ended_status = other.answer.outcome == ClaimOutcome::done ? Status::complete : Status::error;
    if (!other.failed_now) {
      ++tally.counts.duplicate_count;
      emit(WorkerEvent::Kind::duplicate, other.delivery, other.answer.attempt);
    }
    settlement.remove(other.delivery);
  }

  Result<void> propagate(const std::vector<RecordRef>& tasks) {
    if (tasks.empty()) return {};
    auto answers = with_patience(store, [&] { return store.ledger().propagate(tasks, now); });
    if (!answers) return std::move(answers).error();
    return complete_finished(store, answers->finished);
  }

  void keep_for_later(Other& other, const Error& error) {
    tally.note(error);
    settlement.leave(other.delivery);
  }

  void emit(WorkerEvent::Kind kind, const Delivery& delivery, std::uint32_t attempt,
            std::string_view detail = {}) const {
    if (dispatcher.options_.on_event) dispatcher.emit(kind, delivery, attempt, detail);
  }

  Dispatcher& dispatcher;
  Store& store;
  Tally& tally;
  Time now;
  Admitter admitter;
  Settlement settlement;
  Chunk chunk{};
  std::vector<ClaimRequest> requests{};
  std::vector<Other> others{};
  std::vector<Other*> ended{};       // Of others.
  std::vector<Other*> unanswered{};  // Of others.
};

Chunk Dispatcher::begin(const std::string& url, std::vector<Delivery> deliveries, Tally& tally) {
  Batch batch(*this, url, tally);
  batch.admit(std::move(deliveries));
  if (!batch.chunk.deliveries.empty()) {
    batch.sort(batch.claim());
    Chunk late = batch.renew_late();
    release(late, 0, late.size(), tally);
    batch.deal_with_others();
  }
  settle(batch.settlement, tally);
  return std::move(batch.chunk);
}

Settlement Dispatcher::settlement(const std::string& url) {
  Settlement settlement(store_, url, store_.redrive_policies.receive_count_max(store_.queue(), url, store_.now()),
                        options_.deletion);
  if (options_.collect_kept) settlement.collect_kept();
  settlement.delete_by(options_.deletions);
  return settlement;
}

void Dispatcher::settle(Settlement& settlement, Tally& tally) {
  if (auto settled = settlement.flush(); !settled && !tally.error) tally.error = settled.error();
  std::ranges::move(settlement.kept(), std::back_inserter(tally.kept));
}

void Dispatcher::put_back(const std::string& url, std::vector<Delivery> deliveries, Tally& tally) {
  Settlement settlement = this->settlement(url);
  for (Delivery& delivery : deliveries) {
    if (options_.on_event) emit(WorkerEvent::Kind::returned, delivery, 0, "not started");
    ++tally.counts.returned_count;
    settlement.put_back(delivery, std::chrono::milliseconds::zero());
  }
  settle(settlement, tally);
}

namespace {

/// An event of this delivery; its views live as long as that.
WorkerEvent about(const Delivery& delivery) {
  WorkerEvent event;
  event.message_id = delivery.message_id;
  if (!delivery.content) return event;
  const Envelope& content = *delivery.content;
  if (content.type != RecordType::message) event.cluster_id = content.id;
  if (content.type == RecordType::task) event.task = content.index;
  event.record_id = content.id;
  event.trace = content.trace.get();
  return event;
}

}  // namespace

void Dispatcher::emit_error(const Delivery& delivery, const Error& error) const {
  const std::string text = to_string(error);
  WorkerEvent event = about(delivery);
  event.kind = WorkerEvent::Kind::error;
  event.detail = text;
  event.error = &error;
  options_.on_event(event);
}

void Dispatcher::emit(WorkerEvent::Kind kind, const Delivery& delivery, std::uint32_t attempt, std::string_view detail,
                      std::chrono::microseconds took) const {
  WorkerEvent event = about(delivery);
  event.kind = kind;
  event.attempt = attempt;
  event.took = took;
  event.detail = detail;
  options_.on_event(event);
}

}  // namespace fanfold::engine
