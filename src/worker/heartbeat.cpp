#include "worker/heartbeat.hpp"

#include "core/lease.hpp"

#include <algorithm>
#include <condition_variable>

namespace fanfold::worker {

namespace {

constexpr std::chrono::milliseconds tick_max{1'000};
constexpr std::chrono::milliseconds tick_min{50};
/// Beats within one third of a lease: one that fails is followed by another in time.
constexpr int ticks_per_lease = 9;
/// A beat that takes longer is held up. A shorter one is left alone even where leases are over: it is about to learn
/// whether they are lost, as after the machine was asleep.
constexpr std::chrono::milliseconds beat_time_max{1'000};

}  // namespace

/// While it lives, a beat is under way.
class Heartbeat::BeatScope {
 public:
  explicit BeatScope(Heartbeat& owner) : owner_(owner) { set(std::chrono::steady_clock::now()); }
  ~BeatScope() { set(std::nullopt); }
  BeatScope(const BeatScope&) = delete;
  BeatScope& operator=(const BeatScope&) = delete;

 private:
  void set(std::optional<std::chrono::steady_clock::time_point> since) {
    const std::scoped_lock lock(owner_.beat_mutex_);
    owner_.beating_since_ = since;
  }

  Heartbeat& owner_;
};

std::chrono::milliseconds Heartbeat::tick() const {
  return std::clamp(options_.lease / ticks_per_lease, tick_min, tick_max);
}

void Heartbeat::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    store_.clock().sleep_until(store_.now() + tick(), stop);
    if (!stop.stop_requested()) beat();
  }
}

void Heartbeat::watch(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!never.wait_for(lock, stop, tick(), [] { return false; }) && !stop.stop_requested())
    look_at_beat(std::chrono::steady_clock::now());
}

void Heartbeat::look_at_beat(std::chrono::steady_clock::time_point now) {
  {
    const std::scoped_lock lock(beat_mutex_);
    if (!beating_since_ || now - *beating_since_ < beat_time_max) return;
  }
  const Time next_look = store_.now() + tick();
  for (const auto& chunk : active_.all()) {
    const auto times = chunk->times();
    if (!times || times->lease_end > next_look) continue;
    std::vector<std::size_t> lost;
    for (const ActiveChunk::Held& held : chunk->held()) lost.push_back(held.position);
    lose(chunk, lost);
  }
}

void Heartbeat::beat() {
  const BeatScope scope(*this);
  const Time now = store_.now();
  free_dead_holders(now);
  extend_leases(now);
  extend_waiting(now);
}

void Heartbeat::free_dead_holders(Time now) {
  // An error is no harm: the next beat tries again, and leases end by themselves.
  const auto freed = store_.ledger().release_dead_holders(now);
  if (freed && *freed > 0) intake_.suspect();
}

void Heartbeat::extend_leases(Time now) {
  std::map<Time, Entries> due;  // By the new end of the lease: one call each.
  std::vector<std::size_t> lost;
  for (const auto& chunk : active_.all()) {
    const auto times = chunk->times();
    if (!times) continue;
    const core::LeaseStep step =
        core::next_lease_step(now, times->claimed_at, times->lease_end, options_.lease, options_.lease_total_max);
    if (step.kind == core::LeaseStep::Kind::wait) continue;
    lost.clear();
    for (ActiveChunk::Held& held : chunk->held()) {
      // Once a stop was seen nothing is extended; what was claimed may end within its lease.
      if (step.kind == core::LeaseStep::Kind::extend && engine::may_extend(store_, held.lease.ref)) {
        due[step.at].push_back({chunk, std::move(held)});
      } else if (step.kind == core::LeaseStep::Kind::let_go || now >= times->lease_end) {
        lost.push_back(held.position);
      }
    }
    lose(chunk, lost);
  }
  for (auto& [lease_end, entries] : due) extend(now, lease_end, entries);
}

void Heartbeat::extend(Time now, Time lease_end, Entries& entries) {
  std::vector<Lease> leases;
  leases.reserve(entries.size());
  for (const Entry& entry : entries) leases.push_back(entry.held.lease);
  const auto answers = store_.ledger().extend(leases, lease_end);
  if (!answers) return lose_ended(entries);  // Others are tried again at the next beat.

  Entries kept;
  std::map<std::shared_ptr<ActiveChunk>, std::vector<std::size_t>> lost;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Result<void>& answer = (*answers)[i];
    if (answer) {
      entries[i].chunk->set_lease_end(lease_end);
      kept.push_back(std::move(entries[i]));
    } else if (!is_retryable(answer.error().code)) {
      lost[entries[i].chunk].push_back(entries[i].held.position);
    }
  }
  extend_visibilities(now, lease_end, kept);
  for (const auto& [chunk, positions] : lost) lose(chunk, positions);
}

/// What could not be extended until its lease was over may be somebody else's.
void Heartbeat::lose_ended(const Entries& entries) {
  const Time now = store_.now();
  std::map<std::shared_ptr<ActiveChunk>, std::vector<std::size_t>> lost;
  for (const Entry& entry : entries) {
    const auto times = entry.chunk->times();
    if (times && now >= times->lease_end) lost[entry.chunk].push_back(entry.held.position);
  }
  for (const auto& [chunk, positions] : lost) lose(chunk, positions);
}

void Heartbeat::extend_visibilities(Time now, Time lease_end, const Entries& entries) {
  std::map<std::size_t, std::vector<VisibilityChange>> by_source;
  const auto visibility = std::min(core::visibility_max, lease_end - now + core::lease_margin);
  for (const Entry& entry : entries)
    by_source[entry.chunk->source()].push_back({entry.held.receipt_handle, visibility});
  // A refusal is no harm: the lease keeps others away, the visibility only saves them the look.
  for (const auto& [source, changes] : by_source)
    static_cast<void>(store_.queue().change_visibility(intake_.url(source), changes));
}

void Heartbeat::extend_waiting(Time now) {
  const auto visibility = core::visibility_for(options_.lease);
  for (std::size_t source = 0; source < intake_.source_count(); ++source) {
    std::vector<VisibilityChange> changes;
    for (std::string& receipt : intake_.extend_waiting(source, now, visibility))
      changes.push_back({std::move(receipt), visibility});
    if (!changes.empty()) static_cast<void>(store_.queue().change_visibility(intake_.url(source), changes));
  }
}

void Heartbeat::lose(const std::shared_ptr<ActiveChunk>& chunk, std::span<const std::size_t> positions) {
  if (positions.empty()) return;
  auto rest = chunk->lose(positions);
  if (!rest) return;
  active_.add(rest);
  intake_.push_claimed(chunk->source(), std::move(rest));
}

}  // namespace fanfold::worker
