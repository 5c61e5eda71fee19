#pragma once

#include <fanfold/types.hpp>

#include <stop_token>

namespace fanfold {

/// The only source of time for core, engine and worker decisions. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  /// UTC now. A backend with a service of its own answers the service's time plus elapsed monotonic time.
  [[nodiscard]] virtual Time now() = 0;

  /// Blocks until `time` or until `stop` is requested, whichever is first.
  virtual void sleep_until(Time time, std::stop_token stop) = 0;
};

}  // namespace fanfold
