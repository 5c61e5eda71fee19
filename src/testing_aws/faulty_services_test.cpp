#include "testing_aws/faulty_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/keys.hpp"

namespace fanfold::testing_aws {
namespace {

using namespace std::chrono_literals;
using aws::Clause;
using aws::Item;
using aws::Value;
using testing::Chaos;
using testing::Fault;
using testing::FaultPlan;
using testing::FaultyProcess;
using testing::ManualClock;
using testing::SimulatedCrash;

/// One process before services in memory; it meets only the faults that a test asks for.
struct Faulty {
  ManualClock clock;
  ServicesInMemory services{.table = MemoryTable({.now = [this] { return clock.now(); }})};
  std::shared_ptr<FaultPlan> plan = std::make_shared<FaultPlan>(1, Chaos::nothing());
  std::shared_ptr<FaultyProcess> process =
      std::make_shared<FaultyProcess>(testing::FaultyOptions{.plan = plan, .clock = {}, .on_call = {}});
  std::unique_ptr<aws::Table> table = make_faulty_table(services, process);
  std::unique_ptr<aws::ObjectStore> objects = make_faulty_objects(services, process);

  static aws::UpdateRequest update_of(std::string partition) {
    aws::UpdateRequest request;
    request.key = {std::move(partition), "node"};
    request.set.push_back({"a", Value::of_number(1)});
    request.condition.push_back(Clause::absent("a"));
    return request;
  }
  Result<aws::WriteAnswer> update(const std::string& partition) {
    const aws::UpdateRequest request = update_of(partition);
    return std::move(table->update(std::span(&request, 1)).front());
  }
  std::size_t item_count() { return services.table.items().size(); }
};

TEST(FaultyServices, WithoutFaultsAreTheServices) {
  Faulty faulty;
  EXPECT_FALSE(faulty.update("a").value().refused);
  EXPECT_TRUE(faulty.update("a").value().refused);
  EXPECT_TRUE(faulty.table->get({"a", "node"}, Consistency::eventual).value().has_value());
}

TEST(FaultyServices, ACrashBeforeARequestDoesNotMakeItAndOneAfterDoes) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::crash_before, "table.update");
  EXPECT_THROW(static_cast<void>(faulty.update("a")), SimulatedCrash);
  EXPECT_EQ(faulty.item_count(), 0U);

  Faulty other;
  other.plan->strike_next(Fault::crash_after, "table.update");
  EXPECT_THROW(static_cast<void>(other.update("a")), SimulatedCrash);
  EXPECT_EQ(other.item_count(), 1U);
  EXPECT_FALSE(other.update("b").has_value()) << "the process is dead";
  EXPECT_EQ(other.item_count(), 1U);
}

TEST(FaultyServices, AWriteWhoseAnswerGotLostIsGivenUpOrMeetsItselfWhenItIsSentAgain) {
  bool was_given_up = false;
  bool met_itself = false;
  for (int i = 0; i < 50; ++i) {
    Faulty faulty;
    for (int draw = 0; draw < i; ++draw) static_cast<void>(faulty.plan->below(2));
    faulty.plan->strike_next(Fault::lost_answer, "table.update");
    const auto answer = faulty.update("a");
    EXPECT_EQ(faulty.item_count(), 1U);
    EXPECT_TRUE(!answer || answer->refused);
    (answer ? met_itself : was_given_up) = true;
  }
  EXPECT_TRUE(was_given_up);
  EXPECT_TRUE(met_itself);
}

TEST(FaultyServices, ALateWriteIsMadeAfterItWasGivenUp) {
  Faulty faulty;
  faulty.plan->strike_next(Fault::delayed, "table.update");
  EXPECT_EQ(faulty.update("a").error().code, ErrorCode::unavailable);
  EXPECT_EQ(faulty.item_count(), 0U);
  for (int i = 0; i < 100; ++i) static_cast<void>(faulty.table->get({"b", "node"}, Consistency::strong));
  EXPECT_EQ(faulty.item_count(), 1U);
}

TEST(FaultyServices, ABatchLeavesWhatItDidNotProcess) {
  Faulty faulty;
  aws::BatchWriteRequest request;
  for (const std::string name : {"a", "b", "c"}) request.puts.push_back(Item{{name, "node"}, {}});
  faulty.plan->strike_next(Fault::partial, "table.batch_write");
  const auto rest = faulty.table->batch_write(request).value();
  EXPECT_GE(rest.puts.size(), 1U);
  EXPECT_EQ(faulty.item_count(), 3U - rest.puts.size());
}

TEST(FaultyServices, ATransactionThatMeetsAnotherOneWritesNothing) {
  Faulty faulty;
  const aws::PutRequest put{Item{{"a", "node"}, {}}, {}};
  faulty.plan->strike_next(Fault::conflict, "table.transact");
  EXPECT_TRUE(faulty.table->transact(std::span(&put, 1)).value().refused);
  EXPECT_EQ(faulty.item_count(), 0U);
}

TEST(FaultyServices, AnEventualReadMayLagAndAStrongOneNever) {
  Faulty faulty;
  faulty.update("a").value();
  faulty.clock.advance(1ms);
  faulty.services.table.set_lag(MemoryTable::lag_max);
  EXPECT_FALSE(faulty.services.table.get({"a", "node"}, Consistency::eventual).value().has_value());
  EXPECT_TRUE(faulty.services.table.get({"a", "node"}, Consistency::strong).value().has_value());
  faulty.clock.advance(MemoryTable::lag_max);
  EXPECT_TRUE(faulty.services.table.get({"a", "node"}, Consistency::eventual).value().has_value());
}

TEST(FaultyServices, AnObjectThatRefusesAfterALostAnswerMayBeOnesOwn) {
  bool was_unknown = false;
  for (int i = 0; i < 50; ++i) {
    Faulty faulty;
    for (int draw = 0; draw < i; ++draw) static_cast<void>(faulty.plan->below(2));
    faulty.plan->strike_next(Fault::lost_answer, "objects.put");
    aws::PutObject object;
    object.where = {"bucket", "a"};
    object.if_absent = true;
    const auto answer = faulty.objects->put(object);
    EXPECT_FALSE(answer.has_value());
    EXPECT_EQ(faulty.services.objects.object_count(), 1U);
    was_unknown = was_unknown || answer.error().code == ErrorCode::outcome_unknown;
  }
  EXPECT_TRUE(was_unknown);
}

}  // namespace
}  // namespace fanfold::testing_aws
