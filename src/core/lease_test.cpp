#include "core/lease.hpp"

#include <gtest/gtest.h>

namespace fanfold::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time start{seconds(1'000'000)};
constexpr milliseconds lease{30'000};
constexpr milliseconds no_cap{std::chrono::hours(12)};

TEST(Lease, EndsBeforeTheVisibilityDoes) {
  const Time visible_at = start + visibility_for(lease);
  EXPECT_EQ(first_lease_end(start, lease, visible_at), visible_at - lease_margin);
  EXPECT_EQ(first_lease_end(start + seconds(5), lease, visible_at), visible_at - lease_margin);
}

TEST(Lease, LastsItsWholeTimeWhereTheVisibilityIsNotKnown) {
  EXPECT_EQ(first_lease_end(start, lease, Time{}), start + lease);
}

TEST(Lease, IsNeverLongerThanAskedFor) {
  EXPECT_EQ(first_lease_end(start, lease, start + std::chrono::hours(1)), start + lease);
}

TEST(Lease, LastsAMomentEvenWhereTheDeliveryIsAboutToShowUpAgain) {
  EXPECT_EQ(first_lease_end(start, lease, start - seconds(3)), start + lease_margin);
  EXPECT_EQ(first_lease_end(start, milliseconds(200), start), start + milliseconds(200));
}

TEST(Lease, IsExtendedAtAThird) {
  const Time end = start + lease;
  EXPECT_EQ(next_lease_step(start + seconds(9), start, end, lease, no_cap),
            (LeaseStep{LeaseStep::Kind::wait, start + seconds(10)}));
  EXPECT_EQ(next_lease_step(start + seconds(10), start, end, lease, no_cap),
            (LeaseStep{LeaseStep::Kind::extend, start + seconds(40)}));
}

TEST(Lease, IsExtendedUpToTheCapOnlyAndThenLetGo) {
  const milliseconds cap = seconds(35);
  EXPECT_EQ(next_lease_step(start + seconds(10), start, start + lease, lease, cap),
            (LeaseStep{LeaseStep::Kind::extend, start + cap}));
  EXPECT_EQ(next_lease_step(start + seconds(34), start, start + cap, lease, cap),
            (LeaseStep{LeaseStep::Kind::wait, start + cap}));
  EXPECT_EQ(next_lease_step(start + seconds(35), start, start + cap, lease, cap),
            (LeaseStep{LeaseStep::Kind::let_go, start + cap}));
}

TEST(Visibility, IsDueOnceAThirdIsOver) {
  const milliseconds visibility = seconds(30);
  EXPECT_FALSE(visibility_is_due(start + seconds(9), start + visibility, visibility));
  EXPECT_TRUE(visibility_is_due(start + seconds(10), start + visibility, visibility));
}

TEST(Visibility, IsCappedAtWhatTheServiceAllows) { EXPECT_EQ(visibility_for(visibility_max), visibility_max); }

}  // namespace
}  // namespace fanfold::core
