#include "core/lease.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time begin{seconds(1'000'000)};
constexpr milliseconds lease{30'000};
constexpr milliseconds no_cap{std::chrono::hours(12)};

TEST(Lease, EndsBeforeTheVisibilityDoes) {
  const Time visible_at = begin + visibility_for(lease);
  EXPECT_EQ(first_lease_end(begin, lease, visible_at), visible_at - lease_margin);
  EXPECT_EQ(first_lease_end(begin + seconds(5), lease, visible_at), visible_at - lease_margin);
}

TEST(Lease, LastsItsWholeTimeWhereTheVisibilityIsNotKnown) {
  EXPECT_EQ(first_lease_end(begin, lease, Time{}), begin + lease);
}

TEST(Lease, IsNeverLongerThanAskedFor) {
  EXPECT_EQ(first_lease_end(begin, lease, begin + std::chrono::hours(1)), begin + lease);
}

TEST(Lease, LastsAMomentEvenWhereTheDeliveryIsAboutToShowUpAgain) {
  EXPECT_EQ(first_lease_end(begin, lease, begin - seconds(3)), begin + lease_margin);
  EXPECT_EQ(first_lease_end(begin, milliseconds(200), begin), begin + milliseconds(200));
}

TEST(Lease, IsExtendedAtAThird) {
  const Time end = begin + lease;
  EXPECT_EQ(next_lease_step(begin + seconds(9), begin, end, lease, no_cap),
            (LeaseStep{LeaseStep::Kind::wait, begin + seconds(10)}));
  EXPECT_EQ(next_lease_step(begin + seconds(10), begin, end, lease, no_cap),
            (LeaseStep{LeaseStep::Kind::extend, begin + seconds(40)}));
}

TEST(Lease, IsExtendedUpToTheCapOnlyAndThenLetGo) {
  const milliseconds cap = seconds(35);
  EXPECT_EQ(next_lease_step(begin + seconds(10), begin, begin + lease, lease, cap),
            (LeaseStep{LeaseStep::Kind::extend, begin + cap}));
  EXPECT_EQ(next_lease_step(begin + seconds(34), begin, begin + cap, lease, cap),
            (LeaseStep{LeaseStep::Kind::wait, begin + cap}));
  EXPECT_EQ(next_lease_step(begin + seconds(35), begin, begin + cap, lease, cap),
            (LeaseStep{LeaseStep::Kind::let_go, begin + cap}));
}

TEST(Visibility, IsDueOnceAThirdIsOver) {
  const milliseconds visibility = seconds(30);
  EXPECT_FALSE(visibility_is_due(begin + seconds(9), begin + visibility, visibility));
  EXPECT_TRUE(visibility_is_due(begin + seconds(10), begin + visibility, visibility));
}

TEST(Visibility, IsCappedAtWhatTheServiceAllows) { EXPECT_EQ(visibility_for(visibility_max), visibility_max); }

}  // namespace
}  // namespace fanfold::core
