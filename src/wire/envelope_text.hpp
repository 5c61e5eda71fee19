#pragma once

#include <fanfold/ports/queue.hpp>
#include <fanfold/sqs_event.hpp>

/// The text form of messages (docs/wire-format.md). Pure functions; thread-safe.
namespace fanfold::wire {

/// Version that is written, and the newest that is read.
inline constexpr std::uint32_t format_version = 1;

/// The message's JSON text. Throws ErrorException where a name is not UTF-8.
[[nodiscard]] std::string write_envelope(const Envelope& content);

/// Reads a message of fanfold's own; empty where the text is somebody else's: not an object with the member `fanfold`.
/// Errors: unsupported_version; bad_input with the path to the field, or the byte where it is not JSON.
[[nodiscard]] Result<std::optional<Envelope>> read_envelope(std::string_view text);

/// What a delivery says, whoever sent it. A foreign JSON text is the body of a message whose id is the queue's, without
/// an end of life (`expires_at` is zero). Errors: as read_envelope; a foreign text that is not JSON is bad_input too.
[[nodiscard]] Result<Envelope> content_of(const Delivery& delivery);

/// The url that an event source means: made from an ARN of SQS in any AWS partition, or the name of an embedded queue
/// as it is. Errors: bad_input (an ARN of another service, of an unknown partition, or cut short).
[[nodiscard]] Result<std::string> queue_url_of(std::string_view event_source);

/// A delivery as clients see it. The queue's url stands where an event has the ARN.
[[nodiscard]] SqsRecord record_of(const Delivery& delivery, std::string_view queue_url);

/// Message attributes that say that a body may be a pointer to where the message's text is kept; the second is what
/// older clients write.
inline constexpr std::string_view extended_size_name = "ExtendedPayloadSize";
inline constexpr std::string_view legacy_size_name = "SQSLargePayloadSize";
/// Whether the record has one of them.
[[nodiscard]] bool is_extended(const SqsRecord& record);

/// Attributes that tell of a message's trace: SQS's own for X-Ray, and two of the message in which programs that are
/// traced by OpenTelemetry send what other messages of fanfold have in their text.
inline constexpr std::string_view aws_trace_name = "AWSTraceHeader";
inline constexpr std::string_view trace_parent_name = "traceparent";
inline constexpr std::string_view trace_state_name = "tracestate";

/// The delivery that a record stands for, its content decoded; of an extended record `is_pointer` is set and nothing
/// decoded. Errors: as content_of, and bad_input for attributes that are no numbers.
[[nodiscard]] Result<Delivery> delivery_of(const SqsRecord& record);

}  // namespace fanfold::wire
