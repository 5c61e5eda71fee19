#include "backends/aws/ledger.hpp"

#include "backends/aws/header_item.hpp"
#include "support/mutant.hpp"

#include <algorithm>
#include <map>

namespace fanfold::aws {
namespace {

bool has_data(const EndRequest& request) {
  return (request.verdict == Verdict::done && request.result) || request.error || !request.output.empty();
}

std::uint64_t token_of(const CellOperation& operation) {
  const auto* token = std::get_if<std::uint64_t>(&operation.end->condition);
  return token != nullptr ? *token : operation.fresh_token;
}

/// What an end's cell is believed to hold; empty where it has to be looked at.
std::optional<Cell> believed(const EndRequest& request, const HeldLeases& held) {
  if (const auto* token = std::get_if<std::uint64_t>(&request.condition)) {
    const auto lease = held.find(*token);
    return lease ? std::optional(lease->cell) : std::nullopt;
  }
  if (const auto* seen = std::get_if<SeenState>(&request.condition)) {
    const Cell cell = cell_of(*seen);
    return cell.state == Cell::State::waiting ? std::nullopt : std::optional(cell);
  }
  if (std::holds_alternative<NotEnded>(request.condition)) return Cell{};
  return std::nullopt;
}

Item attempt_item(std::string partition, DataKind kind, const CellOperation& operation, std::uint32_t attempt,
                  std::uint64_t ttl) {
  Item item{{std::move(partition), data_sort(kind, operation.slot, attempt, token_of(operation))}, {}};
  item.set("attempt", Value::of_number(attempt));
  item.set("at", write_time(operation.now));
  item.set(ttl_name, Value::of_number(ttl));
  return item;
}

void add_once(std::vector<ClusterHeader>& headers, ClusterHeader header) {
  const bool is_there = std::ranges::find(headers, header.id, &ClusterHeader::id) != headers.end();
  if (!is_there) headers.push_back(std::move(header));
}

}  // namespace

Result<EndAnswers> AwsLedger::end(std::span<const EndRequest> requests, Time now) {
  for (const EndRequest& request : requests) {
    if (request.result && request.result->text().size() > result_bytes_max)
      return Error{ErrorCode::too_large, "a result holds at most 64 KiB", {}};
  }
  std::vector<Placed> placed;
  placed.reserve(requests.size());
  for (const EndRequest& request : requests) {
    auto one = place(request.ref, now);
    if (!one) return std::move(one).error();
    one->operation.end = &request;
    one->operation.fresh_token = new_token();
    one->operation.assumed = believed(request, held_);
    placed.push_back(std::move(*one));
  }
  // Before the cell, so that no task is ever done without its result.
  if (support::mutant("cell_before_result")) {
    if (auto ran = run(placed); !ran) return std::move(ran).error();
  }
  auto items = attempt_items(placed, now);
  if (!items) return std::move(items).error();
  for (const Result<WriteAnswer>& written : items->empty() ? std::vector<Result<WriteAnswer>>() : table_.put(*items)) {
    if (!written) return written.error();
  }
  auto finished = run(placed);
  if (!finished) return std::move(finished).error();

  EndAnswers answers;
  answers.outcomes.reserve(requests.size());
  for (const Placed& one : placed) {
    answers.outcomes.push_back(one.missing ? EndOutcome::missing : one.operation.outcome);
    if (const auto* token = std::get_if<std::uint64_t>(&one.operation.end->condition)) held_.forget(*token);
  }
  for (ClusterHeader& header : *finished) add_once(answers.finished, std::move(header));
  return answers;
}

/// Results, errors and outputs, each under the token of its attempt. Only for ends that will be allowed, as far as one
/// can tell.
Result<std::vector<PutRequest>> AwsLedger::attempt_items(std::vector<Placed>& placed, Time now) {
  std::vector<bool> wanted(placed.size(), false);
  if (auto looked = look_before_data(placed, wanted, now); !looked) return std::move(looked).error();
  std::vector<PutRequest> puts;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (!wanted[i]) continue;
    const CellOperation& operation = placed[i].operation;
    const EndRequest& request = *operation.end;
    const std::uint32_t attempt = std::max(operation.cell.attempt, request.attempt);
    const std::uint64_t ttl = placed[i].target.node ? placed[i].target.ttl : operation.ttl;
    const auto add = [&](DataKind kind) -> Item& {
      return puts
          .emplace_back(PutRequest{attempt_item(placed[i].target.key.partition, kind, operation, attempt, ttl), {}})
          .item;
    };
    if (request.verdict == Verdict::done && request.result)
      add(DataKind::result).set("result", Value::of(request.result->text()));
    if (request.error) add(DataKind::error).set("error", write_error_entry(*request.error));
    if (!request.output.empty())
      add(DataKind::output).set("output", Value::of_binary(request.output.substr(0, output_bytes_max)));
  }
  return puts;
}

