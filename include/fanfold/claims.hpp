#pragma once

#include <fanfold/envelope.hpp>

#include <array>
#include <cstddef>
#include <variant>

namespace fanfold {

/// Of a result's JSON text.
inline constexpr std::size_t result_bytes_max = 64 * 1024;
inline constexpr std::size_t output_bytes_max = 256 * 1024;  ///< Of one attempt's output; the rest is cut and said so.
inline constexpr std::size_t error_count_max = 32;           ///< Entries kept per record: the first and the newest.

/// A single message's record at creation.
struct NewMessage {
  std::string id{};
  std::string url{};
  RecordType type = RecordType::message;
  Json body{};
  std::optional<Json> meta{};
  Time created_at{};
  Time expires_at{};
};

/// Claim value as stored, for "on condition of the value seen".
using SeenState = std::array<std::byte, 16>;

enum class ClaimOutcome : std::uint8_t {
  claimed,      ///< The lease is ours; the attempt was counted.
  in_progress,  ///< Leased elsewhere, or backing off, until `busy_until`.
  waiting,      ///< For child cluster `child_id`.
  done,
  failed,
  exhausted,  ///< Free or its lease over, but all attempts are used: to be failed on condition of `seen`.
  crashed,    ///< The holder's process crashed with nothing else in hand: to be failed on condition of `seen`.
  missing     ///< No such record, or the cluster is a tombstone.
};

struct ClaimRequest {
  RecordRef ref{};
  std::uint64_t token = 0;  ///< Fresh per delivery, from `Ledger::new_token` or `new_noted_token`.
  Time lease_end{};
  std::uint32_t attempts_max = 3;  ///< 0 claims nothing: the answer only says how the record stands.
  bool first_delivery = true;      ///< A hint: neighbours that are delivered first may be claimed in one write.
  /// Messages and finish messages: creates the record where there is none yet (a fast consumer, a foreign message).
  std::optional<NewMessage> record{};
};

struct ClaimAnswer {
  ClaimOutcome outcome = ClaimOutcome::missing;
  std::uint32_t attempt = 0;  ///< Ours when claimed, else the last.
  Time busy_until{};
  SeenState seen{};
  std::string child_id{};
  int crash_signal = 0;
  bool alone = false;  ///< A former holder crashed with this and others in hand: run it with nothing beside it.
};

struct Lease {
  RecordRef ref{};
  std::uint64_t token = 0;
};

/// When an end is allowed.
struct NotEnded {};  ///< Cheap mode: whatever it is, unless ended.
struct WaitingFor {
  std::string child_id;
};
using EndCondition = std::variant<std::uint64_t /*token*/, SeenState, NotEnded, WaitingFor>;

enum class Verdict : std::uint8_t { done, failed, retry, waiting };

/// One delivery, by its queue.
struct DeliveredMessage {
  std::string url{};
  std::string receipt_handle{};
};

struct EndRequest {
  RecordRef ref{};
  std::uint64_t index = 0;  ///< Tasks: where the result and errors belong.
  EndCondition condition{};
  Verdict verdict = Verdict::done;
  std::optional<Json> result{};       ///< done: at most `result_bytes_max`.
  std::optional<ErrorEntry> error{};  ///< failed, retry.
  Time retry_at{};                    ///< retry: leased by nobody until then.
  std::string child_id{};             ///< waiting.
  std::string output{};               ///< Raw bytes that the attempt printed; at most `output_bytes_max`.
  std::uint32_t attempt = 0;
  bool unstarted = false;  ///< retry, by the holder: no handler was run, so that the attempt is not counted.
  /// Single messages, done and failed: the delivery that is to be deleted once the record has ended, by the ledger
  /// (`EndAnswers::deleted`) or else by whoever asks. Empty where somebody else deletes it.
  std::optional<DeliveredMessage> message{};
};

enum class EndOutcome : std::uint8_t {
  ended,       ///< Applied now, or found applied by this very token before.
  lease_lost,  ///< Another holder has it; nothing was changed.
  already,     ///< It had ended before; nothing was changed.
  missing
};

}  // namespace fanfold
