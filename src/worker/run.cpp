#include "worker/run.hpp"

#include "core/lease.hpp"
#include "support/identifier.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace fanfold::worker {

namespace {

/// Where one receive brings few messages (SQS: 10), several at a time keep the pool busy.
constexpr std::size_t receiver_count_max = 8;
constexpr std::size_t jobs_per_receiver = 16;
constexpr std::size_t small_receive_count = 16;

/// Threads beyond the jobs: they end what was handled, which waits for the store, while others handle.
constexpr std::size_t finisher_count_max = 8;

constexpr std::chrono::milliseconds error_pause_initial{50};
constexpr std::chrono::milliseconds error_pause_max{5'000};
/// An empty answer that came sooner than this was no long poll: the next one waits.
constexpr std::chrono::milliseconds short_answer{5};
constexpr std::chrono::milliseconds empty_pause_initial{10};
/// A poll's answer that is awaited while draining may come so long after its wait.
constexpr std::chrono::milliseconds answer_time_max{1'000};
constexpr std::chrono::milliseconds empty_pause_max{1'000};
constexpr std::uint32_t doublings_max = 10;

constexpr std::chrono::milliseconds first_sweep_max{1'000};
constexpr std::chrono::milliseconds look_min{20};
constexpr std::chrono::milliseconds look_max{5'000};

/// What concerns one cluster or queue must not end a worker; these concern the whole store.
bool ends_the_run(ErrorCode code) {
  return code == ErrorCode::permission_denied || code == ErrorCode::read_only || code == ErrorCode::damaged;
}

std::chrono::milliseconds jittered(std::chrono::milliseconds bound) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(random_unit() * static_cast<double>(bound.count() + 1)));
}

std::chrono::milliseconds doubled(std::chrono::milliseconds initial, std::uint32_t count,
                                  std::chrono::milliseconds most) {
  return std::min(most, initial * (std::int64_t{1} << std::min(count, doublings_max)));
}

/// A process that is killed ends the attempts of all that it had claimed, begun or not. Where there is one attempt, a
/// task that nobody has begun would have failed for good: such are claimed when they begin, unless the store notes
/// which have.
bool has_one_attempt_at_once(const engine::Assignment& assignment) {
  return assignment.attempts_max == 1 && !assignment.is_noted;
}
bool is_noted(const engine::Assignment& assignment) { return assignment.is_noted; }

engine::DispatchOptions dispatch_options(const WorkerOptions& options, engine::Deletions* deletions) {
  return {.attempts = options.attempts,
          .deduplicate = options.deduplicate,
          .deletion = engine::Deletion::ours,
          .deletions = deletions,
          .deadline = std::nullopt,
          .collect_kept = false,
          .on_event = options.on_event};
}

}  // namespace

/// The right to run a handler. Given back at the latest with its owner.
class Run::Slot {
 public:
  explicit Slot(std::counting_semaphore<>& slots) : slots_(slots) { slots_.acquire(); }
  ~Slot() { give_back(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  void give_back() {
    if (held_) slots_.release();
    held_ = false;
  }

 private:
  std::counting_semaphore<>& slots_;
  bool held_ = true;
};

void Sums::add(const WorkerReport& counts) {
  const std::scoped_lock lock(mutex_);
  sums_.done_count += counts.done_count;
  sums_.retried_count += counts.retried_count;
  sums_.failed_count += counts.failed_count;
  sums_.duplicate_count += counts.duplicate_count;
  sums_.lease_lost_count += counts.lease_lost_count;
  sums_.returned_count += counts.returned_count;
  sums_.cut_off_count += counts.cut_off_count;
  sums_.finish_handled_count += counts.finish_handled_count;
}

void Sums::add_cut_off(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  sums_.cut_off_count += count;
}

void Sums::reset() {
  const std::scoped_lock lock(mutex_);
  sums_ = {};
}

WorkerReport Sums::get() const {
  const std::scoped_lock lock(mutex_);
  return sums_;
}

Run::Run(std::shared_ptr<engine::Engine> engine, const Handlers& handlers, const WorkerOptions& options,
         std::vector<SourceOptions> sources, Sums& sums)
    : engine_(std::move(engine)),
      store_(engine_->store()),
      options_(options),
      sums_(sums),
      receives_few_(store_.queue().receive_count_max() <= small_receive_count),
      deletions_(store_, store_.queue().receive_count_max(), GatheredDeletions::wait_for(options.attempts.lease)),
      dispatcher_(store_, engine_, handlers, dispatch_options(options, receives_few_ ? &deletions_ : nullptr)),
      intake_(std::move(sources), options.jobs, options.prefetch, store_.backend.batch_count_max,
              receives_few_ ? store_.queue().receive_count_max() : 0),
      heartbeat_(store_, intake_, active_,
                 {.lease = options.attempts.lease, .lease_total_max = options.lease_total_max}),
      watchdog_(dispatcher_, intake_, active_, [this](engine::Tally& tally) { absorb(tally); }),
      crash_note_(store_.ledger().crash_record_descriptor()),
      slots_(static_cast<std::ptrdiff_t>(options.jobs)) {
  const bool is_single = options.attempts.attempts_max == 1 && !store_.ledger().notes_begins();
  for (std::size_t source = 0; is_single && source < intake_.source_count(); ++source) intake_.claim_singly(source);
}

Result<void> Run::run(std::stop_token stop, const IsOver& is_over) {
  emit(WorkerEvent::Kind::started);
  const auto freed = store_.ledger().release_dead_holders(store_.now());
  if (freed && *freed > 0) intake_.suspect();
  auto waited = start_threads();
  if (waited) waited = wait(std::move(stop), is_over);
  emit(WorkerEvent::Kind::draining);
  drain();
  emit(WorkerEvent::Kind::stopped);
  return waited;
}

/// Errors: unavailable, where the system has no more threads; those that began have work until the drain.
Result<void> Run::start_threads() {
  try {
    emplace_threads();
  } catch (const std::system_error& error) {
    return Error{
        ErrorCode::unavailable, std::string("no thread can be started, fewer jobs need fewer: ") + error.what(), {}};
  }
  return {};
}

void Run::emplace_threads() {
  const std::size_t extra_count =
      receives_few_ ? std::min(receiver_count_max - 1, options_.jobs / jobs_per_receiver) : 0;
  const std::size_t thread_count = options_.jobs + std::min(options_.jobs, finisher_count_max);
  pool_.reserve(thread_count);
  for (std::size_t i = 0; i < thread_count; ++i) {
    pool_.emplace_back([this] { work(); });
    const std::scoped_lock lock(mutex_);
    ++working_count_;
  }
  for (std::size_t source = 0; source < intake_.source_count(); ++source) {
    for (std::size_t i = 0; i <= extra_count; ++i)
      receivers_.emplace_back([this, source, i] { receive(source, i > 0); });
  }
  helpers_.emplace_back([this] { heartbeat_.run(helping_.get_token()); });
  helpers_.emplace_back([this] { heartbeat_.watch(helping_.get_token()); });
  helpers_.emplace_back([this] { watchdog_.run(helping_.get_token()); });
  if (receives_few_) helpers_.emplace_back([this] { deletions_.run(helping_.get_token()); });
  if (options_.sweep_interval > std::chrono::milliseconds::zero())
    helpers_.emplace_back([this] { sweep(receiving_.get_token()); });
}

Result<void> Run::wait(std::stop_token stop, const IsOver& is_over) {
  const auto look_every = std::clamp(store_.backend.header_age_max, look_min, look_max);
  Look look = Look::finish_handled;  // A cluster that is finished already needs no worker.
  while (!stop.stop_requested()) {
    if (is_over) {
      auto over = is_over(look);
      if (!over && !engine::is_passing_fault(over.error().code)) return std::move(over).error();
      if (over && *over == Over::yes) return {};
    }
    std::unique_lock lock(mutex_);
    const auto something = [&] { return fatal_.has_value() || finish_handled_; };
    if (is_over)
      changed_.wait_for(lock, stop, look_every, something);
    else
      changed_.wait(lock, stop, [&] { return fatal_.has_value(); });
    look = std::exchange(finish_handled_, false) ? Look::finish_handled : Look::regular;
    if (fatal_) return *fatal_;
  }
  return {};
}

void Run::drain() {
  receiving_.request_stop();
  const bool polls_end_at_once = !store_.queue().may_receive_after_stop();
  if (polls_end_at_once) polling_.request_stop();
  std::vector<std::vector<Delivery>> rests = intake_.close();
  for (std::size_t source = 0; source < rests.size(); ++source) return_unstarted(source, std::move(rests[source]));
  bool all_returned = false;
  {
    std::unique_lock lock(mutex_);
    all_returned = changed_.wait_for(lock, options_.drain_max, [&] { return working_count_ == 0; });
  }
  if (!all_returned) cut_off();
  if (!polls_end_at_once && options_.poll_drain_max > std::chrono::milliseconds::zero()) await_last_polls();
  polling_.request_stop();
  for (std::thread& thread : receivers_) thread.join();
  for (std::thread& thread : pool_) thread.join();
  helping_.request_stop();
  for (std::thread& thread : helpers_) thread.join();
  if (auto deleted = deletions_.flush(); !deleted) note_error(deleted.error());
}

void Run::cut_off() {
  engine::Tally tally;
  const auto release = [&](const std::shared_ptr<ActiveChunk>& chunk) {
    active_.remove(chunk);
    static_cast<void>(chunk->begin_finish());
    dispatcher_.release(chunk->chunk(), 0, chunk->size(), tally);
  };
  for (const auto& chunk : intake_.take_claimed()) release(chunk);
  for (const auto& chunk : active_.all()) {
    ActiveChunk::Taken taken = chunk->take_rest();
    dispatcher_.finish(chunk->chunk(), taken.finish_first, taken.finish_last, tally);
    if (taken.rest) release(taken.rest);
    chunk->request_stop();
    ++tally.counts.cut_off_count;
  }
  absorb(tally);
}

/// Those that end soon. All had the time that running handlers took, besides.
void Run::await_last_polls() {
  std::unique_lock lock(mutex_);
  const SteadyTime soon = std::chrono::steady_clock::now() + options_.poll_drain_max;
  changed_.wait_until(lock, soon + answer_time_max, [&] { return poll_ends_.empty() || *poll_ends_.begin() > soon; });
}

void Run::return_unstarted(std::size_t source, std::vector<Delivery> deliveries) {
  if (deliveries.empty()) return;
  engine::Tally tally;
  dispatcher_.put_back(intake_.url(source), std::move(deliveries), tally);
  absorb(tally);
}

void Run::receive(std::size_t source, bool extra) {
  std::uint32_t empty_count = 0;
  std::uint32_t error_count = 0;
  const std::size_t count_max = store_.queue().receive_count_max();
  while (const std::size_t asked = intake_.wait_for_room(source, extra, count_max))
    receive_once(source, asked, empty_count, error_count);
}

void Run::receive_once(std::size_t source, std::size_t asked, std::uint32_t& empty_count, std::uint32_t& error_count) {
  const std::stop_token stop = receiving_.get_token();
  const auto started_at = std::chrono::steady_clock::now();
  auto deliveries = poll(source, asked);
  if (!deliveries) {
    return_unstarted(source, intake_.offer(source, asked, {}));
    if (stop.stop_requested() || deliveries.error().code == ErrorCode::cancelled) return;
    if (!is_retryable(deliveries.error().code)) return fail(deliveries.error());
    note_error(deliveries.error());
    return back_off(error_count++, stop);
  }
  error_count = 0;
  const bool empty = deliveries->empty();
  if (!empty && options_.on_event) emit(WorkerEvent::Kind::received, std::to_string(deliveries->size()));
  return_unstarted(source, intake_.offer(source, asked, std::move(*deliveries)));
  if (!empty) {
    empty_count = 0;
    return;
  }
  if (auto deleted = deletions_.flush(); !deleted) note_error(deleted.error());  // Nothing comes that would join them.
  if (std::chrono::steady_clock::now() - started_at < short_answer) {
    store_.clock().sleep_until(store_.now() + doubled(empty_pause_initial, empty_count++, empty_pause_max), stop);
  }
}

Result<std::vector<Delivery>> Run::poll(std::size_t source, std::size_t asked) {
  const ReceiveOptions options{
      .count_max = asked, .wait = options_.poll, .visibility = core::visibility_for(options_.attempts.lease)};
  std::multiset<SteadyTime>::iterator end;
  {
    const std::scoped_lock lock(mutex_);
    if (receiving_.stop_requested()) return std::vector<Delivery>();
    end = poll_ends_.insert(std::chrono::steady_clock::now() + options.wait);
  }
  auto deliveries = store_.queue().receive(intake_.url(source), options, polling_.get_token());
  {
    const std::scoped_lock lock(mutex_);
    poll_ends_.erase(end);
  }
  changed_.notify_all();
  return deliveries;
}

void Run::work() {
  const CrashNote::OwnThread own(crash_note_);
  std::uint32_t error_count = 0;
  while (true) {
    Slot slot(slots_);
    auto job = intake_.take();
    if (!job) break;
    engine::Tally tally;
    if (job->claimed) {
      run_chunk(job->claimed, false, slot, tally);
    } else {
      begin(*job, slot, tally);
    }
    slot.give_back();
    std::vector<Delivery> rest = intake_.done(*job, tally.failed);
    if (!rest.empty()) dispatcher_.put_back(intake_.url(job->source), std::move(rest), tally);
    const bool had_error = tally.error.has_value();
    absorb(tally);
    if (had_error)
      back_off(error_count++, receiving_.get_token());
    else
      error_count = 0;
  }
  {
    const std::scoped_lock lock(mutex_);
    --working_count_;
  }
  changed_.notify_all();
}

void Run::begin(Job& job, Slot& slot, engine::Tally& tally) {
  const auto asked_at = std::chrono::steady_clock::now();
  engine::Chunk chunk = dispatcher_.begin(intake_.url(job.source), std::move(job.deliveries), tally);
  const bool alone =
      std::ranges::any_of(chunk.assignments, [](const engine::Assignment& assignment) { return assignment.alone; });
  if (!alone) intake_.clear_suspect(job);
  if (alone) intake_.suspect();
  if (alone && chunk.size() > 1) release_lonely(chunk, tally);
  if (std::ranges::any_of(chunk.assignments, is_noted)) intake_.limit_time(job.source, core::chunk_time_max_at_stake);
  if (chunk.size() > 1 && std::ranges::any_of(chunk.assignments, has_one_attempt_at_once)) {
    if (!store_.ledger().notes_begins()) intake_.claim_singly(job.source);
    engine::Chunk rest = chunk.split(1);
    dispatcher_.release(rest, 0, rest.size(), tally);
  }
  if (chunk.empty()) return;
  const auto first_to_end = std::ranges::min_element(chunk.assignments, {}, &engine::Assignment::lease_end);
  const Time claimed_at = first_to_end->claimed_at;
  const Time lease_end = first_to_end->lease_end;
  const bool is_lonely = chunk.size() == 1 && chunk.assignments.front().alone;
  auto active = std::make_shared<ActiveChunk>(std::move(chunk), job.source, claimed_at, lease_end);
  active_.add(active);
  intake_.claimed(job.source, std::chrono::steady_clock::now() - asked_at);
  run_chunk(active, is_lonely, slot, tally);
}

/// Of several that were claimed together, those that have to run alone come back one by one.
void Run::release_lonely(engine::Chunk& chunk, engine::Tally& tally) {
  std::vector<bool> is_lonely;
  for (const engine::Assignment& assignment : chunk.assignments) is_lonely.push_back(assignment.alone);
  engine::Chunk lonely = chunk.take(is_lonely);
  dispatcher_.release(lonely, 0, lonely.size(), tally);
}

void Run::run_chunk(const std::shared_ptr<ActiveChunk>& chunk, bool alone, Slot& slot, engine::Tally& tally) {
  if (alone) intake_.begin_alone();
  const std::stop_token stop = chunk->stop_token();
  const auto started_at = std::chrono::steady_clock::now();
  std::size_t ran_count = 0;
  while (const auto position = chunk->next()) {
    dispatcher_.run(chunk->chunk(), *position, stop);
    ran_count = *position + 1;
  }
  const auto ran_at = std::chrono::steady_clock::now();
  slot.give_back();
  const std::size_t first = chunk->begin_finish();
  active_.remove(chunk);
  intake_.took(chunk->source(), ran_count, ran_at - started_at);
  dispatcher_.finish(chunk->chunk(), first, ran_count, tally);
  intake_.ended(chunk->source(), std::chrono::steady_clock::now() - ran_at);
}

void Run::sweep(std::stop_token stop) {
  auto pause = jittered(std::min(first_sweep_max, options_.sweep_interval));
  bool is_first = true;
  std::set<std::string> denied;
  while (true) {
    store_.clock().sleep_until(store_.now() + pause, stop);
    if (stop.stop_requested()) return;
    // The first sweep looks for itself: whoever starts a worker may do so because others died.
    auto report = is_first ? engine_->sweep() : engine_->sweep_in_turn(options_.sweep_interval);
    is_first = false;
    if (report) {
      // Others look after that queue, or nobody does: that is worth a word, but not one a minute.
      std::string news;
      for (const std::string& line : report->denied)
        if (denied.insert(line).second) news += (news.empty() ? "" : "; ") + line;
      emit(WorkerEvent::Kind::swept, news);
    } else {
      note_error(report.error());
      if (ends_the_run(report.error().code)) fail(report.error());
    }
    pause = options_.sweep_interval / 2 + jittered(options_.sweep_interval);
  }
}

void Run::absorb(engine::Tally& tally) {
  sums_.add(tally.counts);
  if (tally.counts.finish_handled_count > 0) {
    {
      const std::scoped_lock lock(mutex_);
      finish_handled_ = true;
    }
    changed_.notify_all();
  }
  if (!tally.error) return;
  note_error(*tally.error);
  if (ends_the_run(tally.error->code)) fail(*tally.error);
}

void Run::fail(const Error& error) {
  {
    const std::scoped_lock lock(mutex_);
    if (!fatal_) fatal_ = error;
  }
  changed_.notify_all();
}

void Run::note_error(const Error& error) { emit(WorkerEvent::Kind::error, to_string(error), &error); }

void Run::back_off(std::uint32_t error_count, std::stop_token stop) {
  store_.clock().sleep_until(store_.now() + jittered(doubled(error_pause_initial, error_count, error_pause_max)),
                             std::move(stop));
}

void Run::emit(WorkerEvent::Kind kind, std::string_view detail, const Error* error) const {
  if (!options_.on_event) return;
  WorkerEvent event;
  event.kind = kind;
  event.detail = detail;
  event.error = error;
  options_.on_event(event);
}

}  // namespace fanfold::worker
