#pragma once

#include "backends/aws/ledger.hpp"
#include "testing_aws/memory_table.hpp"

#include <fanfold/testing/manual_clock.hpp>

/// What tests of the ledger start with.
namespace fanfold::aws {

struct TestLedger {
  explicit TestLedger(Combining combining = Combining::threads) : ledger(table, *blobs, clock, combining) {}

  testing::ManualClock clock;
  testing_aws::MemoryTable table;
  std::unique_ptr<Blobs> blobs = make_item_blobs(table, clock);
  AwsLedger ledger;

  [[nodiscard]] ClusterHeader header(std::uint64_t count, std::string id = "0123456789abcdefghijklmnop") {
    ClusterHeader header;
    header.id = std::move(id);
    header.queue_url = header.finish_queue_url = "https://sqs.eu-central-1.amazonaws.com/123456789012/work";
    header.created_at = header.updated_at = clock.now();
    header.expires_at = clock.now() + std::chrono::days(30);
    header.parent_ended = true;
    header.task_count = count;
    header.round_size = count;
    return header;
  }
  /// Without payloads.
  ClusterHeader cluster(std::uint64_t count) {
    ledger.create_cluster(header(count)).value();
    ledger.seal(header(count).id, clock.now()).value();
    return ledger.read_cluster(header(count).id, Consistency::strong).value();
  }
  [[nodiscard]] ClaimRequest claim_of(const ClusterHeader& cluster, std::uint64_t position) {
    ClaimRequest request;
    request.ref = {RecordType::task, cluster.id, cluster.round, position, false};
    request.token = ledger.new_token();
    request.lease_end = clock.now() + std::chrono::seconds(30);
    return request;
  }
  [[nodiscard]] static EndRequest end_of(const ClaimRequest& claim, Verdict verdict = Verdict::done) {
    EndRequest request;
    request.ref = claim.ref;
    request.index = claim.ref.position;
    request.condition = claim.token;
    request.verdict = verdict;
    request.attempt = 1;
    return request;
  }
};

}  // namespace fanfold::aws
