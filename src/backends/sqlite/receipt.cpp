#include "backends/sqlite/receipt.hpp"

#include <array>
#include <charconv>

namespace fanfold::sqlite {

namespace {

constexpr int base = 32;
constexpr std::size_t text_bytes_max = 64;

class Text {
 public:
  explicit Text(char kind) { bytes_[size_++] = kind; }
  Text& number(std::uint64_t value) {
    size_ = static_cast<std::size_t>(
        std::to_chars(bytes_.data() + size_, bytes_.data() + bytes_.size(), value, base).ptr - bytes_.data());
    return *this;
  }
  Text& dot() {
    bytes_[size_++] = '.';
    return *this;
  }
  [[nodiscard]] std::string take() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, text_bytes_max> bytes_{};
  std::size_t size_ = 0;
};

Text begin_text(const Receipt& receipt) {
  Text text(receipt.is_slot ? 't' : 'm');
  text.number(static_cast<std::uint64_t>(receipt.number));
  if (receipt.is_slot) text.dot().number(receipt.position).dot().number(receipt.generation);
  return text;
}

template <class T>
bool read_number(std::string_view& text, T& value, bool is_last) {
  const char* const end = text.data() + text.size();
  const auto [next, code] = std::from_chars(text.data(), end, value, base);
  if (code != std::errc()) return false;
  if (is_last) return next == end;
  if (next == end || *next != '.') return false;
  text.remove_prefix(static_cast<std::size_t>(next - text.data()) + 1);
  return true;
}

}  // namespace

std::string message_id_of(const Receipt& receipt) { return begin_text(receipt).take(); }

std::string receipt_text(const Receipt& receipt) {
  return begin_text(receipt).dot().number(receipt.receive_count).take();
}

std::optional<Receipt> parse_receipt(std::string_view text) {
  if (text.empty() || (text.front() != 't' && text.front() != 'm')) return std::nullopt;
  Receipt receipt;
  receipt.is_slot = text.front() == 't';
  text.remove_prefix(1);
  if (!read_number(text, receipt.number, false) || receipt.number <= 0) return std::nullopt;
  const bool has_place =
      !receipt.is_slot || (read_number(text, receipt.position, false) && read_number(text, receipt.generation, false));
  if (!has_place || !read_number(text, receipt.receive_count, true)) return std::nullopt;
  return receipt;
}

}  // namespace fanfold::sqlite
