#pragma once

#include "core/cell.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace fanfold::sqlite {

/// How far the claims of one holder are, where the end of its process leaves it: a part of `<file>-holders` that is
/// mapped by the holder, and by whoever frees its claims. A claim is named by the low 32 bits of its token. The
/// notes of an earlier boot of the machine, of a copy of the file and of another generation of the slot are void, since
/// what was written there last may be lost or another's. Thread-safe; blocks in `make` and `find` alone.
class ClaimNotes {
 public:
  /// Empty ones for the holder that has this slot of the open holders' file locked. Null where there can be none: no
  /// room on the disk, no mapping, nothing that tells one boot from another.
  [[nodiscard]] static std::unique_ptr<ClaimNotes> make(int descriptor, std::uint32_t slot, std::uint64_t generation);
  /// Those that the holder of this slot and generation has made, also where it is gone. Null where there are none, or
  /// they are void.
  [[nodiscard]] static std::unique_ptr<ClaimNotes> find(int descriptor, std::uint32_t slot, std::uint64_t generation);
  ClaimNotes(const ClaimNotes&) = delete;
  ClaimNotes& operator=(const ClaimNotes&) = delete;
  ~ClaimNotes();

  // For the holder.

  /// This claim, about to be made, has not begun. False where another that has not begun has its place: numbers that
  /// follow each other have different ones.
  [[nodiscard]] bool note(std::uint32_t number) noexcept;
  /// It begins. False where somebody else has settled it, or it is not noted.
  [[nodiscard]] bool begin(std::uint32_t number) noexcept;
  /// It was begun, and is done.
  void finish(std::uint32_t number) noexcept;
  /// It is nobody's any more.
  void forget(std::uint32_t number) noexcept;

  // For whoever frees its claims.

  /// A claim that has not begun cannot from now on. The note stays until the holder forgets it: whoever asks may die
  /// before the claim is freed, and another asks.
  [[nodiscard]] core::ClaimFate settle(std::uint32_t number) noexcept;

  static constexpr std::size_t place_count = std::size_t{1} << 15U;

 private:
  struct Head {
    std::atomic<std::uint64_t> mark;  ///< Written last.
    std::uint64_t generation;
    std::uint64_t device;
    std::uint64_t inode;
    std::array<char, 40> boot;
  };
  struct Memory {
    Head head;
    std::array<std::atomic<std::uint32_t>, place_count> places;  ///< 0: nothing is noted.
  };

  explicit ClaimNotes(Memory* memory) : memory_(memory) {}
  [[nodiscard]] static std::unique_ptr<ClaimNotes> map(int descriptor, std::uint32_t slot);
  [[nodiscard]] std::atomic<std::uint32_t>& place_of(std::uint32_t number) noexcept;

  Memory* memory_;
};

}  // namespace fanfold::sqlite
