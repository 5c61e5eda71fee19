#pragma once

#include "core/cell.hpp"

/// The cell of a record as an attribute of a leaf has it. A free one is not stored: the attribute is absent.
namespace fanfold::aws {

using core::Cell;
using core::ClaimDecision;
using core::EndDecision;

inline constexpr std::size_t cell_bytes = 16;
/// Big-endian: 3 bits state, 13 bits attempt, 48 bits milliseconds since 1970, 64 bits token.
[[nodiscard]] std::string encode_cell(const Cell& cell);
/// Empty where the bytes are no cell.
[[nodiscard]] std::optional<Cell> decode_cell(std::string_view bytes) noexcept;
/// A free cell is all zero.
[[nodiscard]] SeenState seen_of(const Cell& cell) noexcept;
[[nodiscard]] Cell cell_of(const SeenState& seen) noexcept;

}  // namespace fanfold::aws
