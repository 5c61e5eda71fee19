#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::lambda {

/// The longest timeout that a function can have; what the deadline says is never believed to be further away.
inline constexpr std::chrono::milliseconds timeout_max{15 * 60'000};
/// The longest answer that Lambda takes ("6 MB", as its refusals count them).
inline constexpr std::size_t answer_bytes_max = 6'291'556;

/// One event, and what came with it.
struct Invocation {
  std::string request_id{};
  std::string trace_id{};                                                      ///< Empty where there is none.
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> deadline{};  ///< By this machine's clock.
  std::string event{};
  std::optional<Error> damage{};  ///< The event did not arrive whole: it can only be answered with this.
};

/// An error in the form that Lambda shows to people: {"errorMessage", "errorType", "stackTrace"}. Text that is not
/// UTF-8 loses what is not ASCII; a message is cut at 4 KiB.
[[nodiscard]] std::string error_json(const Error& error);
/// The same error's type as a header: "fanfold.bad_input".
[[nodiscard]] std::string error_type(const Error& error);

/// Whole milliseconds since 1970, as the header says; empty for anything else.
[[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_deadline(std::string_view text);
/// Whether this can be part of a path as it is.
[[nodiscard]] bool is_request_id(std::string_view text) noexcept;

/// How one event's time is used.
struct TimePlan {
  std::chrono::milliseconds lease;        ///< Of what is claimed: until the process is killed, and a moment more.
  std::chrono::milliseconds start_until;  ///< From now on: nothing more is started after it.
};
/// `left` is until the function's timeout.
[[nodiscard]] TimePlan plan_time(std::chrono::milliseconds left, std::chrono::milliseconds reserve) noexcept;

/// Whether the process was frozen in a way that its steady clock did not notice, by what two clocks say of one wait.
[[nodiscard]] bool clock_stood_still(std::chrono::milliseconds wall, std::chrono::milliseconds steady) noexcept;

/// Names with white space or commas between them.
[[nodiscard]] std::vector<std::string> names_in(std::string_view text);

/// An event that EventBridge sends by a schedule.
[[nodiscard]] bool is_scheduled(std::string_view event);

}  // namespace fanfold::lambda
