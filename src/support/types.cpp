#include <fanfold/types.hpp>

#include <array>
#include <charconv>

namespace fanfold {

namespace {

void append_padded(std::string& text, unsigned value, int width) {
  std::array<char, 12> digits{};
  const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(code);
  const auto length = static_cast<int>(end - digits.data());
  for (int i = length; i < width; ++i) text += '0';
  text.append(digits.data(), end);
}

/// Exactly `width` digits at `position`, or nothing.
std::optional<unsigned> digits_at(std::string_view text, std::size_t position, std::size_t width) {
  if (position + width > text.size()) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(position, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

Error bad_time(std::string_view text) {
  return {ErrorCode::bad_input, "expected a UTC time such as 2026-11-24T09:30:00.000Z",
          std::string(text.substr(0, 64))};
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_id(std::string_view text) {
  constexpr std::size_t id_bytes_max = 200;
  if (text.empty() || text.size() > id_bytes_max) return false;
  for (const char c : text) {
    const bool allowed =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (!allowed) return false;
  }
  return true;
}

}  // namespace

std::string to_iso8601(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text;
  text.reserve(24);
  append_padded(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  text += '-';
  append_padded(text, static_cast<unsigned>(date.month()), 2);
  text += '-';
  append_padded(text, static_cast<unsigned>(date.day()), 2);
  text += 'T';
  append_padded(text, static_cast<unsigned>(clock.hours().count()), 2);
  text += ':';
  append_padded(text, static_cast<unsigned>(clock.minutes().count()), 2);
  text += ':';
  append_padded(text, static_cast<unsigned>(clock.seconds().count()), 2);
  text += '.';
  append_padded(text, static_cast<unsigned>(clock.subseconds().count()), 3);
  text += 'Z';
  return text;
}

Result<Time> parse_iso8601(std::string_view text) {
  const auto year = digits_at(text, 0, 4);
  const auto month = digits_at(text, 5, 2);
  const auto day = digits_at(text, 8, 2);
  const auto hour = digits_at(text, 11, 2);
  const auto minute = digits_at(text, 14, 2);
  const auto second = digits_at(text, 17, 2);
  const bool shaped = year && month && day && hour && minute && second && text[4] == '-' && text[7] == '-' &&
                      text[10] == 'T' && text[13] == ':' && text[16] == ':' && text.back() == 'Z';
  if (!shaped || *hour > 23 || *minute > 59 || *second > 59) return bad_time(text);
  unsigned millisecond = 0;
  if (text.size() != 20) {
    const auto fraction = digits_at(text, 20, 3);
    if (!fraction || text.size() != 24 || text[19] != '.') return bad_time(text);
    millisecond = *fraction;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return bad_time(text);
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + std::chrono::milliseconds(millisecond);
}

MessageKey MessageKey::of_message(std::string_view id) {
  std::string key(key_prefix);
  key += id;
  return MessageKey(std::move(key));
}

MessageKey MessageKey::of_task(std::string_view cluster_id, std::uint64_t index) {
  std::string partition(key_prefix);
  partition += cluster_id;
  std::array<char, 20> digits{};
  const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), index);
  static_cast<void>(code);
  std::string range = partition;
  range += '#';
  range.append(digits.data(), end);
  return {std::move(partition), std::move(range)};
}

Result<KeyParts> parse_key(const MessageKey& key) {
  const auto without_prefix = [](std::string_view text) {
    return text.starts_with(key_prefix) ? text.substr(key_prefix.size()) : text;
  };
  const std::string_view partition = without_prefix(key.p_key);
  const std::string_view range = key.r_key.empty() ? partition : without_prefix(key.r_key);
  const std::string_view id = range.substr(0, range.find('#'));
  const bool same_id = partition == id || partition == range;
  if (!is_id(id) || !same_id) {
    return Error{ErrorCode::bad_input, "expected a key such as SQSMessage$<id> or SQSMessage$<id>#<index>",
                 key.p_key + " " + key.r_key};
  }
  KeyParts parts{.id = std::string(id), .index = std::nullopt};
  if (id.size() == range.size()) return parts;
  parts.index = whole_number(range.substr(id.size() + 1));
  if (!parts.index) return Error{ErrorCode::bad_input, "expected a task's index after '#' in its key", key.r_key};
  return parts;
}

std::string_view to_string(RecordType type) noexcept {
  switch (type) {
    case RecordType::cluster: return "cluster";
    case RecordType::task: return "task";
    case RecordType::message: break;
  }
  return "message";
}

std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::pre_flight: return "PRE FLIGHT";
    case Status::in_progress: return "IN PROGRESS";
    case Status::complete: return "COMPLETE";
    case Status::error: break;
  }
  return "ERROR";
}

std::optional<RecordType> record_type_from(std::string_view stored_name) noexcept {
  for (const RecordType type : {RecordType::cluster, RecordType::task, RecordType::message}) {
    if (to_string(type) == stored_name) return type;
  }
  return std::nullopt;
}

std::optional<Status> status_from(std::string_view stored_name) noexcept {
  for (const Status status : {Status::pre_flight, Status::in_progress, Status::complete, Status::error}) {
    if (to_string(status) == stored_name) return status;
  }
  return std::nullopt;
}

}  // namespace fanfold
