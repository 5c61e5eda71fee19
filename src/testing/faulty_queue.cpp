#include "testing/faulty_process.hpp"

#include <algorithm>

namespace fanfold::testing {

namespace {

constexpr std::uint64_t hidden_max_seconds = 60;

class FaultyQueue final : public Queue {
 public:
  FaultyQueue(std::unique_ptr<Queue> queue, std::shared_ptr<FaultyProcess> process)
      : queue_(std::move(queue)), process_(std::move(process)) {}

  std::size_t receive_count_max() const override { return queue_->receive_count_max(); }
  bool may_receive_after_stop() const override { return queue_->may_receive_after_stop(); }

  Result<std::string> resolve(std::string_view name_or_url) override {
    return process_->call("queue.resolve", [&] { return queue_->resolve(name_or_url); });
  }
  Result<std::string> create(std::string_view name, const QueueAttributes& attributes) override {
    return process_->call("queue.create", [&] { return queue_->create(name, attributes); });
  }
  Result<QueueAttributes> attributes(std::string_view url) override {
    return process_->call("queue.attributes", [&] { return queue_->attributes(url); });
  }
  Result<QueueCounts> counts(std::string_view url) override {
    return process_->call("queue.counts", [&] { return queue_->counts(url); });
  }
  Result<std::vector<std::string>> list() override {
    return process_->call("queue.list", [&] { return queue_->list(); });
  }

  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override {
    constexpr std::string_view name = "queue.receive";
    return process_->call(name, [&]() -> Result<std::vector<Delivery>> {
      auto deliveries = queue_->receive(url, options, stop);
      if (!deliveries) return deliveries;
      if (process_->plan().strikes(Fault::delayed, name)) hold_back(url, *deliveries);
      if (process_->plan().strikes(Fault::duplicate, name)) show_again(url, *deliveries);
      if (process_->plan().strikes(Fault::reordered, name)) shuffle(*deliveries);
      return deliveries;
    });
  }

  /// No fault of its own: the queues of the tests have no pointers.
  std::vector<Result<void>> fetch_payloads(std::span<Delivery> deliveries) override {
    return queue_->fetch_payloads(deliveries);
  }

  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override {
    constexpr std::string_view name = "queue.send";
    return process_->call_entries<OutgoingMessage, std::string>(
        name, messages, [&](std::span<const OutgoingMessage> some) {
          if (process_->plan().strikes(Fault::duplicate, name)) static_cast<void>(queue_->send(url, some).has_value());
          return queue_->send(url, some);
        });
  }

  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override {
    constexpr std::string_view name = "queue.send_tasks";
    const bool refuses_one = !tasks.empty() && !process_->dead() && process_->plan().strikes(Fault::partial, name);
    return process_->call(name, [&]() -> Result<std::vector<TaskRefused>> {
      if (process_->plan().strikes(Fault::duplicate, name))
        static_cast<void>(queue_->send_tasks(url, range, tasks).has_value());
      if (!refuses_one) return queue_->send_tasks(url, range, tasks);
      std::vector<TaskMessage> some(tasks.begin(), tasks.end());
      const auto refused = some.begin() + static_cast<std::ptrdiff_t>(process_->plan().below(some.size()));
      const TaskRefused refusal{refused->position, {ErrorCode::throttled, "this entry was refused", {}}};
      some.erase(refused);
      auto answers = queue_->send_tasks(url, range, some);
      if (answers) answers->push_back(refusal);
      return answers;
    });
  }

  Result<std::vector<Result<void>>> remove(std::string_view url,
                                           std::span<const std::string> receipt_handles) override {
    return process_->call_entries<std::string, void>(
        "queue.remove", receipt_handles, [&](std::span<const std::string> some) { return queue_->remove(url, some); });
  }

  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override {
    return process_->call_entries<VisibilityChange, void>(
        "queue.change_visibility", changes,
        [&](std::span<const VisibilityChange> some) { return queue_->change_visibility(url, some); });
  }

