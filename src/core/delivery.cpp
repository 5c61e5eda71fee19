#include "core/delivery.hpp"

#include "core/fingerprint.hpp"
#include "core/lease.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::core {

namespace {

Admission without_header(const Envelope& content, Time now) noexcept {
  return is_expired(content, now) ? Admission::remove : Admission::unknown;
}

}  // namespace

Admission admit_task(const Envelope& content, const ClusterHeader* header, Knowledge knowledge, Time now) noexcept {
  const bool strong = knowledge == Knowledge::strong;
  if (header == nullptr) return strong ? without_header(content, now) : Admission::read_strongly;
  if (header->tombstone) return Admission::remove;
  if (content.round > header->round) return strong ? Admission::put_back : Admission::read_strongly;
  // A round begins when all of the one before has followed; what fail_fast kept from running then is part of the new
  // one.
  if (content.round < header->round && !support::mutant("earlier_rounds_run"))
    return strong ? Admission::remove : Admission::read_strongly;
  if (header->stopped()) return Admission::remove;
  if (!header->moved_to.empty()) {
    if (!strong) return Admission::read_strongly;
    return header->moving() ? Admission::put_back : Admission::remove;
  }
  if (header->paused && !header->finished()) return strong ? Admission::remove : Admission::read_strongly;
  return Admission::claim;
}

Admission admit_cluster_message(const Envelope& content, const ClusterHeader* header,
                                const ClusterMessageFacts& facts) noexcept {
  if (header == nullptr) return without_header(content, facts.now);
  if (header->tombstone) return Admission::remove;
  if (content.round > header->round) return Admission::put_back;
  if (!content.first_failure && content.round == header->round) {
    if (!header->finished()) return Admission::put_back;
    const bool tasks_may_start =
        header->stopped() && header->completed_at && facts.now < *header->completed_at + facts.header_age_max;
    if (tasks_may_start) return Admission::put_back;
  }
  if (!facts.handler_there && header->finish_handler_required && !content.first_failure) return Admission::put_back;
  return Admission::claim;
}

bool is_expired(const Envelope& content, Time now) noexcept {
  return content.expires_at != Time{} && content.expires_at <= now;
}

NextStep next_step(ClaimOutcome outcome) noexcept {
  switch (outcome) {
    case ClaimOutcome::claimed: return NextStep::run;
    case ClaimOutcome::in_progress: return NextStep::leave;
    case ClaimOutcome::waiting: return NextStep::check_child;
    case ClaimOutcome::done:
    case ClaimOutcome::failed: return NextStep::repeat_finish;
    case ClaimOutcome::exhausted: return support::mutant("exhausted_is_left") ? NextStep::leave : NextStep::fail;
    case ClaimOutcome::crashed: return NextStep::fail;
    case ClaimOutcome::missing: break;
  }
  return NextStep::look_again;
}

ErrorEntry claim_error(const ClaimAnswer& answer, std::uint32_t attempts_max, Time now) {
  ErrorEntry error{.attempt = answer.attempt, .code = {}, .message = {}, .fingerprint = {}, .at = now, .final = true};
  if (answer.outcome == ClaimOutcome::crashed) {
    error.code = "signal " + std::to_string(answer.crash_signal);
    error.message = "the process that ran attempt " + std::to_string(answer.attempt) +
                    " was killed by this signal, with nothing else in hand";
  } else {
    error.code = "attempts_used_up";
    error.message = "the last of " + std::to_string(attempts_max) +
                    " attempts ended without an answer: its process died or lost its lease";
  }
  error.fingerprint = error_fingerprint(error.code, error.message);
  return error;
}

bool is_received_again(std::uint32_t receive_count, std::optional<std::uint32_t> receive_count_max) noexcept {
  return !receive_count_max || receive_count < *receive_count_max;
}

std::chrono::milliseconds hidden_for(Time now, Time until) noexcept {
  return std::clamp<std::chrono::milliseconds>(until - now, std::chrono::milliseconds::zero(), visibility_max);
}

}  // namespace fanfold::core
