#pragma once

/// Struct <-> JSON: includes this header where a type becomes a body, meta, globals or result.
///
///   struct Row { std::string sku; std::int32_t qty; std::optional<double> price; };
///   BOOST_DESCRIBE_STRUCT(Row, (), (sku, qty, price))
///
/// Covered: described structs with their bases, described enums (by name), bool, integers, float, double,
/// std::string, std::optional, std::vector, std::array, std::pair, std::tuple (arrays), std::map and
/// std::unordered_map with string keys (objects), Time (ISO 8601, as everywhere: "2026-11-24T09:30:00.000Z"), Json (as
/// it is), and types with a Codec of their own, as durations need one: in which unit, only their owner knows.
///
/// Reading is strict: "/rows/3/qty: expected integer, got string", "/rows/3/qty: missing". 1.0 is no integer; what
/// does not fit is an error, never cut. Unknown keys are ignored. A missing or null optional is empty; an empty
/// optional member is not written. Stored names that differ from the C++ names: see JsonNames.
#include <fanfold/codec.hpp>
#include <fanfold/detail/json_fields.hpp>
#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fanfold::detail {

template <class T>
inline constexpr bool is_json_optional = false;
template <class T>
inline constexpr bool is_json_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_json_vector = false;
template <class T, class Allocator>
inline constexpr bool is_json_vector<std::vector<T, Allocator>> = true;

template <class T>
inline constexpr bool is_json_map = false;
template <class T, class Order, class Allocator>
inline constexpr bool is_json_map<std::map<std::string, T, Order, Allocator>> = true;
template <class T, class Hash, class Equal, class Allocator>
inline constexpr bool is_json_map<std::unordered_map<std::string, T, Hash, Equal, Allocator>> = true;

template <class T>
inline constexpr bool is_json_tuple = false;
template <class T, std::size_t Size>
inline constexpr bool is_json_tuple<std::array<T, Size>> = true;
template <class First, class Second>
inline constexpr bool is_json_tuple<std::pair<First, Second>> = true;
template <class... T>
inline constexpr bool is_json_tuple<std::tuple<T...>> = true;

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

template <class T>
concept JsonInteger = std::integral<T> && !std::same_as<T, bool> && !is_character<T>;

template <class T>
concept JsonNumber = std::same_as<T, float> || std::same_as<T, double>;

template <class T>
concept HasJsonNames = requires {
  JsonNames<T>::names;
};

template <class T>
concept JsonEnum = std::is_enum_v<T> &&(HasJsonNames<T> || boost::describe::has_describe_enumerators<T>::value);

template <class T>
concept JsonStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// Types for which this header provides a Codec. bool is covered as a part of others alone: Result<bool> is refused.
template <class T>
concept JsonDescribed =
    JsonInteger<T> || JsonNumber<T> || JsonEnum<T> || JsonStruct<T> || std::same_as<T, std::string> ||
    std::same_as<T, Time> || is_json_optional<T> || is_json_vector<T> || is_json_map<T> || is_json_tuple<T>;

/// Types with a Codec from elsewhere; it is preferred wherever such a type appears.
template <class T>
concept HasOwnCodec = Encodable<T> && Decodable<T> && !requires {
  typename Codec<T>::FromJsonHeader;
};

template <class T>
inline constexpr bool never = false;

#define FANFOLD_DETAIL_NO_JSON_FORM \
  "no JSON form: describe the type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM, or specialize fanfold::Codec"

template <class T>
void write_json(JsonWriter& writer, const T& value);

/// False where `json` is not a T; `error` then says where and why, and `value` is unspecified.
template <class T>
[[nodiscard]] bool read_json(JsonValue json, T& value, Error& error);

// ---- enums

template <class E>
constexpr auto described_enumerators() {
  return []<template <class...> class List, class... Enumerator>(List<Enumerator...>) {
    return std::array<JsonEnumeratorEntry, sizeof...(Enumerator)>{
        {{static_cast<std::uint64_t>(Enumerator::value), Enumerator::name}...}};
  }(boost::describe::describe_enumerators<E>{});
}

