#include "backends/aws/leaf_writer.hpp"

#include "backends/aws/bulk.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {

/// One leaf being written.
struct LeafWriter::Flight {
  const LeafTarget* target = nullptr;
  std::vector<CellOperation*> open{};
  std::vector<CellOperation*> ended{};  // Their tasks have ended.
  std::optional<Leaf> leaf{};           // As it was last seen.
  bool must_look = false;
  bool has_written_end = false;
  std::size_t write_count = 0;

  void add(LeafCall& call) {
    target = &call.target;
    for (CellOperation& operation : call.operations) open.push_back(&operation);
  }
  void fail(const Error& error) {
    for (CellOperation* operation : open) operation->error = error;
    open.clear();
  }
};

/// The groups that one call leads. They land when they are written, or when that was cut off by an exception.
class LeafWriter::Departure {
 public:
  explicit Departure(LeafWriter& writer) : writer_(writer) {}
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;
  ~Departure() { land(); }

  void land() {
    const std::scoped_lock lock(writer_.mutex_);
    for (const auto& [partition, group] : led) {
      const auto state = writer_.leaves_.find(partition);
      if (--state->second.in_flight_count == 0 && !state->second.gathering) writer_.leaves_.erase(state);
      for (Waiter* waiter : group->waiters) {
        if (--waiter->open_count == 0) waiter->ready.notify_one();
      }
    }
    if (!led.empty()) writer_.landed_.notify_all();
    led.clear();
  }

  std::vector<std::pair<std::string, std::shared_ptr<Group>>> led{};

 private:
  LeafWriter& writer_;
};

namespace {

struct Step {
  bool writes = false;
  Cell next{};
};

Error cut_off() { return {ErrorCode::unavailable, "the write was cut off; it may have been applied", {}}; }

Error crowded() {
  return {ErrorCode::conflict,
          "the leaf changed under every one of " + std::to_string(LeafWriter::write_count_max) + " writes",
          {}};
}

/// Decides on the cell as it is, or is believed to be; fills in the outcome that holds now, or once `next` is stored.
Step decide(CellOperation& operation, const Cell& cell, std::string_view child_id) {
  if (operation.claim != nullptr) {
    const ClaimDecision decision = core::claim_cell(cell, *operation.claim, operation.now);
    operation.cell = decision.writes ? decision.next : cell;
    operation.answer = core::answer_with(decision.outcome, operation.cell, seen_of(operation.cell), child_id);
    return {decision.writes, decision.next};
  }
  if (operation.end != nullptr) {
    const EndDecision decision = end_of(operation, cell, child_id, operation.now);
    operation.cell = decision.writes ? decision.next : cell;
    operation.outcome = decision.outcome;
    return {decision.writes, decision.next};
  }
  const bool is_own = cell.token == operation.lease->token || support::mutant("extend_without_token");
  operation.holds = cell.state == Cell::State::leased && is_own;
  operation.cell = cell;
  if (!operation.holds || cell.time == operation.lease_end) return {};
  operation.cell.time = operation.lease_end;
  return {true, operation.cell};
}

void answer_missing(CellOperation& operation) {
  operation.error.reset();
  operation.answer = {};
  operation.outcome = EndOutcome::missing;
  operation.holds = false;
  operation.cell = {};
}

bool is_missing(const LeafTarget& target, const Leaf& leaf) { return leaf.gone || (!target.node && !leaf.exists); }

UpdateRequest request_for(const LeafTarget& target) {
  UpdateRequest request;
  request.key = target.key;
  if (target.node) {
    request.set_if_absent.push_back({std::string(ttl_name), Value::of_number(target.ttl)});
    request.condition.push_back(Clause::absent(gone_name));
  } else {
    request.condition.push_back(Clause::exists(type_name));
  }
  return request;
}

void add_cell(UpdateRequest& request, const CellOperation& operation, const Cell& before, const Cell& next,
              bool has_child) {
  const std::string_view name = cell_name(operation.slot);
  if (support::mutant("claim_without_condition") && operation.claim != nullptr) {
    request.condition.clear();
  } else if (before.state == Cell::State::free) {
    request.condition.push_back(Clause::absent(name));
  } else {
    request.condition.push_back(Clause::equals(name, Value::of_binary(encode_cell(before))));
  }
  request.set.push_back({std::string(name), Value::of_binary(encode_cell(next))});
  if (next.state == Cell::State::waiting) {
    request.set.push_back({std::string(child_name(operation.slot)), Value::of(operation.end->child_id)});
  } else if (has_child) {
    request.remove.emplace_back(child_name(operation.slot));
  }
}

/// One write on one leaf, and whom it is for.
struct Pending {
  UpdateRequest request{};
  std::vector<CellOperation*> written{};
  std::vector<CellOperation*> rest{};  // On a cell that this write changes already: decided after it.
};

}  // namespace

