#include "aws/outage_notice.hpp"

#include <algorithm>

namespace fanfold::aws {

void OutageNotice::failed(const Error& error, Moment call_since, Moment now) {
  if (warn_ && is_due(call_since, now)) warn_(error.message + "; trying again");
}

void OutageNotice::slow(const std::string& message, Moment now) {
  if (warn_ && is_due(now - slow_after, now)) warn_(message + "; still waiting");
}

bool OutageNotice::is_due(Moment call_since, Moment now) {
  const std::lock_guard lock(mutex_);
  is_out_ = true;
  since_ = std::min(since_.value_or(call_since), call_since);
  if (now - *since_ < patience || (told_at_ && now - *told_at_ < repeat_)) return false;
  if (told_at_) repeat_ = std::min(repeat_ * 2, repeat_max);
  told_at_ = now;
  return true;
}

/// The next outage waits its time too, so that one that comes and goes is no flood of lines.
void OutageNotice::end() {
  const std::lock_guard lock(mutex_);
  is_out_ = false;
  since_.reset();
  repeat_ = repeat_initial;
}

}  // namespace fanfold::aws
