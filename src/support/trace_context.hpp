#pragma once

#include <fanfold/result.hpp>
#include <fanfold/trace_context.hpp>

#include <string_view>

/// The texts of trace contexts: https://www.w3.org/TR/trace-context-2/ and
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
namespace fanfold::support {

/// What a program gave, with the parent that follows from an X-Ray header alone. Errors: invalid_argument that names
/// the member.
[[nodiscard]] Result<TraceContext> checked_trace(const TraceContext& given);

/// What came from outside: the same, but without what is wrong.
[[nodiscard]] TraceContext tolerated_trace(TraceContext found);

/// One text for stores that have one column. `found_trace` is the way back; a text of neither form is a parent.
[[nodiscard]] std::string stored_trace(const TraceContext& trace);
[[nodiscard]] TraceContext found_trace(std::string_view stored);

}  // namespace fanfold::support
