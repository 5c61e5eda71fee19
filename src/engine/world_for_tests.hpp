#pragma once

#include <fanfold/client.hpp>
#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <gtest/gtest.h>

#include "engine/short_cuts_for_tests.hpp"

namespace fanfold::engine {

/// A store in memory with a clock of its own, and one process over it.
struct World {
  explicit World(testing::MemoryOptions options = {}) : store(std::move(options)) { restart(); }

  /// Another process over the same store; the one before is gone.
  void restart() {
    client.reset();
    Backend backend = store.backend();
    ledger = backend.ledger.get();
    client.emplace(make_client(std::move(backend)));
  }

  /// Makes the queue, with a dead-letter queue "dead" behind so many receives.
  void create_queue_with_dead_letters(std::uint32_t receive_count_max) {
    client->queue_port().create("dead", {}).value();
    client->queue_port()
        .create(queue, {.redrive = RedrivePolicy{.dead_letter_queue = "dead", .receive_count_max = receive_count_max}})
        .value();
  }

  SqsEvent receive(std::size_t count_max = 10, std::chrono::milliseconds visibility = std::chrono::seconds(31)) {
    return {
        client->receive(queue, {.count_max = count_max, .wait = std::chrono::milliseconds(0), .visibility = visibility})
            .value()};
  }
  BatchResponse process(const SqsEvent& event, const Handlers& handlers, const BatchOptions& options = {}) {
    return client->process_batch(event, handlers, options).value();
  }
  BatchResponse process(const Handlers& handlers, const BatchOptions& options = {}) {
    return process(receive(), handlers, options);
  }
  void advance(std::chrono::milliseconds by) { store.clock().advance(by); }

  [[nodiscard]] QueueCounts counts() { return client->queue_port().counts(queue).value(); }
  [[nodiscard]] std::uint64_t message_count() {
    const QueueCounts now = counts();
    return now.visible_count + now.in_flight_count + now.delayed_count;
  }
  [[nodiscard]] MessageRecord<Json, Json> record(const MessageKey& key) {
    return client->get_message_record<Json, Json>(key, Consistency::strong).value();
  }
  [[nodiscard]] MessageRecord<Json, Json> task(const Cluster& cluster, std::uint64_t index) {
    return record(MessageKey::of_task(id_of(cluster), index));
  }

  std::string queue = "work";
  testing::MemoryStore store;
  std::optional<Client> client;
  Ledger* ledger = nullptr;
};

/// Counts its calls and answers each with what the function makes.
inline Handlers messages(std::function<Outcome(const Message<Json>&, const Context&)> handle) {
  Handlers handlers;
  handlers.on_message = [handle = std::move(handle)](const Message<Json>& message, const Context& context) {
    return handle(message, context);
  };
  return handlers;
}

}  // namespace fanfold::engine
