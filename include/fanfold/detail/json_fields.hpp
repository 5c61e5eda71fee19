#pragma once

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>
#include <fanfold/types.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// The half of <fanfold/json.hpp> that needs no template: tables of names in, values out.
namespace fanfold::detail {

struct JsonEnumeratorEntry {
  std::uint64_t value = 0;
  std::string_view name;
};

/// One member of a described struct. `clear` is set where the key may be missing.
struct JsonField {
  std::string_view name;
  bool (*read)(JsonValue json, void* object, Error& error);
  void (*clear)(void* object);
};

template <class Entries>
constexpr bool names_are_plain_and_distinct(const Entries& entries) {
  for (std::size_t index = 0; index < entries.size(); ++index) {
    for (const char character : entries[index].name) {
      if (character < ' ' || character > '~' || character == '"' || character == '\\') return false;
    }
    for (std::size_t earlier = 0; earlier < index; ++earlier) {
      if (entries[earlier].name == entries[index].name) return false;
    }
  }
  return true;
}

/// Reads the members of `object` that have a key in `json`. `seen` has room for `count` flags, all false.
[[nodiscard]] bool read_fields(JsonValue json, const JsonField* fields, std::size_t count, bool* seen, void* object,
                               Error& error);

/// The entry that `json` names; null with `error` set where there is none.
[[nodiscard]] const JsonEnumeratorEntry* read_enumerator(JsonValue json, const JsonEnumeratorEntry* entries,
                                                         std::size_t count, Error& error);

/// Throws ErrorException with invalid_argument where `value` is no enumerator.
void write_enumerator(JsonWriter& writer, const JsonEnumeratorEntry* entries, std::size_t count, std::uint64_t value);

/// "2026-11-24T09:30:00.000Z". Throws ErrorException with invalid_argument where its year has more than four digits: it
/// could not be read back.
void write_time(JsonWriter& writer, Time time);
[[nodiscard]] bool read_time(JsonValue json, Time& value, Error& error);

/// "expected integer, got …", or the range where it is an integer outside of it.
[[nodiscard]] Error json_error_integer(const JsonValue& value, std::int64_t lowest, std::uint64_t highest);
[[nodiscard]] Error json_error_number(const JsonValue& value);
[[nodiscard]] Error json_error_count(const JsonValue& array, std::size_t expected);

/// Sets `error`; always false, so that a reader returns it.
[[nodiscard]] inline bool refuse(Error& error, Error reason) {
  error = std::move(reason);
  return false;
}

}  // namespace fanfold::detail
