#include <fanfold/testing/faults.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace fanfold::testing {
namespace {

using namespace std::chrono_literals;

struct Faulty {
  MemoryStore store{};
  std::shared_ptr<FaultPlan> plan = std::make_shared<FaultPlan>(1, Chaos::nothing());
  Backend backend = with_faults(store.backend(), {.plan = plan, .clock = {}, .on_call = {}});

  Result<std::vector<Result<std::string>>> send(std::size_t count = 1) {
    const std::vector<OutgoingMessage> messages(count);
    return backend.queue->send("work", messages);
  }
  std::size_t sent_count() { return store.backend().queue->counts("work").value().visible_count; }
  Result<std::vector<Delivery>> receive() { return backend.queue->receive("work", {.wait = 0ms}, {}); }
};

TEST(Faults, WithoutChaosLeaveThePortsAsTheyAre) {
  Faulty faulty;
  EXPECT_TRUE(faulty.send().value().front().has_value());
  EXPECT_EQ(faulty.receive().value().size(), 1U);
}

TEST(Faults, ACrashBeforeACallDoesNotMakeIt) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::crash_before, "queue.send");
  EXPECT_THROW(static_cast<void>(faulty.send()), SimulatedCrash);
  EXPECT_EQ(faulty.sent_count(), 0U);
}

TEST(Faults, ACrashAfterACallMadeIt) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::crash_after, "queue.send");
  EXPECT_THROW(static_cast<void>(faulty.send()), SimulatedCrash);
  EXPECT_EQ(faulty.sent_count(), 1U);
}

TEST(Faults, ADeadProcessDoesNothingAnyMore) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::crash_before, "queue.send");
  EXPECT_THROW(static_cast<void>(faulty.send()), SimulatedCrash);
  const auto late = faulty.send();
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::unavailable);
  EXPECT_EQ(faulty.sent_count(), 0U);
}

TEST(Faults, ALostAnswerWasApplied) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::lost_answer, "queue.send");
  EXPECT_EQ(faulty.send().error().code, ErrorCode::unavailable);
  EXPECT_EQ(faulty.sent_count(), 1U);
}

TEST(Faults, ARefusalWasNotApplied) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::refused, "queue.send");
  EXPECT_TRUE(is_retryable(faulty.send().error().code));
  EXPECT_EQ(faulty.sent_count(), 0U);
}

TEST(Faults, APartialSendTellsWhichEntryWasRefused) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::partial, "queue.send");
  const auto answers = faulty.send(4).value();
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(std::count_if(answers.begin(), answers.end(), [](const auto& answer) { return answer.has_value(); }), 3);
  EXPECT_EQ(faulty.sent_count(), 3U);
}

TEST(Faults, APartialClaimIsMadeInPartAndAnswersNothing) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::partial, "ledger.claim");
  std::vector<ClaimRequest> requests(4);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].ref.id = std::to_string(i);
    requests[i].token = faulty.backend.ledger->new_token();
    requests[i].record = NewMessage{.id = std::to_string(i)};
  }
  EXPECT_EQ(faulty.backend.ledger->claim(requests, Time()).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(faulty.backend.ledger->read_record({"0", std::nullopt}, Consistency::strong).has_value());
  EXPECT_FALSE(faulty.backend.ledger->read_record({"3", std::nullopt}, Consistency::strong).has_value());
}

TEST(Faults, ADuplicateDeliveryIsVisibleToOthersAtOnce) {
  Faulty faulty;
  EXPECT_TRUE(faulty.send().value().front().has_value());
  faulty.plan->strike_next(Fault::duplicate, "queue.receive");
  const auto first = faulty.receive().value();
  const auto second = faulty.receive().value();
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(first[0].message_id, second[0].message_id);
}

TEST(Faults, ADelayedReceiveLosesDeliveriesForAWhile) {
  Faulty faulty;
  EXPECT_TRUE(faulty.send().value().front().has_value());
  faulty.plan->strike_next(Fault::delayed, "queue.receive");
  EXPECT_TRUE(faulty.receive().value().empty());
  faulty.store.clock().advance(61s);
  EXPECT_EQ(faulty.receive().value().size(), 1U);
}

TEST(Faults, ACrashIsNoException) { EXPECT_FALSE((std::is_base_of_v<std::exception, SimulatedCrash>)); }

TEST(Faults, ComeAgainWithTheirSeed) {
  const auto struck = [](std::uint64_t seed) {
    FaultPlan plan(seed, Chaos::everything());
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += plan.strikes(Fault::delayed, "queue.receive") ? 'x' : '.';
    return pattern;
  };
  EXPECT_EQ(struck(7), struck(7));
  EXPECT_NE(struck(7), struck(8));
  EXPECT_NE(struck(7).find('x'), std::string::npos);
}

TEST(Faults, AreCountedByCallAndKind) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::refused, "queue.send");
  static_cast<void>(faulty.send().has_value());
  static_cast<void>(faulty.send().has_value());
  const auto coverage = faulty.plan->coverage();
  const auto found = coverage.find(std::pair<std::string, Fault>("queue.send", Fault::refused));
  ASSERT_NE(found, coverage.end());
  EXPECT_EQ(found->second.possible, 2U);
  EXPECT_EQ(found->second.struck, 1U);
}

}  // namespace
}  // namespace fanfold::testing
