#include "backends/aws/ledger.hpp"

#include "backends/aws/header_item.hpp"
#include "support/identifier.hpp"

#include <algorithm>

namespace fanfold::aws {

void HeldLeases::remember(std::uint64_t token, const Held& held) {
  const std::scoped_lock lock(mutex_);
  // Whatever goes is looked up again.
  if (held_.size() >= count_max) held_.erase(held_.begin());
  held_.insert_or_assign(token, held);
}

void HeldLeases::forget(std::uint64_t token) {
  const std::scoped_lock lock(mutex_);
  held_.erase(token);
}

std::optional<HeldLeases::Held> HeldLeases::find(std::uint64_t token) const {
  const std::scoped_lock lock(mutex_);
  const auto found = held_.find(token);
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

AwsLedger::AwsLedger(Table& table, Blobs& blobs, Clock& clock, Combining combining)
    : table_(table),
      blobs_(blobs),
      clock_(clock),
      headers_(table, clock),
      tree_(table, headers_),
      writer_(table, tree_, clock, combining),
      pages_(blobs),
      rounds_(table, clock) {}

std::uint64_t AwsLedger::new_token() {
  std::uint64_t token = 0;
  while (token == 0) token = random_bits();
  return token;
}

Result<AwsLedger::Placed> AwsLedger::place(const RecordRef& ref, Time now) {
  Placed placed;
  placed.operation.now = now;
  if (ref.type != RecordType::task) {
    placed.target.key = record_key(record_id(ref));
    return placed;
  }
  auto known = headers_.known(ref.id);
  const auto is_beyond = [&] {
    return ref.round > known->round || (ref.round == 0 && ref.position >= known->task_count);
  };
  if (known && is_beyond()) known = headers_.known_now(ref.id);
  if (!known && known.error().code != ErrorCode::not_found) return std::move(known).error();
  if (!known || known->tombstone || is_beyond()) {
    placed.missing = true;
    return placed;
  }
  placed.target.node = leaf_of(ref.id, ref.round, ref.position);
  placed.target.key = node_key(*placed.target.node);
  placed.target.ttl = ttl_of(known->expires_at);
  placed.operation.slot = static_cast<unsigned>(ref.position % tree_radix);
  return placed;
}

Result<std::vector<ClusterHeader>> AwsLedger::run(std::vector<Placed>& placed) {
  std::vector<LeafCall> calls;
  calls.reserve(placed.size());
  std::unordered_map<std::string_view, std::size_t> call_of;
  std::vector<std::pair<std::size_t, std::size_t>> place_in(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (placed[i].missing) continue;
    const auto [entry, is_new] = call_of.try_emplace(placed[i].target.key.partition, calls.size());
    if (is_new) calls.push_back({placed[i].target, {}});
    LeafCall& call = calls[entry->second];
    place_in[i] = {entry->second, call.operations.size()};
    call.operations.push_back(placed[i].operation);
  }
  std::vector<ClusterHeader> finished = writer_.run(calls);
  std::optional<Error> error;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (placed[i].missing) continue;
    placed[i].operation = std::move(calls[place_in[i].first].operations[place_in[i].second]);
    if (placed[i].operation.error && !error) error = placed[i].operation.error;
  }
  if (error) return *std::move(error);
  return finished;
}

Result<std::vector<ClaimAnswer>> AwsLedger::claim(std::span<const ClaimRequest> requests, Time now) {
  std::vector<Placed> placed;
  placed.reserve(requests.size());
  for (const ClaimRequest& request : requests) {
    auto one = place(request.ref, now);
    if (!one) return std::move(one).error();
    one->operation.claim = &request;
    // What was never delivered before was never claimed, most likely: the write itself is the look.
    if (request.first_delivery && request.attempts_max > 0) one->operation.assumed = Cell{};
    placed.push_back(std::move(*one));
  }
  auto ran = run(placed);
  if (!ran) return std::move(ran).error();

  auto again = create_records(requests, placed);
  if (!again) return std::move(again).error();
  if (!again->empty()) {
    std::vector<Placed> retried;
    for (const std::size_t i : *again) retried.push_back(std::move(placed[i]));
    ran = run(retried);
    if (!ran) return std::move(ran).error();
    for (std::size_t i = 0; i < again->size(); ++i) placed[(*again)[i]] = std::move(retried[i]);
  }
  std::vector<ClaimAnswer> answers;
  answers.reserve(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    CellOperation& operation = placed[i].operation;
    if (!placed[i].missing && operation.answer.outcome == ClaimOutcome::claimed)
      held_.remember(requests[i].token, {operation.cell, operation.ttl});
    answers.push_back(std::move(operation.answer));
  }
  return answers;
}

Result<std::vector<std::size_t>> AwsLedger::create_records(std::span<const ClaimRequest> requests,
                                                           const std::vector<Placed>& placed) {
  std::vector<std::size_t> again;
  std::vector<NewMessage> records;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const ClaimRequest& request = requests[i];
    const bool is_missing = !placed[i].missing && placed[i].operation.answer.outcome == ClaimOutcome::missing;
    const bool is_look = request.attempts_max == 0;
    if (!is_missing || is_look || !request.record || request.ref.type == RecordType::task) continue;
    if (request.ref.type == RecordType::cluster) {
      auto header = headers_.read(request.ref.id, Consistency::strong);
      if (!header && header.error().code != ErrorCode::not_found) return std::move(header).error();
      if (header && header->tombstone) continue;
    }
    records.push_back(*request.record);
    records.back().id = record_id(request.ref);
    again.push_back(i);
  }
  if (again.empty()) return again;
  auto created = put_messages(records);
  if (!created) return std::move(created).error();
  for (const Result<void>& one : *created) {
    if (!one) return one.error();
  }
  return again;
}

Result<std::vector<Result<void>>> AwsLedger::extend(std::span<const Lease> leases, Time lease_end) {
  std::vector<Placed> placed;
  placed.reserve(leases.size());
  for (const Lease& lease : leases) {
    auto one = place(lease.ref, lease_end);
    if (!one) return std::move(one).error();
    one->operation.lease = &lease;
    one->operation.lease_end = lease_end;
    if (const auto held = held_.find(lease.token)) one->operation.assumed = held->cell;
    placed.push_back(std::move(*one));
  }
  auto ran = run(placed);
  if (!ran) return std::move(ran).error();
  std::vector<Result<void>> answers;
  answers.reserve(leases.size());
  for (std::size_t i = 0; i < leases.size(); ++i) {
    const CellOperation& operation = placed[i].operation;
    if (operation.holds) {
      const auto held = held_.find(leases[i].token);
      held_.remember(leases[i].token, {operation.cell, held ? held->ttl : operation.ttl});
      answers.emplace_back();
    } else {
      held_.forget(leases[i].token);
      answers.emplace_back(Error{ErrorCode::lease_lost, "another holder took the record, or it ended", {}});
    }
  }
  return answers;
}

Result<std::uint64_t> AwsLedger::release_dead_holders(Time) { return std::uint64_t{0}; }

}  // namespace fanfold::aws
