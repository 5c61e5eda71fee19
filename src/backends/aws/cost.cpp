#include <fanfold/backends/aws_cost.hpp>

#include "backends/aws/item.hpp"
#include "backends/aws/node.hpp"
#include "backends/aws/pages.hpp"
#include "backends/aws/sqs_calls.hpp"

#include <algorithm>
#include <cmath>

namespace fanfold::aws {
namespace {

using std::chrono::milliseconds;

constexpr double million = 1e6;
/// What SQS charges as one request. https://aws.amazon.com/sqs/pricing/
constexpr double request_bytes = 64.0 * 1024;

// Of a message, around the task's body; of a page, around each; of an item beside a leaf, around what it keeps.
constexpr std::uint64_t envelope_bytes = 230;
constexpr std::uint64_t page_entry_bytes = 10;
constexpr std::uint64_t page_head_bytes = 80;
constexpr std::uint64_t attempt_item_bytes = 190;

// What a cluster takes besides its tasks.
constexpr double cluster_write_units = 18;  // Header, its entry in the index, finish message.
constexpr double cluster_read_units = 8;
constexpr double cluster_requests = 6;  // Names of queues; the finish message.

/// Of a claim and a completion, around the handler.
constexpr double calls_milliseconds = 10;
constexpr double header_age_milliseconds = 5'000;
constexpr double sweep_milliseconds = 60'000;
constexpr double sweep_read_units = 4;
constexpr double sweep_requests = 5;
// Of a worker once: the names and policies of its queues, the last polls; the cluster.
constexpr double worker_requests = 7;
constexpr double worker_read_units = 4;
// As worker/intake.cpp and worker/gathered_deletions.hpp have it.
constexpr milliseconds slow_handler{1'000};
constexpr milliseconds wait_worth_a_receive{500};
constexpr milliseconds deletion_wait{1'000};

double divided_up(double value, double by) { return std::ceil(value / by); }
double units_of(double bytes) { return std::max(1.0, divided_up(bytes, write_unit_bytes)); }

/// Arithmetic on one workload; all counts as decimals, since there is nothing to overflow.
class Estimate {
 public:
  explicit Estimate(const Workload& workload)
      : workload_(workload),
        tasks_(static_cast<double>(workload.task_count)),
        workers_(static_cast<double>(std::max<std::uint64_t>(1, workload.worker_count))),
        jobs_(static_cast<double>(std::max<std::size_t>(1, workload.jobs))),
        milliseconds_(static_cast<double>(std::max<std::int64_t>(0, workload.task_duration.count()))) {}

  [[nodiscard]] CostEstimate make() {
    estimate_.duration =
        milliseconds(static_cast<std::int64_t>((milliseconds_ + calls_milliseconds) * tasks_ / (workers_ * jobs_)));
    if (workload_.is_single) {
      add_records();
    } else {
      add_creation();
      add_payloads();
      add_tracking();
    }
    add_kept();
    add_queue();
    add_watching();
    return estimate_;
  }

 private:
  void add_creation() {
    estimate_.write_units += cluster_write_units;
    estimate_.read_units += cluster_read_units;
    estimate_.sqs_requests += cluster_requests;
  }

  [[nodiscard]] double pages() const {
    const double by_count = static_cast<double>(Pages::page_count_max);
    // A page is full with the task that reaches its limit.
    const double by_bytes = 1 + std::floor(static_cast<double>(Pages::page_bytes_max) /
                                           static_cast<double>(std::max<std::uint64_t>(1, workload_.payload_bytes)));
    return divided_up(tasks_, std::min(by_count, by_bytes));
  }

  /// Written once before the header, read once to be sent.
  void add_payloads() {
    const double bytes = tasks_ * static_cast<double>(workload_.payload_bytes + page_entry_bytes) +
                         pages() * static_cast<double>(page_head_bytes);
    if (workload_.has_bucket) {
      estimate_.s3_puts += pages();
      estimate_.s3_gets += pages();
    } else {
      estimate_.write_units += divided_up(bytes, write_unit_bytes) + pages();
      estimate_.read_units += divided_up(bytes, read_unit_bytes) + pages();
    }
  }

  void add_tracking() {
    if (workload_.task_count == 0) return;
    const TreeShape shape(workload_.task_count);
    const double together = static_cast<double>(std::clamp<std::uint64_t>(workload_.claimed_together, 1, tree_radix));
    // A claim and a completion; neighbours lie in two leaves at times.
    const double leaves_touched = 1 + (together - 1) / static_cast<double>(tree_radix);
    estimate_.write_units += 2 * tasks_ / together * leaves_touched;
    // Each node that gets full is one write on the one above, and the right edge is marked once.
    for (std::size_t level = 0; level + 1 < shape.node_counts.size(); ++level)
      estimate_.write_units += static_cast<double>(shape.node_counts[level]);
    estimate_.write_units += static_cast<double>(shape.node_counts.size());
  }

  /// State and body are two items; then a claim and a completion.
  void add_records() {
    const double body_units = units_of(static_cast<double>(workload_.payload_bytes + attempt_item_bytes));
    estimate_.write_units += tasks_ * (3 + body_units);
    estimate_.sqs_requests += 1;
  }

  /// Beside what says that a task is done.
  void add_kept() {
    for (const std::uint64_t bytes : {workload_.result_bytes, workload_.output_bytes}) {
      if (bytes > 0) estimate_.write_units += tasks_ * units_of(static_cast<double>(bytes + attempt_item_bytes));
    }
    estimate_.write_units += tasks_ * extensions();
  }

  /// How often a task's lease is extended: at each third of it.
  [[nodiscard]] double extensions() const {
    const double third = std::max(1.0, static_cast<double>(workload_.lease.count()) / 3);
    return std::floor(milliseconds_ / third);
  }

  void add_queue() {
    const double message_bytes = static_cast<double>(workload_.payload_bytes + envelope_bytes);
    const bool is_offloaded = message_bytes > static_cast<double>(sqs_bytes_max);
    const double batch = static_cast<double>(sqs_batch_count_max);
    // Pages are sent one by one: each ends in a batch that is not full.
    const double page = std::min(tasks_, static_cast<double>(Pages::page_count_max));
    const double sends = page > 0 ? tasks_ / page * divided_up(page, batch) : 0;
    const double bytes = is_offloaded ? 0 : tasks_ * message_bytes;
    const double receives = tasks_ / receive_count();
    if (is_offloaded && workload_.has_bucket) {
      estimate_.s3_puts += tasks_;
      estimate_.s3_gets += tasks_;
    }
    estimate_.sqs_requests += std::max(sends, bytes / request_bytes) + std::max(receives, bytes / request_bytes);
    estimate_.sqs_requests += tasks_ / deletion_count();
    // Changes of visibility of what one worker runs go together.
    estimate_.sqs_requests += tasks_ * extensions() / std::min(jobs_, batch);
  }

  /// Messages of one receive.
  [[nodiscard]] double receive_count() const {
    const double batch = static_cast<double>(sqs_batch_count_max);
    if (milliseconds_ >= static_cast<double>(slow_handler.count())) return 1;
    if (milliseconds_ <= 0) return batch;
    const double begun_soon = static_cast<double>(wait_worth_a_receive.count()) / milliseconds_ * jobs_;
    // Asked for when half of it has gone.
    return std::clamp(std::min(2 * batch, begun_soon) / 2, 1.0, batch);
  }

  /// Messages of one deletion: those that end while the first one waits.
  [[nodiscard]] double deletion_count() const {
    const double batch = static_cast<double>(sqs_batch_count_max);
    if (milliseconds_ <= 0) return batch;
    return std::clamp(static_cast<double>(deletion_wait.count()) * jobs_ / milliseconds_, 1.0, batch);
  }

  /// The header again and again, and the sweep.
  void add_watching() {
    const auto duration = static_cast<double>(estimate_.duration.count());
    const double sweeps = 1 + duration / sweep_milliseconds;
    estimate_.read_units +=
        workers_ * (worker_read_units + duration / header_age_milliseconds + sweeps * sweep_read_units);
    estimate_.sqs_requests += workers_ * (worker_requests + sweeps * sweep_requests);
  }

  const Workload& workload_;
  double tasks_;
  double workers_;
  double jobs_;
  double milliseconds_;
  CostEstimate estimate_{};
};

}  // namespace

double CostEstimate::cost(const Prices& prices) const noexcept {
  return (sqs_requests * prices.sqs_request + write_units * prices.dynamodb_write_unit +
          read_units * prices.dynamodb_read_unit + s3_puts * prices.s3_put + s3_gets * prices.s3_get) /
         million;
}

CostEstimate estimate_cost(const Workload& workload) { return Estimate(workload).make(); }

}  // namespace fanfold::aws
