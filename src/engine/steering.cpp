#include "engine/steering.hpp"

#include "core/outcome.hpp"
#include "engine/completion.hpp"
#include "engine/failures.hpp"

namespace fanfold::engine {

namespace {

constexpr std::string_view stopped_code = "stopped";
constexpr std::string_view failed_by_hand_code = "failed_by_hand";

Result<void> check_reason(const std::string& reason) {
  if (reason.size() <= reason_bytes_max) return {};
  return Error{ErrorCode::too_large, "reason has at most " + std::to_string(reason_bytes_max) + " bytes", {}};
}

}  // namespace

Error is_finished(std::string_view id) {
  return {ErrorCode::sealed, "cluster " + std::string(id) + " is finished: nothing of it can change any more", {}};
}

Result<void> stop_cluster(Store& store, const std::string& id, const std::string& reason) {
  auto checked = check_reason(reason);
  if (!checked) return checked;
  auto header = stop_header(store, id, {stopped_code, reason, {}});
  if (!header) return std::move(header).error();
  if (!header->stopped()) return is_finished(id);
  return complete_finished(store, std::span(&*header, 1));
}

Result<void> pause_cluster(Store& store, const std::string& id) {
  auto header = modify_header(store, id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
    if (stored.tombstone) return Error{ErrorCode::deleted, "cluster " + id + " was deleted", {}};
    if (stored.stopped()) return Error{ErrorCode::stopped, "cluster " + id + " was stopped", {}};
    if (stored.finished()) return is_finished(id);
    if (auto here = check_is_here(stored); !here) return here.error();
    if (stored.paused) return HeaderChange::leave;
    stored.paused = true;
    return HeaderChange::write;
  });
  if (!header) return std::move(header).error();
  return {};
}

Result<std::optional<std::uint64_t>> position_in_round(Store& store, const ClusterHeader& header, std::uint64_t index) {
  if (header.round == 0) {
    return index < header.task_count ? std::optional(index) : std::optional<std::uint64_t>();
  }
  std::uint64_t low = 0;
  std::uint64_t high = header.round_size.value_or(header.task_count);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    auto found = with_patience(store, [&] { return store.ledger().read_round(header.id, header.round, middle, 1); });
    if (!found) return std::move(found).error();
    if (found->empty() || found->front() > index) {
      high = middle;
    } else if (found->front() == index) {
      return std::optional(middle);
    } else {
      low = middle + 1;
    }
  }
  return std::optional<std::uint64_t>();
}

Result<void> fail_task(Store& store, const std::string& id, std::uint64_t index, const std::string& reason) {
  auto checked = check_reason(reason);
  if (!checked) return checked;
  auto header = live_header(store, id);
  if (!header) return std::move(header).error();
  if (index >= header->task_count)
    return Error{ErrorCode::not_found, "cluster " + id + " has no task " + std::to_string(index), {}};
  if (auto here = check_is_here(*header); !here) return here;
  const Error had_ended{
      ErrorCode::lease_lost, "task " + std::to_string(index) + " of cluster " + id + " had ended before", {}};
  auto position = position_in_round(store, *header, index);
  if (!position) return std::move(position).error();
  if (header->finished() || !*position) return had_ended;

  EndRequest request;
  request.ref = {.type = RecordType::task, .id = id, .round = header->round, .position = **position};
  request.index = index;
  request.condition = NotEnded{};
  request.verdict = Verdict::failed;
  request.error = core::error_entry(0, failed_by_hand_code, reason, store.now(), true);
  auto outcomes = end_and_follow(store, std::span(&request, 1));
  if (!outcomes) return std::move(outcomes).error();
  switch (outcomes->front()) {
    case EndOutcome::ended: return {};
    case EndOutcome::already: return had_ended;
    case EndOutcome::lease_lost:
      return Error{
          ErrorCode::conflict, "task " + std::to_string(index) + " of cluster " + id + " changed meanwhile", {}};
    case EndOutcome::missing: break;
  }
  return Error{ErrorCode::not_found, "cluster " + id + " has no task " + std::to_string(index), {}};
}

}  // namespace fanfold::engine
