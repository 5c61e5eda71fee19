#pragma once

#include <fanfold/result.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace fanfold {

/// Valid JSON text that nobody has looked into yet. Holds `null` where nothing was given.
/// What fanfold stores and sends is this; a Codec makes it from the user's types and back.
class Json {
 public:
  Json() = default;

  /// Checks that `text` is one strict JSON value: no duplicate keys, no trailing text, depth and size limited.
  /// Errors: bad_input with the place.
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
template <class T>
struct Codec;

template <>
struct Codec<Json> {
  static Json encode(const Json& value) { return value; }
  static Result<Json> decode(const Json& json) { return json; }
};

template <class T>
concept Encodable = requires(const T& value) {
  { Codec<T>::encode(value) } -> std::same_as<Json>;
};

template <class T>
concept Decodable = requires(const Json& json) {
  { Codec<T>::decode(json) } -> std::same_as<Result<T>>;
};

}  // namespace fanfold