template <class E>
constexpr auto named_enumerators() {
  std::array<JsonEnumeratorEntry, std::size(JsonNames<E>::names)> entries{};
  for (std::size_t index = 0; index < entries.size(); ++index) {
    entries[index] = {static_cast<std::uint64_t>(JsonNames<E>::names[index].value),
                      JsonNames<E>::names[index].stored_name};
  }
  return entries;
}

template <class E>
constexpr auto enumerators() {
  if constexpr (HasJsonNames<E>) {
    return named_enumerators<E>();
  } else {
    return described_enumerators<E>();
  }
}

template <class E>
struct EnumTable {
  static constexpr auto entries = enumerators<E>();
  static_assert(!entries.empty() && names_are_plain_and_distinct(entries),
                "names in JSON are distinct printable ASCII");
};

// ---- structs

template <class Class>
constexpr bool renamed_members_exist() {
  return []<template <class...> class List, class... Descriptor>(List<Descriptor...>) {
    for (const JsonMember& renamed : JsonNames<Class>::names) {
      if (!((renamed.name == Descriptor::name) || ...)) return false;
    }
    return true;
  }(boost::describe::describe_members<Class, boost::describe::mod_any_access>{});
}

template <class Class, class Member>
constexpr std::string_view stored_member_name(Member Class::*, std::string_view name) {
  if constexpr (HasJsonNames<Class>) {
    static_assert(renamed_members_exist<Class>(), "JsonNames renames a member that the struct itself does not have");
    for (const JsonMember& renamed : JsonNames<Class>::names) {
      if (renamed.name == name) return renamed.stored_name;
    }
  }
  return name;
}

/// What a missing key means for a member of this type.
template <class T>
inline constexpr bool may_be_missing = is_json_optional<T> || std::is_same_v<T, Json>;

template <class T, class Descriptor>
struct Field {
  using Member = std::remove_cvref_t<decltype(std::declval<T&>().*Descriptor::pointer)>;
  static constexpr std::string_view name = stored_member_name(Descriptor::pointer, Descriptor::name);

  static void write(JsonWriter& writer, const T& object) {
    const Member& member = object.*Descriptor::pointer;
    if constexpr (is_json_optional<Member>) {
      if (!member.has_value()) return;
      writer.plain_key(name);
      write_json(writer, *member);
    } else {
      writer.plain_key(name);
      write_json(writer, member);
    }
  }

  static bool read(JsonValue json, void* object, Error& error) {
    return read_json<Member>(json, static_cast<T*>(object)->*Descriptor::pointer, error);
  }
  static void clear(void* object) { static_cast<T*>(object)->*Descriptor::pointer = Member{}; }
  static constexpr JsonField entry() { return {name, read, may_be_missing<Member> ? clear : nullptr}; }
};

template <class T, class List>
struct FieldsOf;
template <class T, template <class...> class List, class... Descriptor>
struct FieldsOf<T, List<Descriptor...>> {
  static constexpr std::size_t count = sizeof...(Descriptor);
  static constexpr std::array<JsonField, count> entries{{Field<T, Descriptor>::entry()...}};
  static_assert(names_are_plain_and_distinct(entries), "names in JSON are distinct printable ASCII");

  static void write(JsonWriter& writer, const T& object) { (Field<T, Descriptor>::write(writer, object), ...); }
};

template <class T>
using Fields =
    FieldsOf<T, boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>>;

template <class T>
bool read_struct(JsonValue json, T& value, Error& error) {
  std::array<bool, Fields<T>::count + 1> seen{};
  return read_fields(json, Fields<T>::entries.data(), Fields<T>::count, seen.data(), &value, error);
}

// ---- containers

