#include "cli/worker_watch.hpp"

#include "cli/task_command.hpp"
#include "cli/text.hpp"

#include <algorithm>
#include <iterator>

namespace fanfold::cli {
namespace {

constexpr std::chrono::seconds same_error_interval{10};

/// Codes of errors that no waiting mends: somebody has to make room, or to repair.
constexpr ErrorCode lasting_codes[] = {ErrorCode::disk_full, ErrorCode::read_only, ErrorCode::damaged,
                                       ErrorCode::permission_denied};

bool is_lasting(const Error& error) { return std::ranges::find(lasting_codes, error.code) != std::end(lasting_codes); }

}  // namespace

WorkerWatch::WorkerWatch(Say say)
    : say_(std::move(say)), forward_(stop_on_signals(), [this] { source_.request_stop(); }) {}

void WorkerWatch::see(const WorkerEvent& event) {
  switch (event.kind) {
    case WorkerEvent::Kind::error: see_error(event); break;
    case WorkerEvent::Kind::draining: {
      {
        const std::scoped_lock lock(mutex_);
        draining_ = true;
      }
      if (stop_on_signals().stop_requested()) say_("draining: what runs may end; Ctrl-C again stops it at once");
      break;
    }
    case WorkerEvent::Kind::done:
    case WorkerEvent::Kind::retried:
    case WorkerEvent::Kind::failed: {
      const std::scoped_lock lock(mutex_);
      const bool was_started = !std::string_view(event.detail).starts_with(not_started_prefix);
      if (draining_ && was_started) ++drained_count_;
      break;
    }
    default: break;
  }
}

void WorkerWatch::see_error(const WorkerEvent& event) {
  {
    const std::scoped_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (event.error != nullptr && is_lasting(*event.error) && !store_error_) store_error_ = *event.error;
    if (!store_error_) {
      if (event.detail == last_error_ && now - last_error_at_ < same_error_interval) return;
      last_error_ = event.detail;
      last_error_at_ = now;
    }
  }
  if (store_error()) {
    source_.request_stop();
  } else {
    say_("fanfold: " + printable(event.detail, Newlines::escape));
  }
}

std::optional<Error> WorkerWatch::store_error() const {
  const std::scoped_lock lock(mutex_);
  return store_error_;
}

void WorkerWatch::give_up(Error error) {
  {
    const std::scoped_lock lock(mutex_);
    if (!start_error_) start_error_ = std::move(error);
  }
  source_.request_stop();
}

std::optional<Error> WorkerWatch::start_error() const {
  const std::scoped_lock lock(mutex_);
  return start_error_;
}

std::uint64_t WorkerWatch::drained_count() const {
  const std::scoped_lock lock(mutex_);
  return drained_count_;
}

}  // namespace fanfold::cli
