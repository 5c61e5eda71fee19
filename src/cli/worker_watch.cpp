#include "cli/worker_watch.hpp"

#include "cli/task_command.hpp"
#include "cli/text.hpp"

namespace fanfold::cli {
namespace {

constexpr std::chrono::seconds same_error_interval{10};

/// Codes of errors that no waiting mends: somebody has to make room, or to repair.
constexpr ErrorCode lasting_codes[] = {ErrorCode::disk_full, ErrorCode::read_only, ErrorCode::damaged,
                                       ErrorCode::permission_denied};

/// What `to_string(Error)` was made of, where its code is one of those.
std::optional<Error> lasting_error(std::string_view detail) {
  for (const ErrorCode code : lasting_codes) {
    const std::string_view name = to_string(code);
    if (!detail.starts_with(name) || !detail.substr(name.size()).starts_with(": ")) continue;
    return Error{code, std::string(detail.substr(name.size() + 2)), {}};
  }
  return std::nullopt;
}

}  // namespace

WorkerWatch::WorkerWatch(Say say)
    : say_(std::move(say)), forward_(stop_on_signals(), [this] { source_.request_stop(); }) {}

void WorkerWatch::see(const WorkerEvent& event) {
  switch (event.kind) {
    case WorkerEvent::Kind::error: see_error(event.detail); break;
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

void WorkerWatch::see_error(std::string_view detail) {
  auto lasting = lasting_error(detail);
  {
    const std::scoped_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (lasting && !store_error_) store_error_ = std::move(lasting);
    if (!store_error_) {
      if (detail == last_error_ && now - last_error_at_ < same_error_interval) return;
      last_error_ = detail;
      last_error_at_ = now;
    }
  }
  if (store_error()) {
    source_.request_stop();
  } else {
    say_("fanfold: " + printable(detail, Newlines::escape));
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
