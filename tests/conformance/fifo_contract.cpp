#include "queue_contract.hpp"

namespace fanfold::conformance {
namespace {

class FifoContract : public QueueContract {
 protected:
  FifoContract() {
    QueueAttributes attributes;
    attributes.fifo = true;
    fifo_ = fresh_queue(attributes, ".fifo");
  }
  std::string send_to(const std::string& group, const std::string& id, const std::string& deduplication_id = {}) const {
    OutgoingMessage outgoing = message(id);
    outgoing.group_id = group;
    outgoing.deduplication_id = deduplication_id.empty() ? fresh_id() : deduplication_id;
    return send(outgoing, fifo_);
  }
  [[nodiscard]] static std::vector<std::string> ids(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> ids;
    for (const Delivery& delivery : deliveries) ids.push_back(delivery.message_id);
    return ids;
  }

  std::string fifo_;
};

TEST_P(FifoContract, DeliversAGroupInOrder) {
  std::vector<std::string> sent;
  for (int i = 0; i < 4; ++i) sent.push_back(send_to("g", std::to_string(i)));
  EXPECT_EQ(ids(receive(4, 30s, fifo_)), sent);
}

TEST_P(FifoContract, AGroupWaitsForItsDeliveryAndOthersGoOn) {
  send_to("g", "1");
  send_to("g", "2");
  const std::string other = send_to("h", "3");
  const auto first = receive(1, 30s, fifo_);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].group_id, "g");
  EXPECT_EQ(ids(receive(10, 30s, fifo_)), std::vector{other});
  remove(first[0], fifo_);
  const auto second = receive(1, 30s, fifo_);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].group_id, "g");
}

TEST_P(FifoContract, AReturnedDeliveryComesBeforeItsSuccessor) {
  const std::string first = send_to("g", "1");
  send_to("g", "2");
  ASSERT_EQ(ids(receive(1, 1s, fifo_)), std::vector{first});
  pass(1s + 100ms);
  EXPECT_EQ(ids(receive(1, 30s, fifo_)), std::vector{first});
}

TEST_P(FifoContract, SwallowsASecondMessageWithTheSameDeduplicationId) {
  send_to("g", "1", "same");
  send_to("g", "1", "same");
  EXPECT_EQ(receive(10, 30s, fifo_).size(), 1U);
}

TEST_P(FifoContract, RemembersADeduplicationIdAfterTheMessageIsGone) {
  if (!capabilities().remembers_deduplication)
    GTEST_SKIP() << "this server forgets deduplication ids with their messages";
  send_to("g", "1", "same");
  const auto deliveries = receive(1, 30s, fifo_);
  ASSERT_EQ(deliveries.size(), 1U);
  remove(deliveries[0], fifo_);
  send_to("g", "1", "same");
  EXPECT_TRUE(receive(10, 30s, fifo_).empty());
}

TEST_P(FifoContract, AMessageWithoutAGroupIsRefused) {
  OutgoingMessage outgoing = message("a");
  outgoing.deduplication_id = fresh_id();
  const auto answers = queue().send(fifo_, std::span(&outgoing, 1)).value();
  ASSERT_EQ(answers.size(), 1U);
  ASSERT_FALSE(answers[0].has_value());
  EXPECT_EQ(answers[0].error().code, ErrorCode::invalid_argument);
}

TEST_P(FifoContract, AGroupOnAStandardQueueIsRefused) {
  OutgoingMessage outgoing = message("a");
  outgoing.group_id = "g";
  const auto answers = queue().send(url_, std::span(&outgoing, 1)).value();
  ASSERT_FALSE(answers.at(0).has_value());
  EXPECT_EQ(answers.at(0).error().code, ErrorCode::invalid_argument);
}

TEST_P(FifoContract, SendingATaskAgainIsNotSwallowed) {
  const ClusterHeader cluster = make_cluster(1);
  TaskRangeMessage range;
  range.common.type = RecordType::task;
  range.common.id = cluster.id;
  range.group_id = "g";
  const auto payloads = bodies(1);
  const TaskMessage one{0, 0, payloads[0].body, 0ms};
  EXPECT_TRUE(queue().send_tasks(fifo_, range, std::span(&one, 1)).value().empty());
  const auto first = receive(1, 30s, fifo_);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(queue().send_tasks(fifo_, range, std::span(&one, 1)).value().empty());
  remove(first[0], fifo_);
  EXPECT_EQ(receive(1, 30s, fifo_).size(), 1U);
}

FANFOLD_CONTRACT(FifoContract);

}  // namespace
}  // namespace fanfold::conformance
