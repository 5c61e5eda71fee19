#pragma once

#include "testing_aws/faulty_services.hpp"

namespace fanfold::testing_aws {

inline constexpr std::size_t send_count_max = 3;          ///< Of one request, by the service's client.
inline constexpr std::uint64_t late_call_count_max = 30;  ///< A late write comes after so many calls at most.

/// Makes one request, sent again by half where its answer did not come: then it may be made twice.
template <class Make>
auto send(ServicesInMemory& services, testing::FaultyProcess& process, std::string_view name, Make&& make)
    -> decltype(make()) {
  services.late.pass();
  auto answer = process.call(name, make);
  for (std::size_t count = 1; count < send_count_max && !answer; ++count) {
    const bool is_silent = answer.error().code == ErrorCode::unavailable || answer.error().code == ErrorCode::throttled;
    if (!is_silent || process.dead() || process.plan().below(2) == 0) break;
    answer = process.call(name, make);
  }
  return answer;
}

/// True where this write is given up now and made later. `write` is kept and must own what it writes.
template <class Write>
bool is_late(ServicesInMemory& services, testing::FaultyProcess& process, std::string_view name, Write&& write) {
  if (process.dead() || !process.plan().strikes(testing::Fault::delayed, name)) return false;
  services.late.add(1 + process.plan().below(late_call_count_max), std::forward<Write>(write));
  return true;
}

}  // namespace fanfold::testing_aws
