#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "json/utf8.hpp"

namespace fanfold::detail {
namespace {

/// For each byte: 0 plain, 'u' an escape by number, 8 not ASCII, otherwise the letter behind the backslash.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  for (std::size_t byte = 0x80; byte < 0x100; ++byte) escapes[byte] = 8;
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  return escapes;
}
constexpr std::array<char, 256> escapes = make_escapes();
constexpr char not_ascii = 8;

char escape_of(char character) noexcept { return escapes[static_cast<unsigned char>(character)]; }

/// True where one of eight bytes is a quote, a backslash, a control character or not ASCII.
bool any_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word; };
  const std::uint64_t quotes = has_zero(bytes ^ (ones * '"'));
  const std::uint64_t backslashes = has_zero(bytes ^ (ones * '\\'));
  const std::uint64_t controls = (bytes - ones * 0x20) & ~bytes;
  return ((quotes | backslashes | controls | bytes) & high_bits) != 0;
}

/// Number of leading characters that need no look at all.
std::size_t plain_prefix_size(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, sizeof(bytes));
    if (any_special(bytes)) break;
  }
  while (at < text.size() && escape_of(text[at]) == 0) ++at;
  return at;
}

void append_escape(std::string& out, char character) {
  const char letter = escape_of(character);
  if (letter != 'u') {
    out += '\\';
    out += letter;
    return;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(character);
  const std::array<char, 6> escape{'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xF]};
  out.append(escape.data(), escape.size());
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 32> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): to_chars fills what is used
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), written.ptr);
}

}  // namespace

void JsonWriter::integer(std::int64_t value) {
  separate();
  append_number(out_, value);
  needs_comma_ = true;
}

void JsonWriter::unsigned_integer(std::uint64_t value) {
  separate();
  append_number(out_, value);
  needs_comma_ = true;
}

void JsonWriter::number(double value) {
  separate();
  if (!std::isfinite(value)) refuse_here("a number that is not finite has no JSON form");
  append_number(out_, value);
  needs_comma_ = true;
}

void JsonWriter::number(float value) {
  separate();
  if (!std::isfinite(value)) refuse_here("a number that is not finite has no JSON form");
  append_number(out_, value);
  needs_comma_ = true;
}

void JsonWriter::json(const Json& value) {
  separate();
  const std::string& text = value.text();
  const auto brackets = std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{');
  if (static_cast<std::size_t>(brackets) > json_depth_max - depth_) {
    JsonDocument document;
    if (!document.read(text, {.depth = json_depth_max - depth_}).has_value()) refuse_depth();
  }
  out_.append(text);
  needs_comma_ = true;
}

void JsonWriter::check_size() const {
  if (out_.size() - start_ <= json_size_bytes_max) return;
  throw ErrorException(
      {ErrorCode::too_large, "a JSON text has at most " + std::to_string(json_size_bytes_max) + " bytes", {}});
}

void JsonWriter::append_escaped(std::string_view text) {
  const std::size_t before = out_.size();
  out_ += '"';
  for (;;) {
    const std::size_t plain = plain_prefix_size(text);
    out_.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (escape_of(text.front()) != not_ascii) {
      append_escape(out_, text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::size_t size = utf8_sequence_size(text);
    if (size == 0) {
      out_.resize(before);  // the pointer is that of the value, not of a half-written key
      refuse_here("not valid UTF-8");
    }
    out_.append(text.data(), size);
    text.remove_prefix(size);
  }
  out_ += '"';
}

void JsonWriter::refuse_here(std::string_view reason) const {
  std::string message = json_pointer_behind(std::string_view(out_).substr(start_));
  if (message.empty()) message = "/";
  message += ": ";
  message += reason;
  throw ErrorException({ErrorCode::invalid_argument, std::move(message), {}});
}

void JsonWriter::refuse_depth() const { refuse_here("deeper than " + std::to_string(json_depth_max) + " levels"); }

}  // namespace fanfold::detail
