#include "core/fingerprint.hpp"

#include "support/hash.hpp"

#include <algorithm>
#include <cstdint>

namespace fanfold::core {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view cut_note = " … (cut)";
constexpr std::size_t hex_run_min = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_path(char c) {
  return is_word(c) || c == '/' || c == '.' || c == '-' || c == '+' || c == '@' || c == '~' || c == '%' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// How far `predicate` holds from `begin` on.
template <class Predicate>
std::size_t run_length(std::string_view text, std::size_t begin, Predicate predicate) {
  std::size_t end = begin;
  while (end < text.size() && predicate(text[end])) ++end;
  return end - begin;
}

std::size_t uuid_length(std::string_view text, std::size_t begin) {
  constexpr std::size_t uuid_size = 36;
  if (begin + uuid_size > text.size()) return 0;
  for (std::size_t i = 0; i < uuid_size; ++i) {
    const char c = text[begin + i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !is_hex(c)) return 0;
  }
  return uuid_size;
}

/// "/a/b", "./a", "../a" and "a/b" at the start of a word.
std::size_t path_length(std::string_view text, std::size_t begin) {
  const std::size_t length = run_length(text, begin, is_path);
  const std::string_view run = text.substr(begin, length);
  const bool has_slash = run.find('/') != std::string_view::npos;
  return has_slash && length > 1 ? length : 0;
}

std::size_t hex_length(std::string_view text, std::size_t begin) {
  if (text.substr(begin).starts_with("0x") || text.substr(begin).starts_with("0X")) {
    const std::size_t digits = run_length(text, begin + 2, is_hex);
    if (digits > 0) return digits + 2;
  }
  const std::size_t length = run_length(text, begin, is_hex);
  if (length < hex_run_min || run_length(text, begin, is_word) != length) return 0;
  return std::ranges::any_of(text.substr(begin, length), is_digit) ? length : 0;
}

/// The length of the UTF-8 sequence at `begin`; 0 where there is no valid one.
std::size_t utf8_length(std::string_view text, std::size_t begin) {
  const auto byte = [&](std::size_t i) {
    return begin + i < text.size() ? static_cast<unsigned char>(text[begin + i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string normalized_message(std::string_view message) {
  std::string normal;
  normal.reserve(message.size());
  bool in_word = false;
  for (std::size_t i = 0; i < message.size();) {
    std::size_t length = 0;
    if (!in_word) {
      length = uuid_length(message, i);
      if (length == 0) length = path_length(message, i);
      if (length == 0) length = hex_length(message, i);
    }
    if (length == 0) length = run_length(message, i, is_digit);
    if (length > 0) {
      normal += '#';
      i += length;
      in_word = true;
      continue;
    }
    in_word = is_word(message[i]);
    normal += message[i++];
  }
  return normal;
}

std::string error_fingerprint(std::string_view code, std::string_view message) {
  const std::uint64_t hash = fnv1a(normalized_message(message), fnv1a("\n", fnv1a(code)));
  const auto folded = static_cast<std::uint32_t>(hash ^ (hash >> 32U));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[(folded >> static_cast<unsigned>(shift)) & 0xFU];
  return text;
}

std::string presentable_message(std::string_view message) {
  // A little more than the limit is enough to tell whether it is exceeded.
  std::string text = valid_utf8(message.substr(0, error_message_bytes_max + 4));
  if (text.size() <= error_message_bytes_max) return text;
  std::size_t kept = error_message_bytes_max - cut_note.size();
  while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xC0U) == 0x80U) --kept;
  text.resize(kept);
  return text.append(cut_note);
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    valid.append(length > 0 ? text.substr(i, length) : replacement);
    i += std::max<std::size_t>(length, 1);
  }
  return valid;
}

}  // namespace fanfold::core
