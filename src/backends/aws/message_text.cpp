#include "backends/aws/message_text.hpp"

#include "backends/aws/dynamodb_json.hpp"

#include <algorithm>

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

}  // namespace

bool is_sendable(std::string_view text) noexcept {
  const bool has_control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; });
  return !has_control && is_utf8(text) && find_noncharacter(text) == std::string_view::npos;
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
