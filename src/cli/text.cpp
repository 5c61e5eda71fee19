#include "cli/text.hpp"

#include "json/utf8.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

using detail::utf8_sequence_size;

char32_t code_point(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t index) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[index]));
  };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3: return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
}

/// The blocks that matter in file names and messages; terminals differ in the rest.
std::size_t columns_of(char32_t point) noexcept {
  const bool combining = (point >= 0x300 && point <= 0x36F) || (point >= 0x200B && point <= 0x200F) ||
                         (point >= 0x20D0 && point <= 0x20FF) || (point >= 0xFE00 && point <= 0xFE0F) ||
                         point == 0xFEFF;
  if (combining) return 0;
  const bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
                    (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
                    (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
                    (point >= 0x1F300 && point <= 0x1FAFF) || (point >= 0x20000 && point <= 0x3FFFD);
  return wide ? 2 : 1;
}

bool is_control(char32_t point) noexcept { return point < 0x20 || (point >= 0x7F && point < 0xA0); }

struct Piece {
  std::string_view bytes;
  bool valid;
};

/// The next character, or one byte that is none.
Piece next_piece(std::string_view text) noexcept {
  const std::size_t size = utf8_sequence_size(text);
  return {text.substr(0, size == 0 ? 1 : size), size != 0};
}

}  // namespace

std::string with_thousands(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", with_thousands(count), count == 1 ? one : many);
}

std::string spoken(std::chrono::milliseconds duration) {
  using namespace std::chrono_literals;
  const auto seconds = std::chrono::round<std::chrono::seconds>(duration).count();
  if (duration < 10s) return fmt::format("{:.1f} s", static_cast<double>(duration.count()) / 1000.0);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string age_text(Time time, Time now) {
  return time <= now ? spoken(now - time) + " ago" : "in " + spoken(time - now);
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::size_t column_count(std::string_view text) noexcept {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Piece piece = next_piece(text);
    columns += piece.valid ? columns_of(code_point(piece.bytes)) : 1;
    text.remove_prefix(piece.bytes.size());
  }
  return columns;
}

std::string clipped(std::string_view text, std::size_t columns) {
  std::string out;
  std::string fitting;  // What still fits when the ellipsis has to follow.
  std::size_t used = 0;
  while (!text.empty()) {
    const Piece piece = next_piece(text);
    const char32_t point = piece.valid ? code_point(piece.bytes) : U'\uFFFD';
    const std::size_t width = is_control(point) ? 1 : columns_of(point);
    if (used + width > columns) return columns == 0 ? "" : fitting + "…";
    if (is_control(point)) {
      out += ' ';
    } else if (piece.valid) {
      out += piece.bytes;
    } else {
      out += "\uFFFD";
    }
    used += width;
    if (used < columns) fitting = out;
    text.remove_prefix(piece.bytes.size());
  }
  return out;
}

std::string printable(std::string_view text, Newlines newlines) {
  std::string out;
  while (!text.empty()) {
    const Piece piece = next_piece(text);
    const bool layout = piece.bytes == "\n" || piece.bytes == "\t";
    if (piece.valid && (!is_control(code_point(piece.bytes)) || (layout && newlines == Newlines::keep))) {
      out += piece.bytes;
    } else {
      for (const char byte : piece.bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    text.remove_prefix(piece.bytes.size());
  }
  return out;
}

}  // namespace fanfold::cli
