#include "worker/intake.hpp"

#include "core/lease.hpp"

#include <algorithm>
#include <utility>

namespace fanfold::worker {

namespace {

// Handlers this slow gain nothing from prefetch, and other workers could run what would wait here.
constexpr std::chrono::milliseconds slow_handler{1'000};
constexpr std::chrono::milliseconds medium_handler{20};
/// Where receives cost money, as much is taken as will have begun within this time.
constexpr std::chrono::milliseconds wait_worth_a_receive{500};

std::vector<std::uint32_t> weights_of(const std::vector<SourceOptions>& sources) {
  std::vector<std::uint32_t> weights;
  for (const SourceOptions& source : sources) weights.push_back(source.weight);
  return weights;
}

}  // namespace

Intake::Intake(std::vector<SourceOptions> sources, std::size_t jobs, std::size_t prefetch, std::size_t chunk_count_max,
               std::size_t receive_count)
    : jobs_(jobs), prefetch_(prefetch), receive_count_(receive_count), choice_(weights_of(sources)) {
  sources_.reserve(sources.size());
  for (SourceOptions& source : sources) sources_.emplace_back(std::move(source), chunk_count_max);
}

std::size_t Intake::limit(const Source& source) const {
  if (prefetch_ > 0) return std::max<std::size_t>(1, prefetch_ / sources_.size());
  const auto time = source.sizer.time_per_task();
  if (!time || *time >= slow_handler) return idle_count_;
  const std::size_t worth_it = worth_receiving(*time);
  if (*time >= medium_handler) return std::max(idle_count_ + jobs_, worth_it);
  return std::max(std::min(prefetch_count_max, 2 * jobs_ * source.sizer.target()), worth_it);
}

/// Two receives' worth, so that one is under way while the other is worked off.
std::size_t Intake::worth_receiving(std::chrono::nanoseconds time_per_task) const {
  const auto begun_soon = static_cast<std::size_t>(wait_worth_a_receive / time_per_task) * jobs_;
  return std::min(2 * receive_count_, begun_soon);
}

std::size_t Intake::room(const Source& source) const {
  // What waits behind a busy FIFO group keeps no other group from coming in, unless the caller set the bound.
  const std::size_t passed_over =
      prefetch_ == 0 && source.waiting_count < prefetch_count_max ? source.blocked_count : 0;
  const std::size_t most = limit(source);
  const std::size_t taken = source.waiting_count - passed_over + source.asked_count;
  return most > taken ? most - taken : 0;
}

std::size_t Intake::wait_for_room(std::size_t index, bool extra, std::size_t count_max) {
  std::unique_lock lock(mutex_);
  Source& source = sources_[index];
  std::size_t room_now = 0;
  room_.wait(lock, [&] {
    if (closed_) return true;
    if (extra && !source.overflows) return false;
    room_now = room(source);
    return room_now > limit(source) / 2 ||
           room_now >= count_max;  // In large pieces, since each receive costs the same.
  });
  if (closed_) return 0;
  const std::size_t asked = std::min(room_now, count_max);
  source.asked_count += asked;
  return asked;
}

std::vector<Delivery> Intake::offer(std::size_t index, std::size_t asked, std::vector<Delivery> deliveries) {
  std::size_t arrived = deliveries.size();
  {
    const std::scoped_lock lock(mutex_);
    Source& source = sources_[index];
    source.asked_count -= asked;
    if (closed_) return deliveries;
    source.overflows = arrived == asked && arrived > 0;
    source.waiting_count += arrived;
    if (source.options.fifo) {
      offer_in_order(source, std::move(deliveries));
    } else {
      // Not the one of std::ranges: clang 14 does not compile what it returns.
      const auto again = std::stable_partition(deliveries.begin(), deliveries.end(),
                                               [](const Delivery& delivery) { return delivery.receive_count <= 1; });
      for (auto delivery = again; delivery != deliveries.end(); ++delivery) source.again.push(std::move(*delivery));
      deliveries.erase(again, deliveries.end());
      source.first.push(std::move(deliveries));
    }
  }
  if (arrived == 1) work_.notify_one();
  if (arrived > 1) work_.notify_all();
  room_.notify_all();
  return {};
}

void Intake::offer_in_order(Source& source, std::vector<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    Lane& lane = source.lanes[delivery.group_id];
    if (lane.busy)
      ++source.blocked_count;
    else if (lane.waiting.empty())
      source.open_lanes.push_back(delivery.group_id);
    lane.waiting.push(std::move(delivery));
  }
}

bool Intake::is_suspicious() const { return std::chrono::steady_clock::now() < suspicious_until_; }

bool Intake::has_job(const Source& source) const {
  if (!source.first.empty() || !source.open_lanes.empty()) return true;
  return !source.again.empty() && !(suspect_out_ && is_suspicious());
}

std::optional<Job> Intake::try_take() {
  if (!claimed_.empty()) {
    Job job = std::move(claimed_.front());
    claimed_.pop_front();
    return job;
  }
  if (closed_ || alone_runs_ || alone_waiting_count_ > 0) return std::nullopt;
  std::size_t chosen = 0;
  if (sources_.size() == 1) {
    chosen = has_job(sources_.front()) ? 0 : 1;
  } else {
    std::unique_ptr<bool[]> eligible = std::make_unique<bool[]>(sources_.size());
    for (std::size_t i = 0; i < sources_.size(); ++i) eligible[i] = has_job(sources_[i]);
    chosen = choice_.choose(std::span<const bool>(eligible.get(), sources_.size()));
  }
  if (chosen == sources_.size()) return std::nullopt;
  ++in_hand_count_;
  return next_job(chosen);
}

Job Intake::next_job(std::size_t index) {
  Source& source = sources_[index];
  Job job;
  job.source = index;
  const bool suspects_wait = suspect_out_ && is_suspicious();
  const bool again_may = !source.again.empty() && !suspects_wait;
  if (source.options.fifo) {
    take_in_order(source, job);
  } else if (again_may && (source.first.empty() || source.takes_again)) {
    job.deliveries = source.again.take(1);
    job.is_suspect = is_suspicious();
    suspect_out_ = suspect_out_ || job.is_suspect;
    source.takes_again = false;
  } else {
    job.deliveries = source.first.take(source.is_single ? 1 : source.sizer.next(source.first.size(), jobs_));
    source.takes_again = true;
  }
  source.waiting_count -= job.deliveries.size();
  return job;
}

void Intake::take_in_order(Source& source, Job& job) {
  job.is_in_order = true;
  job.group_id = std::move(source.open_lanes.front());
  source.open_lanes.pop_front();
  Lane& lane = source.lanes.find(job.group_id)->second;
  lane.busy = true;
  job.deliveries = lane.waiting.take(1);
  source.blocked_count += lane.waiting.size();
}

std::optional<Job> Intake::take() {
  std::unique_lock lock(mutex_);
  auto job = try_take();
  if (!job) {
    ++idle_count_;
    room_.notify_all();
    work_.wait(lock, [&] {
      job = try_take();
      return job || (closed_ && in_hand_count_ == 0);
    });
    --idle_count_;
  }
  lock.unlock();
  room_.notify_all();
  return job;
}

std::vector<Delivery> Intake::done(const Job& job, bool failed) {
  std::vector<Delivery> rest;
  bool others_may_wait_for_it = false;
  {
    const std::scoped_lock lock(mutex_);
    others_may_wait_for_it = closed_ || job.is_suspect || job.is_in_order || alone_runs_ || alone_waiting_count_ > 0;
    --in_hand_count_;
    if (job.is_suspect) suspect_out_ = false;
    if (alone_runs_ && in_hand_count_ == 0) alone_runs_ = false;
    if (job.is_in_order) {
      Source& source = sources_[job.source];
      const auto found = source.lanes.find(job.group_id);
      Lane& lane = found->second;
      lane.busy = false;
      source.blocked_count -= lane.waiting.size();
      if (failed) {
        source.waiting_count -= lane.waiting.size();
        rest = lane.waiting.take_all();
      }
      if (lane.waiting.empty())
        source.lanes.erase(found);
      else
        source.open_lanes.push_back(job.group_id);
    }
  }
  if (others_may_wait_for_it) work_.notify_all();
  if (job.is_in_order) room_.notify_all();
  return rest;
}

void Intake::clear_suspect(Job& job) {
  if (!job.is_suspect) return;
  job.is_suspect = false;
  {
    const std::scoped_lock lock(mutex_);
    suspect_out_ = false;
  }
  work_.notify_all();
}

void Intake::begin_alone() {
  std::unique_lock lock(mutex_);
  ++alone_waiting_count_;
  --in_hand_count_;  // While it waits it is not one of those that it waits for.
  work_.notify_all();
  work_.wait(lock, [&] { return in_hand_count_ == 0 && !alone_runs_; });
  --alone_waiting_count_;
  alone_runs_ = true;
  ++in_hand_count_;
}

void Intake::took(std::size_t source, std::size_t count, std::chrono::nanoseconds time) {
  const std::scoped_lock lock(mutex_);
  sources_[source].sizer.took(count, time);
}

void Intake::claimed(std::size_t source, std::chrono::nanoseconds time) {
  const std::scoped_lock lock(mutex_);
  sources_[source].sizer.claimed(time);
}

void Intake::ended(std::size_t source, std::chrono::nanoseconds time) {
  const std::scoped_lock lock(mutex_);
  sources_[source].sizer.ended(time);
}

void Intake::push_claimed(std::size_t source, std::shared_ptr<ActiveChunk> chunk) {
  {
    const std::scoped_lock lock(mutex_);
    ++in_hand_count_;
    Job job;
    job.source = source;
    job.claimed = std::move(chunk);
    claimed_.push_back(std::move(job));
  }
  work_.notify_all();  // One alone may be a thread in begin_alone(), which can do nothing with it.
}

void Intake::hold() {
  const std::scoped_lock lock(mutex_);
  ++in_hand_count_;
}

void Intake::claim_singly(std::size_t source) {
  const std::scoped_lock lock(mutex_);
  sources_[source].is_single = true;
}

void Intake::limit_time(std::size_t source, std::chrono::microseconds time) {
  const std::scoped_lock lock(mutex_);
  sources_[source].sizer.limit_time(time);
}

void Intake::suspect() {
  const std::scoped_lock lock(mutex_);
  suspicious_until_ = std::chrono::steady_clock::now() + suspicion_time;
}

std::vector<std::string> Intake::extend_waiting(std::size_t index, Time now, std::chrono::milliseconds visibility) {
  std::vector<std::string> receipts;
  const auto look_at = [&](Delivery& delivery) {
    if (delivery.visible_at == Time{} || !core::visibility_is_due(now, delivery.visible_at, visibility)) return;
    receipts.push_back(delivery.receipt_handle);
    delivery.visible_at = now + visibility;
  };
  const std::scoped_lock lock(mutex_);
  Source& source = sources_[index];
  source.first.for_each(look_at);
  source.again.for_each(look_at);
  for (auto& [group, lane] : source.lanes) lane.waiting.for_each(look_at);
  return receipts;
}

std::vector<std::vector<Delivery>> Intake::close() {
  std::vector<std::vector<Delivery>> rest(sources_.size());
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      Source& source = sources_[i];
      rest[i] = source.first.take_all();
      std::ranges::move(source.again.take_all(), std::back_inserter(rest[i]));
      for (auto& [group, lane] : source.lanes) std::ranges::move(lane.waiting.take_all(), std::back_inserter(rest[i]));
      source.open_lanes.clear();
      source.waiting_count = 0;
      source.blocked_count = 0;
    }
  }
  work_.notify_all();
  room_.notify_all();
  return rest;
}

std::vector<std::shared_ptr<ActiveChunk>> Intake::take_claimed() {
  std::vector<std::shared_ptr<ActiveChunk>> chunks;
  {
    const std::scoped_lock lock(mutex_);
    for (Job& job : claimed_) chunks.push_back(std::move(job.claimed));
    in_hand_count_ -= claimed_.size();
    claimed_.clear();
  }
  work_.notify_all();
  return chunks;
}

}  // namespace fanfold::worker
