#include "core/sweep_plan.hpp"

#include <algorithm>

namespace fanfold::core {

namespace {

bool was_cut_off(const ClusterHeader& header, const SweepFacts& facts) noexcept {
  return std::ranges::any_of(header.due, [&](const DueMark& mark) {
    return mark.round == header.round && mark.since + facts.repair_pause <= facts.now;
  });
}

bool lost_messages(const ClusterHeader& header, const SweepFacts& facts) noexcept {
  const Time last_send = std::max({header.created_at, header.sent_at, header.last_add_at});
  return header.task_count > 0 && last_send + facts.retention <= facts.now;
}

void plan_finished(const ClusterHeader& header, const SweepFacts& facts, SweepPlan& plan) noexcept {
  plan.follow_finish = !header.parent_ended || !header.finish_sent_at;
  plan.send_finish_again =
      header.finish_sent_at && !header.finish_done && *header.finish_sent_at + facts.finish_retention <= facts.now;
}

void plan_unfinished(const ClusterHeader& header, const SweepFacts& facts, SweepPlan& plan) noexcept {
  // Only the first round may be open: later ones have their size from the start.
  plan.seal = header.sealed() ? !header.marked : header.round > 0;
  plan.resend = !header.paused && (was_cut_off(header, facts) || lost_messages(header, facts));
  if (header.deadline && *header.deadline <= facts.now && !header.deadline_reported) {
    plan.stop = header.deadline_action == DeadlineAction::stop;
    plan.note_deadline = !plan.stop;
  }
  plan.follow_failures = header.fail_fast || (header.first_failure_wanted && !header.first_failure_sent);
  plan.report_idle = !header.sealed() && header.round == 0 &&
                     std::max(header.created_at, header.last_add_at) + add_pause_max <= facts.now;
  plan.report_expired = header.expires_at <= facts.now;
}

}  // namespace

SweepPlan plan_sweep(const ClusterHeader& header, const SweepFacts& facts) noexcept {
  SweepPlan plan;
  if (header.tombstone || !header.moved_to.empty()) return plan;
  if (header.finished()) {
    plan_finished(header, facts, plan);
  } else {
    plan_unfinished(header, facts, plan);
  }
  return plan;
}

}  // namespace fanfold::core
