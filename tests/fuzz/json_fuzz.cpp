// Whatever the bytes are, the strict reader answers without harm, and what it accepts survives being written and
// read again.
#include <fanfold/json.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "support/assert.hpp"

namespace fuzzed {

enum class Kind { plain, marked };
BOOST_DESCRIBE_ENUM(Kind, plain, marked)

struct Inner {
  std::int8_t tiny = 0;
  std::uint64_t huge = 0;
  double wide = 0;
  friend bool operator==(const Inner&, const Inner&) = default;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (tiny, huge, wide))

struct Outer {
  std::string text;
  std::optional<bool> flag;
  std::optional<Kind> kind;
  std::vector<Inner> rows;
  std::map<std::string, std::vector<Outer>> named;
  std::tuple<float, std::array<std::int32_t, 2>> mixed;
  fanfold::Json raw;
  friend bool operator==(const Outer&, const Outer&) = default;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (text, flag, kind, rows, named, mixed, raw))

}  // namespace fuzzed

namespace {

using namespace fanfold;
using detail::JsonKind;
using detail::JsonValue;

void check_integer(JsonValue value) {
  const std::string_view text = value.text();
  std::int64_t as_signed = 0;
  std::uint64_t as_unsigned = 0;
  const bool fits_signed = std::from_chars(text.data(), text.data() + text.size(), as_signed).ec == std::errc{};
  // from_chars takes no minus for unsigned types, but minus zero is zero.
  const bool fits_unsigned =
      text == "-0" || std::from_chars(text.data(), text.data() + text.size(), as_unsigned).ec == std::errc{};
  FANFOLD_ASSERT(value.int64() == (fits_signed ? std::optional(as_signed) : std::nullopt), "an int64 is exact");
  FANFOLD_ASSERT(value.uint64() == (fits_unsigned ? std::optional(as_unsigned) : std::nullopt), "a uint64 is exact");
}

void write_again(detail::JsonWriter& writer, JsonValue value) {
  switch (value.kind()) {
    case JsonKind::null: return writer.null();
    case JsonKind::boolean: return writer.boolean(value.boolean());
    case JsonKind::integer:
      check_integer(value);
      if (value.text() == "-0") return writer.json_unchecked(value.text());  // a double's minus zero looks so
      if (const auto number = value.int64()) return writer.integer(*number);
      if (const auto number = value.uint64()) return writer.unsigned_integer(*number);
      return writer.json_unchecked(value.text());
    case JsonKind::number:
      if (const auto number = value.float64()) return writer.number(*number);
      return writer.json_unchecked(value.text());
    case JsonKind::string: return writer.string(value.string());
    case JsonKind::array:
      writer.begin_array();
      for (const JsonValue element : value.elements()) write_again(writer, element);
      return writer.end_array();
    case JsonKind::object:
      writer.begin_object();
      for (const auto& [key, member] : value.members()) {
        writer.key(key);
        write_again(writer, member);
      }
      return writer.end_object();
  }
}

std::string written_again(std::string_view text) {
  detail::JsonDocument document;
  FANFOLD_ASSERT(document.read(text).has_value(), "what was accepted once is accepted again");
  FANFOLD_ASSERT(document.root().text() == text, "the root is the whole text");
  std::string copy;
  detail::JsonWriter writer{copy};
  write_again(writer, document.root());
  return copy;
}

void check_values_stand_alone(JsonValue value, std::size_t& left) {
  if (left == 0) return;
  --left;
  FANFOLD_ASSERT(Json::parse(value.text()).value().text() == value.text(), "a value's text is JSON by itself");
  FANFOLD_ASSERT(value.pointer().empty() || value.pointer().front() == '/', "a pointer begins with a slash");
  if (value.kind() == JsonKind::array) {
    for (const JsonValue element : value.elements()) check_values_stand_alone(element, left);
  } else if (value.kind() == JsonKind::object) {
    for (const auto& [key, member] : value.members()) {
      FANFOLD_ASSERT(value.find(key)->text() == member.text(), "keys are distinct");
      check_values_stand_alone(member, left);
    }
  }
}

void check_refusal(std::string_view text, const Error& error) {
  FANFOLD_ASSERT(error.code == ErrorCode::bad_input, "a refusal is bad_input");
  FANFOLD_ASSERT(error.message.starts_with("byte ") || error.message.starts_with('/'), "a refusal names the place");
  for (const char character : error.message) {
    FANFOLD_ASSERT(static_cast<unsigned char>(character) >= 0x20, "a message has no control characters");
  }
  detail::JsonDocument document;
  const Result<void> read = document.read(text);
  FANFOLD_ASSERT(!read.has_value() && read.error() == error, "both readers refuse with the same words");
}

void check_typed(const Json& json) {
  const Result<fuzzed::Outer> decoded = Codec<fuzzed::Outer>::decode(json);
  if (!decoded.has_value()) {
    FANFOLD_ASSERT(decoded.error().message.starts_with('/'), "a wrong type is named by its path");
    return;
  }
  const Json encoded = Codec<fuzzed::Outer>::encode(*decoded);
  FANFOLD_ASSERT(Codec<fuzzed::Outer>::decode(encoded).value() == *decoded, "a struct reads back as it was");
}

}  // namespace

// The name is libFuzzer's.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const Result<Json> json = Json::parse(text);
  if (!json.has_value()) {
    check_refusal(text, json.error());
    return 0;
  }
  const std::string once = written_again(json->text());
  FANFOLD_ASSERT(written_again(once) == once, "what was written reads back the same");
  detail::JsonDocument document;
  FANFOLD_ASSERT(document.read(json->text()).has_value(), "what was accepted once is accepted again");
  std::size_t left = 200;
  check_values_stand_alone(document.root(), left);
  check_typed(*json);
  return 0;
}
