#include "metrics/worker_counters.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::metrics {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr std::array all_work{Work::task, Work::message, Work::finish};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) noexcept { counter.fetch_add(count, relaxed); }

constexpr std::size_t place(Work work) noexcept { return static_cast<std::size_t>(work); }

/// How many messages a receive brought, as its event says.
std::uint64_t count_in(std::string_view detail) noexcept {
  std::uint64_t count = 0;
  std::from_chars(detail.data(), detail.data() + detail.size(), count);
  return count;
}

}  // namespace

std::string_view to_string(Work work) noexcept {
  switch (work) {
    case Work::task: return "task";
    case Work::message: return "message";
    case Work::finish: break;
  }
  return "finish";
}

Work work_of(const WorkerEvent& event) noexcept {
  if (event.task) return Work::task;
  return event.cluster_id.empty() ? Work::message : Work::finish;
}

void WorkerCounters::see(const WorkerEvent& event) noexcept {
  Shard& shard = own_shard();
  const auto ended = [&](Ended as) { add(shard.ended[place(work_of(event))][static_cast<std::size_t>(as)]); };
  switch (event.kind) {
    case WorkerEvent::Kind::started: is_draining_.store(false, relaxed); return;
    case WorkerEvent::Kind::received: return add(shard.received, count_in(event.detail));
    case WorkerEvent::Kind::claimed: return add(shard.claimed);
    case WorkerEvent::Kind::done:
    case WorkerEvent::Kind::finish_handled: return ended(Ended::done);
    case WorkerEvent::Kind::retried: return ended(Ended::retried);
    case WorkerEvent::Kind::failed: return ended(Ended::failed);
    case WorkerEvent::Kind::crashed_before: return ended(Ended::crashed);
    case WorkerEvent::Kind::duplicate: return add(shard.duplicate);
    case WorkerEvent::Kind::in_progress: return add(shard.in_progress);
    case WorkerEvent::Kind::lease_lost: return add(shard.lease_lost);
    case WorkerEvent::Kind::returned: return add(shard.returned);
    case WorkerEvent::Kind::swept: return add(shard.swept);
    case WorkerEvent::Kind::error:
      return add(event.error == nullptr ? shard.refused : shard.errors[static_cast<std::size_t>(event.error->code)]);
    case WorkerEvent::Kind::draining: is_draining_.store(true, relaxed); return;
    case WorkerEvent::Kind::stopped: return;
  }
}

WorkerCounters::Running::Running(WorkerCounters& counters, Work work) noexcept : counters_(counters), work_(work) {
  add(counters_.own_shard().running[place(work_)]);
}

WorkerCounters::Running::~Running() {
  counters_.observe(work_, std::chrono::steady_clock::now() - begun_);
  counters_.own_shard().running[place(work_)].fetch_sub(1, relaxed);
}

void WorkerCounters::observe(Work work, std::chrono::nanoseconds took) noexcept {
  Shard& shard = own_shard();
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = std::ranges::lower_bound(duration_bounds, seconds) - duration_bounds.begin();
  add(shard.durations[place(work)][static_cast<std::size_t>(bucket)]);
  add(shard.duration_nanoseconds[place(work)], static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())));
}

WorkerCounters::Shard& WorkerCounters::own_shard() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t own = next.fetch_add(1, relaxed) % shard_count;
  return shards_[own];
}

template <class Pick>
std::uint64_t WorkerCounters::sum(Pick&& pick) const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += pick(shard).load(relaxed);
  return sum;
}

void WorkerCounters::write(PrometheusText& text) const {
  write_ended(text);
  write_handlers(text);
  write_messages(text);
  write_errors(text);
}

void WorkerCounters::write_ended(PrometheusText& text) const {
  constexpr std::array<std::string_view, ended_count> words{"done", "retried", "failed", "crashed"};
  text.family("fanfold_ended_total", MetricType::counter,
              "Attempts of tasks, messages and finish messages whose outcome is recorded: done, to be tried again, "
              "failed for good, or failed for good since the process of the attempt before died.");
  for (const Work work : all_work) {
    for (std::size_t as = 0; as < ended_count; ++as) {
      text.sample(std::array{Label{"kind", to_string(work)}, Label{"outcome", words[as]}},
                  sum([&](const Shard& shard) -> const Counter& { return shard.ended[place(work)][as]; }));
    }
  }
}

void WorkerCounters::write_handlers(PrometheusText& text) const {
  text.family("fanfold_handlers_running", MetricType::gauge, "Handlers that run now.");
  for (const Work work : all_work) {
    text.sample(std::array{Label{"kind", to_string(work)}},
                sum([&](const Shard& shard) -> const Counter& { return shard.running[place(work)]; }));
  }
  text.family("fanfold_handler_duration_seconds", MetricType::histogram, "How long handlers ran, whatever came of it.");
  for (const Work work : all_work) {
    std::array<std::uint64_t, duration_bounds.size() + 1> counts{};
    for (std::size_t i = 0; i < counts.size(); ++i)
      counts[i] = sum([&](const Shard& shard) -> const Counter& { return shard.durations[place(work)][i]; });
    const std::uint64_t nanoseconds =
        sum([&](const Shard& shard) -> const Counter& { return shard.duration_nanoseconds[place(work)]; });
    text.histogram(std::array{Label{"kind", to_string(work)}},
                   {duration_bounds, counts, static_cast<double>(nanoseconds) / 1e9});
  }
}

void WorkerCounters::write_messages(PrometheusText& text) const {
  const auto count = [&](std::string_view name, std::string_view help, Counter Shard::*member) {
    text.family(name, MetricType::counter, help);
    text.sample(sum([&](const Shard& shard) -> const Counter& { return shard.*member; }));
  };
  count("fanfold_received_total", "Messages that were received.", &Shard::received);
  count("fanfold_claimed_total", "Tasks and messages that were claimed, to be run here.", &Shard::claimed);
  count(
      "fanfold_duplicates_total",
      "Further deliveries of what has ended or is gone, which no handler saw, and ends that had been recorded already.",
      &Shard::duplicate);
  count("fanfold_held_elsewhere_total", "Deliveries of what another worker has in hand.", &Shard::in_progress);
  count("fanfold_leases_lost_total", "Attempts whose outcome counts for nothing since another worker took them over.",
        &Shard::lease_lost);
  count("fanfold_returned_total", "Messages that were put back without an attempt.", &Shard::returned);
  count("fanfold_sweeps_total", "Sweeps that this process has made.", &Shard::swept);
  text.family("fanfold_draining", MetricType::gauge, "1 where nothing new begins any more.");
  text.sample(std::uint64_t{is_draining_.load(relaxed)});
}

void WorkerCounters::write_errors(PrometheusText& text) const {
  text.family("fanfold_errors_total", MetricType::counter,
              "Calls of the store that failed after all their attempts, by the library's name of the error.");
  for (std::size_t code = 0; code < error_kind_count; ++code) {
    text.sample(std::array{Label{"code", to_string(static_cast<ErrorCode>(code))}},
                sum([&](const Shard& shard) -> const Counter& { return shard.errors[code]; }));
  }
  text.family(
      "fanfold_refused_messages_total", MetricType::counter,
      "Messages that this worker can do nothing with and leaves: of a newer fanfold, of a cluster that the store "
      "does not have, or whose own record is missing.");
  text.sample(sum([](const Shard& shard) -> const Counter& { return shard.refused; }));
}

}  // namespace fanfold::metrics
