#include "backends/sqlite/latest_cells.hpp"
#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/queue.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

/// The first and the newest are kept.
void insert_error(Connection& connection, Number owner, const ErrorEntry& entry) {
  std::int64_t count = 0;
  std::int64_t last = 0;
  {
    Rows rows(connection, "SELECT count(*), max(number) FROM error WHERE owner = ?", owner);
    if (rows.next()) {
      count = rows.integer(0);
      last = rows.integer(1);
    }
  }
  if (count >= static_cast<std::int64_t>(error_count_max)) {
    execute(connection,
            "DELETE FROM error WHERE owner = ?1 AND number = (SELECT number FROM error WHERE owner = ?1 ORDER BY "
            "number LIMIT 1 OFFSET 1)",
            owner);
  }
  execute(connection,
          "INSERT INTO error (owner, number, attempt, code, message, fingerprint, at, final) VALUES (?, ?, ?, ?, ?, ?, "
          "?, ?)",
          owner, last + 1, entry.attempt, entry.code, entry.message, entry.fingerprint, entry.at, entry.final);
}

void keep_result(Connection& connection, Number owner, const EndRequest& request) {
  if (request.verdict != Verdict::done) return;
  if (request.result) {
    execute(connection, "INSERT OR REPLACE INTO result (owner, value) VALUES (?, ?)", owner, request.result->text());
  } else if (request.ref.round > 0) {  // There may be one of an earlier round.
    execute(connection, "DELETE FROM result WHERE owner = ?", owner);
  }
}

/// Errors and outputs are kept of every round.
void keep_data(Connection& connection, Number owner, const EndRequest& request, Time now) {
  if (request.error) insert_error(connection, owner, *request.error);
  if (request.output.empty()) return;
  execute(connection, "INSERT INTO output (owner, attempt, at, bytes, round) VALUES (?, ?, ?, ?, ?)", owner,
          request.attempt, now, Blob{std::string_view(request.output).substr(0, output_bytes_max)}, request.ref.round);
}

void keep_child(Connection& connection, const TaskPlace& place, const Cell& before, const Cell& after,
                const std::string& child_id) {
  if (after.state == Cell::State::waiting) {
    execute(connection, "INSERT OR REPLACE INTO waiting (tree, position, child) VALUES (?, ?, ?)", place.tree,
            place.position, child_id);
  } else if (before.state == Cell::State::waiting) {
    execute(connection, "DELETE FROM waiting WHERE tree = ? AND position = ?", place.tree, place.position);
  }
}

EndOutcome end_task(Transaction& transaction, const EndRequest& request, Time now) {
  const auto place = find_task(transaction, request.ref);
  if (!place) return EndOutcome::missing;
  const Cell before = place->page->slots.cell(place->slot);
  std::string child;
  if (before.state == Cell::State::waiting) child = child_of(transaction.connection(), place->tree, place->position);
  const core::EndDecision end =
      core::end_cell(before, request, {.child_id = child, .seen = seen_of(before), .now = now});
  if (!end.writes) return end.outcome;
  put_task_cell(transaction, *place, before, end.next);
  keep_child(transaction.connection(), *place, before, end.next, request.child_id);
  const Number owner = task_owner(place->cluster->number, request.index);
  // A holder that is late with a task of an earlier round leaves the result alone.
  const bool is_latest = place->round == place->cluster->round ||
                         is_latest_round(transaction, *place->cluster, place->round, place->position);
  if (is_latest) keep_result(transaction.connection(), owner, request);
  keep_data(transaction.connection(), owner, request, now);
  return end.outcome;
}

EndOutcome end_record(Transaction& transaction, const EndRequest& request, Time now) {
  auto row = find_record_row(transaction.connection(), record_id(request.ref));
  if (!row) return EndOutcome::missing;
  const core::EndDecision end =
      core::end_cell(row->cell, request, {.child_id = row->child, .seen = seen_of(row->cell), .now = now});
  if (!end.writes) return end.outcome;
  row->cell = end.next;
  row->child = row->cell.state == Cell::State::waiting ? request.child_id : std::string();
  write_record_row(transaction.connection(), *row, now);
  keep_result(transaction.connection(), -row->number, request);
  keep_data(transaction.connection(), -row->number, request, now);
  return end.outcome;
}

