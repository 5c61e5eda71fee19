#include "cli/worker_watch.hpp"

#include "cli/output.hpp"
#include "cli/store.hpp"
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

WorkerWatch::WorkerWatch(Options options)
    : options_(std::move(options)), forward_(stop_on_signals(), [this] { source_.request_stop(); }) {}

void WorkerWatch::see(const WorkerEvent& event) {
  switch (event.kind) {
    case WorkerEvent::Kind::error: see_error(event); break;
    case WorkerEvent::Kind::draining: {
      {
        const std::scoped_lock lock(mutex_);
        draining_ = true;
      }
      if (stop_on_signals().stop_requested())
        options_.say("draining: what runs may end; Ctrl-C again stops it at once");
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
    case WorkerEvent::Kind::swept:
      if (!event.detail.empty()) options_.say("fanfold: " + printable(event.detail, Newlines::escape));
      break;
    default: break;
  }
}

void WorkerWatch::see_error(const WorkerEvent& event) {
  {
    const std::scoped_lock lock(mutex_);
    if (event.error != nullptr && is_lasting(*event.error) && !store_error_) store_error_ = *event.error;
    if (!store_error_ && !is_news(event.detail, is_left_to_store(event.error))) return;
  }
  if (store_error()) {
    source_.request_stop();
  } else {
    options_.say("fanfold: " + printable(event.detail, Newlines::escape));
  }
}

bool WorkerWatch::is_left_to_store(const Error* error) const {
  return options_.has_store_told && error != nullptr &&
         (error->code == ErrorCode::unavailable || error->code == ErrorCode::throttled);
}

/// Several that take turns are as little news as one that goes on. What the store may tell too is said here only where
/// it comes again and the store is silent.
bool WorkerWatch::is_news(std::string_view text, bool may_be_told_by_store) {
  const auto now = options_.now();
  const auto known = said_.find(text);
  if (known == said_.end()) {
    if (said_.size() >= said_count_max) said_.clear();
    said_.emplace(text, Said{now, pause_initial});
    return !may_be_told_by_store;
  }
  Said& said = known->second;
  if (now - said.at < said.pause) return false;
  const bool has_gone_on = now - said.at < 2 * said.pause;
  said.pause = has_gone_on ? std::min(said.pause * 2, pause_max) : pause_initial;
  said.at = now;
  return !may_be_told_by_store || !options_.has_store_told();
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

WorkerWatch::Options watch_options(const CommonOptions& options) {
  WorkerWatch::Options watch{.say = [](const std::string& line) { note(line); }};
  if (is_on_aws(options)) watch.has_store_told = [] { return has_store_warned_lately(); };
  return watch;
}

}  // namespace fanfold::cli
