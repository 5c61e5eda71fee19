#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// DynamoDB's items as values.
namespace fanfold::aws {

struct Member;

/// One attribute's value. Sets and null are not used.
struct Value {
  enum class Kind : std::uint8_t { string, number, binary, boolean, list, map };

  Kind kind = Kind::string;
  bool flag = false;            ///< boolean
  std::string text{};           ///< string; number in decimal; binary as raw bytes
  std::vector<Member> members;  ///< map; list with empty names

  [[nodiscard]] static Value of(std::string_view text);
  [[nodiscard]] static Value of_number(std::uint64_t number);
  [[nodiscard]] static Value of_decimal(std::string text);
  [[nodiscard]] static Value of_binary(std::string bytes);
  [[nodiscard]] static Value of_flag(bool flag);

  /// Empty where this is no number, or none that fits.
  [[nodiscard]] std::optional<std::uint64_t> number() const noexcept;

  friend bool operator==(const Value& a, const Value& b);
};

struct Member {
  std::string name{};
  Value value{};
  friend bool operator==(const Member&, const Member&) = default;
};

inline bool operator==(const Value& a, const Value& b) {
  return a.kind == b.kind && a.flag == b.flag && a.text == b.text && a.members == b.members;
}

/// The value of that name; null where there is none.
[[nodiscard]] const Value* find(const std::vector<Member>& members, std::string_view name) noexcept;
[[nodiscard]] Value* find(std::vector<Member>& members, std::string_view name) noexcept;

// Names of the table's key.
inline constexpr std::string_view partition_name = "pKey";
inline constexpr std::string_view sort_name = "rKey";

struct ItemKey {
  std::string partition{};
  std::string sort{};
  friend auto operator<=>(const ItemKey&, const ItemKey&) = default;  // NOLINT(modernize-use-nullptr): sees a 0 in it.
};

/// An item: its key and its other attributes, in no particular order.
struct Item {
  ItemKey key{};
  std::vector<Member> attributes{};

  [[nodiscard]] const Value* find(std::string_view name) const noexcept { return aws::find(attributes, name); }
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;  ///< Empty where there is none.
  [[nodiscard]] std::uint64_t number(std::string_view name) const noexcept;   ///< 0 where there is none.
  [[nodiscard]] bool flag(std::string_view name) const noexcept;
  void set(std::string_view name, Value value);
  void remove(std::string_view name);
};

inline constexpr std::size_t item_bytes_max = std::size_t{400} * 1024;
inline constexpr std::size_t write_unit_bytes = 1024;
inline constexpr std::size_t read_unit_bytes = 4096;

/// What DynamoDB counts as the item's size, names included.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
[[nodiscard]] std::size_t item_bytes(const Item& item) noexcept;
[[nodiscard]] std::size_t value_bytes(const Value& value) noexcept;

}  // namespace fanfold::aws
