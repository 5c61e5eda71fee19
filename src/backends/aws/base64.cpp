#include "backends/aws/base64.hpp"

#include <array>
#include <cstdint>

namespace fanfold::aws {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr std::array<std::uint8_t, 256> values_of_digits = make_values();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])); };
  for (; i + 2 < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    out += digits[group >> 18U];
    out += digits[group >> 12U & 63U];
    out += digits[group >> 6U & 63U];
    out += digits[group & 63U];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const std::uint32_t group = byte(i) << 16U | (rest == 2 ? byte(i + 1) << 8U : 0U);
  out += digits[group >> 18U];
  out += digits[group >> 12U & 63U];
  out += rest == 2 ? digits[group >> 6U & 63U] : '=';
  out += '=';
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool is_last = i + 4 == text.size();
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const bool is_padding = is_last && k >= 4 - padding;
      const std::uint8_t value = is_padding ? 0 : values_of_digits[static_cast<unsigned char>(text[i + k])];
      if (value == no_digit) return std::nullopt;
      group = group << 6U | value;
    }
    const std::size_t count = is_last ? 3 - padding : 3;
    // Bits that no byte takes have to be zero: each value has one text only.
    if ((group & ((std::uint32_t{1} << (8 * (3 - count))) - 1)) != 0) return std::nullopt;
    for (std::size_t k = 0; k < count; ++k)
      bytes += static_cast<char>(static_cast<unsigned char>(group >> (16U - 8U * k)));
  }
  return bytes;
}

}  // namespace fanfold::aws
