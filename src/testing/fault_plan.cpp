#include <fanfold/testing/faults.hpp>

namespace fanfold::testing {

std::string_view to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::crash_before: return "crash before";
    case Fault::crash_after: return "crash after";
    case Fault::lost_answer: return "lost answer";
    case Fault::refused: return "refused";
    case Fault::partial: return "partial";
    case Fault::duplicate: return "duplicate";
    case Fault::reordered: return "reordered";
    case Fault::delayed: return "delayed";
    case Fault::stale_read: return "stale read";
    case Fault::clock_forward: return "clock forward";
    case Fault::clock_back: return "clock back";
    case Fault::conflict: return "conflict";
  }
  return "unknown";
}

Chaos Chaos::everything() {
  Chaos chaos;
  chaos.crash = 0.006;
  chaos.lost_answer = 0.012;
  chaos.refused = 0.012;
  chaos.partial = 0.02;
  chaos.duplicate = 0.05;
  chaos.reordered = 0.2;
  chaos.delayed = 0.05;
  chaos.stale_read = 0.3;
  chaos.conflict = 0.05;
  chaos.clock_jump = 0.004;
  return chaos;
}

std::uint64_t SeededRandom::bits() noexcept {
  // SplitMix64.
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

void FaultPlan::set_chaos(Chaos chaos) {
  const std::scoped_lock lock(mutex_);
  chaos_ = chaos;
}

void FaultPlan::set_trace(std::function<void(Fault, std::string_view)> trace) {
  const std::scoped_lock lock(mutex_);
  trace_ = std::move(trace);
}

void FaultPlan::strike_next(Fault fault, std::string call) {
  const std::scoped_lock lock(mutex_);
  ++ordered_[{std::move(call), fault}];
}

bool FaultPlan::is_ordered(Fault fault, std::string_view call) {
  if (ordered_.empty()) return false;
  const auto order = ordered_.find({std::string(call), fault});
  if (order == ordered_.end()) return false;
  if (--order->second == 0) ordered_.erase(order);
  return true;
}

bool FaultPlan::strikes(Fault fault, std::string_view call) {
  const std::scoped_lock lock(mutex_);
  Count& count = counts_[{call, fault}];
  ++count.possible;
  const double chance = chance_of(fault);
  const bool by_chance = chance > 0 && random_.chance(chance);
  if (!is_ordered(fault, call) && !by_chance) return false;
  ++count.struck;
  if (trace_) trace_(fault, call);
  return true;
}

std::uint64_t FaultPlan::below(std::uint64_t bound) {
  const std::scoped_lock lock(mutex_);
  return random_.below(bound);
}

std::chrono::milliseconds FaultPlan::clock_jump_by() const {
  const std::scoped_lock lock(mutex_);
  return chaos_.clock_jump_by;
}

FaultPlan::Coverage FaultPlan::coverage() const {
  const std::scoped_lock lock(mutex_);
  Coverage coverage;
  for (const auto& [key, count] : counts_) coverage[{std::string(key.first), key.second}] = count;
  return coverage;
}

double FaultPlan::chance_of(Fault fault) const {
  switch (fault) {
    case Fault::crash_before:
    case Fault::crash_after: return chaos_.crash;
    case Fault::lost_answer: return chaos_.lost_answer;
    case Fault::refused: return chaos_.refused;
    case Fault::partial: return chaos_.partial;
    case Fault::duplicate: return chaos_.duplicate;
    case Fault::reordered: return chaos_.reordered;
    case Fault::delayed: return chaos_.delayed;
    case Fault::stale_read: return chaos_.stale_read;
    case Fault::clock_forward: return chaos_.clock_jump;
    case Fault::clock_back: return chaos_.clock_jump / 4;
    case Fault::conflict: return chaos_.conflict;
  }
  return 0;
}

}  // namespace fanfold::testing
