#include "backends/sqlite/cell.hpp"

#include "backends/sqlite/bytes.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

// The first word from its low end: 3 bits state, 13 bits attempt, 48 bits time. The second word is the token.
constexpr unsigned attempt_shift = 3;
constexpr unsigned time_shift = 16;
constexpr std::uint64_t state_mask = 0x7;
constexpr std::int64_t time_most = (std::int64_t{1} << 48U) - 1;

std::uint64_t head_of(const Cell& cell) noexcept {
  const auto time =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(cell.time.time_since_epoch().count(), 0, time_most));
  return static_cast<std::uint64_t>(cell.state) |
         static_cast<std::uint64_t>(std::min(cell.attempt, core::attempt_max)) << attempt_shift | time << time_shift;
}

}  // namespace

Cell load_cell(const char* bytes) noexcept {
  const std::uint64_t head = load_word(bytes);
  Cell cell;
  cell.state = static_cast<Cell::State>(head & state_mask);
  cell.attempt = static_cast<std::uint32_t>(head >> attempt_shift) & core::attempt_max;
  cell.time = Time(std::chrono::milliseconds(static_cast<std::int64_t>(head >> time_shift)));
  cell.token = load_word(bytes + 8);
  return cell;
}

void store_cell(char* bytes, const Cell& cell) noexcept {
  store_word(bytes, head_of(cell));
  store_word(bytes + 8, cell.token);
}

SeenState seen_of(const Cell& cell) noexcept {
  SeenState seen{};
  static_assert(sizeof seen == cell_bytes);
  store_cell(reinterpret_cast<char*>(seen.data()), cell);
  return seen;
}

}  // namespace fanfold::sqlite
