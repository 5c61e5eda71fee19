#pragma once

#include <fanfold/types.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <string_view>

namespace fanfold::aws {

/// The services' clock, learnt from the Date headers of their answers, so that a machine whose clock is wrong signs
/// with the right time and leases mean the same to all. Thread-safe.
///
/// A Date is whole seconds, cut; each answer says that the service's clock stood somewhere in that second between the
/// moment the request left and the moment the answer came. What all answers allow together gets narrower with each.
class ServiceTime {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  /// Local UTC until an answer told better; then the service's, moved on by the steady clock.
  [[nodiscard]] Time now() const;
  /// The same for a given reading of the two local clocks.
  [[nodiscard]] Time at(Steady steady, Time local) const;

  /// Takes the Date of an answer into account. Anything but an HTTP date is ignored.
  void observe(std::string_view date, Steady sent, Steady received);

 private:
  using Offset = std::chrono::milliseconds;  ///< Service's time since 1970 minus the steady clock's reading.
  struct Bounds {
    Offset lower;
    Offset upper;
  };

  mutable std::mutex mutex_;
  std::optional<Bounds> bounds_;  // guarded by mutex_
};

}  // namespace fanfold::aws
