#include <fanfold/worker.hpp>

#include "support/queue_name.hpp"
#include "worker/run.hpp"

#include <algorithm>
#include <atomic>
#include <set>

namespace fanfold {

namespace {

constexpr std::size_t jobs_max = 1'024;
constexpr std::size_t queue_count_max = 64;
constexpr std::uint32_t weight_max = 1'000;
constexpr std::chrono::milliseconds poll_max{20'000};
/// So that the last poll of a run that ends by itself does so too, with what it brings.
constexpr std::chrono::milliseconds poll_of_run_until_max{1'000};
constexpr std::size_t prefetch_option_max = 1'000'000;
/// How often a cluster past its deadline is swept by who waits for it.
constexpr std::chrono::milliseconds overdue_sweep_every{1'000};

Error refused(const char* message) { return {ErrorCode::invalid_argument, message, {}}; }

Result<void> check(const WorkerOptions& options) {
  if (auto checked = engine::check_attempts(options.attempts); !checked) return checked;
  if (options.queue.empty() == options.queues.empty()) return refused("queue, queues: expected exactly one of the two");
  if (options.queues.size() > queue_count_max) return refused("queues: expected at most 64");
  std::set<std::string_view> names;
  for (const WeightedQueue& queue : options.queues) {
    if (queue.name.empty()) return refused("queues: expected a name for each");
    if (!names.insert(queue.name).second) return refused("queues: expected each name once");
    if (queue.weight < 1 || queue.weight > weight_max) return refused("queues: expected weights from 1 to 1,000");
  }
  if (options.jobs > jobs_max) return refused("jobs: expected 0 to 1,024");
  if (options.prefetch > prefetch_option_max) return refused("prefetch: expected 0 to 1,000,000");
  if (options.lease_total_max < options.attempts.lease)
    return refused("lease_total_max: expected at least attempts.lease");
  if (options.poll.count() < 0 || options.poll > poll_max) return refused("poll: expected 0 to 20 s");
  if (options.poll_drain_max.count() < 0) return refused("poll_drain_max: expected no negative time");
  if (options.sweep_interval.count() < 0) return refused("sweep_interval: expected no negative time");
  if (options.drain_max.count() < 0) return refused("drain_max: expected no negative time");
  return {};
}

}  // namespace

class Worker::Impl {
 public:
  Impl(const Client& client, Handlers handlers, WorkerOptions options)
      : engine_(engine::Engine::of(client)), handlers_(std::move(handlers)), options_(std::move(options)) {}

  Result<void> run(std::stop_token stop, const worker::Run::IsOver& is_over) {
    if (engine_ == nullptr) return refused("client: a worker needs one that make_client or a backend's open() made");
    if (auto checked = check(options_); !checked) return checked;
    if (running_.exchange(true)) return refused("the worker is running already");
    auto result = run_checked(std::move(stop), is_over);
    running_ = false;
    return result;
  }

  /// Whoever waits for a cluster on a queue where nothing of it ever arrives has mistaken the queue.
  Result<void> check_can_finish(const ClusterHeader& header) {
    if (header.finished() && header.finish_done) return {};
    std::vector<std::string> names{options_.queue};
    for (const WeightedQueue& queue : options_.queues) names.push_back(queue.name);
    for (const std::string& name : names) {
      if (name.empty()) continue;
      auto url = engine::with_patience(engine_->store(), [&] { return engine_->queue().resolve(name); });
      if (!url) return {};  // The run itself says what is wrong with it.
      const bool has_tasks = support::is_same_queue(*url, header.queue_url);
      if (has_tasks && !header.finished() && !handlers_.on_message)
        return refused("handlers.on_message: expected a handler, since tasks of the cluster are open");
      if (has_tasks || support::is_same_queue(*url, header.finish_queue_url)) return {};
    }
    return Error{ErrorCode::invalid_argument,
                 header.finished()
                     ? "queue: expected \"" + header.finish_queue_url + "\", where the finish message of cluster " +
                           header.id + " is"
                     : "queue: expected \"" + header.queue_url + "\", where the tasks of cluster " + header.id + " are",
                 {}};
  }

  [[nodiscard]] engine::Engine& engine() { return *engine_; }
  [[nodiscard]] bool has_engine() const { return engine_ != nullptr; }
  [[nodiscard]] WorkerReport report() const { return sums_.get(); }

 private:
  Result<void> run_checked(std::stop_token stop, const worker::Run::IsOver& is_over) {
    sums_.reset();
    WorkerOptions options = options_;
    if (is_over && engine_->queue().may_receive_after_stop())
      options.poll = std::min(options.poll, poll_of_run_until_max);
    if (options.jobs == 0) options.jobs = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, jobs_max);
    if (!options.queue.empty()) options.queues = {{.name = options.queue, .weight = 1}};
    std::vector<worker::SourceOptions> sources;
    for (const WeightedQueue& queue : options.queues) {
      auto url = engine::with_patience(engine_->store(), [&] { return engine_->queue().resolve(queue.name); });
      if (!url) return std::move(url).error();
      engine_->store().queues_known.note(*url);
      const bool fifo = support::is_fifo(*url);
      sources.push_back({.url = std::move(*url), .weight = queue.weight, .fifo = fifo});
    }
    return worker::Run(engine_, handlers_, options, std::move(sources), sums_).run(std::move(stop), is_over);
  }

  std::shared_ptr<engine::Engine> engine_;  // Shared with the Client.
  Handlers handlers_;
  WorkerOptions options_;
  worker::Sums sums_;
  std::atomic<bool> running_{false};
};

Worker::Worker(const Client& client, Handlers handlers, WorkerOptions options)
    : impl_(std::make_unique<Impl>(client, std::move(handlers), std::move(options))) {}
Worker::~Worker() = default;
Worker::Worker(Worker&&) noexcept = default;
Worker& Worker::operator=(Worker&&) noexcept = default;

Result<WorkerReport> Worker::run(std::stop_token stop) {
  auto ran = impl_->run(std::move(stop), {});
  if (!ran) return std::move(ran).error();
  return impl_->report();
}

Result<Progress> Worker::run_until(const MessageKey& cluster, std::stop_token stop) {
  if (engine::in_handler()) return refused("run_until in a handler would wait for itself");
  if (!impl_->has_engine()) return refused("client: a worker needs one that make_client or a backend's open() made");
  auto parts = parse_key(cluster);
  if (!parts) return std::move(parts).error();
  engine::Store& store = impl_->engine().store();
  const std::string& id = parts->id;
  auto known = engine::live_header(store, id);
  if (!known) return std::move(known).error();
  if (auto checked = impl_->check_can_finish(*known); !checked) return std::move(checked).error();

  using Over = worker::Run::Over;
  Time next_sweep_at{};
  const auto is_over = [&](worker::Run::Look look) -> Result<Over> {
    // One read serves this look and the admission of tasks, as long as it may be that old.
    auto known_header = store.header(id);
    if (!known_header) return std::move(known_header).error();
    ClusterHeader header = **known_header;
    if (look == worker::Run::Look::finish_handled || header.finished() || header.tombstone) {
      auto live = engine::live_header(store, id);
      if (!live) return std::move(live).error();
      header = std::move(*live);
    }
    if (header.finished()) return header.finish_done ? Over::yes : Over::no;
    if (auto here = engine::check_is_here(header); !here) return here.error();
    const Time now = store.now();
    if (!header.deadline || now < *header.deadline) return Over::no;
    if (header.deadline_action == DeadlineAction::report) {
      if (header.sealed()) return Over::no;
      return Error{ErrorCode::deadline_exceeded,
                   "the cluster's deadline is over and nobody has sealed it: it cannot finish",
                   {}};
    }
    if (now >= next_sweep_at) {
      next_sweep_at = now + overdue_sweep_every;
      if (auto swept = impl_->engine().sweep(); !swept) return std::move(swept).error();
    }
    return Over::no;
  };
  auto ran = impl_->run(stop, is_over);
  if (!ran) return std::move(ran).error();
  auto header = engine::live_header(store, id);
  if (!header) return std::move(header).error();
  if (!header->finished() || !header->finish_done) {
    return Error{ErrorCode::cancelled,
                 header->sealed() ? "stopped before the cluster was finished" : "stopped before the cluster was sealed",
                 {}};
  }
  return impl_->engine().progress(cluster);
}

WorkerReport Worker::report() const { return impl_->report(); }

}  // namespace fanfold
