#include "queue_contract.hpp"

namespace fanfold::conformance {
namespace {

/// Ends of single messages that name the delivery to be deleted.
class MessageEndContract : public QueueContract {
 protected:
  MessageEndContract() {
    QueueAttributes attributes;
    attributes.fifo = true;
    fifo_ = fresh_queue(attributes, ".fifo");
  }

  struct Held {
    Delivery delivery{};
    ClaimRequest claim{};
  };
  /// Takes the queue's next message and claims its record.
  [[nodiscard]] Held hold(const std::string& id, milliseconds visibility, std::string url = {}) const {
    Held held;
    auto deliveries = receive(1, visibility, std::move(url));
    EXPECT_EQ(deliveries.size(), 1U);
    if (!deliveries.empty()) held.delivery = std::move(deliveries.front());
    held.claim = claim_request({RecordType::message, id, 0, 0, false});
    held.claim.record = NewMessage{.id = id,
                                   .url = url_,
                                   .type = RecordType::message,
                                   .body = Json::from_valid_text("1"),
                                   .meta = std::nullopt,
                                   .created_at = now_,
                                   .expires_at = now_ + 24h};
    EXPECT_EQ(claim(held.claim, now_).outcome, ClaimOutcome::claimed);
    return held;
  }
  [[nodiscard]] EndRequest end_of(const Held& held, Verdict verdict, std::string url = {}) const {
    EndRequest request = end_request(held.claim.ref, held.claim.token, verdict);
    request.message = DeliveredMessage{url.empty() ? url_ : url, held.delivery.receipt_handle};
    return request;
  }

  std::string fifo_;
};

TEST_P(MessageEndContract, DeletesTheMessageOrLeavesThatToWhoeverAsks) {
  for (const Verdict verdict : {Verdict::done, Verdict::failed}) {
    const std::string id = fresh_id();
    send(id);
    const Held held = hold(id, 1s);
    const EndAnswers answers = end(end_of(held, verdict), now_);
    ASSERT_EQ(answers.outcomes.at(0), EndOutcome::ended);
    if (!answers.is_deleted(0)) remove(held.delivery, url_);
    pass(1s + 100ms);
    EXPECT_TRUE(receive().empty());
    const EndAnswers again = end(end_of(held, verdict), now_);
    EXPECT_EQ(again.outcomes.at(0), EndOutcome::ended) << "a repeated request finds its own write";
    EXPECT_EQ(again.is_deleted(0), answers.is_deleted(0));
  }
}

TEST_P(MessageEndContract, OfALateHolderTouchesNoMessage) {
  const std::string id = fresh_id();
  send(id);
  const Held late = hold(id, 1s);
  ClaimRequest successor = claim_request(late.claim.ref);
  successor.lease_end = now_ + 2 * lease_;
  ASSERT_EQ(claim(successor, now_ + lease_).outcome, ClaimOutcome::claimed);
  const EndAnswers lost = end(end_of(late, Verdict::done), now_ + lease_);
  EXPECT_EQ(lost.outcomes.at(0), EndOutcome::lease_lost);
  EXPECT_FALSE(lost.is_deleted(0));
  ASSERT_EQ(end(end_request(successor.ref, successor.token, Verdict::done), now_ + lease_).outcomes.at(0),
            EndOutcome::ended);
  const EndAnswers already = end(end_of(late, Verdict::done), now_ + lease_);
  EXPECT_EQ(already.outcomes.at(0), EndOutcome::already);
  EXPECT_FALSE(already.is_deleted(0));
  pass(1s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(MessageEndContract, WithAStaleReceiptDeletesNothing) {
  if (!capabilities().knows_stale_receipts) GTEST_SKIP() << "this server takes receipts of earlier deliveries";
  const std::string id = fresh_id();
  send(id);
  const Held held = hold(id, 1s);
  pass(1s + 100ms);
  ASSERT_EQ(receive(1, 1s).size(), 1U);
  EXPECT_EQ(end(end_of(held, Verdict::done), now_).outcomes.at(0), EndOutcome::ended);
  pass(1s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(MessageEndContract, WithARetryKeepsTheMessage) {
  const std::string id = fresh_id();
  send(id);
  const Held held = hold(id, 1s);
  EndRequest request = end_of(held, Verdict::retry);
  request.retry_at = now_ + 1s;
  const EndAnswers answers = end(request, now_);
  EXPECT_EQ(answers.outcomes.at(0), EndOutcome::ended);
  EXPECT_FALSE(answers.is_deleted(0));
  pass(1s + 100ms);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(MessageEndContract, DeletesOnlyTheMessagesThatAreNamed) {
  std::vector<Held> held;
  std::vector<EndRequest> requests;
  for (int i = 0; i < 3; ++i) {
    const std::string id = fresh_id();
    send(id);
    held.push_back(hold(id, 1s));
    requests.push_back(end_of(held.back(), Verdict::done));
  }
  requests[1].message.reset();
  const EndAnswers answers = ledger().end(requests, now_).value();
  EXPECT_FALSE(answers.is_deleted(1));
  for (const std::size_t i : {0U, 2U}) {
    if (!answers.is_deleted(i)) remove(held[i].delivery, url_);
  }
  pass(1s + 100ms);
  const auto left = receive();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].message_id, held[1].delivery.message_id);
}

TEST_P(MessageEndContract, SetsTheRestOfItsFifoGroupFree) {
  const std::string id = fresh_id();
  for (int i = 0; i < 2; ++i) {
    OutgoingMessage outgoing = message(id);
    outgoing.group_id = "g";
    outgoing.deduplication_id = fresh_id();
    send(outgoing, fifo_);
  }
  const Held held = hold(id, 30s, fifo_);
  ASSERT_TRUE(receive(1, 30s, fifo_).empty());
  const EndAnswers answers = end(end_of(held, Verdict::done, fifo_), now_);
  if (!answers.is_deleted(0)) remove(held.delivery, fifo_);
  const auto next = receive(1, 30s, fifo_);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_NE(next[0].message_id, held.delivery.message_id);
}

FANFOLD_CONTRACT(MessageEndContract);

}  // namespace
}  // namespace fanfold::conformance
