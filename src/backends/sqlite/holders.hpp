#pragma once

#include "backends/sqlite/claim_notes.hpp"
#include "backends/sqlite/database.hpp"
#include "backends/sqlite/file_lock.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace fanfold::sqlite {

/// Which process holds what. Each open store has a slot of its own: a byte of `<file>-holders` that it keeps locked for
/// life, and a row that gives the slot a generation, so that the next user of a slot is not taken for the last. Tokens
/// carry both. The byte's value is the signal that the process died of, where it could write it.
class Holder {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Holder>> open(const std::filesystem::path& file);

  /// Locks a slot that no row names, for good; the caller holds the write lock. Errors: unavailable where all are in
  /// use.
  [[nodiscard]] Result<void> take_slot(const std::vector<std::uint32_t>& used_slots, std::uint64_t generation);

  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::uint64_t new_token() noexcept;

  /// Of its noted claims; null where there can be none. Made when they are first asked for.
  [[nodiscard]] ClaimNotes* notes();
  /// A token that is noted; empty where there is no room for another.
  [[nodiscard]] std::optional<std::uint64_t> new_noted_token();
  /// Of the holder that made this token, whoever it is; null where there are none.
  [[nodiscard]] std::unique_ptr<ClaimNotes> notes_with(std::uint64_t token) const;

  [[nodiscard]] int descriptor() const noexcept { return file_.descriptor(); }

  /// True where a process (this one included) has the slot's byte locked.
  [[nodiscard]] bool is_alive(std::uint32_t slot) const noexcept;
  /// True where anybody has the slot's byte of the open holders' file locked, and where nobody can tell.
  [[nodiscard]] static bool is_locked(int descriptor, std::uint32_t slot) noexcept;
  /// The signal that a dead process left in its slot, 0 for none.
  [[nodiscard]] int signal_of(std::uint32_t slot) const noexcept;

 private:
  explicit Holder(LockFile file) : file_(std::move(file)) {}
  LockFile file_;
  std::uint32_t slot_ = 0;
  std::uint64_t generation_ = 0;
  std::atomic<std::uint32_t> token_count_{0};
  std::once_flag notes_once_;
  std::unique_ptr<ClaimNotes> notes_;
};

// A token from its high end: 12 bits slot, 20 bits generation, 32 bits a number of that process's own.
inline constexpr std::uint64_t generation_mask = 0xfffff;
[[nodiscard]] constexpr std::uint32_t slot_of_token(std::uint64_t token) noexcept {
  return static_cast<std::uint32_t>(token >> 52U);
}
[[nodiscard]] constexpr std::uint64_t generation_of_token(std::uint64_t token) noexcept {
  return token >> 32U & generation_mask;
}
[[nodiscard]] constexpr std::uint32_t number_of_token(std::uint64_t token) noexcept {
  return static_cast<std::uint32_t>(token);
}

}  // namespace fanfold::sqlite
