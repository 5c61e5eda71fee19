#include "backends/aws/item.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::size_t container_bytes = 3;
constexpr std::size_t element_bytes = 1;

/// One byte per two significant digits, and one more.
std::size_t number_bytes(std::string_view text) noexcept {
  std::string digits;
  bool is_negative = false;
  for (const char c : text) {
    if (c == '-') is_negative = true;
    if (c == 'e' || c == 'E') break;
    if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
  }
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  return (digits.size() + 1) / 2 + 1 + (is_negative ? 1 : 0);
}

}  // namespace

Value Value::of(std::string_view text) {
  Value value;
  value.text = text;
  return value;
}

Value Value::of_number(std::uint64_t number) { return of_decimal(std::to_string(number)); }

Value Value::of_decimal(std::string text) {
  Value value;
  value.kind = Kind::number;
  value.text = std::move(text);
  return value;
}

Value Value::of_binary(std::string bytes) {
  Value value;
  value.kind = Kind::binary;
  value.text = std::move(bytes);
  return value;
}

Value Value::of_flag(bool flag) {
  Value value;
  value.kind = Kind::boolean;
  value.flag = flag;
  return value;
}

std::optional<std::uint64_t> Value::number() const noexcept {
  if (kind != Kind::number) return std::nullopt;
  std::uint64_t result = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return result;
}

const Value* find(const std::vector<Member>& members, std::string_view name) noexcept {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &found->value;
}

Value* find(std::vector<Member>& members, std::string_view name) noexcept {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &found->value;
}

std::string_view Item::text(std::string_view name) const noexcept {
  const Value* value = find(name);
  return value == nullptr ? std::string_view() : std::string_view(value->text);
}

std::uint64_t Item::number(std::string_view name) const noexcept {
  const Value* value = find(name);
  return value == nullptr ? 0 : value->number().value_or(0);
}

bool Item::flag(std::string_view name) const noexcept {
  const Value* value = find(name);
  return value != nullptr && value->flag;
}

void Item::set(std::string_view name, Value value) {
  if (Value* there = aws::find(attributes, name)) {
    *there = std::move(value);
  } else {
    attributes.push_back({std::string(name), std::move(value)});
  }
}

void Item::remove(std::string_view name) {
  std::erase_if(attributes, [&](const Member& member) { return member.name == name; });
}

std::size_t value_bytes(const Value& value) noexcept {
  switch (value.kind) {
    case Value::Kind::string:
    case Value::Kind::binary: return value.text.size();
    case Value::Kind::number: return number_bytes(value.text);
    case Value::Kind::boolean: return 1;
    case Value::Kind::list:
    case Value::Kind::map: break;
  }
  std::size_t bytes = container_bytes;
  for (const Member& member : value.members) bytes += member.name.size() + value_bytes(member.value) + element_bytes;
  return bytes;
}

std::size_t item_bytes(const Item& item) noexcept {
  std::size_t bytes = partition_name.size() + item.key.partition.size() + sort_name.size() + item.key.sort.size();
  for (const Member& member : item.attributes) bytes += member.name.size() + value_bytes(member.value);
  return bytes;
}

}  // namespace fanfold::aws
