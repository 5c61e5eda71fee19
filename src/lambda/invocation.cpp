#include "lambda/invocation.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <algorithm>
#include <charconv>

namespace fanfold::lambda {

namespace {

using std::chrono::milliseconds;
using SystemTime = std::chrono::sys_time<milliseconds>;

constexpr std::size_t message_bytes_max = 4'096;
constexpr std::size_t request_id_bytes_max = 128;
constexpr milliseconds lease_shortest{1'000};
/// A process is killed a little after its timeout; whoever takes over must not be quicker.
constexpr milliseconds lease_margin{1'000};
constexpr milliseconds unnoticed_max{1'000};

std::string write_error(std::string_view message, std::string_view type) {
  std::string text;
  detail::JsonWriter writer(text);
  writer.begin_object();
  writer.plain_key("errorMessage");
  writer.string(message);
  writer.plain_key("errorType");
  writer.string(type);
  writer.plain_key("stackTrace");
  writer.begin_array();
  writer.end_array();
  writer.end_object();
  return text;
}

/// The first bytes of a text, not ending within a character of UTF-8.
std::string_view cut(std::string_view text) {
  if (text.size() <= message_bytes_max) return text;
  std::size_t size = message_bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return text.substr(0, size);
}

}  // namespace

std::string error_json(const Error& error) {
  std::string message(cut(to_string(error)));
  try {
    return write_error(message, error_type(error));
  } catch (const ErrorException&) {  // Not UTF-8.
    std::ranges::replace_if(
        message, [](char c) { return static_cast<unsigned char>(c) >= 0x80U; }, '?');
    return write_error(message, error_type(error));
  }
}

std::string error_type(const Error& error) { return "fanfold." + std::string(to_string(error.code)); }

std::optional<SystemTime> parse_deadline(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return SystemTime(milliseconds(value));
}

bool is_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= request_id_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

TimePlan plan_time(milliseconds left, milliseconds reserve) noexcept {
  left = std::clamp(left, milliseconds::zero(), timeout_max);
  return {.lease = std::max(left + lease_margin, lease_shortest), .start_until = left - std::min(reserve, left / 2)};
}

bool clock_stood_still(milliseconds wall, milliseconds steady) noexcept { return wall - steady > unnoticed_max; }

std::vector<std::string> names_in(std::string_view text) {
  constexpr std::string_view between = " ,\t\n";
  std::vector<std::string> names;
  for (std::size_t begin = text.find_first_not_of(between); begin != std::string_view::npos;
       begin = text.find_first_not_of(between, begin)) {
    const std::size_t end = std::min(text.find_first_of(between, begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return names;
}

bool is_scheduled(std::string_view event) {
  detail::JsonDocument document;
  if (const auto read = document.read(event); !read) return false;
  const detail::JsonValue root = document.root();
  if (root.kind() != detail::JsonKind::object) return false;
  const auto type = root.find("detail-type");
  return type && type->kind() == detail::JsonKind::string && type->string() == "Scheduled Event";
}

}  // namespace fanfold::lambda
