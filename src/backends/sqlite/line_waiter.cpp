#include "backends/sqlite/line_waiter.hpp"

#include <system_error>
#include <utility>

namespace fanfold::sqlite {

LineWaiter::LineWaiter(std::shared_ptr<Turnstile> turnstile, std::function<void(Result<void>)> arrived)
    : turnstile_(std::move(turnstile)), arrived_(std::move(arrived)) {}

LineWaiter::~LineWaiter() {
  if (!thread_.joinable()) return;
  bool is_in_line = false;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->is_closing = true;
    is_in_line = state_->is_in_line;
  }
  state_->changed.notify_one();
  if (is_in_line || support::fork_count() != fork_count_) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

Result<void> LineWaiter::queue_up() {
  const std::scoped_lock lock(state_->mutex);
  if (!thread_.joinable()) {
    try {
      thread_ =
          std::thread([state = state_, turnstile = turnstile_, arrived = arrived_] { run(state, turnstile, arrived); });
    } catch (const std::system_error& error) {
      return Error{ErrorCode::unavailable, "other processes keep the write lock, and there is no thread to wait with",
                   error.what()};
    }
  }
  state_->is_wanted = true;
  state_->changed.notify_one();
  return {};
}

void LineWaiter::run(const std::shared_ptr<State>& state, const std::shared_ptr<Turnstile>& turnstile,
                     const std::function<void(Result<void>)>& arrived) {
  std::unique_lock lock(state->mutex);
  while (true) {
    state->changed.wait(lock, [&] { return state->is_wanted || state->is_closing; });
    if (state->is_closing) return;
    state->is_wanted = false;
    state->is_in_line = true;
    lock.unlock();
    auto locked = turnstile->lock();
    lock.lock();
    state->is_in_line = false;
    if (state->is_closing) {
      if (locked) turnstile->unlock();
      return;
    }
    lock.unlock();
    arrived(std::move(locked));
    lock.lock();
  }
}

}  // namespace fanfold::sqlite
