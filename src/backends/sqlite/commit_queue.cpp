#include "backends/sqlite/commit_queue.hpp"

#include "backends/sqlite/futex.hpp"
#include "backends/sqlite/schema.hpp"

#include <algorithm>
#include <thread>

namespace fanfold::sqlite {

namespace {

constexpr std::chrono::milliseconds busy_pause{5};

int note_wal_size(void* page_count, sqlite3*, const char*, int pages) {
  *static_cast<int*>(page_count) = pages;
  return SQLITE_OK;
}

}  // namespace

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
  if (is_in_line) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void LineWaiter::queue_up() {
  const std::scoped_lock lock(state_->mutex);
  state_->is_wanted = true;
  if (!thread_.joinable())
    thread_ =
        std::thread([state = state_, turnstile = turnstile_, arrived = arrived_] { run(state, turnstile, arrived); });
  state_->changed.notify_one();
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

CommitQueue::CommitQueue(Connection& connection, std::shared_ptr<Turnstile> turnstile, Wake& wake,
                         const Options& options)
    : connection_(connection),
      turnstile_(std::move(turnstile)),
      wake_(wake),
      options_(options),
      line_waiter_(turnstile_, [this](Result<void> locked) { lead_locked(locked, Successor::line_waiter); }) {
  // Replaces SQLite's own checkpoint after commits, which would be the same hook.
  sqlite3_wal_hook(connection_.handle(), note_wal_size, &wal_page_count_);
  connection_.run("PRAGMA synchronous = NORMAL");
}

void CommitQueue::submit(Request& request) {
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(&request);
    if (!is_led_) {
      is_led_ = true;
      request.state.store(Request::leading);
    }
  }
  const auto end = std::chrono::steady_clock::now() + options_.lock_wait_max;
  while (true) {
    const std::uint32_t state = request.state.load(std::memory_order_acquire);
    if (state == Request::finished) return;
    if (state == Request::leading) {
      request.state.store(Request::waiting);
      lead();
      continue;
    }
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds::zero() && withdraw(request)) {
      request.error = Error{ErrorCode::unavailable, "other processes have kept the write lock for too long", {}};
      return;
    }
    // Once a transaction has it, its outcome is worth waiting for.
    const bool is_over = left <= std::chrono::nanoseconds::zero();
    futex_wait(request.state, state, is_over ? std::chrono::nanoseconds(std::chrono::seconds(1)) : left);
  }
}

/// False where a leader has taken it, or made it the leader.
bool CommitQueue::withdraw(Request& request) {
  const std::scoped_lock lock(mutex_);
  if (request.state.load() != Request::waiting) return false;
  return std::erase(requests_, &request) != 0;
}

void CommitQueue::lead() {
  auto locked = turnstile_->try_lock();
  if (locked && *locked == Turnstile::Try::busy) {
    line_waiter_.queue_up();
    return;
  }
  lead_locked(locked ? Result<void>() : Result<void>(locked.error()), Successor::caller);
}

void CommitQueue::lead_locked(const Result<void>& locked, Successor successor) {
  const std::vector<Request*> group = take_group();
  if (locked) {
    if (!group.empty()) commit(group);
    checkpoint_when_due();
    turnstile_->unlock();
  }
  pass_leadership(successor);
  finish(group, locked ? std::nullopt : std::optional<Error>(locked.error()));
}

std::vector<CommitQueue::Request*> CommitQueue::take_group() {
  const std::scoped_lock lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(requests_.size(), group_count_max));
  std::vector<Request*> group(requests_.begin(), requests_.begin() + count);
  requests_.erase(requests_.begin(), requests_.begin() + count);
  return group;
}

/// Under contention the line waiter goes on by itself; else whoever waits longest leads next, in its own thread.
void CommitQueue::pass_leadership(Successor successor) {
  const std::scoped_lock lock(mutex_);
  is_led_ = !requests_.empty();
  if (!is_led_) return;
  if (successor == Successor::line_waiter) {
    line_waiter_.queue_up();
    return;
  }
  Request& next = *requests_.front();
  next.state.store(Request::leading, std::memory_order_release);
  futex_wake(next.state);
}

void CommitQueue::finish(const std::vector<Request*>& group, const std::optional<Error>& error) {
  for (Request* request : group) {
    if (error) request->error = error;
    request->state.store(Request::finished, std::memory_order_release);
    // The request may be gone by now: the call uses its address alone.
    futex_wake(request->state);
  }
}

void CommitQueue::commit(const std::vector<Request*>& group) {
  auto failed = try_commit(group);
  if (!failed) return;
  if (group.size() == 1) {
    group.front()->error = std::move(failed);
    return;
  }
  // One bad operation must not take its neighbours with it.
  for (Request* const& request : group) request->error = try_commit(std::span(&request, 1));
}

std::optional<Error> CommitQueue::try_commit(std::span<Request* const> group) {
  try {
    const bool syncs = std::ranges::any_of(group, [](const Request* request) { return request->sync == Sync::needed; });
    set_sync(syncs && options_.durability == Durability::full);
    begin();
    Transaction transaction(connection_);
    for (Request* request : group) request->step(request->context, transaction);
    transaction.flush();
    execute(connection_, "COMMIT");
    for (std::size_t bucket = 0; bucket < transaction.announced().size(); ++bucket) {
      if (transaction.announced().test(bucket)) wake_.notify(bucket);
    }
    return std::nullopt;
  } catch (const StorageFailure& failure) {
    // Nothing of a transaction whose COMMIT failed is visible to anybody, and the next one is written over it.
    if (sqlite3_get_autocommit(connection_.handle()) == 0) static_cast<void>(connection_.try_run("ROLLBACK"));
    return failure.error;
  } catch (const std::bad_alloc&) {
    static_cast<void>(connection_.try_run("ROLLBACK"));
    return Error{ErrorCode::unavailable, "out of memory", {}};
  }
}

void CommitQueue::begin() {
  const auto end = std::chrono::steady_clock::now() + options_.lock_wait_max;
  while (true) {
    const int code = connection_.try_run("BEGIN IMMEDIATE");
    if (code == SQLITE_OK) return;
    // Only somebody who does not take our lock can be in the way: a writer of another kind.
    const bool is_over = (code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end;
    if (is_over) throw_failure(connection_.handle(), code, "beginning to write");
    std::this_thread::sleep_for(busy_pause);
  }
}

void CommitQueue::set_sync(bool syncs) {
  if (syncs == syncs_) return;
  connection_.run(syncs ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  syncs_ = syncs;
}

void CommitQueue::checkpoint_when_due() noexcept {
  constexpr int due_pages = static_cast<int>(checkpoint_bytes / database_page_bytes);
  // A reader may hold the WAL's end back; then the next try waits for as many pages again.
  if (wal_page_count_ < due_pages ||
      wal_page_count_ - checkpoint_tried_at_ < (checkpoint_tried_at_ > 0 ? due_pages / 2 : 0))
    return;
  int pages = 0;
  int copied = 0;
  sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
  checkpoint_tried_at_ = copied == pages ? 0 : wal_page_count_;
  if (copied == pages) wal_page_count_ = 0;
}

void CommitQueue::checkpoint_for_good() noexcept {
  auto locked = turnstile_->try_lock();
  if (!locked || *locked == Turnstile::Try::busy) return;  // Somebody writes, so this is not the last one.
  sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  turnstile_->unlock();
}

}  // namespace fanfold::sqlite
