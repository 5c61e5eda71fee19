#include "backends/aws/dynamodb_json.hpp"

#include "aws/base64.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

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

/// How many bytes at the beginning of the text are ASCII.
std::size_t ascii_prefix_size(std::string_view text) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::size_t at = 0;
  for (; at + sizeof high_bits <= text.size(); at += sizeof high_bits) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    if ((bytes & high_bits) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

void write_string(JsonWriter& out, std::string_view text) {
  if (is_utf8(text)) {
    out.string(text);
  } else {
    out.string(valid_utf8(text));
  }
}

Result<void> read_value(const JsonValue& json, Value& value);

Result<void> read_members(const JsonValue& object, std::vector<Member>& members) {
  if (object.kind() != JsonKind::object) return detail::json_error_expected(object, "object");
  members.reserve(object.size());
  for (const detail::JsonMemberView member : object.members()) {
    Member& one = members.emplace_back();
    one.name = member.key;
    if (auto read = read_value(member.value, one.value); !read) return read;
  }
  return {};
}

Result<void> read_list(const JsonValue& array, Value& value) {
  if (array.kind() != JsonKind::array) return detail::json_error_expected(array, "array");
  value.kind = Value::Kind::list;
  value.members.reserve(array.size());
  for (const JsonValue element : array.elements()) {
    if (auto read = read_value(element, value.members.emplace_back().value); !read) return read;
  }
  return {};
}

/// Into a value that is empty.
Result<void> read_value(const JsonValue& json, Value& value) {
  if (json.kind() != JsonKind::object || json.size() != 1) return detail::json_error_expected(json, "one typed value");
  const detail::JsonMemberView typed = *json.members().begin();
  const JsonValue& content = typed.value;
  if (typed.key == "M") {
    value.kind = Value::Kind::map;
    return read_members(content, value.members);
  }
  if (typed.key == "L") return read_list(content, value);
  if (typed.key == "BOOL") {
    if (content.kind() != JsonKind::boolean) return detail::json_error_expected(content, "boolean");
    value.kind = Value::Kind::boolean;
    value.flag = content.boolean();
    return {};
  }
  if (content.kind() != JsonKind::string) return detail::json_error_expected(content, "string");
  if (typed.key == "S" || typed.key == "N") {
    value.kind = typed.key == "S" ? Value::Kind::string : Value::Kind::number;
    value.text = content.string();
    return {};
  }
  if (typed.key == "B") {
    auto bytes = decode_base64(content.string());
    if (!bytes) return detail::json_error_at(content, "expected base64");
    value.kind = Value::Kind::binary;
    value.text = std::move(*bytes);
    return {};
  }
  return detail::json_error_at(json, "a type of value that is not known here");
}

void append_clause(std::string& text, std::string_view separator, std::string_view begin) {
  text.append(text.empty() ? begin : separator);
}

void append_placeholder(std::string& text, char kind, std::size_t number) {
  std::array<char, 24> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): to_chars fills what is used
  text += kind;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (true) {
    text.remove_prefix(ascii_prefix_size(text));
    if (text.empty()) return true;
    const std::size_t size = sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
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
  const auto write_text = [&](std::string_view name, std::string_view text) {
    out.plain_key(name);
    out.begin_object();
    out.plain_key("S");
    write_string(out, text);
    out.end_object();
  };
  write_text(partition_name, key.partition);
  write_text(sort_name, key.sort);
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
  Item item;
  if (auto read = read_members(object, item.attributes); !read) return std::move(read).error();
  const auto take = [&](std::string_view name) {
    std::string text;
    const auto found = std::ranges::find(item.attributes, name, &Member::name);
    if (found == item.attributes.end()) return text;
    text = std::move(found->value.text);
    std::swap(*found, item.attributes.back());
    item.attributes.pop_back();
    return text;
  };
  item.key = {take(partition_name), take(sort_name)};
  if (item.key.partition.empty()) return detail::json_error_missing(object, partition_name);
  if (item.key.sort.empty()) return detail::json_error_missing(object, sort_name);
  return item;
}

Result<ItemKey> read_key(const JsonValue& object) {
  auto item = read_item(object);
  if (!item) return std::move(item).error();
  return std::move(item->key);
}

Expression::Expression() {
  constexpr std::size_t bytes_expected = 96;
  constexpr std::size_t count_expected = 4;
  update_.reserve(bytes_expected);
  condition_.reserve(bytes_expected);
  names_.reserve(count_expected);
  values_.reserve(count_expected);
}

void Expression::append_name(std::string& to, std::string_view attribute) {
  const auto found = std::ranges::find(names_, attribute);
  const auto number = static_cast<std::size_t>(found - names_.begin());
  if (found == names_.end()) names_.push_back(attribute);
  append_placeholder(to, '#', number);
}

void Expression::append_value(std::string& to, const Value& value) {
  append_placeholder(to, ':', values_.size());
  values_.push_back(&value);
}

void Expression::add_condition(const Condition& condition) {
  for (const Clause& clause : condition) {
    if (!condition_.empty()) condition_.append(" AND ");
    switch (clause.kind) {
      case Clause::Kind::absent:
      case Clause::Kind::exists:
        condition_.append(clause.kind == Clause::Kind::absent ? "attribute_not_exists(" : "attribute_exists(");
        append_name(condition_, clause.attribute);
        condition_ += ')';
        break;
      case Clause::Kind::equals:
        append_name(condition_, clause.attribute);
        condition_ += '=';
        append_value(condition_, clause.value);
        break;
    }
  }
}

void Expression::add_update(const UpdateRequest& request) {
  for (const Member& member : request.set) {
    append_clause(update_, ",", "SET ");
    append_name(update_, member.name);
    update_ += '=';
    append_value(update_, member.value);
  }
  for (const Member& member : request.set_if_absent) {
    append_clause(update_, ",", "SET ");
    append_name(update_, member.name);
    update_.append("=if_not_exists(");
    append_name(update_, member.name);
    update_ += ',';
    append_value(update_, member.value);
    update_ += ')';
  }
  std::string remove;
  for (const std::string& attribute : request.remove) {
    append_clause(remove, ",", "REMOVE ");
    append_name(remove, attribute);
  }
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
    std::string placeholder;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      placeholder.clear();
      append_placeholder(placeholder, '#', i);
      out.plain_key(placeholder);
      out.string(names_[i]);
    }
    out.end_object();
  }
  if (!values_.empty()) {
    out.plain_key("ExpressionAttributeValues");
    out.begin_object();
    std::string placeholder;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      placeholder.clear();
      append_placeholder(placeholder, ':', i);
      out.plain_key(placeholder);
      write_value(out, *values_[i]);
    }
    out.end_object();
  }
}

}  // namespace fanfold::aws
