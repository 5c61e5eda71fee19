#include "backends/aws/dynamodb_json.hpp"

#include "backends/aws/base64.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

using detail::JsonKind;
using detail::JsonValue;
using detail::JsonWriter;

/// Bytes of the UTF-8 sequence that the text begins with; 0 where there is none.
std::size_t sequence_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  const unsigned char second = byte(1);
  const bool is_wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_wrong ? 0 : size;
}

void write_string(JsonWriter& out, std::string_view text) {
  if (is_utf8(text)) {
    out.string(text);
  } else {
    out.string(valid_utf8(text));
  }
}

Result<Value> read_value(const JsonValue& json);

Result<std::vector<Member>> read_members(const JsonValue& object) {
  if (object.kind() != JsonKind::object) return detail::json_error_expected(object, "object");
  std::vector<Member> members;
  members.reserve(object.size());
  for (const detail::JsonMemberView member : object.members()) {
    auto value = read_value(member.value);
    if (!value) return std::move(value).error();
    members.push_back({std::string(member.key), std::move(*value)});
  }
  return members;
}

Result<Value> read_list(const JsonValue& array) {
  if (array.kind() != JsonKind::array) return detail::json_error_expected(array, "array");
  Value value;
  value.kind = Value::Kind::list;
  for (const JsonValue element : array.elements()) {
    auto one = read_value(element);
    if (!one) return one;
    value.members.push_back({{}, std::move(*one)});
  }
  return value;
}

Result<Value> read_value(const JsonValue& json) {
  if (json.kind() != JsonKind::object || json.size() != 1) return detail::json_error_expected(json, "one typed value");
  const detail::JsonMemberView typed = *json.members().begin();
  const JsonValue& content = typed.value;
  if (typed.key == "M") {
    auto members = read_members(content);
    if (!members) return std::move(members).error();
    Value value;
    value.kind = Value::Kind::map;
    value.members = std::move(*members);
    return value;
  }
  if (typed.key == "L") return read_list(content);
  if (typed.key == "BOOL") {
    if (content.kind() != JsonKind::boolean) return detail::json_error_expected(content, "boolean");
    return Value::of_flag(content.boolean());
  }
  if (content.kind() != JsonKind::string) return detail::json_error_expected(content, "string");
  if (typed.key == "S") return Value::of(content.string());
  if (typed.key == "N") return Value::of_decimal(std::string(content.string()));
  if (typed.key == "B") {
    auto bytes = decode_base64(content.string());
    if (!bytes) return detail::json_error_at(content, "expected base64");
    return Value::of_binary(std::move(*bytes));
  }
  return detail::json_error_at(json, "a type of value that is not known here");
}

