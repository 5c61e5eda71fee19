#include "backends/sqlite/commit_queue.hpp"

#include "backends/sqlite/futex.hpp"
#include "backends/sqlite/schema.hpp"
#include "backends/sqlite/statistics.hpp"
#include "support/assert.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

constexpr std::chrono::milliseconds busy_pause{5};
constexpr std::chrono::seconds pinned_time_tolerated{10};
constexpr std::chrono::minutes warning_pause{1};
/// With fewer callers than this nobody waits for others to come.
constexpr std::size_t gather_count_min = 6;
constexpr std::chrono::microseconds gather_time_max{1'000};
/// How often one transaction waits for those who were answered before its commit.
constexpr int early_round_max = 1;
/// Where hardly any of them came, they have something else to do: so many groups are committed at once.
constexpr std::size_t early_pause_count = 16;
/// A group of less than this part of the callers is small.
constexpr std::size_t few_divisor = 4;
/// Who was answered longer ago than this is busy with something else, or gone.
constexpr std::chrono::milliseconds return_time_max{2};

std::string size_text(std::int64_t page_count) {
  return std::to_string(page_count * database_page_bytes / (1024 * 1024)) + " MiB";
}

int note_wal_size(void* page_count, sqlite3*, const char*, int pages) {
  *static_cast<int*>(page_count) = pages;
  return SQLITE_OK;
}

}  // namespace

