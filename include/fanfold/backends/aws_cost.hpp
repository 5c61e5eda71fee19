#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace fanfold::aws {

/// Prices in US dollars per million, without taxes, free tiers and discounts. The defaults are list prices of
/// us-east-1: standard queues, DynamoDB on demand in the standard table class (its prices since 2024-11-01), S3
/// Standard. https://aws.amazon.com/sqs/pricing/ https://aws.amazon.com/dynamodb/pricing/on-demand/
/// https://aws.amazon.com/s3/pricing/
struct Prices {
  std::string source = "list prices of us-east-1, on demand, since 2024-11-01";  ///< For people: where and when.
  double sqs_request = 0.40;                                                     ///< Of up to 64 KB.
  double dynamodb_write_unit = 0.625;
  double dynamodb_read_unit = 0.125;
  double s3_put = 5.00;
  double s3_get = 0.40;
};

/// A cluster as far as its cost is concerned.
struct Workload {
  std::uint64_t task_count = 0;
  std::uint64_t payload_bytes = 200;  ///< Of a task's JSON, on average.
  bool is_single = false;             ///< Messages that belong to no cluster, in place of tasks.
  bool has_bucket = true;             ///< Payloads are in S3, else in the table.
  std::uint64_t result_bytes = 0;     ///< Of a task's result, on average; 0: none.
  std::uint64_t output_bytes = 0;     ///< Of what an attempt printed; 0: nothing is kept. `fanfold run` keeps it.
  std::uint64_t worker_count = 1;     ///< Processes.
  std::size_t jobs = 1;               ///< Of each.
  std::chrono::milliseconds task_duration{100};  ///< Of a handler.
  std::chrono::milliseconds lease{30'000};       ///< Extended at a third of it.
  /// Neighbours that are claimed together: 10 where a batch of a Lambda function holds ten neighbours. 1 is what
  /// single claims cost, the most.
  std::uint64_t claimed_together = 1;

  // What a plan does not know, and the records of a cluster do.
  std::uint64_t retry_count = 0;       ///< Attempts that failed and were followed by another one in the same round.
  std::uint64_t failed_count = 0;      ///< Tasks that failed for good, those of each round that was retried included.
  std::uint64_t round_count = 0;       ///< How often what failed was tried anew (retry_failed).
  std::uint64_t round_task_count = 0;  ///< Tasks of all those rounds together.
  bool is_sent = false;                ///< Created and sent before: only what comes then is counted.
};

/// What a cluster takes from creation to its finish message, with nothing else going on.
struct CostEstimate {
  double sqs_requests = 0;  ///< As they are charged: 64 KB of messages each.
  double write_units = 0;   ///< Of DynamoDB, 1 KB each.
  double read_units = 0;    ///< 4 KB each, strongly consistent.
  double s3_puts = 0;
  double s3_gets = 0;
  std::chrono::milliseconds duration{0};  ///< With all workers busy, calls of 5 ms.

  /// US dollars.
  [[nodiscard]] double cost(const Prices& prices) const noexcept;
};

/// An upper estimate, from how the engine works; docs/operations.md says what is in it. Not in it: storage, traffic,
/// polls of an empty queue, dashboards, and retries that the workload does not name. No I/O.
[[nodiscard]] CostEstimate estimate_cost(const Workload& workload);

}  // namespace fanfold::aws
