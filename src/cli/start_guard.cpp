#include "cli/start_guard.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace fanfold::cli {
namespace {

std::string reason_of(int number) {
  const bool is_files = number == EMFILE;
  const bool is_processes = number == EAGAIN;
  return fmt::format("{}{}", std::strerror(number), is_files ? " (ulimit -n)" : is_processes ? " (ulimit -u)" : "");
}

}  // namespace

void StartGuard::started() {
  const std::scoped_lock lock(mutex_);
  ++running_count_;
  is_refusing_ = false;
}

void StartGuard::ended() {
  const std::scoped_lock lock(mutex_);
  --running_count_;
  is_refusing_ = false;
}

bool StartGuard::refused(int number, Clock::time_point now) {
  bool says = false;
  bool gives_up = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!is_refusing_) refusing_since_ = now;
    is_refusing_ = true;
    says = !said_;
    said_ = true;
    const bool is_hopeless = running_count_ == 0 && now - refusing_since_ >= options_.patience;
    gives_up = is_hopeless && !gave_up_;
    gave_up_ = gave_up_ || is_hopeless;
  }
  if (says && options_.say)
    options_.say(fmt::format("cannot start a program now: {}; trying again", reason_of(number)));
  if (gives_up && options_.give_up) {
    options_.give_up(
        {ErrorCode::unavailable,
         fmt::format("no program could be started for {} s: {}; a higher limit or fewer --jobs may help",
                     std::chrono::duration_cast<std::chrono::seconds>(options_.patience).count(), reason_of(number)),
         {}});
  }
  const std::scoped_lock lock(mutex_);
  return !gave_up_ && !options_.stop.stop_requested();
}

}  // namespace fanfold::cli
