#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fanfold/client.hpp>
#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>

#include "backends/aws/test_ledger.hpp"

namespace fanfold::aws {

using namespace std::chrono_literals;
namespace {

using testing_aws::CallPhase;

TEST(Explanation, TellsOfTasksWhoseEndsTheClusterDoesNotKnow) {
  testing::MemoryStore store;
  testing_aws::MemoryTable table;
  const auto blobs = make_item_blobs(table, store.clock());
  Backend backend = store.backend();
  backend.ledger = std::make_unique<AwsLedger>(table, *blobs, store.clock());
  const Client client = make_client(std::move(backend));
  const Cluster cluster = client.create_message_cluster("work", std::vector<int>{1}).value();
  const std::string id = cluster.key.p_key.substr(key_prefix.size());

  // A worker that ends the last task, and dies before it finishes the header.
  AwsLedger ledger(table, *blobs, store.clock());
  ClaimRequest claim;
  claim.ref = {RecordType::task, id, 0, 0, false};
  claim.token = ledger.new_token();
  claim.lease_end = store.clock().now() + 30s;
  ledger.claim(std::span(&claim, 1), store.clock().now()).value();
  table.options().hook = [](std::string_view operation, CallPhase) -> std::optional<Error> {
    if (operation != "PutItem") return std::nullopt;
    return Error{ErrorCode::unavailable, "cut off", {}};
  };
  const EndRequest done = TestLedger::end_of(claim);
  EXPECT_FALSE(ledger.end(std::span(&done, 1), store.clock().now()).has_value());
  table.options().hook = {};

  const auto reasons = client.why(cluster.key).value();
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons.front().cause, "every task has ended, and the cluster has not been told of the last one");
  EXPECT_FALSE(client.progress(cluster.key).value().finished);
  client.resume_cluster(cluster.key).value();
  EXPECT_TRUE(client.progress(cluster.key).value().finished) << "what the explanation advises";
}

}  // namespace
}  // namespace fanfold::aws
