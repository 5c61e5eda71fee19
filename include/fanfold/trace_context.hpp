#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace fanfold {

/// Of a `tracestate`; of an X-Ray header. In bytes.
inline constexpr std::size_t trace_text_bytes_max = 512;

/// The place of a piece of work in its distributed trace, in the words of W3C Trace Context (which OpenTelemetry
/// speaks) and of AWS X-Ray. It is carried from who sends to who handles, as it is: fanfold makes no spans of its own.
/// Given by a program it has to be right, else the call is invalid_argument and names the member; what is wrong in a
/// message that was delivered, or in the environment, is left out.
struct TraceContext {
  /// `traceparent`: 00-<trace id, 32 hexadecimal digits>-<parent id, 16>-<flags, 2>, small letters, no id all zero.
  /// Where it is empty and `aws_header` has a `Parent`, it is made of that, since both name trace and span alike.
  std::string parent{};
  /// `tracestate`: up to 32 members `key=value` with commas between, 512 bytes. Not without a parent.
  std::string state{};
  /// X-Ray's tracing header, `Root=1-<8 digits>-<24>;Parent=<16>;Sampled=1`: the attribute `AWSTraceHeader` of a
  /// message on SQS. 512 bytes. Never made of a parent: X-Ray is told of what asks for it alone.
  std::string aws_header{};

  [[nodiscard]] bool empty() const noexcept { return parent.empty() && aws_header.empty(); }

  /// The trace's 32 hexadecimal digits; empty where this is.
  [[nodiscard]] std::string trace_id() const;

  /// What the variables TRACEPARENT, TRACESTATE and _X_AMZN_TRACE_ID say; empty where they are not set. In a Lambda
  /// function the last one is the invocation's. Not to be called while another thread changes the environment.
  [[nodiscard]] static TraceContext from_environment();

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// A context that many messages have in common, and nothing where they have none: copying it allocates nothing.
class SharedTrace {
 public:
  SharedTrace() = default;
  SharedTrace(TraceContext trace)  // NOLINT(google-explicit-constructor): it is one.
      : trace_(trace.empty() ? nullptr : std::make_shared<const TraceContext>(std::move(trace))) {}

  [[nodiscard]] bool empty() const noexcept { return trace_ == nullptr; }
  /// Null where it is empty.
  [[nodiscard]] const TraceContext* get() const noexcept { return trace_.get(); }
  /// An empty one where it is empty. Lives as long as this does, unless that is assigned to.
  [[nodiscard]] const TraceContext& operator*() const noexcept {
    static const TraceContext none;
    return trace_ ? *trace_ : none;
  }
  [[nodiscard]] const TraceContext* operator->() const noexcept { return &**this; }

  friend bool operator==(const SharedTrace& a, const SharedTrace& b) noexcept {
    return a.trace_ == b.trace_ || *a == *b;
  }

 private:
  std::shared_ptr<const TraceContext> trace_;  // Shared by messages of one cluster; never changed.
};

}  // namespace fanfold
