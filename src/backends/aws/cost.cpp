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
/// Of an attempt that follows another one: its claim and its end. What was delivered before is read first.
constexpr double retry_write_units = 2;
constexpr double retry_read_units = 1;
constexpr std::uint64_t error_bytes = 300;

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
        round_tasks_(static_cast<double>(workload.round_task_count)),
        retries_(static_cast<double>(workload.retry_count)),
        attempts_(tasks_ + round_tasks_ + retries_),
        workers_(static_cast<double>(std::max<std::uint64_t>(1, workload.worker_count))),
        jobs_(static_cast<double>(std::max<std::size_t>(1, workload.jobs))),
        milliseconds_(static_cast<double>(std::max<std::int64_t>(0, workload.task_duration.count()))) {}

  [[nodiscard]] CostEstimate make() {
    estimate_.duration =
        milliseconds(static_cast<std::int64_t>((milliseconds_ + calls_milliseconds) * attempts_ / (workers_ * jobs_)));
    if (workload_.is_single) {
      add_records();
    } else {
      if (!workload_.is_sent) add_creation(1);
      if (!workload_.is_sent) add_payloads();
      add_tracking(workload_.task_count);
      add_rounds();
    }
    add_failures();
    add_kept();
    add_queue();
    add_watching();
    return estimate_;
  }

 private:
  void add_creation(double count) {
    estimate_.write_units += count * cluster_write_units;
    estimate_.read_units += count * cluster_read_units;
    estimate_.sqs_requests += count * cluster_requests;
  }

  /// Each is a tree of its own; payloads are read again to be sent.
  void add_rounds() {
    if (workload_.round_count == 0) return;
    const auto count = static_cast<double>(workload_.round_count);
    add_creation(count);
    add_tracking(workload_.round_task_count);
    const double bytes = round_tasks_ * static_cast<double>(workload_.payload_bytes + page_entry_bytes);
    if (workload_.has_bucket)
      estimate_.s3_gets += std::min(round_tasks_, pages() * count);
    else
      estimate_.read_units += divided_up(bytes, read_unit_bytes) + count;
  }

  /// An error for each attempt that failed; those that were tried again are claimed, put back and received once more.
  void add_failures() {
    const auto failed = static_cast<double>(workload_.failed_count);
    const double error_units = units_of(static_cast<double>(error_bytes + attempt_item_bytes));
    estimate_.write_units += retries_ * retry_write_units + (retries_ + failed) * error_units;
    estimate_.read_units += retries_ * retry_read_units;
    estimate_.sqs_requests += retries_;
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

  void add_tracking(std::uint64_t count) {
    if (count == 0) return;
    const TreeShape shape(count);
    const double together = static_cast<double>(std::clamp<std::uint64_t>(workload_.claimed_together, 1, tree_radix));
    // A claim and a completion; neighbours lie in two leaves at times.
    const double leaves_touched = 1 + (together - 1) / static_cast<double>(tree_radix);
    estimate_.write_units += 2 * static_cast<double>(count) / together * leaves_touched;
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
    const auto add = [&](double count, std::uint64_t bytes) {
      if (bytes > 0) estimate_.write_units += count * units_of(static_cast<double>(bytes + attempt_item_bytes));
    };
    add(tasks_, workload_.result_bytes);
    add(attempts_, workload_.output_bytes);
    estimate_.write_units += attempts_ * extensions();
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
    const double sent = (workload_.is_sent ? 0 : tasks_) + round_tasks_;
    const double sends = page > 0 ? sent / page * divided_up(page, batch) : 0;
    const double receives = attempts_ / receive_count();
    if (is_offloaded && workload_.has_bucket) {
      estimate_.s3_puts += sent;
      estimate_.s3_gets += attempts_;
    }
    const auto charged = [&](double requests, double messages) {
      return std::max(requests, is_offloaded ? 0 : messages * message_bytes / request_bytes);
    };
    estimate_.sqs_requests += charged(sends, sent) + charged(receives, attempts_);
    estimate_.sqs_requests += (tasks_ + round_tasks_) / deletion_count();
    // Changes of visibility of what one worker runs go together.
    estimate_.sqs_requests += attempts_ * extensions() / std::min(jobs_, batch);
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
  double round_tasks_;
  double retries_;
  double attempts_;
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
