#include "cli/attempt_rounds.hpp"

namespace fanfold::cli {
namespace {

/// How many rounds ended after `begin` and before the attempt that printed `current`: each by an error for good. That
/// attempt's own error is none of them.
std::uint32_t ended_between(const std::vector<ErrorEntry>& errors, Time begin, const AttemptOutput& current) {
  std::uint32_t count = 0;
  const ErrorEntry* last = nullptr;
  for (const ErrorEntry& error : errors) {
    if (!error.final || error.at <= begin || error.at > current.at) continue;
    ++count;
    last = &error;
  }
  return last != nullptr && last->attempt == current.attempt ? count - 1 : count;
}

bool ended_with(const std::vector<ErrorEntry>& errors, Time begin, const AttemptOutput& output) {
  for (const ErrorEntry& error : errors) {
    if (error.final && error.attempt == output.attempt && error.at > begin && error.at <= output.at) return true;
  }
  return false;
}

}  // namespace

std::vector<std::uint32_t> rounds_of(const std::vector<AttemptOutput>& outputs, const std::vector<ErrorEntry>& errors) {
  std::vector<std::uint32_t> rounds;
  rounds.reserve(outputs.size());
  std::uint32_t round = 0;
  Time before = Time::min();  // Of the output before the previous one.
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Time previous = i == 0 ? Time::min() : outputs[i - 1].at;
    std::uint32_t ended = ended_between(errors, previous, outputs[i]);
    if (i > 0 && ended_with(errors, before, outputs[i - 1])) ++ended;
    // Old errors are not kept for ever; attempts that start over say as much.
    if (i > 0 && ended == 0 && outputs[i].attempt <= outputs[i - 1].attempt) ended = 1;
    round = outputs[i].round.value_or(round + ended);
    rounds.push_back(round);
    before = previous;
  }
  return rounds;
}

}  // namespace fanfold::cli
