#include "backends/aws/message_text.hpp"

#include "backends/aws/dynamodb_json.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fanfold::aws {
namespace {

constexpr std::string_view noncharacter_prefix = "\xef\xbf";

/// The offset of U+FFFE or U+FFFF.
std::size_t find_noncharacter(std::string_view text, std::size_t from = 0) noexcept {
  for (std::size_t at = text.find(noncharacter_prefix, from); at != std::string_view::npos;
       at = text.find(noncharacter_prefix, at + 1)) {
    if (at + 2 < text.size() && (text[at + 2] == '\xbe' || text[at + 2] == '\xbf')) return at;
  }
  return std::string_view::npos;
}

/// True where there is a control character that XML does not have. Looks at eight bytes at a time.
bool has_control(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  const auto is_one = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  };
  while (text.size() >= sizeof ones) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data(), sizeof bytes);
    // Zero where no byte is below 0x20; tabs and line ends are told apart below.
    const std::uint64_t low = (bytes - ones * 0x20) & ~bytes & high_bits;
    const std::string_view eight = text.substr(0, sizeof bytes);
    if (low != 0 && std::ranges::any_of(eight, is_one)) return true;
    text.remove_prefix(sizeof bytes);
  }
  return std::ranges::any_of(text, is_one);
}

}  // namespace

bool is_sendable(std::string_view text) noexcept {
  if (has_control(text) || !is_utf8(text)) return false;
  return find_noncharacter(text) == std::string_view::npos;
}

std::string sendable_json(std::string text) {
  std::size_t at = find_noncharacter(text);
  while (at != std::string::npos) {
    text.replace(at, 3, text[at + 2] == '\xbe' ? "\\ufffe" : "\\uffff");
    at = find_noncharacter(text, at);
  }
  return text;
}

}  // namespace fanfold::aws
