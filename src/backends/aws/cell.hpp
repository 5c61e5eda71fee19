#pragma once

#include <fanfold/claims.hpp>

#include <string_view>

namespace fanfold::aws {

/// The claimable part of a record: 16 bytes as stored, which are what "the value seen" compares.
struct Cell {
  enum class State : std::uint8_t {
    free = 0,  ///< Never claimed. Not stored: the attribute is absent.
    leased = 1,
    backing_off = 2,  ///< Leased by nobody until `time`.
    waiting = 3,      ///< For a child cluster, which stands beside the cell.
    done = 4,
    failed = 5
  };

  State state = State::free;
  std::uint32_t attempt = 0;  ///< At most `attempt_limit`.
  Time time{};                ///< End of the lease or backoff, or when it ended.
  std::uint64_t token = 0;  ///< Of the holder, or of the one who wrote the state, so that it finds its own write again.

  [[nodiscard]] bool has_ended() const noexcept { return state == State::done || state == State::failed; }
  [[nodiscard]] bool is_busy(Time now) const noexcept {
    return (state == State::leased || state == State::backing_off) && time > now;
  }
  friend bool operator==(const Cell&, const Cell&) = default;
};

inline constexpr std::size_t cell_bytes = 16;
inline constexpr std::uint32_t attempt_limit = 0x1fff;

/// Big-endian: 3 bits state, 13 bits attempt, 48 bits milliseconds since 1970, 64 bits token.
[[nodiscard]] std::string encode_cell(const Cell& cell);
/// Empty where the bytes are no cell.
[[nodiscard]] std::optional<Cell> decode_cell(std::string_view bytes) noexcept;
/// A free cell is all zero.
[[nodiscard]] SeenState seen_of(const Cell& cell) noexcept;
[[nodiscard]] Cell cell_of(const SeenState& seen) noexcept;

/// What one request makes of one cell. Where `writes` is set, `next` is to be stored on condition that the cell is
/// still what was looked at, and the outcome holds once that is done.
struct ClaimDecision {
  ClaimOutcome outcome = ClaimOutcome::missing;
  bool writes = false;
  Cell next{};
};
[[nodiscard]] ClaimDecision decide_claim(const Cell& cell, const ClaimRequest& request, Time now) noexcept;

struct EndDecision {
  EndOutcome outcome = EndOutcome::missing;
  bool writes = false;
  Cell next{};
};
/// `child_id` is whom a waiting cell waits for. `fresh_token` is written where the request has no token of its own.
[[nodiscard]] EndDecision decide_end(const Cell& cell, std::string_view child_id, const EndRequest& request,
                                     std::uint64_t fresh_token, Time now);

[[nodiscard]] ClaimAnswer answer_with(ClaimOutcome outcome, const Cell& cell, std::string_view child_id);

[[nodiscard]] Status status_of(const Cell& cell) noexcept;
[[nodiscard]] StatusCode code_of(Status status) noexcept;

}  // namespace fanfold::aws