  Result<std::uint64_t> purge(std::string_view url) override {
    return process_->call("queue.purge", [&] { return queue_->purge(url); });
  }
  Result<std::vector<Delivery>> list_dead_letters(std::string_view dead_letter_url, std::size_t count_max) override {
    return process_->call("queue.list_dead_letters",
                          [&] { return queue_->list_dead_letters(dead_letter_url, count_max); });
  }
  Result<std::uint64_t> redrive(std::string_view dead_letter_url) override {
    return process_->call("queue.redrive", [&] { return queue_->redrive(dead_letter_url); });
  }

 private:
  /// The service took it for received, and the receiver never got it.
  void hold_back(std::string_view url, std::vector<Delivery>& deliveries) {
    if (deliveries.empty()) return;
    const std::size_t kept = process_->plan().below(deliveries.size());
    for (std::size_t i = kept; i < deliveries.size(); ++i) {
      const VisibilityChange change{deliveries[i].receipt_handle,
                                    std::chrono::seconds(process_->plan().below(hidden_max_seconds))};
      static_cast<void>(queue_->change_visibility(url, std::span(&change, 1)).has_value());
    }
    deliveries.resize(kept);
  }

  void show_again(std::string_view url, const std::vector<Delivery>& deliveries) {
    for (const Delivery& delivery : deliveries) {
      if (!delivery.group_id.empty()) continue;
      const VisibilityChange change{delivery.receipt_handle, std::chrono::milliseconds(0)};
      static_cast<void>(queue_->change_visibility(url, std::span(&change, 1)).has_value());
    }
  }

  void shuffle(std::vector<Delivery>& deliveries) {
    if (std::ranges::any_of(deliveries, [](const Delivery& delivery) { return !delivery.group_id.empty(); })) return;
    for (std::size_t i = deliveries.size(); i > 1; --i)
      std::swap(deliveries[i - 1], deliveries[process_->plan().below(i)]);
  }

  std::unique_ptr<Queue> queue_;
  std::shared_ptr<FaultyProcess> process_;  // Shared by the ports of one process.
};

class FaultyGlobalStore final : public GlobalStore {
 public:
  FaultyGlobalStore(std::unique_ptr<GlobalStore> globals, std::shared_ptr<FaultyProcess> process)
      : globals_(std::move(globals)), process_(std::move(process)) {}

  BucketParams location(std::string_view cluster_id) const override { return globals_->location(cluster_id); }
  Result<StoredGlobals> read(const BucketParams& where) override {
    return process_->call("globals.read", [&] { return globals_->read(where); });
  }
  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    return process_->call("globals.write", [&] { return globals_->write(where, globals, expected_version); });
  }
  Result<void> remove(const BucketParams& where) override {
    return process_->call("globals.remove", [&] { return globals_->remove(where); });
  }

 private:
  std::unique_ptr<GlobalStore> globals_;
  std::shared_ptr<FaultyProcess> process_;  // Shared by the ports of one process.
};

}  // namespace

std::unique_ptr<Queue> make_faulty_queue(std::unique_ptr<Queue> queue, std::shared_ptr<FaultyProcess> process) {
  return std::make_unique<FaultyQueue>(std::move(queue), std::move(process));
}

std::unique_ptr<GlobalStore> make_faulty_global_store(std::unique_ptr<GlobalStore> globals,
                                                      std::shared_ptr<FaultyProcess> process) {
  return std::make_unique<FaultyGlobalStore>(std::move(globals), std::move(process));
}

Backend with_faults(Backend backend, FaultyOptions options) {
  auto process = std::make_shared<FaultyProcess>(std::move(options));
  Clock* clock = backend.clock.get();
  backend.queue = make_faulty_queue(std::move(backend.queue), process);
  backend.ledger = make_faulty_ledger(std::move(backend.ledger), process, [clock] { return clock->now(); });
  backend.globals = make_faulty_global_store(std::move(backend.globals), process);
  return backend;
}

}  // namespace fanfold::testing
