#include "cli/exit_code.hpp"

namespace fanfold::cli {

ExitCode exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::bad_input:
    case ErrorCode::too_large: return ExitCode::usage;
    case ErrorCode::not_found: return ExitCode::not_found;
    case ErrorCode::already_exists:
    case ErrorCode::different_tasks:
    case ErrorCode::conflict:
    case ErrorCode::lease_lost:
    case ErrorCode::sealed:
    case ErrorCode::not_finished:
    case ErrorCode::stopped:
    case ErrorCode::deleted:
    case ErrorCode::expired:
    case ErrorCode::outcome_unknown: return ExitCode::refused;
    case ErrorCode::unsupported_version:
    case ErrorCode::throttled:
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::permission_denied:
    case ErrorCode::disk_full:
    case ErrorCode::read_only:
    case ErrorCode::damaged: return ExitCode::store;
    case ErrorCode::cancelled: return ExitCode::interrupted;
    case ErrorCode::internal: break;
  }
  return ExitCode::internal;
}

}  // namespace fanfold::cli
