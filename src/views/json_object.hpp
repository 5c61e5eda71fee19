#pragma once

#include <fanfold/detail/json_writer.hpp>
#include <fanfold/types.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The words and the JSON in which scripts and the dashboard are shown what a store holds.
namespace fanfold::views {

/// One JSON object, written member by member: what --json prints, one object a line. Text that is no UTF-8 is shown
/// with replacement characters.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& count(std::string_view key, std::uint64_t value);
  JsonObject& decimal(std::string_view key, double value);
  JsonObject& flag(std::string_view key, bool value);
  JsonObject& json(std::string_view key, const Json& value);
  JsonObject& time(std::string_view key, const std::optional<Time>& value);  ///< null where empty
  /// The line. The object takes no more members afterwards.
  [[nodiscard]] std::string line();

 private:
  detail::JsonWriter value_of(std::string_view key);
  std::string text_ = "{";
};

}  // namespace fanfold::views
