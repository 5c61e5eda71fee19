#pragma once

namespace fanfold::worker {

/// What is still to be done when a second signal ends the process at once: called in the signal handler, so only
/// async-signal-safe calls in it. One for the process; thread-safe.
void before_second_signal_exits(void (*function)()) noexcept;

}  // namespace fanfold::worker
