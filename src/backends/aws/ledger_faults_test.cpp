#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/test_ledger.hpp"

#include <map>
#include <random>

namespace fanfold::aws {

using namespace std::chrono_literals;
namespace {

using testing_aws::CallPhase;

/// Some workers on one cluster, one call after the other, in an order and with faults that the seed decides: calls that
/// fail, answers that get lost, batches left undone, workers that die, leases that run out, messages that come twice.
class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed), count_(1 + random_() % 100), is_open_(random_() % 2 == 0) {
    test_.table.options().tells_what_is_there = random_() % 4 != 0;
    test_.table.options().leaves_unprocessed = [this] { return faulty_ && random_() % 4 == 0; };
    test_.table.options().hook = [this](std::string_view, CallPhase phase) -> std::optional<Error> {
      if (!faulty_ || random_() % 12 != 0) return std::nullopt;
      return Error{phase == CallPhase::before && random_() % 2 == 0 ? ErrorCode::throttled : ErrorCode::unavailable,
                   "a fault",
                   {}};
    };
    for (auto& worker : workers_) worker.ledger = new_ledger();
  }

  void run() {
    create();
    faulty_ = true;
    for (int step = 0; step < 4'000 && !finished_; ++step) take_step();
    faulty_ = false;
    heal();
    const ClusterHeader header = workers_[0].ledger->read_cluster(id_, Consistency::strong).value();
    const Recount recount = workers_[0].ledger->recount(id_, test_.clock.now()).value();
    EXPECT_TRUE(header.finished());
    EXPECT_EQ(recount.done_count + recount.failed_count, count_);
    EXPECT_EQ(header.failed_count, recount.failed_count);
    EXPECT_EQ(header.status, recount.failed_count == 0 ? Status::complete : Status::error);
    const Progress progress = workers_[0].ledger->progress(id_).value();
    EXPECT_EQ(progress.done_count, recount.done_count);
    expect_results();
  }

  [[nodiscard]] bool was_finish_told() const noexcept { return finished_; }

 private:
  struct Running {
    ClaimRequest claim{};
    std::uint32_t attempt = 0;
  };
  struct Worker {
    std::unique_ptr<AwsLedger> ledger{};
    std::vector<Running> running{};
  };

  std::unique_ptr<AwsLedger> new_ledger() {
    return std::make_unique<AwsLedger>(test_.table, *test_.blobs, test_.clock);
  }

  void create() {
    ClusterHeader header = test_.header(count_);
    if (is_open_) {
      header.task_count = 0;
      header.round_size.reset();
    }
    test_.ledger.create_cluster(header).value();
    if (!is_open_) return;
    test_.ledger.add_tasks(id_, "all", std::vector<TaskData>(count_, TaskData{"1", {}}), test_.clock.now()).value();
  }

  void take_step() {
    Worker& worker = workers_[random_() % workers_.size()];
    switch (random_() % 12) {
      case 0: return test_.clock.advance(std::chrono::seconds(random_() % 20));
      case 1: return crash(worker);
      case 2: return seal(worker);
      case 3: return extend(worker);
      case 4:
      case 5:
      case 6:
      case 7: return receive(worker);
      default: return end(worker);
    }
  }

  void crash(Worker& worker) {
    worker.running.clear();
    worker.ledger = new_ledger();
  }

  void seal(Worker& worker) {
    if (auto sealed = worker.ledger->seal(id_, test_.clock.now()); sealed) look_at(*sealed);
  }

  void extend(Worker& worker) {
    std::vector<Lease> leases;
    for (const Running& one : worker.running) leases.push_back({one.claim.ref, one.claim.token});
    const auto extended = worker.ledger->extend(leases, test_.clock.now() + 30s);
    if (!extended) return;
    for (std::size_t i = leases.size(); i > 0; --i) {
      if (!(*extended)[i - 1]) worker.running.erase(worker.running.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
  }

  /// Messages of any tasks, ended or not: deliveries come twice.
  void receive(Worker& worker) {
    std::vector<ClaimRequest> requests;
    const std::uint64_t first = random_() % count_;
    for (std::uint64_t i = 0; i < 1 + random_() % 10; ++i) {
      ClaimRequest request =
          test_.claim_of(test_.header(count_), random_() % 2 == 0 ? (first + i) % count_ : random_() % count_);
      request.attempts_max = 1'000;
      request.first_delivery = random_() % 2 == 0;
      requests.push_back(std::move(request));
    }
    auto answers = worker.ledger->claim(requests, test_.clock.now());
    if (!answers) answers = worker.ledger->claim(requests, test_.clock.now());
    if (!answers) return;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const ClaimAnswer& answer = (*answers)[i];
      if (answer.outcome == ClaimOutcome::claimed) {
        EXPECT_GT(answer.attempt, attempts_[requests[i].ref.position]) << "two holders had the same attempt";
        attempts_[requests[i].ref.position] = answer.attempt;
        worker.running.push_back({requests[i], answer.attempt});
      } else if (answer.outcome == ClaimOutcome::done || answer.outcome == ClaimOutcome::failed) {
        if (auto repeated = worker.ledger->propagate(std::span(&requests[i].ref, 1), test_.clock.now()); repeated)
          look_at(*repeated);
      }
    }
  }

  void end(Worker& worker) {
    if (worker.running.empty()) return;
    std::vector<EndRequest> requests;
    for (std::size_t i = 0; i < 1 + random_() % 10 && !worker.running.empty(); ++i) {
      const Running one = worker.running.back();
      worker.running.pop_back();
      EndRequest request = TestLedger::end_of(one.claim, verdicts_[random_() % verdicts_.size()]);
      request.attempt = one.attempt;
      request.retry_at = test_.clock.now() + 5s;
      if (request.verdict == Verdict::done) request.result = Json::from_valid_text(std::to_string(one.attempt));
      if (request.verdict != Verdict::done)
        request.error = ErrorEntry{
            .attempt = one.attempt, .code = "internal", .message = "no", .fingerprint = "0", .at = {}, .final = false};
      requests.push_back(std::move(request));
    }
    auto answers = worker.ledger->end(requests, test_.clock.now());
    if (!answers) answers = worker.ledger->end(requests, test_.clock.now());
    if (!answers) return;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (answers->outcomes[i] != EndOutcome::ended || requests[i].verdict == Verdict::retry) continue;
      EXPECT_TRUE(ended_.emplace(requests[i].ref.position, requests[i].attempt).second)
          << "task " << requests[i].ref.position << " ended twice";
    }
    look_at(*answers);
  }

  /// Whoever learns of the finish finds everything ended.
  void look_at(const EndAnswers& answers) {
    if (answers.finished.empty()) return;
    finished_ = true;
    const bool was_faulty = std::exchange(faulty_, false);
    const Recount recount = test_.ledger.recount(id_, test_.clock.now()).value();
    EXPECT_EQ(recount.done_count + recount.failed_count, count_) << "finished too early";
    faulty_ = was_faulty;
  }

  /// Every message comes once more, and then the sweep.
  void heal() {
    test_.clock.advance(60s);
    for (Worker& worker : workers_) crash(worker);
    seal(workers_[0]);
    for (std::uint64_t position = 0; position < count_; ++position) {
      ClaimRequest request = test_.claim_of(test_.header(count_), position);
      request.attempts_max = 1'000;
      const ClaimAnswer answer = workers_[0].ledger->claim(std::span(&request, 1), test_.clock.now()).value().at(0);
      if (answer.outcome == ClaimOutcome::claimed) {
        EndRequest done = TestLedger::end_of(request);
        done.attempt = answer.attempt;
        done.result = Json::from_valid_text(std::to_string(answer.attempt));
        look_at(workers_[0].ledger->end(std::span(&done, 1), test_.clock.now()).value());
      } else {
        look_at(workers_[0].ledger->propagate(std::span(&request.ref, 1), test_.clock.now()).value());
      }
    }
  }

  /// Of each done task the result of the attempt that won.
  void expect_results() {
    const auto tasks =
        workers_[0]
            .ledger
            ->list_tasks(
                {.cluster_id = id_, .filter = {}, .first_index = 0, .count_max = 1'000, .parts = TaskParts::states})
            .value();
    std::map<std::uint64_t, std::string> results;
    std::optional<std::uint64_t> next = 0;
    while (next) {
      auto page = workers_[0].ledger->read_results(id_, *next, 50).value();
      for (auto& result : page.results) results[result.index] = result.result.text();
      next = page.next_index;
    }
    for (const TaskState& task : tasks.tasks) {
      if (task.status != Status::complete) continue;
      EXPECT_EQ(results[task.index], std::to_string(task.attempt_count));
    }
  }

  TestLedger test_;
  std::mt19937_64 random_;
  std::uint64_t count_;
  bool is_open_;
  bool faulty_ = false;
  bool finished_ = false;
  const std::string id_ = "0123456789abcdefghijklmnop";
  std::array<Worker, 3> workers_{};
  std::array<Verdict, 4> verdicts_{Verdict::done, Verdict::done, Verdict::retry, Verdict::failed};
  std::map<std::uint64_t, std::uint32_t> attempts_;
  std::map<std::uint64_t, std::uint32_t> ended_;
};

TEST(LedgerFaults, EveryTaskEndsOnceAndTheClusterFinishesThen) {
  constexpr std::uint64_t seed_count = 40;
  for (std::uint64_t seed = 1; seed <= seed_count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule schedule(seed);
    schedule.run();
    EXPECT_TRUE(schedule.was_finish_told()) << "the finish was told to nobody";
  }
}

TEST(LedgerFaults, ARemovalThatWasCutOffIsBegunAgain) {
  for (int faults = 1; faults < 40; ++faults) {
    TestLedger test;
    const ClusterHeader cluster = test.cluster(40);
    for (std::uint64_t position = 0; position < 40; ++position) {
      const ClaimRequest claim = test.claim_of(cluster, position);
      test.ledger.claim(std::span(&claim, 1), test.clock.now()).value();
      EndRequest end = TestLedger::end_of(claim);
      end.result = Json::from_valid_text("1");
      test.ledger.end(std::span(&end, 1), test.clock.now()).value();
    }
    ClusterHeader over = test.ledger.read_cluster(cluster.id, Consistency::strong).value();
    over.finish_done = true;
    test.ledger.update_cluster(over).value();
    int calls = 0;
    test.table.options().hook = [&](std::string_view, CallPhase) -> std::optional<Error> {
      if (++calls != faults) return std::nullopt;
      return Error{ErrorCode::unavailable, "cut off", {}};
    };
    static_cast<void>(test.ledger.remove_cluster(cluster.id, test.clock.now()));
    test.table.options().hook = {};
    const bool is_begun =
        std::ranges::any_of(test.table.items(), [](const Item& item) { return item.find(gone_name) != nullptr; });
    EXPECT_TRUE(!is_begun || test.ledger.read_cluster(cluster.id, Consistency::strong).value().tombstone)
        << "a retry would find tasks that are gone, after fault " << faults;
    test.ledger.remove_cluster(cluster.id, test.clock.now()).value();
    for (const Item& item : test.table.items()) {
      const bool is_left = item.key == record_key(cluster.id) || item.find(gone_name) != nullptr;
      EXPECT_TRUE(is_left) << item.key.partition << " " << item.key.sort << " after fault " << faults;
    }
  }
}

}  // namespace
}  // namespace fanfold::aws
