#include "backends/sqlite/cell.hpp"

#include "backends/sqlite/bytes.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

// The first word from its low end: 3 bits state, 13 bits attempt, 48 bits time. The second word is the token.
constexpr unsigned attempt_shift = 3;
constexpr unsigned time_shift = 16;
constexpr std::uint64_t state_mask = 0x7;
constexpr std::int64_t time_most = (std::int64_t{1} << 48U) - 1;

std::uint64_t head_of(const Cell& cell) noexcept {
  const auto time =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(cell.time.time_since_epoch().count(), 0, time_most));
  return static_cast<std::uint64_t>(cell.state) |
         static_cast<std::uint64_t>(std::min(cell.attempt, attempt_max)) << attempt_shift | time << time_shift;
}

ClaimAnswer answer_with(ClaimOutcome outcome, const Cell& cell) {
  ClaimAnswer answer;
  answer.outcome = outcome;
  answer.attempt = cell.attempt;
  answer.busy_until = cell.time;
  answer.seen = seen_of(cell);
  answer.crash_signal = cell.state == Cell::State::crashed ? static_cast<int>(cell.token) : 0;
  answer.alone = cell.alone;
  return answer;
}

Cell::State state_after(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::done: return Cell::State::done;
    case Verdict::failed: return Cell::State::failed;
    case Verdict::retry: return Cell::State::backing_off;
    case Verdict::waiting: return Cell::State::waiting;
  }
  return Cell::State::free;
}

/// The same request was applied before and its answer got lost.
bool is_applied(const Cell& cell, std::string_view child_id, const EndRequest& request) {
  const auto* token = std::get_if<std::uint64_t>(&request.condition);
  if (token == nullptr || cell.token != *token || cell.state != state_after(request.verdict)) return false;
  return request.verdict != Verdict::waiting || child_id == request.child_id;
}

bool is_allowed(const Cell& cell, std::string_view child_id, const EndCondition& condition) {
  if (const auto* token = std::get_if<std::uint64_t>(&condition)) {
    return cell.state == Cell::State::leased && cell.token == *token;
  }
  if (const auto* seen = std::get_if<SeenState>(&condition)) return seen_of(cell) == *seen;
  if (const auto* waiting = std::get_if<WaitingFor>(&condition)) {
    return cell.state == Cell::State::waiting && child_id == waiting->child_id;
  }
  return true;  // NotEnded: whoever asks has looked that it is not.
}

}  // namespace

Cell load_cell(const char* bytes) noexcept {
  const std::uint64_t head = load_word(bytes);
  Cell cell;
  cell.state = static_cast<Cell::State>(head & state_mask);
  cell.attempt = static_cast<std::uint32_t>(head >> attempt_shift) & attempt_max;
  cell.time = Time(std::chrono::milliseconds(static_cast<std::int64_t>(head >> time_shift)));
  cell.token = load_word(bytes + 8);
  return cell;
}

void store_cell(char* bytes, const Cell& cell) noexcept {
  store_word(bytes, head_of(cell));
  store_word(bytes + 8, cell.token);
}

SeenState seen_of(const Cell& cell) noexcept {
  SeenState seen{};
  static_assert(sizeof seen == cell_bytes);
  store_cell(reinterpret_cast<char*>(seen.data()), cell);
  return seen;
}

ClaimAnswer claim_cell(Cell& cell, const ClaimRequest& request, Time now) {
  switch (cell.state) {
    case Cell::State::done: return answer_with(ClaimOutcome::done, cell);
    case Cell::State::failed: return answer_with(ClaimOutcome::failed, cell);
    case Cell::State::waiting: return answer_with(ClaimOutcome::waiting, cell);
    case Cell::State::crashed: return answer_with(ClaimOutcome::crashed, cell);
    default: break;
  }
  const bool is_own = cell.state == Cell::State::leased && cell.token == request.token;
  if (is_own) return answer_with(ClaimOutcome::claimed, cell);
  if (cell.is_busy(now)) return answer_with(ClaimOutcome::in_progress, cell);
  if (cell.attempt >= std::min(request.attempts_max, attempt_max)) return answer_with(ClaimOutcome::exhausted, cell);
  cell.state = Cell::State::leased;
  cell.token = request.token;
  cell.time = request.lease_end;
  ++cell.attempt;
  return answer_with(ClaimOutcome::claimed, cell);
}

CellEnd end_cell(Cell& cell, std::string_view child_id, const EndRequest& request, Time now) {
  if (is_applied(cell, child_id, request)) return {EndOutcome::ended, false};
  if (cell.has_ended()) return {EndOutcome::already, false};
  if (!is_allowed(cell, child_id, request.condition)) return {EndOutcome::lease_lost, false};
  if (cell.state == Cell::State::crashed) cell.token = 0;
  cell.state = state_after(request.verdict);
  cell.attempt = std::min(std::max(cell.attempt, request.attempt), attempt_max);
  cell.time = request.verdict == Verdict::retry ? request.retry_at : request.verdict == Verdict::waiting ? Time() : now;
  cell.alone = false;
  return {EndOutcome::ended, true};
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

}  // namespace fanfold::sqlite
