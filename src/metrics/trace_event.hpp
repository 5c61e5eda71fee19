#pragma once

#include <fanfold/detail/json_writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::metrics {

/// What fanfold writes as a trace begins so, without the bracket before it: with the name of a process.
inline constexpr std::string_view trace_begin = R"({"name":"process_name","ph":"M",)";

/// One event of Chrome's JSON trace format, member by member, as Perfetto and chrome://tracing read it. Texts are
/// UTF-8. Phases are "X" (a span: ts, dur), "i" (an instant), "C" (a counter: each of its arguments) and "M" (a name).
class TraceEvent {
 public:
  TraceEvent(std::string_view name, std::string_view phase, std::int64_t process);

  /// Of the event, or of its arguments once they were begun.
  TraceEvent& member(std::string_view key, std::int64_t value);
  TraceEvent& member(std::string_view key, std::string_view value);
  TraceEvent& count(std::string_view key, std::uint64_t value);
  TraceEvent& decimal(std::string_view key, double value);
  TraceEvent& flag(std::string_view key, bool value);
  /// Numbered from 1, since viewers take thread 0 for the processor that has nothing to do.
  TraceEvent& lane(std::size_t number) { return member("tid", static_cast<std::int64_t>(number)); }
  TraceEvent& begin_args();

  /// The whole object. The last call.
  [[nodiscard]] std::string_view text();

 private:
  std::string text_;
  detail::JsonWriter json_;
  bool has_args_ = false;
};

/// The event that names a process, which a trace begins with, or one of its lanes.
[[nodiscard]] std::string name_of_process(std::int64_t process, std::string_view name);
[[nodiscard]] std::string name_of_lane(std::int64_t process, std::size_t lane, std::string_view name);

}  // namespace fanfold::metrics
