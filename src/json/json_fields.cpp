#include <fanfold/detail/json_fields.hpp>

#include <string>

namespace fanfold::detail {
namespace {

/// Index of the field called `name`; looks at `expected` first since keys mostly come in the struct's own order.
std::size_t find_field(const JsonField* fields, std::size_t count, std::size_t expected, std::string_view name) {
  for (std::size_t index = expected; index < count; ++index) {
    if (fields[index].name == name) return index;
  }
  for (std::size_t index = 0; index < expected; ++index) {
    if (fields[index].name == name) return index;
  }
  return count;
}

}  // namespace

bool read_fields(JsonValue json, const JsonField* fields, std::size_t count, bool* seen, void* object, Error& error) {
  if (json.kind() != JsonKind::object) return refuse(error, json_error_expected(json, "object"));
  std::size_t expected = 0;
  for (const JsonMemberView member : json.members()) {
    const std::size_t index = find_field(fields, count, expected, member.key);
    if (index == count) continue;
    if (!fields[index].read(member.value, object, error)) return false;
    seen[index] = true;
    expected = index + 1;
  }
  for (std::size_t index = 0; index < count; ++index) {
    if (seen[index]) continue;
    if (fields[index].clear == nullptr) return refuse(error, json_error_missing(json, fields[index].name));
    fields[index].clear(object);
  }
  return true;
}

const JsonEnumeratorEntry* read_enumerator(JsonValue json, const JsonEnumeratorEntry* entries, std::size_t count,
                                           Error& error) {
  if (json.kind() != JsonKind::string) {
    error = json_error_expected(json, "string");
    return nullptr;
  }
  const std::string_view name = json.string();
  for (const JsonEnumeratorEntry* entry = entries; entry != entries + count; ++entry) {
    if (entry->name == name) return entry;
  }
  constexpr std::size_t listed_max = 8;
  std::string reason{"expected one of"};
  for (std::size_t index = 0; index < count && index < listed_max; ++index) {
    reason += index == 0 ? " \"" : ", \"";
    reason += entries[index].name;
    reason += '"';
  }
  reason += count > listed_max ? ", ...; got another string" : ", got another string";
  error = json_error_at(json, reason);
  return nullptr;
}

void write_enumerator(JsonWriter& writer, const JsonEnumeratorEntry* entries, std::size_t count, std::uint64_t value) {
  for (const JsonEnumeratorEntry* entry = entries; entry != entries + count; ++entry) {
    if (entry->value == value) return writer.plain_string(entry->name);
  }
  writer.refuse("a value that is no enumerator has no JSON form");
}

void write_time(JsonWriter& writer, Time time) {
  constexpr Time first = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
  constexpr Time after_last = std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1};
  if (time < first || time >= after_last) writer.refuse("a time outside of the years 0 to 9999 has no JSON form");
  writer.plain_string(to_iso8601(time));
}

bool read_time(JsonValue json, Time& value, Error& error) {
  if (json.kind() != JsonKind::string) return refuse(error, json_error_expected(json, "string"));
  Result<Time> time = parse_iso8601(json.string());
  if (!time.has_value()) return refuse(error, json_error_inside(json, std::move(time).error()));
  value = *time;
  return true;
}

Error json_error_integer(const JsonValue& value, std::int64_t lowest, std::uint64_t highest) {
  if (value.kind() != JsonKind::integer) return json_error_expected(value, "integer");
  return json_error_at(value, "expected integer from " + std::to_string(lowest) + " to " + std::to_string(highest) +
                                  ", got one out of range");
}

Error json_error_number(const JsonValue& value) {
  if (value.kind() != JsonKind::integer && value.kind() != JsonKind::number) {
    return json_error_expected(value, "number");
  }
  return json_error_at(value, "expected number, got one out of range");
}

Error json_error_count(const JsonValue& array, std::size_t expected) {
  return json_error_at(
      array, "expected array of " + std::to_string(expected) + ", got one of " + std::to_string(array.size()));
}

}  // namespace fanfold::detail