template <class T, class Value>
bool read_elements(JsonValue json, Value& value, Error& error) {
  if (json.kind() != JsonKind::array) return refuse(error, json_error_expected(json, "array"));
  value.clear();
  // A hostile text cannot make a small number of bytes reserve a large multiple of them.
  constexpr std::size_t reserve_bytes_max = 1 << 20;
  const std::size_t count_max = reserve_bytes_max / sizeof(T);
  value.reserve(json.size() < count_max ? json.size() : count_max);
  for (const JsonValue element : json.elements()) {
    if constexpr (std::is_same_v<T, bool>) {
      bool read = false;
      if (!read_json<T>(element, read, error)) return false;
      value.push_back(read);
    } else {
      if (!read_json<T>(element, value.emplace_back(), error)) return false;
    }
  }
  return true;
}

template <class Value>
bool read_members(JsonValue json, Value& value, Error& error) {
  if (json.kind() != JsonKind::object) return refuse(error, json_error_expected(json, "object"));
  value.clear();
  for (const JsonMemberView member : json.members()) {
    auto& mapped = value.try_emplace(std::string(member.key)).first->second;
    if (!read_json<typename Value::mapped_type>(member.value, mapped, error)) return false;
  }
  return true;
}

template <class Value>
bool read_tuple(JsonValue json, Value& value, Error& error) {
  constexpr std::size_t count = std::tuple_size_v<Value>;
  if (json.kind() != JsonKind::array) return refuse(error, json_error_expected(json, "array"));
  if (json.size() != count) return refuse(error, json_error_count(json, count));
  if constexpr (count > 0) {
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      auto element = json.elements().begin();
      const auto read_next = [&](auto& part) {
        const JsonValue current = *element;
        ++element;
        return read_json<std::remove_cvref_t<decltype(part)>>(current, part, error);
      };
      return (read_next(std::get<Index>(value)) && ...);
    }
    (std::make_index_sequence<count>{});
  } else {
    return true;
  }
}

// ---- one value

