#include "backends/aws/cell.hpp"

#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr unsigned state_shift = 61;
constexpr unsigned attempt_shift = 48;
constexpr std::uint64_t time_mask = (std::uint64_t{1} << attempt_shift) - 1;

std::uint64_t head_of(const Cell& cell) noexcept {
  const auto time =
      std::clamp<std::int64_t>(cell.time.time_since_epoch().count(), 0, static_cast<std::int64_t>(time_mask));
  return static_cast<std::uint64_t>(cell.state) << state_shift |
         static_cast<std::uint64_t>(std::min(cell.attempt, attempt_limit)) << attempt_shift |
         static_cast<std::uint64_t>(time);
}

template <class Byte>
void store(std::uint64_t word, Byte* bytes) noexcept {
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<Byte>(static_cast<unsigned char>(word >> (56U - 8U * i)));
}

template <class Byte>
std::uint64_t load(const Byte* bytes) noexcept {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word = word << 8U | static_cast<unsigned char>(bytes[i]);
  return word;
}

template <class Byte>
Cell load_cell(const Byte* bytes) noexcept {
  const std::uint64_t head = load(bytes);
  Cell cell;
  cell.state = static_cast<Cell::State>(head >> state_shift);
  cell.attempt = static_cast<std::uint32_t>(head >> attempt_shift) & attempt_limit;
  cell.time = Time(std::chrono::milliseconds(static_cast<std::int64_t>(head & time_mask)));
  cell.token = load(bytes + 8);
  return cell;
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
bool is_applied(const Cell& cell, std::string_view child_id, const EndRequest& request, std::uint64_t token) noexcept {
  if (cell.token != token || cell.state != state_after(request.verdict)) return false;
  return request.verdict != Verdict::waiting || child_id == request.child_id;
}

bool is_allowed(const Cell& cell, std::string_view child_id, const EndCondition& condition) {
  if (support::mutant("cell_without_condition")) return true;
  if (const auto* token = std::get_if<std::uint64_t>(&condition))
    return cell.state == Cell::State::leased && cell.token == *token;
  if (const auto* seen = std::get_if<SeenState>(&condition)) return seen_of(cell) == *seen;
  if (const auto* waiting = std::get_if<WaitingFor>(&condition))
    return cell.state == Cell::State::waiting && child_id == waiting->child_id;
  return true;  // NotEnded: whoever asks has looked that it is not.
}

}  // namespace

std::string encode_cell(const Cell& cell) {
  std::string bytes(cell_bytes, '\0');
  store(head_of(cell), bytes.data());
  store(cell.token, bytes.data() + 8);
  return bytes;
}

std::optional<Cell> decode_cell(std::string_view bytes) noexcept {
  if (bytes.size() != cell_bytes) return std::nullopt;
  const Cell cell = load_cell(bytes.data());
  if (cell.state > Cell::State::failed) return std::nullopt;
  return cell;
}

SeenState seen_of(const Cell& cell) noexcept {
  SeenState seen{};
  static_assert(sizeof seen == cell_bytes);
  if (cell.state == Cell::State::free) return seen;
  store(head_of(cell), seen.data());
  store(cell.token, seen.data() + 8);
  return seen;
}

Cell cell_of(const SeenState& seen) noexcept { return load_cell(seen.data()); }

ClaimAnswer answer_with(ClaimOutcome outcome, const Cell& cell, std::string_view child_id) {
  ClaimAnswer answer;
  answer.outcome = outcome;
  answer.attempt = cell.attempt;
  answer.busy_until = cell.time;
  answer.seen = seen_of(cell);
  answer.child_id = child_id;
  return answer;
}

ClaimDecision decide_claim(const Cell& cell, const ClaimRequest& request, Time now) noexcept {
  switch (cell.state) {
    case Cell::State::done: return {ClaimOutcome::done, false, {}};
    case Cell::State::failed: return {ClaimOutcome::failed, false, {}};
    case Cell::State::waiting: return {ClaimOutcome::waiting, false, {}};
    default: break;
  }
  const bool is_own = cell.state == Cell::State::leased && cell.token == request.token;
  if (is_own) return {ClaimOutcome::claimed, false, {}};
  if (cell.is_busy(now)) return {ClaimOutcome::in_progress, false, {}};
  if (cell.attempt >= std::min(request.attempts_max, attempt_limit)) return {ClaimOutcome::exhausted, false, {}};
  return {ClaimOutcome::claimed, true, {Cell::State::leased, cell.attempt + 1, request.lease_end, request.token}};
}

EndDecision decide_end(const Cell& cell, std::string_view child_id, const EndRequest& request,
                       std::uint64_t fresh_token, Time now) {
  const auto* own_token = std::get_if<std::uint64_t>(&request.condition);
  const std::uint64_t token = own_token != nullptr ? *own_token : fresh_token;
  if (is_applied(cell, child_id, request, token)) return {EndOutcome::ended, false, {}};
  if (cell.has_ended()) return {EndOutcome::already, false, {}};
  if (!is_allowed(cell, child_id, request.condition)) return {EndOutcome::lease_lost, false, {}};
  EndDecision decision{EndOutcome::ended, true, {}};
  decision.next.state = state_after(request.verdict);
  decision.next.attempt = std::max(cell.attempt, request.attempt);
  decision.next.token = token;
  decision.next.time = request.verdict == Verdict::retry ? request.retry_at : now;
  return decision;
}

Status status_of(const Cell& cell) noexcept {
  switch (cell.state) {
    case Cell::State::done: return Status::complete;
    case Cell::State::failed: return Status::error;
    case Cell::State::free: return Status::pre_flight;
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

}  // namespace fanfold::aws
