#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fanfold {

/// Every way in which a call can fail from outside. Closed: callers may switch over it.
/// Whether trying again can help belongs to the code, see `is_retryable`.
enum class ErrorCode : std::uint8_t {
  invalid_argument,     ///< The caller asked for something that can never work; the message names the argument.
  bad_input,            ///< Bytes from outside do not decode; the message starts with the path to the field.
  unsupported_version,  ///< A message or file written by a newer fanfold. The message goes back to its queue.
  not_found,            ///< No such record, cluster, queue or task.
  already_exists,       ///< A create-only write met something that is there.
  different_tasks,      ///< The same idempotency key was used with other tasks.
  conflict,             ///< A conditional write lost too often to go on; nothing was applied.
  lease_lost,           ///< Another holder took the record, or it ended; nothing was applied.
  sealed,               ///< Tasks were added to a cluster that takes no more, or a finished one was to be steered.
  not_finished,         ///< The operation needs a finished cluster whose finish message is done.
  stopped,              ///< The cluster was stopped; that is final.
  deleted,              ///< Only the tombstone of the cluster is left.
  expired,              ///< The record's or message's life (`expires_at`) is over.
  too_large,            ///< A payload, result or batch is over its limit; the message names the limit.
  outcome_unknown,      ///< The write may or may not have been applied and nothing can tell any more.
  throttled,            ///< The service asks to slow down.
  unavailable,          ///< The service, file or lock is not reachable now.
  deadline_exceeded,    ///< The caller's deadline ended before the answer came.
  cancelled,            ///< The caller's stop token was set.
  permission_denied,    ///< Credentials or file modes forbid it.
  disk_full,            ///< No room left; what was acknowledged before is kept.
  read_only,            ///< The store cannot be written.
  damaged,              ///< The store is not what it should be: not a database, or corrupt.
  internal              ///< A defect of fanfold's own, or a user handler's exception of unknown type.
};

/// The code's stored and printed name, e.g. "lease_lost".
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// True where the same call may succeed later without anybody changing anything.
[[nodiscard]] constexpr bool is_retryable(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::conflict:
    case ErrorCode::throttled:
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::disk_full:
    case ErrorCode::unsupported_version: return true;
    default: return false;
  }
}

/// An error from outside, as a value. `message` is ours alone and safe to show and log;
/// what a remote side said is kept apart in `remote_detail`, which may hold anything.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string remote_detail;

  friend bool operator==(const Error&, const Error&) = default;
};

/// "lease_lost: another worker took the task". Never contains `remote_detail`.
[[nodiscard]] std::string to_string(const Error& error);

/// What `Result::value()` throws. Dispatch knows it: an error that no retry mends fails the task for good.
class ErrorException : public std::runtime_error {
 public:
  explicit ErrorException(Error error) : std::runtime_error(to_string(error)), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

}  // namespace fanfold
