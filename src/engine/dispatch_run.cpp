#include "engine/dispatch.hpp"

#include <fanfold/detail/process_end.hpp>

#include "core/outcome.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <cxxabi.h>
#include <algorithm>

namespace fanfold::engine {

namespace {

thread_local bool handler_runs = false;

/// Marks the thread while a handler runs on it.
class HandlerScope {
 public:
  HandlerScope() noexcept { handler_runs = true; }
  ~HandlerScope() { handler_runs = before_; }
  HandlerScope(const HandlerScope&) = delete;
  HandlerScope& operator=(const HandlerScope&) = delete;

 private:
  bool before_ = handler_runs;  // The test kit runs handlers within handlers.
};

/// What a handler throws is its outcome, whatever it is.
template <class Call>
Outcome guarded(Call&& call) {
  const HandlerScope scope;
  try {
    return call();
  } catch (const ErrorException& thrown) {
    return core::outcome_of(thrown.error());
  } catch (const std::exception& thrown) {
    return core::outcome_of_exception(thrown.what());
  } catch (const detail::ProcessEnd&) {
    throw;
  } catch (const abi::__forced_unwind&) {
    throw;  // The thread is cancelled.
  } catch (...) {
    return core::outcome_of_exception("the handler threw something that is no std::exception");
  }
}

/// Whether a note is all that has to be known of an end.
bool leaves_nothing(const EndRequest& end) {
  const bool is_plain = end.verdict == Verdict::done && !end.result && end.output.empty();
  return is_plain && end.ref.type != RecordType::cluster && end.ref.round == 0;
}

}  // namespace

bool in_handler() noexcept { return handler_runs; }

bool Dispatcher::may_begin(Chunk& chunk, std::size_t position) const {
  if (!chunk.assignments[position].is_noted) return true;
  EndRequest& end = chunk.ends[position];
  const bool begins = store_.ledger().begin_noted(std::get<std::uint64_t>(end.condition));
  if (begins || support::mutant("begins_what_was_given_back")) return true;
  end.verdict = Verdict::retry;
  end.retry_at = store_.now();
  end.unstarted = true;
  return false;
}

void Dispatcher::run(Chunk& chunk, std::size_t position, std::stop_token stop) const {
  if (!may_begin(chunk, position)) return;
  const Assignment& assignment = chunk.assignments[position];
  EndRequest& end = chunk.ends[position];
  const bool timed = static_cast<bool>(options_.on_event);
  const auto started_at = timed ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
  Outcome outcome = call_handler(chunk, position, std::move(stop));
  if (timed)
    chunk.assignments[position].took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_at);

  const bool succeeded = outcome.kind() == Outcome::Kind::done;
  // The clock is asked only where the time is stored by us: for what failed.
  const core::AttemptFacts facts{.attempt = end.attempt,
                                 .attempts_max = assignment.attempts_max,
                                 .now = succeeded ? assignment.claimed_at : store_.now(),
                                 .options = options_.attempts,
                                 .random = succeeded ? 0.0 : random_unit()};
  core::decide_end(std::move(outcome), facts, end);
  if (assignment.is_noted && leaves_nothing(end)) store_.ledger().note_done(std::get<std::uint64_t>(end.condition));
}

Outcome Dispatcher::call_handler(const Chunk& chunk, std::size_t position, std::stop_token stop) const {
  const Assignment& assignment = chunk.assignments[position];
  const Delivery& delivery = chunk.deliveries[position];
  if (assignment.bad_input) return core::outcome_of(*assignment.bad_input);

  Context context(core_, delivery, chunk.url);
  context.attempt = chunk.ends[position].attempt;
  context.round = chunk.ends[position].ref.round;
  context.deadline = options_.deadline ? std::min(*options_.deadline, assignment.lease_end) : assignment.lease_end;
  context.stop = std::move(stop);
  if (delivery.content->type != RecordType::cluster) {
    return guarded([&] { return (*assignment.on_message)(detail::RawMessage{delivery, chunk.url, core_}, context); });
  }
  if (assignment.on_cluster == nullptr) return done();
  auto record = core_->cluster_record(MessageKey::of_message(delivery.content->id), Consistency::strong, false);
  if (!record) return core::outcome_of(record.error());
  return guarded([&] { return (*assignment.on_cluster)(detail::RawCluster{std::move(*record), core_}, context); });
}

}  // namespace fanfold::engine