/// Fills in `cell` and `ttl` of those with data. Where this process does not hold an unexpired lease, the record is
/// looked at, so that a late holder leaves nothing behind.
Result<void> AwsLedger::look_before_data(std::vector<Placed>& placed, std::vector<bool>& wanted, Time now) {
  std::vector<std::size_t> unsure;
  std::vector<ItemKey> keys;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    CellOperation& operation = placed[i].operation;
    if (placed[i].missing || !has_data(*operation.end)) continue;
    const auto* token = std::get_if<std::uint64_t>(&operation.end->condition);
    const auto held = token != nullptr ? held_.find(*token) : std::nullopt;
    if (held && held->cell.time > now) {
      wanted[i] = true;
      operation.cell = held->cell;
      operation.ttl = held->ttl;
      continue;
    }
    unsure.push_back(i);
    keys.push_back(placed[i].target.key);
  }
  if (keys.empty()) return {};
  auto items = read_items(table_, clock_, keys, Consistency::strong);
  if (!items) return std::move(items).error();
  for (std::size_t k = 0; k < unsure.size(); ++k) {
    Placed& one = placed[unsure[k]];
    CellOperation& operation = one.operation;
    auto leaf = read_leaf((*items)[k] ? &*(*items)[k] : nullptr);
    if (!leaf) return std::move(leaf).error();
    if (leaf->gone || (!one.target.node && !leaf->exists)) continue;
    const Cell& cell = leaf->cells[operation.slot];
    const EndDecision decision = end_of(operation, cell, leaf->child_of(operation.slot), now);
    wanted[unsure[k]] = decision.outcome == EndOutcome::ended;
    operation.cell = cell;
    operation.ttl = leaf->ttl;
    operation.assumed = cell.state == Cell::State::waiting ? std::nullopt : std::optional(cell);
  }
  return {};
}

Result<EndAnswers> AwsLedger::propagate(std::span<const RecordRef> ended, Time now) {
  std::vector<Placed> placed;
  std::vector<ItemKey> keys;
  for (const RecordRef& ref : ended) {
    auto one = place(ref, now);
    if (!one) return std::move(one).error();
    if (!one->missing) keys.push_back(one->target.key);
    placed.push_back(std::move(*one));
  }
  auto items = read_items(table_, clock_, keys, Consistency::strong);
  if (!items) return std::move(items).error();

  EndAnswers answers;
  std::set<std::string> handed_up;
  std::size_t next_item = 0;
  for (const Placed& one : placed) {
    if (one.missing) {
      answers.outcomes.push_back(EndOutcome::missing);
      continue;
    }
    const std::optional<Item>& item = (*items)[next_item++];
    auto leaf = read_leaf(item ? &*item : nullptr);
    if (!leaf) return std::move(leaf).error();
    if (leaf->gone || (!one.target.node && !leaf->exists)) {
      answers.outcomes.push_back(EndOutcome::missing);
      continue;
    }
    const bool has_ended = leaf->cells[one.operation.slot].has_ended();
    answers.outcomes.push_back(has_ended ? EndOutcome::already : EndOutcome::lease_lost);
    if (support::mutant("redelivery_repeats_nothing")) continue;
    const bool is_new = one.target.node && leaf->is_full() && handed_up.insert(one.target.key.partition).second;
    if (!is_new) continue;
    auto header = tree_.hand_up({*one.target.node, leaf->failed_count(), leaf->root}, one.target.ttl, now, true);
    if (!header) return std::move(header).error();
    if (*header) add_once(answers.finished, std::move(**header));
  }
  // A cluster may be finished although this leaf, or its tree, is not full: it was stopped, or this is about its finish
  // message.
  std::set<std::string_view> looked_at;
  for (const RecordRef& ref : ended) {
    const bool is_told = ref.type == RecordType::message ||
                         std::ranges::find(answers.finished, ref.id, &ClusterHeader::id) != answers.finished.end();
    if (is_told || !looked_at.insert(ref.id).second) continue;
    auto header = headers_.read(ref.id, Consistency::strong);
    if (!header && header.error().code == ErrorCode::not_found) continue;
    if (!header) return std::move(header).error();
    if (has_open_end(*header)) answers.finished.push_back(std::move(*header));
  }
  return answers;
}

}  // namespace fanfold::aws
