#include "cli/worker_watch.hpp"

#include "cli/task_command.hpp"
#include "cli/text.hpp"

#include <algorithm>
#include <iterator>

namespace fanfold::cli {
namespace {

/// An error that goes on is said again after this; the pause doubles each time,
constexpr std::chrono::seconds pause_initial{10};
/// up to this.
constexpr std::chrono::seconds pause_max{600};
constexpr std::size_t said_count_max = 64;

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
    if (!store_error_ && !is_news(event.detail, now)) return;
  }
  if (store_error()) {
    source_.request_stop();
  } else {
    say_("fanfold: " + printable(event.detail, Newlines::escape));
  }
}

/// Several that take turns are as little news as one that goes on.
bool WorkerWatch::is_news(std::string_view text, std::chrono::steady_clock::time_point now) {
  const auto known = said_.find(text);
  if (known == said_.end()) {
    if (said_.size() >= said_count_max) said_.clear();
    said_.emplace(text, Said{now, pause_initial});
    return true;
  }
  Said& said = known->second;
  if (now - said.at < said.pause) return false;
  const bool has_gone_on = now - said.at < 2 * said.pause;
  said.pause = has_gone_on ? std::min(said.pause * 2, pause_max) : pause_initial;
  said.at = now;
  return true;
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