template <class T>
bool read_integer(JsonValue json, T& value, Error& error) {
  if constexpr (std::is_signed_v<T>) {
    const std::optional<std::int64_t> wide = json.int64();
    if (wide && std::in_range<T>(*wide)) {
      value = static_cast<T>(*wide);
      return true;
    }
    return refuse(error, json_error_integer(json, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  } else {
    const std::optional<std::uint64_t> wide = json.uint64();
    if (wide && std::in_range<T>(*wide)) {
      value = static_cast<T>(*wide);
      return true;
    }
    return refuse(error, json_error_integer(json, 0, std::numeric_limits<T>::max()));
  }
}

template <class T>
bool read_with_own_codec(JsonValue json, T& value, Error& error) {
  Result<T> decoded = Codec<T>::decode(Json::from_valid_text(std::string(json.text())));
  if (!decoded.has_value()) return refuse(error, json_error_inside(json, std::move(decoded).error()));
  value = std::move(decoded).value();
  return true;
}

template <class T>
bool read_json(JsonValue json, T& value, Error& error) {
  static_assert(std::is_default_constructible_v<T>, "a type that is read from JSON needs a default constructor");
  if constexpr (std::is_same_v<T, Json>) {
    value = Json::from_valid_text(std::string(json.text()));
    return true;
  } else if constexpr (HasOwnCodec<T>) {
    return read_with_own_codec(json, value, error);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (json.kind() != JsonKind::boolean) return refuse(error, json_error_expected(json, "boolean"));
    value = json.boolean();
    return true;
  } else if constexpr (JsonInteger<T>) {
    return read_integer(json, value, error);
  } else if constexpr (std::is_same_v<T, double>) {
    const std::optional<double> number = json.float64();
    if (!number) return refuse(error, json_error_number(json));
    value = *number;
    return true;
  } else if constexpr (std::is_same_v<T, float>) {
    const std::optional<float> number = json.float32();
    if (!number) return refuse(error, json_error_number(json));
    value = *number;
    return true;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (json.kind() != JsonKind::string) return refuse(error, json_error_expected(json, "string"));
    value = json.string();
    return true;
  } else if constexpr (std::is_same_v<T, Time>) {
    return read_time(json, value, error);
  } else if constexpr (is_json_optional<T>) {
    static_assert(!is_json_optional<typename T::value_type>, "an optional of an optional has no JSON form");
    if (json.is_null()) {
      value.reset();
      return true;
    }
    return read_json<typename T::value_type>(json, value.emplace(), error);
  } else if constexpr (is_json_vector<T>) {
    return read_elements<typename T::value_type>(json, value, error);
  } else if constexpr (is_json_map<T>) {
    return read_members(json, value, error);
  } else if constexpr (is_json_tuple<T>) {
    return read_tuple(json, value, error);
  } else if constexpr (JsonEnum<T>) {
    const JsonEnumeratorEntry* entry =
        read_enumerator(json, EnumTable<T>::entries.data(), EnumTable<T>::entries.size(), error);
    if (entry == nullptr) return false;
    value = static_cast<T>(entry->value);
    return true;
  } else if constexpr (JsonStruct<T>) {
    return read_struct(json, value, error);
  } else {
    static_assert(never<T>, FANFOLD_DETAIL_NO_JSON_FORM);
  }
}

template <class T>
void write_json(JsonWriter& writer, const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    writer.json(value);
  } else if constexpr (HasOwnCodec<T>) {
    writer.json(Codec<T>::encode(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    writer.boolean(value);
  } else if constexpr (JsonInteger<T>) {
    if constexpr (std::is_signed_v<T>) {
      writer.integer(value);
    } else {
      writer.unsigned_integer(value);
    }
  } else if constexpr (JsonNumber<T>) {
    writer.number(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    writer.string(value);
  } else if constexpr (std::is_same_v<T, Time>) {
    write_time(writer, value);
  } else if constexpr (is_json_optional<T>) {
    if (value.has_value()) {
      write_json(writer, *value);
    } else {
      writer.null();
    }
  } else if constexpr (is_json_vector<T>) {
    writer.begin_array();
    for (const auto& element : value) write_json<typename T::value_type>(writer, element);
    writer.end_array();
  } else if constexpr (is_json_map<T>) {
    writer.begin_object();
    for (const auto& [key, mapped] : value) {
      writer.key(key);
      write_json(writer, mapped);
    }
    writer.end_object();
  } else if constexpr (is_json_tuple<T>) {
    writer.begin_array();
    std::apply([&](const auto&... parts) { (write_json(writer, parts), ...); }, value);
    writer.end_array();
  } else if constexpr (JsonEnum<T>) {
    write_enumerator(writer, EnumTable<T>::entries.data(), EnumTable<T>::entries.size(),
                     static_cast<std::uint64_t>(value));
  } else if constexpr (JsonStruct<T>) {
    writer.begin_object();
    Fields<T>::write(writer, value);
    writer.end_object();
  } else {
    static_assert(never<T>, FANFOLD_DETAIL_NO_JSON_FORM);
  }
}

#undef FANFOLD_DETAIL_NO_JSON_FORM

}  // namespace fanfold::detail

namespace fanfold {

template <class T>
requires detail::JsonDescribed<T>
struct Codec<T> {
  using FromJsonHeader = void;

  /// Throws ErrorException: invalid_argument with the JSON pointer of what has no JSON form, or too_large.
  static Json encode(const T& value) {
    std::string text;
    text.reserve(text_bytes_expected);
    detail::JsonWriter writer{text};
    detail::write_json(writer, value);
    writer.check_size();
    return Json::from_valid_text(std::move(text));
  }

  /// Errors: bad_input.
  static Result<T> decode(const Json& json) {
    static_assert(std::is_default_constructible_v<T>, "a type that is read from JSON needs a default constructor");
    detail::JsonDocument document;
    if (Result<void> read = document.read(json.text()); !read.has_value()) return std::move(read).error();
    T value{};
    Error error;
    if (!detail::read_json(document.root(), value, error)) return error;
    return value;
  }

 private:
  static constexpr std::size_t text_bytes_expected = 240;
};

}  // namespace fanfold
