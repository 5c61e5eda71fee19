#include <fanfold/error.hpp>

namespace fanfold {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::bad_input: return "bad_input";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::different_tasks: return "different_tasks";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::lease_lost: return "lease_lost";
    case ErrorCode::sealed: return "sealed";
    case ErrorCode::not_finished: return "not_finished";
    case ErrorCode::stopped: return "stopped";
    case ErrorCode::deleted: return "deleted";
    case ErrorCode::expired: return "expired";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::outcome_unknown: return "outcome_unknown";
    case ErrorCode::throttled: return "throttled";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::disk_full: return "disk_full";
    case ErrorCode::read_only: return "read_only";
    case ErrorCode::damaged: return "damaged";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

std::string to_string(const Error& error) {
  std::string text{to_string(error.code)};
  if (!error.message.empty()) {
    text += ": ";
    text += error.message;
  }
  return text;
}

}  // namespace fanfold
