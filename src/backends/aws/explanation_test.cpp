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

/// What `verify` says the progress of a large running cluster is compared with: nothing, since it is a guess.
TEST(Explanation, ComparesNoEstimateWithARecount) {
  constexpr std::uint64_t leaf_count = 200;  // Every other one is looked at.
  testing::MemoryStore store;
  testing_aws::MemoryTable table;
  const auto blobs = make_item_blobs(table, store.clock());
  Backend backend = store.backend();
  backend.ledger = std::make_unique<AwsLedger>(table, *blobs, store.clock());
  AwsLedger ledger(table, *blobs, store.clock());
  const Client client = make_client(std::move(backend));
  const std::vector<int> tasks(leaf_count * tree_radix, 1);
  const Cluster cluster = client.create_message_cluster("work", tasks).value();
  const std::string id = cluster.key.p_key.substr(key_prefix.size());
  for (std::uint64_t leaf = 1; leaf < leaf_count; leaf += 2) {
    ClaimRequest claim;
    claim.ref = {RecordType::task, id, 0, leaf * tree_radix, false};
    claim.token = ledger.new_token();
    claim.lease_end = store.clock().now() + 30s;
    ASSERT_EQ(ledger.claim(std::span(&claim, 1), store.clock().now()).value().front().outcome, ClaimOutcome::claimed);
    const EndRequest done = TestLedger::end_of(claim);
    ledger.end(std::span(&done, 1), store.clock().now()).value();
  }
  const Progress progress = client.progress(cluster.key).value();
  EXPECT_TRUE(progress.estimated);
  const Verification verification = client.verify(cluster.key).value();
  EXPECT_EQ(verification.recount.done_count, leaf_count / 2);
  EXPECT_NE(progress.done_count, verification.recount.done_count) << "the sample happens to be right: no test";
  EXPECT_TRUE(verification.holds());
}

TEST(Explanation, TellsOfPayloadsThatAreInAnotherBucket) {
  testing::MemoryStore store;
  testing_aws::MemoryTable table;
  testing_aws::MemoryTable bucket;
  testing_aws::MemoryTable other_bucket;
  const auto open = [&](Blobs& blobs) {
    Backend backend = store.backend();
    backend.ledger = std::make_unique<AwsLedger>(table, blobs, store.clock());
    return make_client(std::move(backend));
  };
  const auto blobs = make_item_blobs(bucket, store.clock());
  const auto other_blobs = make_item_blobs(other_bucket, store.clock());
  const Client right = open(*blobs);
  const Client wrong = open(*other_blobs);
  const Cluster cluster = right.create_message_cluster("work", std::vector<int>{1, 2, 3}).value();
  EXPECT_EQ(right.list_tasks(cluster.key, {}).value().tasks.at(2).body.text(), "3");
  const auto listed = wrong.list_tasks(cluster.key, {});
  ASSERT_FALSE(listed.has_value());
  EXPECT_EQ(listed.error().code, ErrorCode::damaged);
  EXPECT_THAT(listed.error().message, ::testing::HasSubstr("missing from task 0 on: they are in a bucket"));
  EXPECT_FALSE(
      wrong.get_message_record(MessageKey::of_task(cluster.key.p_key.substr(key_prefix.size()), 1)).has_value());
}

}  // namespace
}  // namespace fanfold::aws
