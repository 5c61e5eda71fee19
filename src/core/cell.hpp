#pragma once

#include <fanfold/claims.hpp>

#include <optional>
#include <string_view>

/// What the protocol decides about one record: who may hold it, and who may end it. Every ledger keeps a cell for each
/// record, stores it in a layout of its own, and asks here what a request makes of it.
namespace fanfold::core {

/// The claimable part of a record.
struct Cell {
  enum class State : std::uint8_t {
    free = 0,  ///< Never claimed, or its holder is gone.
    leased = 1,
    backing_off = 2,  ///< Leased by nobody until `time`.
    waiting = 3,      ///< For a child cluster, which is named elsewhere.
    done = 4,
    failed = 5,
    crashed = 6  ///< Free, but its last holder died of the signal that stands in `token`, with nothing else in hand.
  };

  State state = State::free;
  std::uint32_t attempt = 0;  ///< At most `attempt_max`.
  Time time{};                ///< End of the lease or backoff, or when it began to wait or ended.
  std::uint64_t token = 0;  ///< Of the holder, or of the one who wrote the state, so that it finds its own write again.
  bool alone = false;       ///< A former holder crashed with this and others in hand: to be run with nothing beside it.

  [[nodiscard]] bool has_ended() const noexcept { return state == State::done || state == State::failed; }
  [[nodiscard]] bool is_busy(Time now) const noexcept {
    return (state == State::leased || state == State::backing_off) && time > now;
  }
  friend bool operator==(const Cell&, const Cell&) = default;
};

inline constexpr std::uint32_t attempt_max = 0x1fff;  ///< What the layouts have room for.

/// What a request makes of a cell. Where `writes` is set, `next` is to be stored on condition that the cell is still
/// what was looked at, and the outcome holds once that is done.
template <class Outcome>
struct CellDecision {
  Outcome outcome = Outcome::missing;
  bool writes = false;
  Cell next{};
};
using ClaimDecision = CellDecision<ClaimOutcome>;
using EndDecision = CellDecision<EndOutcome>;

/// A repeated claim by the token that holds the cell is answered as the first was, and writes nothing.
[[nodiscard]] ClaimDecision claim_cell(const Cell& cell, const ClaimRequest& request, Time now) noexcept;

/// What is known of a claim whose holder is gone, or whose lease is over.
enum class ClaimFate : std::uint8_t {
  begun,      ///< Its handler may have done anything. All that is known where nothing was noted.
  not_begun,  ///< It had no handler, and will have none.
  done        ///< Its handler is done, and there is nothing to be kept of it.
};
/// What such a claim leaves: a cell as it was before where no handler began, one that is done, or what it is.
[[nodiscard]] Cell settle_claim(const Cell& cell, ClaimFate fate, Time now) noexcept;

/// What an end is judged by, besides the cell.
struct EndFacts {
  std::string_view child_id{};  ///< Whom a waiting cell waits for.
  SeenState seen{};             ///< The cell as its ledger stores it.
  Time now{};
  /// Written where the request has no token of its own, so that a repeated call finds its own write; ledgers whose
  /// answers do not get lost need none.
  std::optional<std::uint64_t> fresh_token{};
};
/// A repeated end is answered as the first was, and writes nothing.
[[nodiscard]] EndDecision end_cell(const Cell& cell, const EndRequest& request, const EndFacts& facts);

/// The answer to a claim, of a cell as it is afterwards and as its ledger stores it.
[[nodiscard]] ClaimAnswer answer_with(ClaimOutcome outcome, const Cell& cell, const SeenState& seen,
                                      std::string_view child_id);

/// Whether an attempt of the cell's round may have failed. Where none has, no entry says why.
[[nodiscard]] bool may_have_failed(const Cell& cell) noexcept;

[[nodiscard]] Status status_of(const Cell& cell) noexcept;
[[nodiscard]] StatusCode code_of(Status status) noexcept;

}  // namespace fanfold::core
