#include "core/cell.hpp"

#include <algorithm>

#include "support/mutant.hpp"

namespace fanfold::core {

namespace {

Cell::State state_after(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::done: return Cell::State::done;
    case Verdict::failed: return Cell::State::failed;
    case Verdict::retry: return Cell::State::backing_off;
    case Verdict::waiting: return Cell::State::waiting;
  }
  return Cell::State::free;
}

std::optional<std::uint64_t> token_of(const EndRequest& request, const EndFacts& facts) noexcept {
  if (const auto* own = std::get_if<std::uint64_t>(&request.condition)) return *own;
  return facts.fresh_token;
}

/// The same request was applied before and its answer got lost.
bool is_applied(const Cell& cell, const EndRequest& request, const EndFacts& facts) noexcept {
  const std::optional<std::uint64_t> token = token_of(request, facts);
  if (!token || cell.token != *token || cell.state != state_after(request.verdict)) return false;
  return request.verdict != Verdict::waiting || facts.child_id == request.child_id;
}

bool is_allowed(const Cell& cell, const EndCondition& condition, const EndFacts& facts) {
  if (support::mutant("cell_without_condition")) return true;
  if (const auto* token = std::get_if<std::uint64_t>(&condition)) {
    return cell.state == Cell::State::leased && cell.token == *token;
  }
  if (const auto* seen = std::get_if<SeenState>(&condition)) return facts.seen == *seen;
  if (const auto* waiting = std::get_if<WaitingFor>(&condition)) {
    return cell.state == Cell::State::waiting && facts.child_id == waiting->child_id;
  }
  return true;  // NotEnded: whoever asks has looked that it is not.
}

}  // namespace

ClaimDecision claim_cell(const Cell& cell, const ClaimRequest& request, Time now) noexcept {
  switch (cell.state) {
    case Cell::State::done: return {ClaimOutcome::done, false, {}};
    case Cell::State::failed: return {ClaimOutcome::failed, false, {}};
    case Cell::State::waiting: return {ClaimOutcome::waiting, false, {}};
    case Cell::State::crashed: return {ClaimOutcome::crashed, false, {}};
    default: break;
  }
  const bool is_own = cell.state == Cell::State::leased && cell.token == request.token;
  if (is_own) return {ClaimOutcome::claimed, false, {}};
  if (cell.is_busy(now)) return {ClaimOutcome::in_progress, false, {}};
  if (cell.attempt >= std::min(request.attempts_max, attempt_max)) return {ClaimOutcome::exhausted, false, {}};
  return {ClaimOutcome::claimed,
          true,
          {Cell::State::leased, cell.attempt + 1, request.lease_end, request.token, cell.alone}};
}

Cell settle_claim(const Cell& cell, ClaimFate fate, Time now) noexcept {
  switch (fate) {
    case ClaimFate::begun: break;
    case ClaimFate::not_begun: {
      const std::uint32_t given_back = cell.attempt > 0 && !support::mutant("given_back_counts") ? 1 : 0;
      return {Cell::State::free, cell.attempt - given_back, Time(), 0, cell.alone};
    }
    case ClaimFate::done: return {Cell::State::done, cell.attempt, now, cell.token, false};
  }
  return cell;
}

EndDecision end_cell(const Cell& cell, const EndRequest& request, const EndFacts& facts) {
  if (is_applied(cell, request, facts)) return {EndOutcome::ended, false, {}};
  if (cell.has_ended()) return {EndOutcome::already, false, {}};
  if (!is_allowed(cell, request.condition, facts)) return {EndOutcome::lease_lost, false, {}};
  EndDecision decision{EndOutcome::ended, true, {}};
  decision.next.state = state_after(request.verdict);
  const bool gives_back =
      request.unstarted && cell.attempt > 0 && std::holds_alternative<std::uint64_t>(request.condition);
  decision.next.attempt =
      gives_back ? cell.attempt - 1 : std::min(std::max(cell.attempt, request.attempt), attempt_max);
  decision.next.time = request.verdict == Verdict::retry ? request.retry_at : facts.now;
  const bool is_signal = cell.state == Cell::State::crashed;
  decision.next.token = token_of(request, facts).value_or(is_signal ? 0 : cell.token);
  return decision;
}

ClaimAnswer answer_with(ClaimOutcome outcome, const Cell& cell, const SeenState& seen, std::string_view child_id) {
  ClaimAnswer answer;
  answer.outcome = outcome;
  answer.attempt = cell.attempt;
  answer.busy_until = cell.time;
  answer.seen = seen;
  answer.child_id = child_id;
  answer.crash_signal = cell.state == Cell::State::crashed ? static_cast<int>(cell.token) : 0;
  answer.alone = cell.alone;
  return answer;
}

bool may_have_failed(const Cell& cell) noexcept {
  switch (cell.state) {
    case Cell::State::free: return cell.attempt > 0;  // A claim after a failure may have been given back.
    case Cell::State::leased:
    case Cell::State::waiting:
    case Cell::State::done: return cell.attempt > 1;
    case Cell::State::backing_off:
    case Cell::State::failed:
    case Cell::State::crashed: return true;
  }
  return true;
}

Status status_of(const Cell& cell) noexcept {
  switch (cell.state) {
    case Cell::State::done: return Status::complete;
    case Cell::State::failed: return Status::error;
    case Cell::State::free: return cell.attempt == 0 ? Status::pre_flight : Status::in_progress;
    default: return Status::in_progress;
  }
}

StatusCode code_of(Status status) noexcept {
  switch (status) {
    case Status::pre_flight: return StatusCode::pre_flight;
    case Status::in_progress: return StatusCode::in_progress;
    case Status::complete: return StatusCode::complete;
    case Status::error: return StatusCode::error;
  }
  return StatusCode::pre_flight;
}

}  // namespace fanfold::core
