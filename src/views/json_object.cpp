#include "views/json_object.hpp"

#include "json/utf8.hpp"

namespace fanfold::views {

detail::JsonWriter JsonObject::value_of(std::string_view key) {
  if (text_.size() > 1) text_ += ',';
  text_.append("\"").append(key).append("\":");
  return detail::JsonWriter(text_);
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  value_of(key).string(detail::is_utf8(value) ? std::string(value) : detail::as_utf8(value));
  return *this;
}

JsonObject& JsonObject::count(std::string_view key, std::uint64_t value) {
  value_of(key).unsigned_integer(value);
  return *this;
}

JsonObject& JsonObject::decimal(std::string_view key, double value) {
  value_of(key).number(value);
  return *this;
}

JsonObject& JsonObject::flag(std::string_view key, bool value) {
  value_of(key).boolean(value);
  return *this;
}

JsonObject& JsonObject::json(std::string_view key, const Json& value) {
  value_of(key).json_unchecked(value.text());
  return *this;
}

JsonObject& JsonObject::time(std::string_view key, const std::optional<Time>& value) {
  if (value) return text(key, to_iso8601(*value));
  value_of(key).null();
  return *this;
}

std::string JsonObject::line() { return std::move(text_) + "}"; }

}  // namespace fanfold::views
