#pragma once

#include <fanfold/detail/json_reader.hpp>

#include <limits>

/// Reads members of one object and keeps the first fault, so that a reader is a list of fields.
namespace fanfold::wire {

class Fields {
 public:
  /// The object has to outlive this.
  explicit Fields(const detail::JsonValue& object) : object_(object) {
    if (object.kind() != detail::JsonKind::object) refuse(detail::json_error_expected(object, "object"));
  }

  /// The member, or empty where it is missing or null.
  [[nodiscard]] std::optional<detail::JsonValue> optional(std::string_view key) {
    if (error_) return std::nullopt;
    const auto member = object_.find(key);
    if (!member || member->is_null()) return std::nullopt;
    return member;
  }
  [[nodiscard]] std::optional<detail::JsonValue> required(std::string_view key) {
    if (error_) return std::nullopt;
    const auto member = object_.find(key);
    if (!member) refuse(detail::json_error_missing(object_, key));
    return member;
  }

  [[nodiscard]] std::string string(std::string_view key) { return string_of(required(key)); }
  [[nodiscard]] std::string optional_string(std::string_view key) { return string_of(optional(key)); }
  [[nodiscard]] std::uint64_t count(std::string_view key,
                                    std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
    return count_of(required(key), most);
  }
  [[nodiscard]] bool optional_flag(std::string_view key) {
    const auto member = optional(key);
    if (!member) return false;
    if (member->kind() == detail::JsonKind::boolean) return member->boolean();
    refuse(detail::json_error_expected(*member, "boolean"));
    return false;
  }

  void refuse(Error error) {
    if (!error_) error_ = std::move(error);
  }
  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  [[nodiscard]] std::string string_of(const std::optional<detail::JsonValue>& member) {
    if (!member) return {};
    if (member->kind() == detail::JsonKind::string) return std::string(member->string());
    refuse(detail::json_error_expected(*member, "string"));
    return {};
  }
  [[nodiscard]] std::uint64_t count_of(const std::optional<detail::JsonValue>& member, std::uint64_t most) {
    if (!member) return 0;
    const auto value = member->uint64();
    if (value && *value <= most) return *value;
    const bool integer = member->kind() == detail::JsonKind::integer;
    refuse(integer ? detail::json_error_at(
                         *member, "expected an integer from 0 to " + std::to_string(most) + ", got one out of range")
                   : detail::json_error_expected(*member, "integer"));
    return 0;
  }

  detail::JsonValue object_;
  std::optional<Error> error_;
};

}  // namespace fanfold::wire