EndDecision end_of(const CellOperation& operation, const Cell& cell, std::string_view child_id, Time now) {
  return core::end_cell(
      cell, *operation.end,
      {.child_id = child_id, .seen = seen_of(cell), .now = now, .fresh_token = operation.fresh_token});
}

std::vector<ClusterHeader> LeafWriter::run(std::span<LeafCall> calls) {
  for (LeafCall& call : calls) {
    for (CellOperation& operation : call.operations) operation.error = cut_off();
  }
  if (combining_ == Combining::threads) return run_with_others(calls);
  std::vector<Flight> flights(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) flights[i].add(calls[i]);
  return write(flights);
}

std::vector<ClusterHeader> LeafWriter::run_with_others(std::span<LeafCall> calls) {
  Waiter waiter;
  Departure departure(*this);
  {
    std::unique_lock lock(mutex_);
    std::vector<LeafState*> gathering;
    departure.led.reserve(calls.size());
    for (LeafCall& call : calls) {
      LeafState& state = leaves_[call.target.key.partition];
      if (state.gathering) {
        state.gathering->members.push_back(&call);
        state.gathering->waiters.push_back(&waiter);
        ++waiter.open_count;
        continue;
      }
      auto group = std::make_shared<Group>();
      group->members.push_back(&call);
      if (state.in_flight_count > 0) {
        state.gathering = group;
        gathering.push_back(&state);
      } else {
        ++state.in_flight_count;
      }
      departure.led.emplace_back(call.target.key.partition, std::move(group));
    }
    if (!gathering.empty()) {
      landed_.wait_for(lock, gather_time, [&] {
        return std::ranges::all_of(gathering, [](const LeafState* state) { return state->in_flight_count == 0; });
      });
      for (LeafState* state : gathering) {
        state->gathering.reset();
        ++state->in_flight_count;
      }
    }
  }
  std::vector<Flight> flights(departure.led.size());
  for (std::size_t i = 0; i < flights.size(); ++i) {
    for (LeafCall* member : departure.led[i].second->members) flights[i].add(*member);
  }
  std::vector<ClusterHeader> finished = write(flights);
  departure.land();
  std::unique_lock lock(mutex_);
  waiter.ready.wait(lock, [&] { return waiter.open_count == 0; });
  return finished;
}

std::vector<ClusterHeader> LeafWriter::write(std::span<Flight> flights) {
  std::vector<ClusterHeader> finished;
  fly(flights);
  for (Flight& flight : flights) hand_up(flight, finished);
  return finished;
}

/// Reads the leaves of which more has to be known than what is assumed.
void LeafWriter::look(std::span<Flight> flights) {
  std::vector<ItemKey> keys;
  std::vector<Flight*> looking;
  for (Flight& flight : flights) {
    // A task that has ended says nothing about its leaf, which may have to be handed up.
    const bool is_unknown = !flight.leaf && std::ranges::any_of(flight.open, [](const CellOperation* operation) {
      return !operation->assumed || operation->assumed->has_ended();
    });
    if (flight.open.empty() || !(flight.must_look || is_unknown)) continue;
    keys.push_back(flight.target->key);
    looking.push_back(&flight);
  }
  if (keys.empty()) return;
  auto items = read_items(table_, clock_, keys, Consistency::strong);
  for (std::size_t i = 0; i < looking.size(); ++i) {
    Flight& flight = *looking[i];
    flight.must_look = false;
    if (!items) {
      flight.fail(items.error());
      continue;
    }
    auto leaf = read_leaf((*items)[i] ? &*(*items)[i] : nullptr);
    if (leaf) {
      flight.leaf = std::move(*leaf);
    } else {
      flight.fail(leaf.error());
    }
  }
}

