#include "cli/time_steps.hpp"

#include <algorithm>

namespace fanfold::cli {

TaskCounts& TaskCounts::operator+=(const TaskCounts& more) noexcept {
  complete += more.complete;
  failed += more.failed;
  tried_again += more.tried_again;
  failed_attempts += more.failed_attempts;
  return *this;
}

void TimeSteps::add(Time at, const TaskCounts& counts) {
  add_to(steps_, at, counts);
  while (steps_.size() > step_count_max_) double_width();
}

void TimeSteps::widen(std::chrono::milliseconds width_least) {
  while (width_ < width_least) double_width();
}

void TimeSteps::add_to(std::map<std::int64_t, Step>& steps, Time at, const TaskCounts& counts) const {
  const std::int64_t since_epoch = at.time_since_epoch().count();
  const std::int64_t width = width_.count();
  const std::int64_t number = since_epoch / width - (since_epoch % width < 0 ? 1 : 0);
  const auto [step, is_new] = steps.try_emplace(number);
  step->second.last = is_new ? at : std::max(step->second.last, at);
  step->second.counts += counts;
}

void TimeSteps::double_width() {
  width_ *= 2;
  std::map<std::int64_t, Step> wider;
  for (const auto& [number, step] : steps_) add_to(wider, step.last, step.counts);
  steps_ = std::move(wider);
}

}  // namespace fanfold::cli
