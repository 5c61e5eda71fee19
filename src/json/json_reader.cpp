#include <fanfold/detail/json_reader.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

namespace fanfold::detail {
namespace {

constexpr std::size_t pointer_segment_bytes_max = 128;

struct Level {
  bool is_object = false;
  bool wants_key = false;
  std::string_view key;  // as written, without the quotes
  bool has_key = false;
  std::size_t index = 0;
};

/// Offset behind the string that begins at `begin`, or the size of `text` where it does not end.
std::size_t string_end(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : text.size();
}

void append_segment(std::string& pointer, std::string_view key) {
  std::size_t size = key.size();
  if (size > pointer_segment_bytes_max) {
    size = pointer_segment_bytes_max;
    while (size > 0 && (static_cast<unsigned char>(key[size]) & 0xC0) == 0x80) --size;
  }
  for (const char character : key.substr(0, size)) {
    if (character == '~') {
      pointer += "~0";
    } else if (character == '/') {
      pointer += "~1";
    } else {
      pointer += character;
    }
  }
  if (size < key.size()) pointer += "...";
}

std::string pointer_of(const std::vector<Level>& levels) {
  std::string pointer;
  for (const Level& level : levels) {
    if (level.is_object && !level.has_key) break;
    pointer += '/';
    if (level.is_object) {
      append_segment(pointer, level.key);
    } else {
      pointer += std::to_string(level.index);
    }
  }
  return pointer;
}

template <class T>
std::optional<T> from_text(std::string_view text) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return value;
}

Error bad_input(std::string message) { return {ErrorCode::bad_input, std::move(message), {}}; }

std::string shown_pointer(const JsonValue& value) {
  std::string pointer = value.pointer();
  return pointer.empty() ? "/" : pointer;
}

}  // namespace

std::string_view to_string(JsonKind kind) noexcept {
  static constexpr std::array<std::string_view, 7> names{"null",   "boolean", "integer", "number",
                                                         "string", "array",   "object"};
  return names[static_cast<std::size_t>(kind)];
}

std::string json_pointer_behind(std::string_view prefix) {
  std::vector<Level> levels;
  for (std::size_t at = 0; at < prefix.size();) {
    switch (prefix[at]) {
      case '{':
        levels.emplace_back().is_object = true;
        levels.back().wants_key = true;
        break;
      case '[': levels.emplace_back(); break;
      case '}':
      case ']': levels.pop_back(); break;
      case ',':
        levels.back().wants_key = levels.back().is_object;
        levels.back().has_key = false;
        ++levels.back().index;
        break;
      case '"': {
        const std::size_t end = string_end(prefix, at);
        if (!levels.empty() && levels.back().wants_key) {
          Level& level = levels.back();
          level.key = prefix.substr(at + 1, end - at - 2);
          level.has_key = true;
          level.wants_key = false;
        }
        at = end;
        continue;
      }
      default: break;
    }
    ++at;
  }
  return pointer_of(levels);
}

std::string JsonValue::pointer() const { return json_pointer_behind(document_->text_.substr(0, node_->begin)); }

std::optional<double> JsonValue::float64() const noexcept {
  if (kind() != JsonKind::integer && kind() != JsonKind::number) return std::nullopt;
  return from_text<double>(text());
}

std::optional<float> JsonValue::float32() const noexcept {
  if (kind() != JsonKind::integer && kind() != JsonKind::number) return std::nullopt;
  if (const auto value = from_text<float>(text())) return value;
  // What is too small for a float is near zero, not out of range.
  const auto wide = from_text<double>(text());
  if (!wide || std::fabs(*wide) > static_cast<double>(std::numeric_limits<float>::max())) return std::nullopt;
  return static_cast<float>(*wide);
}

Error json_error_at(const JsonValue& value, std::string_view reason) {
  std::string message = shown_pointer(value);
  message += ": ";
  message += reason;
  return bad_input(std::move(message));
}

Error json_error_expected(const JsonValue& value, std::string_view expected) {
  std::string reason{"expected "};
  reason += expected;
  reason += ", got ";
  reason += to_string(value.kind());
  return json_error_at(value, reason);
}

std::string text_of(const JsonValue& object, std::string_view key) {
  const auto member = object.find(key);
  return member && member->kind() == JsonKind::string ? std::string(member->string()) : std::string();
}

Error json_error_missing(const JsonValue& object, std::string_view key) {
  std::string message = object.pointer();
  message += '/';
  append_segment(message, key);
  message += ": missing";
  return bad_input(std::move(message));
}

Error json_error_inside(const JsonValue& value, Error error) {
  std::string_view inner = error.message;
  const bool is_root = inner.substr(0, 3) == "/: ";
  if (is_root) inner.remove_prefix(1);
  std::string message = is_root ? shown_pointer(value) : value.pointer();
  if (!is_root && (inner.empty() || inner.front() != '/')) message = shown_pointer(value) + ": ";
  message += inner;
  error.message = std::move(message);
  return error;
}

}  // namespace fanfold::detail
