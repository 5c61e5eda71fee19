#pragma once

#include <fanfold/result.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace fanfold {

/// Longest JSON text that is read or written.
inline constexpr std::size_t json_size_bytes_max = std::size_t{16} * 1024 * 1024;

/// Most arrays and objects inside one another, the outermost counted.
inline constexpr std::size_t json_depth_max = 64;

/// Valid JSON text that nobody has looked into yet. Holds `null` where nothing was given.
/// What fanfold stores and sends is this; a Codec makes it from the user's types and back.
class Json {
 public:
  Json() = default;

  /// Checks that `text` is one strict JSON value: UTF-8, no duplicate keys, no trailing text, depth and size limited.
  /// White space around the value is dropped, inside it is kept.
  /// Errors: bad_input, the message starts with the byte offset ("byte 17: unexpected character") where the text is
  /// not JSON, and with the JSON pointer ("/rows/3/qty: duplicate key") otherwise; too_large.
  [[nodiscard]] static Result<Json> parse(std::string_view text);

  /// Takes text that is known to be valid: written by an encoder of ours, or checked before.
  [[nodiscard]] static Json from_valid_text(std::string text) { return Json(std::move(text)); }

  [[nodiscard]] const std::string& text() const& noexcept { return text_; }
  [[nodiscard]] std::string text() && noexcept { return std::move(text_); }
  [[nodiscard]] bool is_null() const noexcept { return text_ == "null"; }

  friend bool operator==(const Json&, const Json&) = default;

 private:
  explicit Json(std::string text) : text_(std::move(text)) {}
  std::string text_ = "null";
};

/// How a type becomes JSON and back; specialize it, or include <fanfold/json.hpp>, which does so for
/// described structs, enums, arithmetic types, strings and the standard containers.
///
///   static Json encode(const T& value);
///   static Result<T> decode(const Json& json);   // errors: bad_input, message starts with the JSON pointer
///
/// `encode` throws ErrorException (invalid_argument, too_large) for a value that has no JSON form, for example a
/// number that is not finite: that is the caller's mistake, and writing null instead would lose data.
template <class T>
struct Codec {
  static_assert(!std::is_reference_v<T>);

  // Neither function has the right type, so Encodable and Decodable are false; a call gives the reason in one line.
  template <class U = T>
  static void encode(const U&) {
    static_assert(!std::is_same_v<U, T>,
                  "no JSON form: include <fanfold/json.hpp> and describe the type with BOOST_DESCRIBE_STRUCT or "
                  "BOOST_DESCRIBE_ENUM, or specialize fanfold::Codec");
  }
  template <class U = T>
  static void decode(const Json&) {
    static_assert(!std::is_same_v<U, T>,
                  "no JSON form: include <fanfold/json.hpp> and describe the type with BOOST_DESCRIBE_STRUCT or "
                  "BOOST_DESCRIBE_ENUM, or specialize fanfold::Codec");
  }
};

template <>
struct Codec<Json> {
  static Json encode(const Json& value) { return value; }
  static Result<Json> decode(const Json& json) { return json; }
};

/// One line of `JsonNames` for an enum: the enumerator and the string that stands for it in JSON.
template <class E>
struct JsonEnumerator {
  E value;
  std::string_view stored_name;
};

/// One line of `JsonNames` for a struct: the C++ member and its key in JSON.
struct JsonMember {
  std::string_view name;
  std::string_view stored_name;
};

/// Names in JSON that differ from those in C++; specialize it where there are any. Names are printable ASCII.
/// An enum lists all of its values and then needs no description; a described struct lists what is renamed.
///
///   template <>
///   struct fanfold::JsonNames<Status> {
///     static constexpr JsonEnumerator<Status> names[] = {{Status::pre_flight, "PRE FLIGHT"}, ...};
///   };
///   template <>
///   struct fanfold::JsonNames<Task> {
///     static constexpr JsonMember names[] = {{"consumption_count", "consumtion_count"}};
///   };
template <class T>
struct JsonNames;

template <class T>
concept Encodable = requires(const T& value) {
  { Codec<T>::encode(value) } -> std::same_as<Json>;
};

template <class T>
concept Decodable = requires(const Json& json) {
  { Codec<T>::decode(json) } -> std::same_as<Result<T>>;
};

namespace detail {

/// Errors: those that the codec's `encode` throws.
template <class T>
Result<Json> encoded(const T& value) {
  try {
    return Codec<T>::encode(value);
  } catch (const ErrorException& refused) {
    return refused.error();
  }
}

/// Decodes what stands beside a body; its errors name it: "globals: /width: missing".
template <class T>
Result<T> decode_part(const Json& json, std::string_view part) {
  auto value = Codec<T>::decode(json);
  if (value) return value;
  Error error = std::move(value).error();
  error.message.insert(0, std::string(part) + ": ");
  return error;
}

template <class Globals>
Result<Globals> decode_globals(const Json& json) {
  return decode_part<Globals>(json, "globals");
}

}  // namespace detail

}  // namespace fanfold
