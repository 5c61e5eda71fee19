#include "cli/duration.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct Unit {
  std::string_view name;
  std::chrono::milliseconds length;
};
constexpr std::array<Unit, 5> units{{{"d", std::chrono::days(1)},
                                     {"h", std::chrono::hours(1)},
                                     {"m", std::chrono::minutes(1)},
                                     {"s", std::chrono::seconds(1)},
                                     {"ms", std::chrono::milliseconds(1)}}};
constexpr std::chrono::milliseconds duration_max = std::chrono::days(3652);

Error refused(std::string_view text, std::size_t at, std::string_view why) {
  return {
      ErrorCode::bad_input,
      fmt::format("'{}' is no duration: {} at character {}; write for instance 30s, 5m, 12h or 4d", text, why, at + 1),
      {}};
}

std::size_t letters_at(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && text[at + count] >= 'a' && text[at + count] <= 'z') ++count;
  return count;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  std::chrono::milliseconds total{0};
  std::size_t at = 0;
  std::size_t unit_min = 0;
  do {
    std::int64_t count = 0;
    const auto [end, code] = std::from_chars(text.data() + at, text.data() + text.size(), count);
    if (code == std::errc::result_out_of_range) return refused(text, at, "the number is too large");
    if (code != std::errc{} || count < 0) return refused(text, at, "a number is missing");
    at = static_cast<std::size_t>(end - text.data());
    const std::size_t length = letters_at(text, at);
    std::size_t unit = unit_min;
    while (unit < units.size() && units[unit].name != text.substr(at, length)) ++unit;
    if (unit == units.size()) return refused(text, at, "a unit (ms, s, m, h, d; larger ones first) is missing");
    if (count > duration_max / units[unit].length) return refused(text, at, "more than ten years");
    total += count * units[unit].length;
    at += length;
    unit_min = unit + 1;
  } while (at < text.size());
  if (total > duration_max) return refused(text, 0, "more than ten years");
  return total;
}

std::string duration_text(std::chrono::milliseconds duration) {
  std::string text;
  for (const Unit& unit : units) {
    const auto count = duration / unit.length;
    if (count == 0) continue;
    text += fmt::format("{}{}", count, unit.name);
    duration -= count * unit.length;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace fanfold::cli
