#pragma once

#include <fanfold/client.hpp>
#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "engine/engine.hpp"
#include "engine/passing_queue_for_tests.hpp"
#include "engine/short_cuts_for_tests.hpp"

namespace fanfold::engine {

/// Globals that fail as they are told to.
class ScriptedGlobals final : public GlobalStore {
 public:
  enum class Step : std::uint8_t { pass, lose_answer, refuse };
  explicit ScriptedGlobals(std::unique_ptr<GlobalStore> inner) : inner_(std::move(inner)) {}

  std::deque<Step> steps{};              ///< For the next writes; all pass once it is empty.
  std::function<void()> before_write{};  ///< E.g. another process's write.
  std::size_t write_count = 0;

  [[nodiscard]] BucketParams location(std::string_view cluster_id) const override {
    return inner_->location(cluster_id);
  }
  Result<StoredGlobals> read(const BucketParams& where) override { return inner_->read(where); }
  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    ++write_count;
    if (before_write) std::exchange(before_write, {})();
    Step step = Step::pass;
    if (!steps.empty()) {
      step = steps.front();
      steps.pop_front();
    }
    const Error lost{ErrorCode::unavailable, "no answer", {}};
    if (step == Step::refuse) return lost;
    auto written = inner_->write(where, globals, expected_version);
    return step == Step::lose_answer ? Result<std::string>(lost) : written;
  }
  Result<void> remove(const BucketParams& where) override { return inner_->remove(where); }

 private:
  std::unique_ptr<GlobalStore> inner_;
};

/// A queue that refuses what it is told to, and counts what it is sent.
class ScriptedQueue final : public PassingQueue {
 public:
  using PassingQueue::PassingQueue;

  std::map<std::uint64_t, std::deque<ErrorCode>>
      refusals{};  ///< By a task's position, or a message's place in its first send.
  std::optional<std::size_t> send_count_until_crash{};  ///< Throws Crash at the call after so many.
  std::size_t send_count = 0;                           ///< Calls.
  std::uint64_t sent_task_count = 0;
  std::string last_message_id{};  ///< Of the last message that came, accepted or not.

  std::function<void()> on_send{};              ///< Before each call that sends.
  std::set<std::string, std::less<>> denied{};  ///< Queues whose attributes are refused.

  struct Crash {};  ///< Not derived from std::exception, as a process that dies is no error.

  Result<QueueAttributes> attributes(std::string_view url) override {
    if (denied.contains(url)) return Error{ErrorCode::permission_denied, "refused", {}};
    return PassingQueue::attributes(url);
  }
  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override {
    begin_send();
    std::vector<Result<std::string>> answers;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      last_message_id = messages[i].content.id;
      if (const auto code = next_refusal(i)) {
        answers.emplace_back(Error{*code, "refused", {}});
      } else {
        answers.push_back(std::move(PassingQueue::send(url, messages.subspan(i, 1)).value().front()));
      }
    }
    return answers;
  }
  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override {
    begin_send();
    std::vector<TaskRefused> refused;
    std::vector<TaskMessage> accepted;
    for (const TaskMessage& task : tasks) {
      if (const auto code = next_refusal(task.position)) {
        refused.push_back({task.position, Error{*code, "refused", {}}});
      } else {
        accepted.push_back(task);
      }
    }
    sent_task_count += accepted.size();
    auto rest = PassingQueue::send_tasks(url, range, accepted);
    if (!rest) return rest;
    refused.insert(refused.end(), rest->begin(), rest->end());
    return refused;
  }

 private:
  void begin_send() {
    if (send_count_until_crash && send_count == *send_count_until_crash) throw Crash{};
    ++send_count;
    if (on_send) on_send();
  }
  std::optional<ErrorCode> next_refusal(std::uint64_t place) {
    const auto found = refusals.find(place);
    if (found == refusals.end() || found->second.empty()) return std::nullopt;
    const ErrorCode code = found->second.front();
    found->second.pop_front();
    return code;
  }
};

/// A store in memory with a clock that is set by hand, and one process at a time over it.
struct Scene {
  explicit Scene(testing::MemoryOptions options = {}) : memory(std::move(options)) { restart(); }

  /// The process that was there is gone; another takes its place.
  void restart() {
    client.reset();
    Backend backend = memory.backend();
    auto scripted_queue = std::make_unique<ScriptedQueue>(std::move(backend.queue));
    auto scripted_globals = std::make_unique<ScriptedGlobals>(std::move(backend.globals));
    queue = scripted_queue.get();
    globals = scripted_globals.get();
    ledger = backend.ledger.get();
    backend.queue = std::move(scripted_queue);
    backend.globals = std::move(scripted_globals);
    client.emplace(make_client(std::move(backend)));
  }

  void advance(std::chrono::milliseconds by) const { memory.clock().advance(by); }
  [[nodiscard]] Time now() const { return memory.clock().now(); }
  [[nodiscard]] ClusterHeader header(const MessageKey& key) const { return client->cluster_header(key).value(); }
  [[nodiscard]] Progress progress(const MessageKey& key) const { return client->progress(key).value(); }
  [[nodiscard]] std::uint64_t message_count(std::string_view url = "work") const {
    const QueueCounts counts = queue->counts(url).value();
    return counts.visible_count + counts.in_flight_count + counts.delayed_count;
  }

  /// Takes what is visible, once, and ends every record that is not in `failing` as done; the others fail for good.
  void work(const std::vector<std::uint64_t>& failing = {}, const std::string& url = "work") const {
    while (true) {
      const auto records = client->receive(url, {.count_max = 10, .wait = std::chrono::milliseconds{0}}).value();
      if (records.empty()) return;
      for (const SqsRecord& record : records) work_on(record, failing);
    }
  }
  void work_on(const SqsRecord& record, const std::vector<std::uint64_t>& failing) const {
    const auto message = client->read_sqs_record(record).value();
    const Claim claim = client->is_complete(record).value();
    if (claim.state == ClaimState::complete) queue->remove(message.url, std::span(&record.receipt_handle, 1)).value();
    if (claim.state != ClaimState::claimed) return;
    const bool fails = message.type == RecordType::task && std::ranges::find(failing, *message.task) != failing.end();
    if (fails) {
      client->mark_failed(claim, "no good").value();
    } else {
      client->mark_complete(claim).value();
    }
  }

  testing::MemoryStore memory;
  std::optional<Client> client;
  ScriptedQueue* queue = nullptr;  // These three belong to the client.
  ScriptedGlobals* globals = nullptr;
  Ledger* ledger = nullptr;
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? ErrorCode::internal : result.error().code;
}

}  // namespace fanfold::engine
