#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How many calls to AWS this process has made, for whoever watches it. Counted for the whole process, as its sessions
/// share the account's limits. Thread-safe.
namespace fanfold::aws {

enum class CallEnd : std::uint8_t {
  ok,
  refused,  ///< By the service, for good: a condition that did not hold, something that is not there or not permitted.
  throttled,  ///< The service asked for less.
  failed,     ///< No connection, no answer, none that was understood, a fault of the service, no credentials.
  cancelled   ///< Given up here: a stop or a deadline.
};
inline constexpr std::size_t call_end_count = 5;
[[nodiscard]] std::string_view to_string(CallEnd end) noexcept;

using EndCounts = std::array<std::uint64_t, call_end_count>;  ///< By CallEnd.

struct CallCount {
  std::string service{};    ///< "sqs"
  std::string operation{};  ///< "SendMessageBatch"
  EndCounts attempts{};     ///< Requests that were sent.
  EndCounts calls{};        ///< Of one or more attempts each.
};

void count_attempt(std::string_view service, std::string_view operation, CallEnd end);
void count_call(std::string_view service, std::string_view operation, CallEnd end);

/// Those that were called, by service and operation.
[[nodiscard]] std::vector<CallCount> call_counts();

}  // namespace fanfold::aws
