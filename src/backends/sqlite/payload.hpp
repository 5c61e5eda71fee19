#pragma once

#include <fanfold/ports/ledger.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fanfold::sqlite {

/// Bytes of payloads in one row, unless one task alone has more.
inline constexpr std::size_t payload_row_bytes_max = 1024 * 1024;

/// Neighbouring tasks' payloads as one blob: for each the lengths of body and meta (4 bytes each), then the texts.
[[nodiscard]] std::string pack_payloads(std::span<const TaskData> tasks);

/// Looks into what pack_payloads made, without copying.
class PayloadView {
 public:
  /// Empty where the bytes are not such a blob of `count` tasks.
  [[nodiscard]] static std::optional<PayloadView> of(std::string_view bytes, std::size_t count);

  struct Entry {
    std::string_view body;
    std::string_view meta;
  };
  /// Called in ascending order it is cheapest.
  [[nodiscard]] Entry at(std::size_t place) const;
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  PayloadView(std::string_view bytes, std::size_t count) : bytes_(bytes), count_(count), offset_(count * 8) {}
  std::string_view bytes_;
  std::size_t count_;
  mutable std::size_t place_ = 0;  // Where `offset_` points to.
  mutable std::size_t offset_ = 0;
};

}  // namespace fanfold::sqlite
