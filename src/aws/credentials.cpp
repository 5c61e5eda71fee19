#include "aws/credentials.hpp"

#include <algorithm>

namespace fanfold::aws {

CredentialSource::CredentialSource(std::vector<std::unique_ptr<CredentialProvider>> providers, Now now)
    : providers_(std::move(providers)), now_(std::move(now)) {}

Result<std::shared_ptr<const Credentials>> CredentialSource::get(const net::RunOptions& options) {
  using Obtained = Result<std::shared_ptr<const Credentials>>;
  const auto deadline = options.deadline.value_or(std::chrono::steady_clock::time_point::max());
  std::unique_lock lock(mutex_);
  const std::uint64_t failure_count_before = failure_count_;
  while (true) {
    const Time now = now_();
    if (current_ && now < refresh_at_) return current_;
    if (current_ && now < wait_at_ && is_refreshing_) return current_;
    if (!is_refreshing_) break;
    // The thread that refreshes speaks for all that wait, unless it only failed because its own caller gave up.
    const auto is_over = [this] { return !is_refreshing_; };
    const bool is_told = options.deadline ? refreshed_.wait_until(lock, options.stop, deadline, is_over)
                                          : refreshed_.wait(lock, options.stop, is_over);
    if (options.stop.stop_requested()) return Error{ErrorCode::cancelled, "stopped by the caller", {}};
    if (!is_told) return Error{ErrorCode::deadline_exceeded, "the deadline ended before there were credentials", {}};
    const bool has_failed = failure_count_ != failure_count_before && last_failure_.code != ErrorCode::cancelled &&
                            last_failure_.code != ErrorCode::deadline_exceeded;
    if (has_failed && !is_usable(now_())) return last_failure_;
  }
  is_refreshing_ = true;
  lock.unlock();
  Obtained fetched = fetch(options);
  lock.lock();
  is_refreshing_ = false;
  const Time now = now_();
  if (fetched.has_value()) {
    accept(*fetched, now);
  } else {
    ++failure_count_;
    last_failure_ = fetched.error();
    if (is_usable(now)) {
      refresh_at_ = wait_at_ = now + refresh_pause;
      if (current_->expires_at && !current_->may_outlive_end)
        refresh_at_ = wait_at_ = std::min(refresh_at_, *current_->expires_at);
      fetched = current_;
    }
  }
  lock.unlock();
  refreshed_.notify_all();
  return fetched;
}

bool CredentialSource::is_usable(Time now) const {
  return current_ && (!current_->expires_at || now < *current_->expires_at || current_->may_outlive_end);
}

void CredentialSource::accept(std::shared_ptr<const Credentials> credentials, Time now) {
  refresh_at_ = wait_at_ = Time::max();
  if (credentials->expires_at) {
    const std::chrono::milliseconds life = *credentials->expires_at - now;
    refresh_at_ = *credentials->expires_at - std::min<std::chrono::milliseconds>(refresh_window, life / refresh_share);
    wait_at_ = *credentials->expires_at - std::min<std::chrono::milliseconds>(wait_window, life / wait_share);
    if (life.count() <= 0) refresh_at_ = wait_at_ = now + wait_window;
  }
  current_ = std::move(credentials);
}

void CredentialSource::reject(const std::shared_ptr<const Credentials>& credentials) {
  const std::lock_guard lock(mutex_);
  if (current_ != credentials) return;
  current_.reset();
}

Result<std::shared_ptr<const Credentials>> CredentialSource::fetch(const net::RunOptions& options) {
  std::string places;
  for (std::size_t i = chosen_.value_or(0); i < providers_.size(); ++i) {
    Result<std::optional<Credentials>> fetched = providers_[i]->fetch(options);
    if (!fetched.has_value()) {
      Error error = std::move(fetched).error();
      error.message = "credentials from " + providers_[i]->name() + ": " + error.message;
      return error;
    }
    if (*fetched) {
      const Credentials& found = **fetched;
      if (found.expires_at && *found.expires_at <= now_() && !found.may_outlive_end) {
        return Error{ErrorCode::permission_denied,
                     "credentials from " + providers_[i]->name() + ": they have already ended",
                     {}};
      }
      chosen_ = i;
      return std::make_shared<const Credentials>(std::move(**fetched));
    }
    places.append(places.empty() ? "" : ", ").append(providers_[i]->name());
    if (chosen_) break;
  }
  return Error{ErrorCode::permission_denied, "no credentials are configured; looked at: " + places, {}};
}

}  // namespace fanfold::aws
