#include "testing/memory_ledger.hpp"

#include <algorithm>

namespace fanfold::testing::memory {
namespace {

constexpr std::uint64_t tokens_per_process = std::uint64_t{1} << 40;
constexpr std::size_t first_errors_kept = 1;

/// Two bytes of state and attempt, six of time, eight of token: what "the value seen" compares.
SeenState seen_of(const Cell& cell) {
  const std::uint64_t head = static_cast<std::uint64_t>(cell.state) << 61 |
                             (std::uint64_t{cell.attempt} & core::attempt_max) << 48 |
                             (static_cast<std::uint64_t>(cell.time.time_since_epoch().count()) & 0xffff'ffff'ffff);
  SeenState seen{};
  for (std::size_t i = 0; i < 8; ++i) {
    seen[i] = static_cast<std::byte>(head >> (56 - 8 * i));
    seen[8 + i] = static_cast<std::byte>(cell.token >> (56 - 8 * i));
  }
  return seen;
}

/// True where its holder had noted that its handler has not begun, and from now on it cannot, or is done.
bool settle(State& state, Cell& cell, Time now) {
  const auto noted = state.noted_tokens.find(cell.token);
  if (noted == state.noted_tokens.end()) return false;
  static_cast<core::Cell&>(cell) = core::settle_claim(cell, noted->second, now);
  state.noted_tokens.erase(noted);
  return true;
}

ClaimAnswer claim_record(State& state, Cell& cell, const ClaimRequest& request, Time now) {
  const bool is_over = cell.state == Cell::State::leased && !cell.is_busy(now);
  if (is_over && cell.token != request.token) settle(state, cell, now);
  const core::ClaimDecision decision = core::claim_cell(cell, request, now);
  if (decision.writes) static_cast<core::Cell&>(cell) = decision.next;
  return core::answer_with(decision.outcome, cell, seen_of(cell), cell.child_id);
}

/// A holder that is late with a task of an earlier round leaves the result alone.
void keep_data(Data& data, const EndRequest& request, Time now, bool is_latest) {
  if (request.verdict == Verdict::done && is_latest) data.result = request.result;
  if (request.error) {
    if (data.errors.size() == error_count_max) data.errors.erase(data.errors.begin() + first_errors_kept);
    data.errors.push_back(*request.error);
  }
  if (!request.output.empty())
    data.outputs.push_back({request.attempt, now, request.output.substr(0, output_bytes_max), request.ref.round});
  data.updated_at = now;
}

EndOutcome end_record(State& state, const EndRequest& request, Time now) {
  Cell* cell = find_cell(state, request.ref);
  if (cell == nullptr) return EndOutcome::missing;
  const core::EndDecision end =
      core::end_cell(*cell, request, {.child_id = cell->child_id, .seen = seen_of(*cell), .now = now});
  if (!end.writes) return end.outcome;
  static_cast<core::Cell&>(*cell) = end.next;
  cell->child_id = end.next.state == Cell::State::waiting ? request.child_id : std::string();
  Data* data = find_data(state, request.ref, request.index);
  if (data == nullptr) return end.outcome;
  const bool is_task = request.ref.type == RecordType::task;
  const bool is_latest = !is_task || cell == &latest_cell(*find_cluster(state, request.ref.id), request.index);
  keep_data(*data, request, now, is_latest);
  return end.outcome;
}

/// True where it was deleted with the record's end.
bool remove_with_end(State& state, const EndRequest& request, EndOutcome outcome) {
  const bool is_over = request.verdict == Verdict::done || request.verdict == Verdict::failed;
  if (!request.message || request.ref.type != RecordType::message || !is_over) return false;
  if (outcome != EndOutcome::ended) return false;
  const auto queue = state.queues.find(request.message->url);
  if (queue == state.queues.end()) return false;
  remove_message(state, queue->second, request.message->receipt_handle);
  return true;
}

/// Finishes the clusters of what ended where it was the last, and lists each that has something following from its end.
std::vector<ClusterHeader> propagate_all(State& state, const std::vector<const RecordRef*>& ended, Time now) {
  std::vector<ClusterHeader> finished;
  for (const RecordRef* ref : ended) {
    if (ref->type == RecordType::message) continue;
    ClusterEntry* cluster = find_cluster(state, ref->id);
    if (cluster == nullptr) continue;
    finish_where_full(*cluster, now);
    const bool is_listed = std::any_of(finished.begin(), finished.end(),
                                       [&](const ClusterHeader& header) { return header.id == ref->id; });
    if (!is_listed && has_open_end(*cluster->header)) finished.push_back(*cluster->header);
  }
  return finished;
}

/// Messages and finish messages, those of a deleted cluster excepted.
void create_where_absent(State& state, const ClaimRequest& request, Time now) {
  if (!request.record || request.attempts_max == 0 || request.ref.type == RecordType::task) return;
  const ClusterEntry* cluster = request.ref.type == RecordType::cluster ? find_cluster(state, request.ref.id) : nullptr;
  if (cluster != nullptr && cluster->header->tombstone) return;
  const auto [entry, is_new] = state.records.try_emplace(record_id(request.ref));
  if (!is_new) return;
  entry->second.created = *request.record;
  entry->second.data.meta = request.record->meta;
  entry->second.data.updated_at = now;
}

template <class F>
void for_each_cell(State& state, F&& function) {
  for (auto& [id, record] : state.records) function(record.cell);
  for (auto& [id, cluster] : state.clusters) {
    for (auto& [number, round] : cluster.rounds) {
      for (auto& [position, cell] : round.cells) function(cell);
    }
  }
}

}  // namespace

MemoryLedger::MemoryLedger(std::shared_ptr<State> state) : state_(std::move(state)) {
  const std::scoped_lock lock(state_->mutex);
  process_ = ++state_->process_count;
  state_->processes[process_] = {};
}

MemoryLedger::~MemoryLedger() {
  const std::scoped_lock lock(state_->mutex);
  state_->processes[process_].alive = false;
}

std::uint64_t MemoryLedger::new_token() {
  const std::scoped_lock lock(state_->mutex);
  return process_ * tokens_per_process + ++state_->token_count;
}

std::optional<std::uint64_t> MemoryLedger::new_noted_token() {
  if (!notes_begins()) return std::nullopt;
  const std::uint64_t token = new_token();
  const std::scoped_lock lock(state_->mutex);
  state_->noted_tokens.emplace(token, core::ClaimFate::not_begun);
  return token;
}

bool MemoryLedger::begin_noted(std::uint64_t token) {
  const std::scoped_lock lock(state_->mutex);
  const auto noted = state_->noted_tokens.find(token);
  if (noted == state_->noted_tokens.end() || noted->second != core::ClaimFate::not_begun) return false;
  state_->noted_tokens.erase(noted);
  return true;
}

void MemoryLedger::note_done(std::uint64_t token) {
  const std::scoped_lock lock(state_->mutex);
  state_->noted_tokens.emplace(token, core::ClaimFate::done);
}

void MemoryLedger::forget_noted(std::uint64_t token) {
  const std::scoped_lock lock(state_->mutex);
  state_->noted_tokens.erase(token);
}

Result<std::vector<ClaimAnswer>> MemoryLedger::claim(std::span<const ClaimRequest> requests, Time now) {
  const std::scoped_lock lock(state_->mutex);
  std::vector<ClaimAnswer> answers;
  for (const ClaimRequest& request : requests) {
    create_where_absent(*state_, request, now);
    Cell* cell = find_cell(*state_, request.ref);
    answers.push_back(cell == nullptr ? ClaimAnswer{} : claim_record(*state_, *cell, request, now));
  }
  return answers;
}

Result<std::vector<Result<void>>> MemoryLedger::extend(std::span<const Lease> leases, Time lease_end) {
  const std::scoped_lock lock(state_->mutex);
  std::vector<Result<void>> answers;
  for (const Lease& lease : leases) {
    Cell* cell = find_cell(*state_, lease.ref);
    if (cell == nullptr || cell->state != Cell::State::leased || cell->token != lease.token) {
      answers.emplace_back(Error{ErrorCode::lease_lost, "another holder has the record, or it ended", {}});
      continue;
    }
    cell->time = lease_end;
    answers.emplace_back();
  }
  return answers;
}

Result<EndAnswers> MemoryLedger::end(std::span<const EndRequest> requests, Time now) {
  const std::scoped_lock lock(state_->mutex);
  EndAnswers answers;
  std::vector<const RecordRef*> ended;
  for (const EndRequest& request : requests) {
    if (request.result && request.result->text().size() > result_bytes_max) {
      return Error{ErrorCode::too_large, "a result holds at most 64 KiB", {}};
    }
  }
  for (const EndRequest& request : requests) {
    answers.outcomes.push_back(end_record(*state_, request, now));
    answers.deleted.push_back(remove_with_end(*state_, request, answers.outcomes.back()));
    const bool has_ended =
        answers.outcomes.back() == EndOutcome::ended || answers.outcomes.back() == EndOutcome::already;
    if (has_ended) ended.push_back(&request.ref);
  }
  answers.finished = propagate_all(*state_, ended, now);
  return answers;
}

Result<EndAnswers> MemoryLedger::propagate(std::span<const RecordRef> ended, Time now) {
  const std::scoped_lock lock(state_->mutex);
  EndAnswers answers;
  std::vector<const RecordRef*> refs;
  for (const RecordRef& ref : ended) {
    const Cell* cell = find_cell(*state_, ref);
    if (cell == nullptr)
      answers.outcomes.push_back(EndOutcome::missing);
    else
      answers.outcomes.push_back(cell->has_ended() ? EndOutcome::already : EndOutcome::lease_lost);
    refs.push_back(&ref);
  }
  answers.finished = propagate_all(*state_, refs, now);
  return answers;
}

Result<std::uint64_t> MemoryLedger::release_dead_holders(Time now) {
  const std::scoped_lock lock(state_->mutex);
  std::uint64_t released_count = 0;
  if (!state_->options.frees_dead_holders) return released_count;
  std::map<std::uint64_t, std::vector<Cell*>> held;
  for_each_cell(*state_, [&](Cell& cell) {
    if (cell.state != Cell::State::leased) return;
    const auto owner = state_->processes.find(cell.token / tokens_per_process);
    if (owner == state_->processes.end() || owner->second.alive) return;
    if (settle(*state_, cell, now))
      ++released_count;
    else
      held[owner->first].push_back(&cell);
  });
  for (auto& [process, cells] : held) {
    const int signal = state_->processes[process].signal;
    for (Cell* cell : cells) {
      const bool is_culprit = signal != 0 && cells.size() == 1;
      cell->state = is_culprit ? Cell::State::crashed : Cell::State::free;
      cell->time = Time();
      cell->token = is_culprit ? static_cast<std::uint64_t>(signal) : 0;
      cell->alone = signal != 0;
      ++released_count;
    }
  }
  return released_count;
}

}  // namespace fanfold::testing::memory
