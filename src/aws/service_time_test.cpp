#include "aws/service_time.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono;

const ServiceTime::Steady start{hours(5)};
const Time local = Time(sys_days(2026y / November / 24) + hours(7));
constexpr const char* service_date = "Tue, 24 Nov 2026 09:30:05 GMT";
const Time service = Time(sys_days(2026y / November / 24) + hours(9) + minutes(30) + seconds(5));

TEST(ServiceTime, IsLocalUntilAServiceToldBetter) {
  ServiceTime time;
  EXPECT_EQ(time.at(start, local), local);
  time.observe("garbage", start, start);
  EXPECT_EQ(time.at(start, local), local);
}

TEST(ServiceTime, IsTheServicesWhateverTheLocalClockSays) {
  ServiceTime time;
  time.observe(service_date, start, start + milliseconds(100));
  const Time told = time.at(start, local);
  EXPECT_GE(told, service - milliseconds(100));
  EXPECT_LE(told, service + seconds(1));
  EXPECT_EQ(time.at(start + minutes(7), local), told + minutes(7));
}

TEST(ServiceTime, GetsMoreExactWithEveryAnswer) {
  // The service's clock stands at …05.900 when the steady clock stands at `start`.
  ServiceTime time;
  time.observe("Tue, 24 Nov 2026 09:30:05 GMT", start, start);
  time.observe("Tue, 24 Nov 2026 09:30:06 GMT", start + milliseconds(120), start + milliseconds(120));
  time.observe("Tue, 24 Nov 2026 09:30:06 GMT", start + milliseconds(1050), start + milliseconds(1050));
  const Time told = time.at(start, local);
  EXPECT_GE(told, service + milliseconds(880));
  EXPECT_LE(told, service + milliseconds(950));
}

TEST(ServiceTime, FollowsAClockThatWasSet) {
  ServiceTime time;
  time.observe("Tue, 24 Nov 2026 09:30:05 GMT", start, start);
  time.observe("Tue, 24 Nov 2026 10:30:05 GMT", start, start);
  EXPECT_GE(time.at(start, local), service + hours(1));
}

}  // namespace
}  // namespace fanfold::aws