/// The queues of the messages that are to be deleted with the end of their record: one for each request, null for
/// none. All null, without a list, where no request names a message.
Result<std::vector<std::shared_ptr<const QueueInfo>>> find_queues(Store& store, std::span<const EndRequest> requests) {
  std::vector<std::shared_ptr<const QueueInfo>> queues;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const EndRequest& request = requests[i];
    const bool is_over = request.verdict == Verdict::done || request.verdict == Verdict::failed;
    if (!request.message || request.ref.type != RecordType::message || !is_over) continue;
    auto queue = store.ensure_queue(request.message->url);
    if (!queue) return std::move(queue).error();
    queues.resize(requests.size());
    queues[i] = std::move(*queue);
  }
  return queues;
}

/// Finishes the clusters of what ended where it was the last, and lists each that has something following from its end.
std::vector<ClusterHeader> finish_clusters(Transaction& transaction, const std::vector<const RecordRef*>& ended,
                                           Time now) {
  std::vector<ClusterHeader> finished;
  std::vector<const ClusterRow*> seen;
  std::string_view last_id;
  for (const RecordRef* ref : ended) {
    if (ref->type == RecordType::message || ref->id == last_id) continue;
    last_id = ref->id;
    ClusterRow* row = transaction.find_cluster(ref->id);
    if (row == nullptr || !row->has_header || std::ranges::find(seen, row) != seen.end()) continue;
    seen.push_back(row);
    finish_where_full(transaction, *row, now);
    if (!row->is_finished() || row->tombstone) continue;
    ClusterHeader header = row->header();
    if (has_open_end(header)) finished.push_back(std::move(header));
  }
  return finished;
}

}  // namespace

void finish_where_full(Transaction& transaction, ClusterRow& row, Time now) {
  if (!row.has_header || row.is_finished() || row.tombstone || !row.round_size || !row.marked) return;
  if (static_cast<std::uint64_t>(row.round_done + row.round_failed) < *row.round_size) return;
  ClusterHeader header = row.header();
  if (!header.moved_to.empty()) return;
  header.failed_count = static_cast<std::uint64_t>(row.round_failed);
  header.status = header.outcome();
  header.status_code = header.status == Status::complete ? StatusCode::complete : StatusCode::error;
  header.completed_at = now;
  header.updated_at = now;
  transaction.put_header(row, header);
}

bool has_open_end(const ClusterHeader& header) {
  return header.finished() && !header.tombstone &&
         (!header.parent_ended || !header.finish_sent_at || !header.finish_done);
}

Result<EndAnswers> SqliteLedger::end(std::span<const EndRequest> requests, Time now) {
  for (const EndRequest& request : requests) {
    if (request.result && request.result->text().size() > result_bytes_max)
      return Error{ErrorCode::too_large, "a result holds at most 64 KiB", {}};
  }
  const auto queues = find_queues(*store_, requests);
  if (!queues) return queues.error();
  return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<EndAnswers> {
    EndAnswers answers;
    answers.outcomes.reserve(requests.size());
    answers.deleted.resize(queues->size());
    std::vector<const RecordRef*> ended;
    ended.reserve(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const EndRequest& request = requests[i];
      const EndOutcome outcome = request.ref.type == RecordType::task ? end_task(transaction, request, now)
                                                                      : end_record(transaction, request, now);
      answers.outcomes.push_back(outcome);
      if (outcome == EndOutcome::ended && !queues->empty() && (*queues)[i] != nullptr) {
        remove_message(transaction, *(*queues)[i], request.message->receipt_handle, store_->clock().now());
        answers.deleted[i] = true;
      }
      if (outcome == EndOutcome::ended || outcome == EndOutcome::already) ended.push_back(&request.ref);
    }
    answers.finished = finish_clusters(transaction, ended, now);
    return answers;
  });
}

Result<EndAnswers> SqliteLedger::propagate(std::span<const RecordRef> ended, Time now) {
  return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<EndAnswers> {
    EndAnswers answers;
    answers.outcomes.reserve(ended.size());
    std::vector<const RecordRef*> refs;
    refs.reserve(ended.size());
    for (const RecordRef& ref : ended) {
      std::optional<Cell> cell;
      if (ref.type == RecordType::task) {
        if (const auto place = find_task(transaction, ref)) cell = place->page->slots.cell(place->slot);
      } else if (const auto row = find_record_row(transaction.connection(), record_id(ref))) {
        cell = row->cell;
      }
      answers.outcomes.push_back(!cell               ? EndOutcome::missing
                                 : cell->has_ended() ? EndOutcome::already
                                                     : EndOutcome::lease_lost);
      refs.push_back(&ref);
    }
    answers.finished = finish_clusters(transaction, refs, now);
    return answers;
  });
}

}  // namespace fanfold::sqlite
