#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fanfold/ports/backend.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fanfold::conformance {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What a backend can tell that another one cannot. Whatever is false is not asked.
struct Capabilities {
  bool counts_are_exact = true;       ///< Queue::counts and purge count what is there now.
  bool queues_made_at_use = true;     ///< A queue is there at its first use; else unknown ones are not_found.
  bool knows_missing_tasks = true;    ///< A claim of a task that nobody created answers `missing`.
  bool redrives_by_call = true;       ///< Queue::redrive works.
  std::size_t receive_tries_max = 3;  ///< Receives until everything that is visible must have come.
  bool knows_stale_receipts = true;   ///< A receipt of an earlier delivery does nothing; as SQS, but not every server.
  bool remembers_deduplication =
      true;  ///< For five minutes, also of messages that are gone; as SQS, but not every server.
  bool isolates_transactions = true;  ///< A refused transaction leaves what others wrote meanwhile.
  bool keeps_trace_headers = true;    ///< AWSTraceHeader of each message of a batch; as SQS, but not every server.
  bool refuses_long_messages = true;  ///< Messages of more than 1 MiB; else they go into a bucket.
};

/// An empty store of one backend. It lives as long as its test.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  /// The store as one more process sees it.
  virtual Backend open() = 0;
  /// Lets this much time pass for the store's queues: a settable clock moves, with a real one the test waits.
  virtual void pass(milliseconds time) = 0;
};

struct BackendUnderTest {
  std::string name{};
  std::function<std::unique_ptr<StoreUnderTest>()> make{};
  Capabilities capabilities{};
};

/// Defined once in each test binary: what it runs the contracts on.
std::vector<BackendUnderTest> backends_under_test();

inline std::string name_of(const ::testing::TestParamInfo<BackendUnderTest>& info) { return info.param.name; }

/// What a contract's test starts with: an empty store, and short words for long requests.
class Contract : public ::testing::TestWithParam<BackendUnderTest> {
 protected:
  Contract();

  [[nodiscard]] const Capabilities& capabilities() const { return GetParam().capabilities; }
  [[nodiscard]] Ledger& ledger() const { return *backend_.ledger; }
  [[nodiscard]] Queue& queue() const { return *backend_.queue; }
  [[nodiscard]] GlobalStore& globals() const { return *backend_.globals; }
  [[nodiscard]] Backend open() const { return store_->open(); }
  void pass(milliseconds time) const { store_->pass(time); }

  /// Ids that no other test on the same service has.
  [[nodiscard]] static std::string fresh_id();

  /// A header that is ready to be created: of known size, where `count` is given.
  [[nodiscard]] ClusterHeader new_header(std::optional<std::uint64_t> count = std::nullopt) const;
  [[nodiscard]] static std::vector<TaskData> bodies(std::uint64_t count, std::uint64_t first = 0);
  /// A cluster of known size, sealed and marked.
  ClusterHeader make_cluster(std::uint64_t count) const;
  ClusterHeader make_cluster(ClusterHeader header) const;
  ClusterHeader make_open_cluster() const;
  [[nodiscard]] ClusterHeader read(const std::string& id) const;
  /// Stopped where it is not finished, and all that follows done: it may be removed.
  void put_an_end_to(const std::string& id) const;

  [[nodiscard]] static RecordRef task(const ClusterHeader& cluster, std::uint64_t position);
  [[nodiscard]] ClaimRequest claim_request(const RecordRef& ref, std::uint64_t token = 0,
                                           std::uint32_t attempts_max = 3) const;
  ClaimAnswer claim(const ClaimRequest& request, Time now) const;
  /// Claims with a fresh token, now, and expects to get it. The answer is the token.
  std::uint64_t claimed(const RecordRef& ref) const;

  /// The index of tasks is taken from the position, as in round 0.
  [[nodiscard]] static EndRequest end_request(const RecordRef& ref, EndCondition condition, Verdict verdict);
  [[nodiscard]] static ErrorEntry error_entry(std::uint32_t attempt, std::string message,
                                              std::string fingerprint = "00000000");
  EndAnswers end(const EndRequest& request, Time now) const;
  EndOutcome end_outcome(const EndRequest& request) const { return end(request, now_).outcomes.at(0); }
  /// Claims and ends the task.
  EndAnswers run_task(const RecordRef& ref, Verdict verdict = Verdict::done) const;

  Time now_;
  static constexpr milliseconds lease_ = 30s;

 private:
  std::unique_ptr<StoreUnderTest> store_;
  Backend backend_;
};

/// What every `_contract.cpp` ends with.
#define FANFOLD_CONTRACT(name) \
  INSTANTIATE_TEST_SUITE_P(Conformance, name, ::testing::ValuesIn(backends_under_test()), name_of)

}  // namespace fanfold::conformance
