#include "backends/aws/cell.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fanfold::aws {
namespace {

constexpr unsigned state_shift = 61;
constexpr unsigned attempt_shift = 48;
constexpr std::uint64_t time_mask = (std::uint64_t{1} << attempt_shift) - 1;

std::uint64_t head_of(const Cell& cell) noexcept {
  const auto time =
      std::clamp<std::int64_t>(cell.time.time_since_epoch().count(), 0, static_cast<std::int64_t>(time_mask));
  return static_cast<std::uint64_t>(cell.state) << state_shift |
         static_cast<std::uint64_t>(std::min(cell.attempt, core::attempt_max)) << attempt_shift |
         static_cast<std::uint64_t>(time);
}

/// Big-endian in the cell's bytes.
std::uint64_t swapped(std::uint64_t word) noexcept {
  return std::endian::native == std::endian::big ? word : __builtin_bswap64(word);
}

template <class Byte>
void store(std::uint64_t word, Byte* bytes) noexcept {
  const std::uint64_t stored = swapped(word);
  std::memcpy(bytes, &stored, sizeof stored);
}

template <class Byte>
std::uint64_t load(const Byte* bytes) noexcept {
  std::uint64_t stored = 0;
  std::memcpy(&stored, bytes, sizeof stored);
  return swapped(stored);
}

template <class Byte>
Cell load_cell(const Byte* bytes) noexcept {
  const std::uint64_t head = load(bytes);
  Cell cell;
  cell.state = static_cast<Cell::State>(head >> state_shift);
  cell.attempt = static_cast<std::uint32_t>(head >> attempt_shift) & core::attempt_max;
  cell.time = Time(std::chrono::milliseconds(static_cast<std::int64_t>(head & time_mask)));
  cell.token = load(bytes + 8);
  return cell;
}

}  // namespace

std::string encode_cell(const Cell& cell) {
  std::string bytes(cell_bytes, '\0');
  store(head_of(cell), bytes.data());
  store(cell.token, bytes.data() + 8);
  return bytes;
}

std::optional<Cell> decode_cell(std::string_view bytes) noexcept {
  if (bytes.size() != cell_bytes) return std::nullopt;
  const Cell cell = load_cell(bytes.data());
  if (cell.state > Cell::State::failed) return std::nullopt;
  return cell;
}

SeenState seen_of(const Cell& cell) noexcept {
  SeenState seen{};
  static_assert(sizeof seen == cell_bytes);
  if (cell.state == Cell::State::free) return seen;
  store(head_of(cell), seen.data());
  store(cell.token, seen.data() + 8);
  return seen;
}

Cell cell_of(const SeenState& seen) noexcept { return load_cell(seen.data()); }

}  // namespace fanfold::aws
