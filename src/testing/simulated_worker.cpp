#include "testing/simulated_worker.hpp"

#include <set>

namespace fanfold::testing {

namespace {

using std::chrono::milliseconds;
constexpr std::chrono::milliseconds visibility_margin{1'000};
constexpr double lambda_share = 0.25;
constexpr double sweep_chance = 0.06;
constexpr milliseconds lambda_sweep_max{3'000};
constexpr double beat_chance = 0.3;
constexpr double yield_chance = 0.3;

/// Counts as long as it lives, also while a crash passes through.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

SimulatedWorker::SimulatedWorker(Client client, const Handlers& handlers, WorkerSurroundings surroundings)
    : client_(std::move(client)),
      handlers_(handlers),
      surroundings_(std::move(surroundings)),
      engine_(engine::Engine::of(client_)),
      dispatcher_(engine_->store(), client_.core(), handlers_,
                  {.attempts = surroundings_.attempts, .deduplicate = surroundings_.deduplicate}),
      as_lambda_(surroundings_.random.chance(lambda_share)) {}

bool SimulatedWorker::step(const std::string& queue) {
  if (surroundings_.random.chance(sweep_chance)) {
    const milliseconds time{static_cast<milliseconds::rep>(surroundings_.random.below(lambda_sweep_max.count()))};
    const auto swept =
        as_lambda_ ? engine_->sweep_until(engine_->store().now() + time) : engine_->sweep_in_turn(4 * time);
    if (!swept) surroundings_.trace("sweep: " + to_string(swept.error()));
    maybe_yield();
  }
  return as_lambda_ ? step_as_lambda(queue) : step_as_worker(queue);
}

bool SimulatedWorker::step_as_lambda(const std::string& queue) {
  ReceiveOptions options;
  options.count_max = 1 + surroundings_.random.below(client_.queue_port().receive_count_max());
  options.wait = std::chrono::milliseconds(0);
  options.visibility = surroundings_.attempts.lease + visibility_margin;
  auto records = client_.receive(queue, options);
  if (!records || records->empty()) return false;
  const Counted counted(surroundings_.in_hand_count);
  maybe_yield();
  BatchOptions batch;
  batch.attempts = surroundings_.attempts;
  batch.deduplicate = surroundings_.deduplicate;
  const auto response = client_.process_batch({.records = *records}, handlers_, batch);
  if (!response) surroundings_.trace("process_batch: " + to_string(response.error()));
  return true;
}

bool SimulatedWorker::step_as_worker(const std::string& queue) {
  ReceiveOptions options;
  options.count_max = 1 + surroundings_.random.below(client_.queue_port().receive_count_max());
  options.wait = std::chrono::milliseconds(0);
  options.visibility = surroundings_.attempts.lease + visibility_margin;
  engine_->store().queues_known.note(queue);
  auto deliveries = client_.queue_port().receive(queue, options, {});
  if (!deliveries || deliveries->empty()) return false;
  const Counted counted(surroundings_.in_hand_count);
  maybe_yield();
  work_on(queue, std::move(*deliveries));
  return true;
}

void SimulatedWorker::work_on(const std::string& queue, std::vector<Delivery> deliveries) {
  std::vector<Delivery> together;
  std::vector<Delivery> untouched;
  std::set<std::string> blocked;
  for (Delivery& delivery : deliveries) {
    const bool in_order = !delivery.group_id.empty();
    if (in_order && blocked.contains(delivery.group_id)) {
      untouched.push_back(std::move(delivery));
      continue;
    }
    if (!in_order && delivery.receive_count == 1) {
      together.push_back(std::move(delivery));
      continue;
    }
    std::string group = delivery.group_id;
    std::vector<Delivery> one;
    one.push_back(std::move(delivery));
    if (work_on_some(queue, std::move(one)) && in_order) blocked.insert(std::move(group));
  }
  if (!together.empty()) work_on_some(queue, std::move(together));
  if (untouched.empty()) return;
  engine::Tally tally;
  dispatcher_.put_back(queue, std::move(untouched), tally);
}

bool SimulatedWorker::work_on_some(const std::string& queue, std::vector<Delivery> deliveries) {
  engine::Tally tally;
  engine::Chunk chunk = dispatcher_.begin(queue, std::move(deliveries), tally);
  if (tally.error) surroundings_.trace("begin: " + to_string(*tally.error));
  maybe_yield();
  const bool one_by_one = surroundings_.random.chance(0.5);
  std::size_t finished = 0;
  for (std::size_t position = 0; position < chunk.size(); ++position) {
    std::stop_source stop;
    if (!beat(chunk, position)) stop.request_stop();
    dispatcher_.run(chunk, position, stop.get_token());
    maybe_yield();
    if (!one_by_one) continue;
    dispatcher_.finish(chunk, finished, position + 1, tally);
    finished = position + 1;
  }
  dispatcher_.finish(chunk, finished, chunk.size(), tally);
  if (tally.error) surroundings_.trace("work: " + to_string(*tally.error));
  return tally.failed;
}

bool SimulatedWorker::beat(engine::Chunk& chunk, std::size_t position) {
  const auto* token = std::get_if<std::uint64_t>(&chunk.ends[position].condition);
  if (token == nullptr || !surroundings_.random.chance(beat_chance)) return true;
  engine::Store& store = engine_->store();
  if (!engine::may_extend(store, chunk.ends[position].ref)) return true;
  const Time lease_end = store.now() + surroundings_.attempts.lease;
  const Lease lease{chunk.ends[position].ref, *token};
  const auto extended = store.ledger().extend(std::span(&lease, 1), lease_end);
  if (!extended) {
    // It may have been applied, and with a time that jumped back it was made shorter.
    chunk.assignments[position].lease_end = std::min(chunk.assignments[position].lease_end, lease_end);
    return true;
  }
  if (!extended->front()) return extended->front().error().code != ErrorCode::lease_lost;
  chunk.assignments[position].lease_end = lease_end;
  const VisibilityChange change{chunk.deliveries[position].receipt_handle,
                                surroundings_.attempts.lease + visibility_margin};
  const auto hidden = store.queue().change_visibility(chunk.url, std::span(&change, 1));
  if (!hidden) surroundings_.trace("heartbeat: " + to_string(hidden.error()));
  return true;
}

void SimulatedWorker::maybe_yield() {
  if (surroundings_.random.chance(yield_chance)) surroundings_.yield();
}

}  // namespace fanfold::testing
