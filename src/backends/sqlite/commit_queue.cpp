#include "backends/sqlite/commit_queue.hpp"

#include "backends/sqlite/futex.hpp"
#include "backends/sqlite/schema.hpp"
#include "backends/sqlite/statistics.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

constexpr std::chrono::milliseconds busy_pause{5};
constexpr std::chrono::seconds pinned_time_tolerated{10};
constexpr std::chrono::minutes warning_pause{1};
/// With fewer callers than this nobody waits for others to come.
constexpr std::size_t gather_count_min = 6;
constexpr std::chrono::microseconds gather_time_max{1'000};
/// Who was answered longer ago than this is busy with something else, or gone.
constexpr std::chrono::milliseconds return_time_max{2};

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
  if (is_in_line || fork_count() != fork_count_) {
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
      wal_sync_(connection, options.file),
      line_waiter_(turnstile_, [this](Result<void> locked) { lead_locked(locked, Successor::line_waiter); }) {
  // Replaces SQLite's own checkpoint after commits, which would be the same hook.
  sqlite3_wal_hook(connection_.handle(), note_wal_size, &wal_page_count_);
  connection_.run("PRAGMA synchronous = NORMAL");
}

void CommitQueue::submit(Request& request) {
  {
    const std::scoped_lock lock(mutex_);
    if (broken_) {
      request.error = broken_;
      return;
    }
    requests_.push_back(&request);
    inside_peak_ = std::max(inside_peak_, ++inside_count_);
    if (!is_led_) {
      is_led_ = true;
      request.state.store(Request::leading);
    } else if (wanted_count_ != 0 && requests_.size() >= wanted_count_) {
      gathered_.notify_one();
    }
  }
  wait(request);
}

Result<void> CommitQueue::settled() {
  Request request;
  {
    const std::scoped_lock lock(mutex_);
    if (begun_count_ == synced_count_) return {};  // One that was only begun may be visible by now.
    ++inside_count_;
    Request* const waiting = &request;
    await_sync(std::span(&waiting, 1));
  }
  wait(request);
  if (request.error) return *std::move(request.error);
  return {};
}

void CommitQueue::wait(Request& request) {
  const auto end = std::chrono::steady_clock::now() + options_.lock_wait_max;
  while (true) {
    const std::uint32_t state = request.state.load(std::memory_order_acquire);
    if (state == Request::finished) return;
    if (state == Request::leading) {
      request.state.store(Request::waiting);
      lead();
      continue;
    }
    if (state == Request::syncing) {
      sync();
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
  if (request.state.load() != Request::waiting || std::erase(requests_, &request) == 0) return false;
  --inside_count_;
  return true;
}

void CommitQueue::lead() {
  gather();
  auto locked = turnstile_->try_lock();
  if (locked && *locked == Turnstile::Try::busy) {
    line_waiter_.queue_up();
    return;
  }
  lead_locked(locked ? Result<void>() : Result<void>(locked.error()), Successor::caller);
}

void CommitQueue::lead_locked(const Result<void>& locked, Successor successor) {
  const std::vector<Request*> group = take_group();
  std::string warning;
  if (locked) {
    if (!group.empty()) commit(group);
    warning = checkpoint_when_due();
    turnstile_->unlock();
  }
  pass_leadership(successor);
  settle(group, locked ? std::nullopt : std::optional<Error>(locked.error()));
  if (!warning.empty() && options_.warn) options_.warn(warning);
}

void CommitQueue::gather() {
  const auto now = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  if (now - answered_at_ > return_time_max) inside_peak_ = inside_count_;
  if (inside_peak_ < gather_count_min) return;
  // Those who wait for the disk cannot come.
  const std::size_t syncing_count = inside_count_ - requests_.size();
  wanted_count_ = inside_peak_ > syncing_count ? inside_peak_ - syncing_count : 0;
  const auto are_here = [&] { return requests_.size() >= wanted_count_; };
  // Where they did not come, there are fewer of them than there were.
  if (!gathered_.wait_for(lock, gather_time_max, are_here))
    inside_peak_ = std::max(inside_count_, inside_peak_ * 3 / 4);
  wanted_count_ = 0;
}

std::vector<CommitQueue::Request*> CommitQueue::take_group() {
  const std::scoped_lock lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(requests_.size(), group_count_max));
  std::vector<Request*> group(requests_.begin(), requests_.begin() + count);
  requests_.erase(requests_.begin(), requests_.begin() + count);
  if (std::ranges::any_of(group, [&](const Request* request) { return is_promised(*request); })) ++begun_count_;
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

bool CommitQueue::is_promised(const Request& request) const {
  return options_.durability == Durability::full && request.sync == Sync::needed;
}

void CommitQueue::settle(const std::vector<Request*>& group, const std::optional<Error>& error) {
  std::vector<Request*> done;
  std::vector<Request*> unsynced;
  bool has_promise = false;
  for (Request* request : group) {
    if (error) request->error = error;
    has_promise = has_promise || is_promised(*request);
    (is_promised(*request) && !request->error ? unsynced : done).push_back(request);
  }
  if (has_promise) {
    const std::scoped_lock lock(mutex_);
    ++committed_count_;
    if (!unsynced.empty()) await_sync(unsynced);
  }
  finish(done);
}

void CommitQueue::await_sync(std::span<Request* const> requests) {
  unsynced_.insert(unsynced_.end(), requests.begin(), requests.end());
  if (is_syncing_) return;
  is_syncing_ = true;
  unsynced_.front()->state.store(Request::syncing, std::memory_order_release);
  futex_wake(unsynced_.front()->state);
}

void CommitQueue::sync() {
  std::vector<Request*> batch;
  std::uint64_t committed_count = 0;
  {
    const std::scoped_lock lock(mutex_);
    batch.swap(unsynced_);
    committed_count = committed_count_;
  }
  auto synced = wal_sync_.run();
  {
    const std::scoped_lock lock(mutex_);
    if (!broken_) broken_ = wal_sync_.broken();
    if (synced && broken_) synced = *broken_;  // Of a checkpoint, which syncs the log as well.
    if (synced) synced_count_ = committed_count;
    is_syncing_ = !unsynced_.empty();
    if (is_syncing_) {
      unsynced_.front()->state.store(Request::syncing, std::memory_order_release);
      futex_wake(unsynced_.front()->state);
    }
  }
  if (!synced) {
    for (Request* request : batch) request->error = synced.error();
  }
  finish(batch);
}

void CommitQueue::finish(std::span<Request* const> group) {
  if (group.empty()) return;
  {
    const auto now = std::chrono::steady_clock::now();
    const std::scoped_lock lock(mutex_);
    inside_count_ -= group.size();
    answered_at_ = now;
  }
  for (Request* request : group) {
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
    begin();
    Transaction transaction(connection_);
    for (Request* request : group) request->step(request->context, transaction);
    transaction.flush();
    execute(connection_, "COMMIT");
    statistics.commit_count.fetch_add(1, std::memory_order_relaxed);
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
  int has_moved = 0;
  sqlite3_file_control(connection_.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  if (has_moved != 0) {
    throw StorageFailure{
        {ErrorCode::damaged, options_.file.string() + " was removed or replaced while it was open", {}}};
  }
  const auto end = std::chrono::steady_clock::now() + options_.lock_wait_max;
  while (true) {
    const int code = connection_.try_step("BEGIN IMMEDIATE");
    if (code == SQLITE_DONE) return;
    // Only somebody who does not take our lock can be in the way: a writer of another kind.
    const bool is_over = (code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end;
    if (is_over) throw_failure(connection_.handle(), code, "beginning to write");
    std::this_thread::sleep_for(busy_pause);
  }
}

std::string CommitQueue::checkpoint_when_due() {
  constexpr int due_pages = static_cast<int>(checkpoint_bytes / database_page_bytes);
  // A reader may hold the WAL's end back, or its beginning in use; then the next try waits for half as many pages
  // again.
  if (wal_page_count_ < checkpoint_tried_at_) checkpoint_tried_at_ = 0;  // It began anew.
  const int next_at = checkpoint_tried_at_ > 0 ? checkpoint_tried_at_ + due_pages / 2 : due_pages;
  if (wal_page_count_ < next_at) return {};
  int pages = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
  if (code == SQLITE_IOERR_FSYNC) {
    const std::scoped_lock lock(mutex_);
    broken_ = wal_sync_.refusal(error_of(connection_.handle(), code, "syncing").remote_detail);
  }
  checkpoint_tried_at_ = wal_page_count_;
  if (copied != pages) return note_pinned(pages - copied);
  pinned_since_.reset();
  return {};
}

std::string CommitQueue::note_pinned(int page_count) {
  const auto now = std::chrono::steady_clock::now();
  if (!pinned_since_) pinned_since_ = now;
  if (now - *pinned_since_ < pinned_time_tolerated || (warned_at_ && now - *warned_at_ < warning_pause)) return {};
  warned_at_ = now;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *pinned_since_).count();
  return "a reader has kept the WAL of " + options_.file.string() + " from shrinking for " + std::to_string(seconds) +
         " s (" + std::to_string(std::int64_t{page_count} * database_page_bytes / (1024 * 1024)) +
         " MiB): end its transaction";
}

Result<void> CommitQueue::checkpoint_for_good() {
  auto locked = turnstile_->try_lock();
  if (!locked) return std::move(locked).error();
  if (*locked == Turnstile::Try::busy) return {};  // Somebody writes, so this is not the last one.
  const int code =
      sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  turnstile_->unlock();
  if (code != SQLITE_IOERR_FSYNC) return {};
  return error_of(connection_.handle(), code, "copying the log into the file");
}

}  // namespace fanfold::sqlite