CommitQueue::CommitQueue(Connection& connection, std::shared_ptr<Turnstile> turnstile, Wake& wake,
                         const Options& options, std::chrono::microseconds early_time)
    : connection_(connection),
      turnstile_(std::move(turnstile)),
      wake_(wake),
      options_(options),
      early_time_(early_time),
      wal_sync_(connection, options.file),
      line_waiter_(turnstile_, [this](Result<void> locked) { lead_locked(locked, Successor::line_waiter, nullptr); }) {
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

std::size_t CommitQueue::waiting_count() {
  const std::scoped_lock lock(mutex_);
  return inside_count_;
}

Result<void> CommitQueue::settled() { return wait_for_disk(Whose::own); }

Result<void> CommitQueue::settled_by_all() { return wait_for_disk(Whose::everybodys); }

Result<void> CommitQueue::wait_for_disk(Whose whose) {
  const SyncWords& words = wake_.sync_words();
  const bool others_owe = whose == Whose::everybodys && options_.durability == Durability::full &&
                          words.begun.load() != words.synced.load();
  Request request;
  {
    const std::scoped_lock lock(mutex_);
    // One that was only begun may be visible by now.
    if (begun_count_ == synced_count_ && !others_owe) return {};
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
      lead(request);
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

void CommitQueue::lead(const Request& leader) {
  if (std::exchange(has_lock_, false)) {
    lead_locked({}, Successor::caller, &leader);
    return;
  }
  gather();
  auto locked = turnstile_->try_lock();
  Result<void> may_commit = locked ? Result<void>() : Result<void>(locked.error());
  if (locked && *locked == Turnstile::Try::busy) {
    may_commit = line_waiter_.queue_up();
    if (may_commit) return;
  }
  lead_locked(may_commit, Successor::caller, &leader);
}

void CommitQueue::lead_locked(const Result<void>& locked, Successor successor, const Request* leader) {
  Group group{.leader = leader};
  {
    const std::scoped_lock lock(mutex_);
    take_into(group);
  }
  std::string warning;
  if (locked) {
    if (!group.requests.empty()) commit(group);
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
  // But where the disk is quick, a few go together with the many that it is about to answer.
  const bool are_few = wanted_count_ * few_divisor < inside_peak_;
  if (are_few && syncing_count > 0 && sync_time_ < gather_time_max / 2) wanted_count_ = inside_peak_;
  const auto are_here = [&] { return requests_.size() >= wanted_count_; };
  // Where they did not come, there are fewer of them than there were.
  if (!gathered_.wait_for(lock, gather_time_max, are_here))
    inside_peak_ = std::max(inside_count_, inside_peak_ * 3 / 4);
  wanted_count_ = 0;
}

void CommitQueue::take_into(Group& group) {
  const std::size_t room = group_count_max - std::min(group_count_max, group.requests.size());
  const auto end = requests_.begin() + static_cast<std::ptrdiff_t>(std::min(requests_.size(), room));
  const bool is_first_promise =
      !group.is_promised && std::any_of(requests_.begin(), end, [&](const Request* one) { return is_promised(*one); });
  if (is_first_promise) {
    group.is_promised = true;
    ++begun_count_;
  }
  group.requests.insert(group.requests.end(), requests_.begin(), end);
  requests_.erase(requests_.begin(), end);
}

/// Under contention the line waiter goes on by itself; else whoever waits longest leads next, in its own thread.
void CommitQueue::pass_leadership(Successor successor) {
  const std::scoped_lock lock(mutex_);
  is_led_ = !requests_.empty();
  if (!is_led_) return;
  if (successor == Successor::line_waiter) {
    const auto queued = line_waiter_.queue_up();
    FANFOLD_ASSERT(queued.has_value(), "the thread that asks is the line waiter's own");
    return;
  }
  Request& next = *requests_.front();
  next.state.store(Request::leading, std::memory_order_release);
  futex_wake(next.state);
}

bool CommitQueue::is_promised(const Request& request) const {
  return options_.durability == Durability::full && request.sync == Sync::needed;
}

void CommitQueue::settle(const Group& group, const std::optional<Error>& error) {
  std::vector<Request*> done;
  std::vector<Request*> unsynced;
  for (Request* request : group.requests) {
    if (error) request->error = error;
    (is_promised(*request) && !request->error ? unsynced : done).push_back(request);
  }
  if (group.is_promised) {
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
  SyncWords& words = wake_.sync_words();
  const std::uint64_t committed_by_all = words.committed.load();
  const auto begun_at = std::chrono::steady_clock::now();
  auto synced = wal_sync_.run();
  const auto took = std::chrono::steady_clock::now() - begun_at;
  {
    const std::scoped_lock lock(mutex_);
    sync_time_ = took;
    if (!broken_) broken_ = wal_sync_.broken();
    if (synced && broken_) synced = *broken_;  // Of a checkpoint, which syncs the log as well.
    if (synced) synced_count_ = committed_count;
    is_syncing_ = !unsynced_.empty();
    if (is_syncing_) {
      unsynced_.front()->state.store(Request::syncing, std::memory_order_release);
      futex_wake(unsynced_.front()->state);
    }
  }
  std::uint64_t known = words.synced.load();
  while (synced && known < committed_by_all && !words.synced.compare_exchange_weak(known, committed_by_all)) {
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

void CommitQueue::commit(Group& group) {
  auto failed = try_commit(group);
  if (!failed) return;
  const bool is_over = group.requests.size() == 1 && !group.was_answered;
  // One bad operation must not take its neighbours with it. What was answered already is void.
  for (Request* request : group.requests) {
    if (!is_over && (!failed || failed->has_begun)) {
      Group alone{.requests = {request}, .leader = request};
      failed = try_commit(alone);
    }
    if (failed) request->error = failed->error;
  }
}

std::optional<CommitQueue::Failure> CommitQueue::try_commit(Group& group) {
  bool has_begun = false;
  try {
    begin();
    has_begun = true;
    Transaction transaction(connection_);
    std::size_t run_count = 0;
    for (int round = 0; round <= early_round_max; ++round) {
      const std::size_t answered_count = run_steps(group, run_count, round < early_round_max, transaction);
      run_count = group.requests.size();
      if (answered_count == 0) break;
      take_next(group, answered_count);
    }
    transaction.flush();
    const bool counts = std::ranges::any_of(group.requests, [&](const Request* one) { return is_promised(*one); });
    SyncWords& words = wake_.sync_words();
    if (counts) words.begun.fetch_add(1);
    execute(connection_, "COMMIT");
    if (counts) words.committed.store(words.begun.load());
    statistics.commit_count.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t bucket = 0; bucket < transaction.announced().size(); ++bucket) {
      if (transaction.announced().test(bucket)) wake_.notify(bucket);
    }
    return std::nullopt;
  } catch (const StorageFailure& failure) {
    // Nothing of a transaction whose COMMIT failed is visible to anybody, and the next one is written over it.
    if (sqlite3_get_autocommit(connection_.handle()) == 0) static_cast<void>(connection_.try_run("ROLLBACK"));
    return Failure{failure.error, has_begun};
  } catch (const std::bad_alloc&) {
    static_cast<void>(connection_.try_run("ROLLBACK"));
    return Failure{{ErrorCode::unavailable, "out of memory", {}}};
  }
}

std::size_t CommitQueue::run_steps(Group& group, std::size_t first, bool may_answer, Transaction& transaction) {
  const auto run = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) group.requests[i]->step(group.requests[i]->context, transaction);
  };
  const auto begin = group.requests.begin() + static_cast<std::ptrdiff_t>(first);
  const auto others =
      std::stable_partition(begin, group.requests.end(), [](const Request* request) { return request->may_be_early; });
  const auto early_end = static_cast<std::size_t>(others - group.requests.begin());
  run(first, early_end);
  // What they do next comes while the others' steps run.
  const std::size_t answered_count = may_answer ? answer_early(group, first, early_end) : 0;
  run(early_end - answered_count, group.requests.size());
  return answered_count;
}

std::size_t CommitQueue::answer_early(Group& group, std::size_t first, std::size_t last) {
  if (early_pause_ > 0) {
    --early_pause_;
    return 0;
  }
  const auto begin = group.requests.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = group.requests.begin() + static_cast<std::ptrdiff_t>(last);
  const auto waits = [&](const Request* request) { return !request->is_early || request == group.leader; };
  const std::vector<Request*> early(std::stable_partition(begin, end, waits), end);
  {
    const std::scoped_lock lock(mutex_);
    if (early.empty() || inside_count_ < early_count_min) return 0;
  }
  group.requests.erase(end - static_cast<std::ptrdiff_t>(early.size()), end);
  group.was_answered = true;
  finish(early);
  return early.size();
}

void CommitQueue::take_next(Group& group, std::size_t answered_count) {
  std::unique_lock lock(mutex_);
  // For a few the many do not wait.
  if (answered_count * few_divisor >= group.requests.size() + answered_count) {
    wanted_count_ = answered_count;
    const bool came = gathered_.wait_for(lock, early_time_, [&] { return requests_.size() >= wanted_count_; });
    if (!came && requests_.size() < answered_count / few_divisor) early_pause_ = early_pause_count;
    wanted_count_ = 0;
  }
  take_into(group);
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
  if (code != SQLITE_OK) return note_not_copied(error_of(connection_.handle(), code, "writing it"));
  if (copied != pages) return note_pinned(pages - copied);
  pinned_since_.reset();
  return {};
}

bool CommitQueue::take_warning(std::chrono::steady_clock::time_point now) {
  if (warned_at_ && now - *warned_at_ < warning_pause) return false;
  warned_at_ = now;
  return true;
}

std::string CommitQueue::note_pinned(int page_count) {
  const auto now = std::chrono::steady_clock::now();
  if (!pinned_since_) pinned_since_ = now;
  if (now - *pinned_since_ < pinned_time_tolerated || !take_warning(now)) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *pinned_since_).count();
  return "a reader has kept the WAL of " + options_.file.string() + " from shrinking for " + std::to_string(seconds) +
         " s (" + size_text(page_count) + "): end its transaction";
}

std::string CommitQueue::note_not_copied(const Error& error) {
  if (!take_warning(std::chrono::steady_clock::now())) return {};
  return "the WAL of " + options_.file.string() + " cannot be copied into it, and grows (" +
         size_text(wal_page_count_) + "): " + error.message +
         (error.remote_detail.empty() ? "" : " (" + error.remote_detail + ")");
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
