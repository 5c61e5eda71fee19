#include "support/assert.hpp"
#include "testing/memory_ledger.hpp"
#include "testing/memory_state.hpp"

namespace fanfold::testing {

namespace memory {
namespace {

class SystemClock final : public Clock {
 public:
  Time now() override { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
  void sleep_until(Time time, std::stop_token stop) override {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any nobody_notifies;
    nobody_notifies.wait_until(lock, stop, time, [] { return false; });
  }
};

/// A backend owns its clock; this one lends it the store's.
class SharedClock final : public Clock {
 public:
  explicit SharedClock(std::shared_ptr<Clock> clock) : clock_(std::move(clock)) {}
  Time now() override { return clock_->now(); }
  void sleep_until(Time time, std::stop_token stop) override { clock_->sleep_until(time, std::move(stop)); }

 private:
  std::shared_ptr<Clock> clock_;  // Shared with the store.
};

}  // namespace

State::State(MemoryOptions from) : options(std::move(from)), clock(options.clock) {
  if (!clock) clock = std::make_shared<SystemClock>();
}

std::string record_id(const RecordRef& ref) {
  if (ref.type != RecordType::cluster) return ref.id;
  return ref.id + "." + std::to_string(ref.round) + (ref.first_failure ? ".first-failure" : ".finish");
}

}  // namespace memory

MemoryStore::MemoryStore(MemoryOptions options) : state_(std::make_shared<memory::State>(std::move(options))) {}

Backend MemoryStore::backend() const {
  Backend backend;
  backend.queue = memory::make_queue(state_);
  backend.ledger = memory::make_ledger(state_);
  backend.globals = memory::make_global_store(state_);
  backend.clock = std::make_unique<memory::SharedClock>(state_->clock);
  backend.name = "memory";
  backend.header_age_max = state_->options.header_age_max;
  backend.queue_knows_payloads = state_->options.queue_knows_payloads;
  backend.batch_count_max = state_->options.batch_count_max;
  return backend;
}

ManualClock& MemoryStore::clock() const {
  FANFOLD_ASSERT(state_->options.clock, "this store runs on the system's time");
  return *state_->options.clock;
}

std::optional<Time> MemoryStore::next_message_at() const {
  const std::scoped_lock lock(state_->mutex);
  const Time now = state_->clock->now();
  std::optional<Time> next;
  for (const auto& [name, queue] : state_->queues) {
    for (const memory::QueuedMessage& message : queue.messages) {
      if (message.visible_at > now && (!next || message.visible_at < *next)) next = message.visible_at;
    }
  }
  return next;
}

void MemoryStore::crash_process(const Ledger& ledger, int signal) const {
  const auto* own = dynamic_cast<const memory::MemoryLedger*>(&ledger);
  FANFOLD_ASSERT(own != nullptr, "the ledger is not one of a MemoryStore");
  const std::scoped_lock lock(state_->mutex);
  state_->processes[own->process()] = {.alive = false, .signal = signal};
}

}  // namespace fanfold::testing