void append_clause(std::string& text, std::string_view separator, std::string_view begin) {
  text.append(text.empty() ? begin : separator);
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) {
      valid.append("\xef\xbf\xbd");
    } else {
      valid.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

void write_value(JsonWriter& out, const Value& value) {
  out.begin_object();
  switch (value.kind) {
    case Value::Kind::string:
      out.plain_key("S");
      write_string(out, value.text);
      break;
    case Value::Kind::number:
      out.plain_key("N");
      out.plain_string(value.text);
      break;
    case Value::Kind::binary: {
      std::string text;
      append_base64(text, value.text);
      out.plain_key("B");
      out.plain_string(text);
      break;
    }
    case Value::Kind::boolean:
      out.plain_key("BOOL");
      out.boolean(value.flag);
      break;
    case Value::Kind::list:
      out.plain_key("L");
      out.begin_array();
      for (const Member& member : value.members) write_value(out, member.value);
      out.end_array();
      break;
    case Value::Kind::map:
      out.plain_key("M");
      out.begin_object();
      for (const Member& member : value.members) {
        out.key(member.name);
        write_value(out, member.value);
      }
      out.end_object();
      break;
  }
  out.end_object();
}

namespace {

void write_key_members(JsonWriter& out, const ItemKey& key) {
  out.plain_key(partition_name);
  write_value(out, Value::of(key.partition));
  out.plain_key(sort_name);
  write_value(out, Value::of(key.sort));
}

}  // namespace

void write_key(JsonWriter& out, const ItemKey& key) {
  out.begin_object();
  write_key_members(out, key);
  out.end_object();
}

void write_item(JsonWriter& out, const Item& item) {
  out.begin_object();
  write_key_members(out, item.key);
  for (const Member& member : item.attributes) {
    out.key(member.name);
    write_value(out, member.value);
  }
  out.end_object();
}

Result<Item> read_item(const JsonValue& object) {
  auto members = read_members(object);
  if (!members) return std::move(members).error();
  Item item;
  for (Member& member : *members) {
    if (member.name == partition_name) {
      item.key.partition = std::move(member.value.text);
    } else if (member.name == sort_name) {
      item.key.sort = std::move(member.value.text);
    } else {
      item.attributes.push_back(std::move(member));
    }
  }
  if (item.key.partition.empty()) return detail::json_error_missing(object, partition_name);
  if (item.key.sort.empty()) return detail::json_error_missing(object, sort_name);
  return item;
}

Result<ItemKey> read_key(const JsonValue& object) {
  auto item = read_item(object);
  if (!item) return std::move(item).error();
  return std::move(item->key);
}

std::string Expression::name(std::string_view attribute) {
  const auto found = std::ranges::find(names_, attribute);
  const auto number = static_cast<std::size_t>(found - names_.begin());
  if (found == names_.end()) names_.emplace_back(attribute);
  return "#" + std::to_string(number);
}

std::string Expression::value(const Value& value) {
  values_.push_back(value);
  return ":" + std::to_string(values_.size() - 1);
}

void Expression::add_condition(const Condition& condition) {
  for (const Clause& clause : condition) {
    if (!condition_.empty()) condition_.append(" AND ");
    switch (clause.kind) {
      case Clause::Kind::absent:
        condition_.append("attribute_not_exists(").append(name(clause.attribute)).append(")");
        break;
      case Clause::Kind::exists:
        condition_.append("attribute_exists(").append(name(clause.attribute)).append(")");
        break;
      case Clause::Kind::equals:
        condition_.append(name(clause.attribute)).append("=").append(value(clause.value));
        break;
    }
  }
}

void Expression::add_update(const UpdateRequest& request) {
  std::string set;
  for (const Member& member : request.set) {
    append_clause(set, ",", "SET ");
    set.append(name(member.name)).append("=").append(value(member.value));
  }
  for (const Member& member : request.set_if_absent) {
    append_clause(set, ",", "SET ");
    const std::string placeholder = name(member.name);
    set.append(placeholder)
        .append("=if_not_exists(")
        .append(placeholder)
        .append(",")
        .append(value(member.value))
        .append(")");
  }
  std::string remove;
  for (const std::string& attribute : request.remove) {
    append_clause(remove, ",", "REMOVE ");
    remove.append(name(attribute));
  }
  update_ = std::move(set);
  if (!update_.empty() && !remove.empty()) update_ += ' ';
  update_.append(remove);
}

void Expression::write(JsonWriter& out) const {
  if (!update_.empty()) {
    out.plain_key("UpdateExpression");
    out.plain_string(update_);
  }
  if (!condition_.empty()) {
    out.plain_key("ConditionExpression");
    out.plain_string(condition_);
  }
  if (!names_.empty()) {
    out.plain_key("ExpressionAttributeNames");
    out.begin_object();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      out.plain_key("#" + std::to_string(i));
      out.string(names_[i]);
    }
    out.end_object();
  }
  if (!values_.empty()) {
    out.plain_key("ExpressionAttributeValues");
    out.begin_object();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      out.plain_key(":" + std::to_string(i));
      write_value(out, values_[i]);
    }
    out.end_object();
  }
}

}  // namespace fanfold::aws
