#pragma once

#include "backends/aws/table.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <map>

/// DynamoDB's items and expressions as its JSON.
namespace fanfold::aws {

void write_value(detail::JsonWriter& out, const Value& value);
void write_item(detail::JsonWriter& out, const Item& item);
void write_key(detail::JsonWriter& out, const ItemKey& key);

/// Errors: bad_input. Sets and null are refused: nobody of ours writes them.
[[nodiscard]] Result<Item> read_item(const detail::JsonValue& object);
[[nodiscard]] Result<ItemKey> read_key(const detail::JsonValue& object);

/// Placeholders of an expression, so that no attribute's name can be a reserved word. The conditions and updates that
/// it is given outlive it.
class Expression {
 public:
  Expression();
  void add_condition(const Condition& condition);
  void add_update(const UpdateRequest& request);
  /// The members of a request: UpdateExpression, ConditionExpression, names and values. Those that are empty are left
  /// out.
  void write(detail::JsonWriter& out) const;

 private:
  void append_name(std::string& to, std::string_view attribute);
  void append_value(std::string& to, const Value& value);

  std::string update_;
  std::string condition_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
/// The text, with what is not UTF-8 replaced by U+FFFD: JSON has no form for it.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace fanfold::aws
