#include "aws/service_time.hpp"

#include "net/http.hpp"

#include <algorithm>

namespace fanfold::aws {

using std::chrono::milliseconds;

Time ServiceTime::now() const {
  return at(std::chrono::steady_clock::now(), std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
}

Time ServiceTime::at(Steady steady, Time local) const {
  const std::lock_guard lock(mutex_);
  if (!bounds_) return local;
  const Offset middle = bounds_->lower + (bounds_->upper - bounds_->lower) / 2;
  return Time(std::chrono::floor<milliseconds>(steady.time_since_epoch()) + middle);
}

void ServiceTime::observe(std::string_view date, Steady sent, Steady received) {
  const std::optional<std::chrono::sys_seconds> second = net::parse_http_date(date);
  if (!second) return;
  const milliseconds begin = second->time_since_epoch();
  const Bounds told{begin - std::chrono::ceil<milliseconds>(received.time_since_epoch()),
                    begin + std::chrono::seconds(1) - std::chrono::floor<milliseconds>(sent.time_since_epoch())};
  const std::lock_guard lock(mutex_);
  if (!bounds_) {
    bounds_ = told;
    return;
  }
  const Bounds both{std::max(bounds_->lower, told.lower), std::min(bounds_->upper, told.upper)};
  // They contradict each other where a clock was set, this machine slept, or two services differ: the newest is right.
  bounds_ = both.lower <= both.upper ? both : told;
}

}  // namespace fanfold::aws
