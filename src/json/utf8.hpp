#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanfold::detail {

/// Length of the UTF-8 sequence at the beginning of `text` (1..4); 0 where there is none: a stray or missing
/// continuation, an overlong form, a surrogate, or a code point above U+10FFFF.
[[nodiscard]] inline std::size_t utf8_sequence_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const auto continues = [&](std::size_t index, unsigned lowest, unsigned highest) {
    return index < text.size() && byte(index) >= lowest && byte(index) <= highest;
  };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned lowest = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned highest = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, lowest, highest) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned lowest = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned highest = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, lowest, highest) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// `text` with what is no UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string as_utf8(std::string_view text);

}  // namespace fanfold::detail
