#pragma once

#include <fanfold/ports/ledger.hpp>

#include <string_view>

namespace fanfold::sqlite {

/// The claimable part of a record: 16 bytes as stored, which are what "the value seen" compares.
struct Cell {
  enum class State : std::uint8_t {
    free,
    leased,
    backing_off,  ///< Leased by nobody until `time`.
    waiting,      ///< For a child cluster, which is named elsewhere.
    done,
    failed,
    crashed  ///< Free, but its last holder died of the signal that stands in `token`, with nothing else in hand.
  };

  State state = State::free;
  std::uint32_t attempt = 0;  ///< At most `attempt_max`.
  Time time{};                ///< End of the lease or backoff, or when it ended.
  std::uint64_t token = 0;  ///< Of the holder, or of the one who wrote the state, so that it finds its own write again.
  bool alone = false;       ///< Kept outside the 16 bytes: a former holder crashed with this and others in hand.

  [[nodiscard]] bool has_ended() const noexcept { return state == State::done || state == State::failed; }
  [[nodiscard]] bool is_busy(Time now) const noexcept {
    return (state == State::leased || state == State::backing_off) && time > now;
  }
};

inline constexpr std::size_t cell_bytes = 16;
inline constexpr std::uint32_t attempt_max = 0x1fff;

/// `bytes` are `cell_bytes` long.
[[nodiscard]] Cell load_cell(const char* bytes) noexcept;
void store_cell(char* bytes, const Cell& cell) noexcept;
[[nodiscard]] SeenState seen_of(const Cell& cell) noexcept;

/// The claim of one record. Changes the cell where the answer is `claimed` and the token was not the holder's already.
/// The child's id is left to the caller.
[[nodiscard]] ClaimAnswer claim_cell(Cell& cell, const ClaimRequest& request, Time now);

/// Judges and applies one end. `child_id` is whom a waiting cell waits for. The cell has changed only where `changed`
/// says so.
struct CellEnd {
  EndOutcome outcome = EndOutcome::missing;
  bool changed = false;
};
[[nodiscard]] CellEnd end_cell(Cell& cell, std::string_view child_id, const EndRequest& request, Time now);

[[nodiscard]] Status status_of(const Cell& cell) noexcept;
[[nodiscard]] StatusCode code_of(Status status) noexcept;

}  // namespace fanfold::sqlite
