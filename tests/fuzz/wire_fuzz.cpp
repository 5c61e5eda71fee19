// Whatever bytes a queue or an event holds, they are read without harm, and a message that is read survives being
// written and read again.
#include <cstdint>
#include <string_view>

#include "support/assert.hpp"
#include "support/trace_context.hpp"
#include "wire/base64.hpp"
#include "wire/envelope_text.hpp"

namespace {

using namespace fanfold;

void check_refusal(const Error& error) {
  const bool expected = error.code == ErrorCode::bad_input || error.code == ErrorCode::unsupported_version;
  FANFOLD_ASSERT(expected, "bytes from outside are bad input or of a newer version");
  FANFOLD_ASSERT(error.message.starts_with('/') || error.message.starts_with("byte "), "a refusal names the place");
  for (const char character : error.message) {
    FANFOLD_ASSERT(static_cast<unsigned char>(character) >= 0x20, "a message has no control characters");
  }
}

void check_envelope(std::string_view text) {
  const auto read = wire::read_envelope(text);
  if (!read) return check_refusal(read.error());
  if (!*read) return;
  const std::string written = wire::write_envelope(**read);
  FANFOLD_ASSERT(wire::read_envelope(written).value() == **read, "a message reads back as it was");
}

void check_delivery(std::string_view text) {
  Delivery delivery;
  delivery.message_id = "4711";
  delivery.text = text;
  const auto content = wire::content_of(delivery);
  if (!content) return check_refusal(content.error());
  delivery.content = *content;
  delivery.text.clear();
  const auto again = wire::delivery_of(wire::record_of(delivery, "queue"));
  FANFOLD_ASSERT(again.has_value() && again->content == *content, "a record is the delivery that it was made of");
}

void check_event(std::string_view text) {
  const auto event = SqsEvent::parse(text);
  if (!event) return check_refusal(event.error());
  for (const SqsRecord& record : event->records) {
    if (record.error) {
      check_refusal(*record.error);
      continue;
    }
    FANFOLD_ASSERT(wire::queue_url_of(record.event_source_arn).has_value(), "what an event accepts means a queue");
    const auto delivery = wire::delivery_of(record);
    if (!delivery) check_refusal(delivery.error());
  }
}

/// Three texts, by lines.
void check_trace(std::string_view text) {
  const TraceContext found = support::found_trace(text);
  const TraceContext trace = support::tolerated_trace(found);
  FANFOLD_ASSERT(support::tolerated_trace(trace) == trace, "what was left is right");
  const auto checked = support::checked_trace(trace);
  FANFOLD_ASSERT(checked.has_value() && *checked == trace, "by the strict rules too");
  FANFOLD_ASSERT(trace.empty() || trace.trace_id().size() == 32, "what is there names a trace");
  FANFOLD_ASSERT(support::found_trace(support::stored_trace(trace)) == trace, "and comes back from a store");
  if (const auto strict = support::checked_trace(found); strict.has_value())
    FANFOLD_ASSERT(*strict == trace, "nothing that is right is left out");
}

}  // namespace

// The name is libFuzzer's.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_envelope(text);
  check_delivery(text);
  check_event(text);
  check_trace(text);
  if (const auto bytes = wire::decode_base64(text)) {
    FANFOLD_ASSERT(bytes->size() <= text.size() / 4 * 3, "base64 only shrinks");
  }
  return 0;
}
