#include "net/http.hpp"

#include <algorithm>
#include <array>

namespace fanfold::net {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view white_space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

enum CharacterClass : std::uint8_t { in_names = 1, control = 2 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 0x20; ++c) classes[c] = c == '\t' ? 0 : control;
  classes[0x7f] = control;
  for (unsigned c = 0; c < 26; ++c) classes['a' + c] = classes['A' + c] = in_names;
  for (unsigned c = 0; c < 10; ++c) classes['0' + c] = in_names;
  for (const unsigned char c : {'-', '_', '.'}) classes[c] = in_names;
  return classes;
}
constexpr std::array<std::uint8_t, 256> classes = make_classes();

bool has_control_character(std::string_view text) noexcept {
  unsigned all = 0;
  for (const char c : text) all |= classes[static_cast<unsigned char>(c)];
  return (all & control) != 0;
}

bool is_name(std::string_view name) noexcept {
  unsigned all = in_names;
  for (const char c : name) all &= classes[static_cast<unsigned char>(c)];
  return !name.empty() && all != 0;
}

/// The number written in exactly these digits; -1 where they are none.
int digits(std::string_view text) noexcept {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

void RequestHeaders::clear() noexcept {
  text_.clear();
  lines_.clear();
  invalid_line_.reset();
}

void RequestHeaders::truncate(std::size_t count) noexcept {
  if (count >= lines_.size()) return;
  text_.resize(lines_[count].begin);
  lines_.resize(count);
  if (invalid_line_ && *invalid_line_ >= count) invalid_line_.reset();
}

void RequestHeaders::add(std::string_view name, std::string_view value) {
  if (!invalid_line_ && (!is_name(name) || has_control_character(value))) invalid_line_ = lines_.size();
  if (lines_.empty()) lines_.reserve(line_count_expected);
  lines_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())});
  const std::size_t size = text_.size() + name.size() + value.size() + 3;
  if (size > text_.capacity()) text_.reserve(std::max(size, text_bytes_expected));
  text_.append(name).append(": ").append(value);
  text_ += '\0';
}

RequestHeaders::Header RequestHeaders::operator[](std::size_t index) const noexcept {
  const Line& line = lines_[index];
  const std::string_view text(text_);
  return {text.substr(line.begin, line.name_size), text.substr(line.begin + line.name_size + 2, line.value_size)};
}

std::string_view RequestHeaders::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (const Header header = (*this)[i]; header.name == name) return header.value;
  }
  return {};
}

std::optional<std::string_view> RequestHeaders::invalid_name() const noexcept {
  if (!invalid_line_) return std::nullopt;
  return (*this)[*invalid_line_].name;
}

std::optional<std::string_view> ResponseHeaders::find(std::string_view name) const noexcept {
  std::string_view rest(lines_);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.size() > name.size() && line[name.size()] == ':' &&
        equal_ignoring_case(line.substr(0, name.size()), name)) {
      return trimmed(line.substr(name.size() + 1));
    }
  }
  return std::nullopt;
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept {
  // "Mon, 24 Nov 2026 09:30:00 GMT"
  constexpr std::size_t date_size = 29;
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != date_size || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  if (text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  const int day = digits(text.substr(5, 2));
  const int year = digits(text.substr(12, 4));
  const int hour = digits(text.substr(17, 2));
  const int minute = digits(text.substr(20, 2));
  const int second = digits(text.substr(23, 2));
  if (month == months.end() || day < 1 || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace fanfold::net
