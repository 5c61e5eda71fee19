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

namespace {

/// One call of fail_task.
class FailTask {
 public:
  FailTask(Store& store, const std::string& id, std::uint64_t index, const std::string& reason)
      : store_(store), id_(id), index_(index), reason_(reason) {}

  Result<void> run() {
    for (std::size_t count = 1; count <= header_swap_count_max; ++count) {
      auto outcome = try_once();
      if (!outcome) return std::move(outcome).error();
      switch (*outcome) {
        case EndOutcome::ended: return {};
        case EndOutcome::already: return Error{ErrorCode::lease_lost, name() + " had ended before", {}};
        case EndOutcome::missing: return missing();
        case EndOutcome::lease_lost: break;  // Somebody claimed it meanwhile, or extended a lease.
      }
      pause_with_jitter(store_, count, pause_initial, pause_most);
    }
    return Error{ErrorCode::conflict, name() + " changed under every write", {}};
  }

 private:
  [[nodiscard]] std::string name() const { return "task " + std::to_string(index_) + " of cluster " + id_; }
  [[nodiscard]] Error missing() const {
    return {ErrorCode::not_found, "cluster " + id_ + " has no task " + std::to_string(index_), {}};
  }

  Result<EndOutcome> try_once() {
    auto header = live_header(store_, id_);
    if (!header) return std::move(header).error();
    if (index_ >= header->task_count) return missing();
    if (auto here = check_is_here(*header); !here) return std::move(here).error();
    auto position = position_in_round(store_, *header, index_);
    if (!position) return std::move(position).error();
    if (header->finished() || !*position) return EndOutcome::already;
    const RecordRef ref{.type = RecordType::task, .id = id_, .round = header->round, .position = **position};
    auto seen = look_at(store_, ref);
    if (!seen) return std::move(seen).error();
    if (seen->outcome == ClaimOutcome::done || seen->outcome == ClaimOutcome::failed) return EndOutcome::already;
    if (seen->outcome == ClaimOutcome::missing) return EndOutcome::missing;
    // A push writes `moving`, then takes every task, then copies: behind a header without it, a task that is as it was
    // seen before has not been copied.
    header = live_header(store_, id_);
    if (!header) return std::move(header).error();
    if (auto here = check_is_here(*header); !here) return std::move(here).error();
    return end(ref, seen->seen);
  }

  Result<EndOutcome> end(const RecordRef& ref, const SeenState& seen) {
    EndRequest request;
    request.ref = ref;
    request.index = index_;
    request.condition = seen;
    request.verdict = Verdict::failed;
    request.error = core::error_entry(0, failed_by_hand_code, reason_, store_.now(), true);
    auto outcomes = end_and_follow(store_, std::span(&request, 1));
    if (!outcomes) return std::move(outcomes).error();
    return outcomes->front();
  }

  static constexpr std::chrono::milliseconds pause_initial{2};
  static constexpr std::chrono::milliseconds pause_most{500};
  Store& store_;
  const std::string& id_;
  const std::uint64_t index_;
  const std::string& reason_;
};

}  // namespace

Result<void> fail_task(Store& store, const std::string& id, std::uint64_t index, const std::string& reason) {
  auto checked = check_reason(reason);
  if (!checked) return checked;
  return FailTask(store, id, index, reason).run();
}

}  // namespace fanfold::engine
