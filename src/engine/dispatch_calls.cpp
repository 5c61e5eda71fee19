#include "engine/batch.hpp"
#include "engine/completion.hpp"
#include "engine/engine.hpp"

#include "core/outcome.hpp"
#include "wire/envelope_text.hpp"

namespace fanfold::engine {

namespace {

/// By hand, the caller is the handler of everything: these are never called.
const Handlers& by_hand() {
  static const Handlers handlers = [] {
    const ClusterHandler cluster = [](const MessageCluster<>&, const Context&) { return done(); };
    return Handlers{.on_message = [](const Message<>&, const Context&) { return done(); },
                    .on_cluster_complete = cluster,
                    .on_cluster_success = {},
                    .on_cluster_failure = {},
                    .on_first_failure = cluster,
                    .named = {}};
  }();
  return handlers;
}

detail::ClaimTicket ticket_of(Chunk& chunk) {
  EndRequest& end = chunk.ends.front();
  return {.ref = std::move(end.ref),
          .index = end.index,
          .token = std::get<std::uint64_t>(end.condition),
          .attempt = end.attempt,
          .queue_url = std::move(chunk.url),
          .receipt_handle = std::move(chunk.deliveries.front().receipt_handle)};
}

/// Ends what a ticket claims, then what follows from it, then the message.
Result<void> end_by_hand(Store& store, const detail::ClaimTicket& ticket, EndRequest end) {
  end.ref = ticket.ref;
  end.index = ticket.index;
  end.condition = ticket.token;
  end.attempt = ticket.attempt;
  if (ticket.ref.type == RecordType::message) end.message = DeliveredMessage{ticket.queue_url, ticket.receipt_handle};
  auto answers = with_patience(store, [&] { return store.ledger().end(std::span(&end, 1), store.now()); });
  if (!answers) return std::move(answers).error();
  switch (answers->outcomes.front()) {
    case EndOutcome::ended: break;
    case EndOutcome::lease_lost: return Error{ErrorCode::lease_lost, "another holder has the record now", {}};
    case EndOutcome::already: return Error{ErrorCode::lease_lost, "the record had ended before", {}};
    case EndOutcome::missing: return Error{ErrorCode::not_found, "there is no such record", {}};
  }
  if (auto completed = complete_finished(store, answers->finished); !completed) return completed;
  if (end.verdict == Verdict::failed && ticket.ref.type == RecordType::task) {
    const FailedRound round{ticket.ref.id, ticket.ref.round};
    if (auto followed = follow_failures(store, std::span(&round, 1)); !followed) return followed;
  }
  if (ticket.ref.type == RecordType::cluster && !ticket.ref.first_failure) {
    if (auto marked = mark_finish_done(store, ticket.ref.id, ticket.ref.round); !marked) return marked;
  }
  if (answers->is_deleted(0)) return {};
  auto removed = with_patience(
      store, [&] { return store.queue().remove(ticket.queue_url, std::span(&ticket.receipt_handle, 1)); });
  if (!removed) return std::move(removed).error();
  return {};
}

}  // namespace

Result<detail::ClaimReply> Engine::is_complete(const SqsRecord& record, const AttemptOptions& options) {
  using State = detail::ClaimReply::State;
  if (auto checked = check_attempts(options); !checked) return std::move(checked).error();
  auto url = wire::queue_url_of(record.event_source_arn);
  if (!url) return std::move(url).error();
  auto delivery = delivery_to_dispatch(record);
  if (!delivery) return std::move(delivery).error();
  if (auto fetched = fetch_payload(store_, *delivery); !fetched) return std::move(fetched).error();

  Dispatcher dispatcher(store_, shared_from_this(), by_hand(),
                        {.attempts = options,
                         .deduplicate = true,
                         .deletion = Deletion::callers,
                         .deadline = std::nullopt,
                         .collect_kept = true,
                         .on_event = {}});
  std::vector<Delivery> one;
  one.push_back(std::move(*delivery));
  Tally tally;
  Chunk chunk = dispatcher.begin(*url, std::move(one), tally);
  if (chunk.empty() && tally.error) return *std::move(tally.error);
  detail::ClaimReply reply;
  if (!chunk.empty() && chunk.assignments.front().bad_input) {
    dispatcher.run(chunk, 0, {});  // Fails it for good: nobody can read it.
    dispatcher.finish(chunk, 0, 1, tally);
    if (tally.error) return *std::move(tally.error);
    reply.status = Status::error;
  } else if (!chunk.empty() && !dispatcher.may_begin(chunk, 0)) {
    dispatcher.finish(chunk, 0, 1, tally);
    reply.state = State::in_progress;
  } else if (!chunk.empty()) {
    reply.state = State::claimed;
    reply.ticket = ticket_of(chunk);
  } else if (tally.ended_status && !tally.waits_for_child) {
    reply.status = *tally.ended_status;
  } else {
    reply.state = State::in_progress;  // Also where the queue would not deliver it again, so that it was sent anew.
    reply.busy_for = tally.hidden;
  }
  return reply;
}

Result<void> Engine::mark_complete(const detail::ClaimTicket& ticket, const std::optional<Json>& result) {
  if (result && result->text().size() > result_bytes_max) {
    return Error{ErrorCode::too_large,
                 "the result has " + std::to_string(result->text().size()) + " bytes, at most " +
                     std::to_string(result_bytes_max) + " are kept",
                 {}};
  }
  EndRequest end;
  end.verdict = Verdict::done;
  end.result = result;
  return end_by_hand(store_, ticket, std::move(end));
}

Result<void> Engine::mark_failed(const detail::ClaimTicket& ticket, const std::string& reason) {
  EndRequest end;
  end.verdict = Verdict::failed;
  end.error = core::error_entry(ticket.attempt, "failed", reason, store_.now(), true);
  return end_by_hand(store_, ticket, std::move(end));
}

Result<BatchResponse> Engine::process_batch(const SqsEvent& event, const Handlers& handlers,
                                            const BatchOptions& options) {
  return engine::process_batch(store_, shared_from_this(), event, handlers, options);
}

}  // namespace fanfold::engine
