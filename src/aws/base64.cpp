#include "aws/base64.hpp"

#include <array>
#include <cstdint>

namespace fanfold::aws {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;
constexpr std::uint32_t not_a_digit_bit = 0x80;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < base64_digits.size(); ++i)
    values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr std::array<std::uint8_t, 256> values_of_digits = make_values();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t before = out.size();
  out.resize(before + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + before;
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])); };
  for (; i + 2 < bytes.size(); i += 3, to += 4) {
    const std::uint32_t group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    to[0] = base64_digits[group >> 18U];
    to[1] = base64_digits[group >> 12U & 63U];
    to[2] = base64_digits[group >> 6U & 63U];
    to[3] = base64_digits[group & 63U];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const std::uint32_t group = byte(i) << 16U | (rest == 2 ? byte(i + 1) << 8U : 0U);
  to[0] = base64_digits[group >> 18U];
  to[1] = base64_digits[group >> 12U & 63U];
  to[2] = rest == 2 ? base64_digits[group >> 6U & 63U] : '=';
  to[3] = '=';
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes(text.size() / 4 * 3 - padding, '\0');
  char* to = bytes.data();
  const auto value = [&](std::size_t at) {
    return static_cast<std::uint32_t>(values_of_digits[static_cast<unsigned char>(text[at])]);
  };
  const auto put = [&](std::uint32_t byte) { *to++ = static_cast<char>(static_cast<unsigned char>(byte)); };
  std::uint32_t all = 0;  // Of any value that is no digit, its highest bit stays.
  const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    const std::uint32_t group = value(i) << 18U | value(i + 1) << 12U | value(i + 2) << 6U | value(i + 3);
    all |= value(i) | value(i + 1) | value(i + 2) | value(i + 3);
    put(group >> 16U);
    put(group >> 8U);
    put(group);
  }
  if (padding > 0) {
    const std::uint32_t third = padding == 1 ? value(whole + 2) : 0;
    const std::uint32_t group = value(whole) << 18U | value(whole + 1) << 12U | third << 6U;
    all |= value(whole) | value(whole + 1) | third;
    put(group >> 16U);
    if (padding == 1) put(group >> 8U);
    // Bits that no byte takes have to be zero: each value has one text only.
    if ((group & ((std::uint32_t{1} << (8 * padding)) - 1)) != 0) return std::nullopt;
  }
  if ((all & not_a_digit_bit) != 0) return std::nullopt;
  return bytes;
}

}  // namespace fanfold::aws
