#pragma once

#include "backends/sqlite/store.hpp"
#include "core/cell.hpp"

namespace fanfold::sqlite {

/// Which processes died with something in hand that nobody has freed yet. Looks only, so that it serves a file that is
/// open for reading too. Take it before the states are read: who was alive then is not taken for dead.
class DeadHolders {
 public:
  /// Knows of none where nobody can tell, as without the holders' file.
  [[nodiscard]] static DeadHolders look(Store& store);

  /// Whether the cell is leased by one of them.
  [[nodiscard]] bool holds(const core::Cell& cell) const noexcept;

 private:
  struct Slot {
    std::uint32_t number = 0;
    std::uint64_t generation = 0;
  };
  std::vector<Slot> slots_;
};

}  // namespace fanfold::sqlite