namespace {

/// What is to be written for the open operations; those that need no write are decided.
template <class Flight>
Pending prepare(Flight& flight) {
  Pending pending;
  pending.request = request_for(*flight.target);
  pending.request.set.reserve(flight.open.size());
  pending.request.condition.reserve(1 + flight.open.size());
  pending.written.reserve(flight.open.size());
  std::uint32_t taken = 0;
  for (CellOperation* operation : flight.open) {
    if (flight.leaf && is_missing(*flight.target, *flight.leaf)) {
      answer_missing(*operation);
      continue;
    }
    const std::uint32_t bit = std::uint32_t{1} << operation->slot;
    if ((taken & bit) != 0) {
      pending.rest.push_back(operation);
      continue;
    }
    if (flight.leaf) operation->ttl = flight.leaf->ttl;
    const Cell cell = flight.leaf ? flight.leaf->cells[operation->slot] : *operation->assumed;
    const std::string_view child_id = flight.leaf ? flight.leaf->child_of(operation->slot) : std::string_view();
    const Step step = decide(*operation, cell, child_id);
    if (step.writes) {
      taken |= bit;
      add_cell(pending.request, *operation, cell, step.next, !child_id.empty());
      pending.written.push_back(operation);
      continue;
    }
    operation->error.reset();
    // Also where it had ended before: whoever ended it may have been cut off before the leaf was handed up.
    const bool is_news = operation->outcome == EndOutcome::ended || !support::mutant("ended_before_is_let_lie");
    if (operation->end != nullptr && cell.has_ended() && is_news) flight.ended.push_back(operation);
  }
  flight.open.clear();
  // Claims and extensions neither fill a leaf nor have to know it, once they are written.
  const bool has_end =
      std::ranges::any_of(pending.written, [](const CellOperation* operation) { return operation->end != nullptr; });
  pending.request.answers_item = !flight.target->node || has_end || !flight.ended.empty() || !pending.rest.empty();
  return pending;
}

}  // namespace

void LeafWriter::fly(std::span<Flight> flights) {
  while (true) {
    look(flights);
    std::vector<UpdateRequest> requests;
    std::vector<std::pair<Flight*, Pending>> pendings;
    requests.reserve(flights.size());
    pendings.reserve(flights.size());
    for (Flight& flight : flights) {
      if (flight.open.empty()) continue;
      Pending pending = prepare(flight);
      if (pending.written.empty()) continue;
      requests.push_back(std::move(pending.request));
      pendings.emplace_back(&flight, std::move(pending));
    }
    if (requests.empty()) return;
    std::vector<Result<WriteAnswer>> answers = table_.update(requests);
    for (std::size_t i = 0; i < pendings.size(); ++i) {
      auto& [flight, pending] = pendings[i];
      const bool is_written = answers[i] && !answers[i]->refused;
      for (CellOperation* operation : pending.written) {
        if (!is_written) {
          flight->open.push_back(operation);
          continue;
        }
        operation->error.reset();
        if (operation->end == nullptr || !operation->cell.has_ended()) continue;
        flight->ended.push_back(operation);
        flight->has_written_end = true;
      }
      std::ranges::copy(pending.rest, std::back_inserter(flight->open));
      if (!answers[i]) {
        flight->fail(answers[i].error());
        continue;
      }
      if (support::mutant("full_before_the_write") && is_written && flight->leaf) continue;
      if (!answers[i]->item) {
        flight->leaf.reset();
        flight->must_look = true;
      } else if (auto leaf = read_leaf(&*answers[i]->item); leaf) {
        flight->leaf = std::move(*leaf);
        for (CellOperation* operation : pending.written) operation->ttl = flight->leaf->ttl;
      } else {
        flight->fail(leaf.error());
      }
      if (++flight->write_count == write_count_max) flight->fail(crowded());
    }
  }
}

void LeafWriter::hand_up(Flight& flight, std::vector<ClusterHeader>& finished) {
  if (flight.ended.empty() || !flight.target->node || !flight.leaf || !flight.leaf->is_full()) return;
  const Time now = flight.ended.front()->now;
  auto header = tree_.hand_up({*flight.target->node, flight.leaf->failed_count(), flight.leaf->root},
                              flight.target->ttl, now, !flight.has_written_end);
  if (!header) {
    for (CellOperation* operation : flight.ended) operation->error = header.error();
  } else if (*header) {
    finished.push_back(std::move(**header));
  }
}

}  // namespace fanfold::aws
