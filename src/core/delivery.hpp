#pragma once

#include <fanfold/claims.hpp>
#include <fanfold/cluster_header.hpp>

namespace fanfold::core {

/// How long a message stays hidden that nobody here can do anything about now: written by a newer fanfold, no handler
/// for it, its cluster on the move or in another store. Long enough not to spin, short enough for the worker that can
/// to get it soon.
inline constexpr std::chrono::milliseconds put_back_time{10'000};

/// What a cluster's header says about a delivery, before it is claimed.
enum class Admission : std::uint8_t {
  claim,
  read_strongly,  ///< The header at hand is from a cache and may not decide this: ask again with a strong read.
  remove,         ///< Delete the message: nothing of it will ever run again, or a re-send makes a new one.
  put_back,       ///< Leave it for later, or for another worker.
  unknown  ///< Leave it: its cluster has no header here, not even a tombstone, although its life is not over. The
           ///< header was written before it and lives as long, so this is another store than the message's.
};
enum class Knowledge : std::uint8_t { cached, strong };

/// A task's message. `header` is null where there is none. From a cache only "stopped" and "tombstone" remove a
/// message, since only they never end.
[[nodiscard]] Admission admit_task(const Envelope& content, const ClusterHeader* header, Knowledge knowledge,
                                   Time now) noexcept;

struct ClusterMessageFacts {
  bool handler_there = false;  ///< Somebody here handles it.
  Time now{};
  std::chrono::milliseconds header_age_max{0};  ///< After a stop, tasks may start elsewhere for so long.
};
/// A finish or first-failure message; `header` was read strongly, null where there is none. Pauses do not concern it.
[[nodiscard]] Admission admit_cluster_message(const Envelope& content, const ClusterHeader* header,
                                              const ClusterMessageFacts& facts) noexcept;

/// True once the message's life is over. Messages from elsewhere carry no end (zero).
[[nodiscard]] bool is_expired(const Envelope& content, Time now) noexcept;

/// What to do with a delivery after its claim was answered.
enum class NextStep : std::uint8_t {
  run,
  leave,          ///< Visible again at `busy_until`.
  check_child,    ///< Waiting: end it where its child is finished, then delete the message; the child's finish ends the
                  ///< task.
  repeat_finish,  ///< Ended: repeat "propagate" and "finish", then delete.
  fail,           ///< Fail it on condition of what was seen, with `claim_error`.
  look_again      ///< No record: only the header, read strongly, tells whether the message may go.
};
[[nodiscard]] NextStep next_step(ClaimOutcome outcome) noexcept;

/// Why a record is failed that nobody ran: its attempts are used up, or its holder crashed with nothing else in hand.
[[nodiscard]] ErrorEntry claim_error(const ClaimAnswer& answer, std::uint32_t attempts_max, Time now);

/// Whether the queue delivers the message once more if it is left; where not, it is sent again and then deleted, since
/// receives are not attempts. `receive_count_max` is the redrive policy's, empty without one.
[[nodiscard]] bool is_received_again(std::uint32_t receive_count,
                                     std::optional<std::uint32_t> receive_count_max) noexcept;

/// How long to hide a message that is to be seen at `until`: nothing for the past, at most what services allow.
[[nodiscard]] std::chrono::milliseconds hidden_for(Time now, Time until) noexcept;

}  // namespace fanfold::core
