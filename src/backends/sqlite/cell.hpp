#pragma once

#include "core/cell.hpp"

/// The cell of a record as the file has it.
namespace fanfold::sqlite {

using core::Cell;

inline constexpr std::size_t cell_bytes = 16;

/// `bytes` are `cell_bytes` long. `alone` stands elsewhere.
[[nodiscard]] Cell load_cell(const char* bytes) noexcept;
void store_cell(char* bytes, const Cell& cell) noexcept;
[[nodiscard]] SeenState seen_of(const Cell& cell) noexcept;

}  // namespace fanfold::sqlite
