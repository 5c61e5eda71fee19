#include "backends/sqlite/latest_cells.hpp"
#include "backends/sqlite/ledger.hpp"

namespace fanfold::sqlite {

namespace {

/// Messages and finish messages, those of a deleted cluster excepted.
std::optional<RecordRow> find_or_create(Transaction& transaction, const ClaimRequest& request) {
  const std::string id = record_id(request.ref);
  auto row = find_record_row(transaction.connection(), id);
  if (row || !request.record || request.attempts_max == 0) return row;
  if (request.ref.type == RecordType::cluster) {
    const ClusterRow* cluster = transaction.find_cluster(request.ref.id);
    if (cluster != nullptr && cluster->tombstone) return std::nullopt;
  }
  NewMessage record = *request.record;
  record.id = id;
  insert_record(transaction.connection(), record);
  return find_record_row(transaction.connection(), id);
}

ClaimAnswer answer_of(const core::ClaimDecision& decision, const Cell& cell, std::string_view child_id) {
  return core::answer_with(decision.outcome, cell, seen_of(cell), child_id);
}

/// What a claim whose lease is over has left, where its holder has noted how far it was.
Cell settled(const Holder& holder, const Cell& cell, const ClaimRequest& request, Time now) {
  const bool is_over = cell.state == Cell::State::leased && !cell.is_busy(now) && cell.token != request.token;
  if (!is_over) return cell;
  const auto notes = holder.notes_with(cell.token);
  return notes ? core::settle_claim(cell, notes->settle(number_of_token(cell.token)), now) : cell;
}

ClaimAnswer claim_record(Transaction& transaction, const Holder& holder, const ClaimRequest& request, Time now) {
  auto row = find_or_create(transaction, request);
  if (!row) return {};
  if (const Cell left = settled(holder, row->cell, request, now); left != row->cell) {
    row->cell = left;
    write_record_row(transaction.connection(), *row, now);
  }
  const core::ClaimDecision decision = core::claim_cell(row->cell, request, now);
  if (decision.writes) {
    row->cell = decision.next;
    write_record_row(transaction.connection(), *row, now);
  }
  return answer_of(decision, row->cell, row->child);
}

ClaimAnswer claim_task(Transaction& transaction, const Holder& holder, const ClaimRequest& request, Time now) {
  const auto place = find_task(transaction, request.ref);
  if (!place) return {};
  const Cell before = place->page->slots.cell(place->slot);
  const Cell cell = settled(holder, before, request, now);
  if (cell != before) put_task_cell(transaction, *place, before, cell);
  const core::ClaimDecision decision = core::claim_cell(cell, request, now);
  if (decision.writes) put_task_cell(transaction, *place, cell, decision.next);
  const bool waits = decision.outcome == ClaimOutcome::waiting;
  return answer_of(decision, decision.writes ? decision.next : cell,
                   waits ? child_of(transaction.connection(), place->tree, place->position) : std::string());
}

Result<void> extend_lease(Transaction& transaction, const Lease& lease, Time lease_end, Time now) {
  const auto holds = [&](const Cell& cell) { return cell.state == Cell::State::leased && cell.token == lease.token; };
  if (lease.ref.type == RecordType::task) {
    const auto place = find_task(transaction, lease.ref);
    Cell cell = place ? place->page->slots.cell(place->slot) : Cell();
    if (holds(cell)) {
      cell.time = lease_end;
      place->page->slots.set_cell(place->slot, cell);
      place->page->is_changed = true;
      return {};
    }
  } else if (auto row = find_record_row(transaction.connection(), record_id(lease.ref)); row && holds(row->cell)) {
    row->cell.time = lease_end;
    write_record_row(transaction.connection(), *row, now);
    return {};
  }
  return Error{ErrorCode::lease_lost, "another holder has the record, or it ended", {}};
}

}  // namespace

std::string record_id(const RecordRef& ref) {
  if (ref.type != RecordType::cluster) return ref.id;
  return ref.id + '.' + std::to_string(ref.round) + (ref.first_failure ? ".first-failure" : ".finish");
}

std::optional<TaskPlace> find_task(Transaction& transaction, const RecordRef& ref) {
  ClusterRow* row = transaction.find_cluster(ref.id);
  if (row == nullptr || !row->has_header || row->tombstone) return std::nullopt;
  if (ref.position >= transaction.position_count(*row, ref.round)) return std::nullopt;
  TaskPlace place{.cluster = row, .round = ref.round, .position = ref.position};
  place.tree = transaction.ensure_tree(*row, ref.round).number;
  place.page = &transaction.page(page_number(place.tree, ref.position));
  place.slot = slot_of(ref.position);
  return place;
}

std::string child_of(Connection& connection, Number tree, std::uint64_t position) {
  Rows rows(connection, "SELECT child FROM waiting WHERE tree = ? AND position = ?", tree, position);
  return rows.next() ? rows.text(0) : std::string();
}

void put_task_cell(Transaction& transaction, const TaskPlace& place, const Cell& before, const Cell& after) {
  place.page->slots.set_cell(place.slot, after);
  place.page->is_changed = true;
  if (before.state == after.state) return;
  ClusterRow& row = *place.cluster;
  const auto change = [&](Cell::State state) {
    return static_cast<std::int64_t>(after.state == state) - static_cast<std::int64_t>(before.state == state);
  };
  const bool is_current = place.round == row.round;
  if (is_current) {
    row.round_done += change(Cell::State::done);
    row.round_failed += change(Cell::State::failed);
  } else if (!is_latest_round(transaction, row, place.round, place.position)) {
    return;
  }
  row.done += change(Cell::State::done);
  row.failed += change(Cell::State::failed);
  row.leased += change(Cell::State::leased);
  row.waiting += change(Cell::State::waiting);
  transaction.change(row);
}

std::uint64_t SqliteLedger::new_token() {
  Holder* holder = store_->holder();
  return holder != nullptr ? holder->new_token()
                           : 1;  // Nothing can be claimed in a store that is open for reading only.
}

bool SqliteLedger::notes_begins() { return store_->holder() != nullptr && store_->holder()->notes() != nullptr; }

std::optional<std::uint64_t> SqliteLedger::new_noted_token() {
  return notes_begins() ? store_->holder()->new_noted_token() : std::nullopt;
}

bool SqliteLedger::begin_noted(std::uint64_t token) {
  return notes_begins() && store_->holder()->notes()->begin(number_of_token(token));
}

void SqliteLedger::note_done(std::uint64_t token) {
  if (notes_begins()) store_->holder()->notes()->finish(number_of_token(token));
}

void SqliteLedger::forget_noted(std::uint64_t token) {
  if (notes_begins()) store_->holder()->notes()->forget(number_of_token(token));
}

Result<std::vector<ClaimAnswer>> SqliteLedger::claim(std::span<const ClaimRequest> requests, Time now) {
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<ClaimAnswer>> {
    const Holder& holder = *store_->holder();  // Who may write has one.
    std::vector<ClaimAnswer> answers;
    answers.reserve(requests.size());
    for (const ClaimRequest& request : requests) {
      answers.push_back(request.ref.type == RecordType::task ? claim_task(transaction, holder, request, now)
                                                             : claim_record(transaction, holder, request, now));
    }
    return answers;
  });
}

Result<std::vector<Result<void>>> SqliteLedger::extend(std::span<const Lease> leases, Time lease_end) {
  const Time now = store_->clock().now();
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::vector<Result<void>>> {
    std::vector<Result<void>> answers;
    answers.reserve(leases.size());
    for (const Lease& lease : leases) answers.push_back(extend_lease(transaction, lease, lease_end, now));
    return answers;
  });
}

}  // namespace fanfold::sqlite
