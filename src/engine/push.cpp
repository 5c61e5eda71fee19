#include "engine/push.hpp"

#include "engine/completion.hpp"
#include "engine/resend.hpp"
#include "support/identifier.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_pause{250};
/// A moved cluster is kept at least so long from the move on, which is more than any queue keeps a message.
constexpr std::chrono::days life_least{30};

Error refuse(const ClusterHeader& header, const std::string& why) {
  return {ErrorCode::invalid_argument, "cluster " + header.id + " " + why, {}};
}

std::string moving_to(const std::string& target) { return std::string(moving_word) + " to " + target; }

/// All of a cluster's tasks in [first, first + count), in order.
Result<std::vector<TaskState>> read_states(Store& store, const std::string& id, std::uint64_t first, std::size_t count,
                                           TaskParts parts) {
  std::vector<TaskState> states;
  std::optional<std::uint64_t> next = first;
  while (next && states.size() < count) {
    const TaskQuery query{
        .cluster_id = id, .filter = {}, .first_index = *next, .count_max = count - states.size(), .parts = parts};
    auto page = with_patience(store, [&] { return store.ledger().list_tasks(query); });
    if (!page) return std::move(page).error();
    std::ranges::move(page->tasks, std::back_inserter(states));
    next = page->next_index;
  }
  return states;
}

bool has_ended(const TaskState& task) { return task.status == Status::complete || task.status == Status::error; }

/// One call of push_cluster.
class Push {
 public:
  Push(Store& source, Store& target, const std::string& id, const PushOptions& options)
      : source_(source), target_(target), id_(id), options_(options) {}

  Result<PushReport> run() {
    auto header = live_header(source_, id_);
    if (!header) return std::move(header).error();
    if (header->moved_to == options_.target) return moved_before();
    if (auto checked = check(*header); !checked) return checked.error();
    if (auto found = find_target(*header); !found) return found.error();
    report_.went_on = header->moving();
    if (!report_.went_on) {
      if (auto stilled = still(*header); !stilled) return stilled.error();
    }
    auto frozen = freeze();
    if (!frozen) return std::move(frozen).error();
    if (auto copied = copy(*frozen); !copied) return copied.error();
    if (auto resumed = resume(); !resumed) return resumed.error();
    if (auto noted = note_moved(); !noted) return noted.error();
    tell(PushStep::done, report_.open_count);
    return report_;
  }

 private:
  void tell(PushStep step, std::uint64_t count) const {
    if (options_.on_step) options_.on_step(step, count);
  }

  Result<PushReport> moved_before() {
    report_.moved_before = true;
    auto counted = count(false);
    if (!counted) return std::move(counted).error();
    return report_;
  }

  Result<void> check(const ClusterHeader& header) const {
    if (header.moving() && header.moved_to != moving_to(options_.target))
      return refuse(header, "is " + header.moved_to + "; push it there again");
    if (!header.moving() && !header.moved_to.empty()) return refuse(header, "was moved to " + header.moved_to);
    if (header.finished())
      return refuse(header, "is finished: nothing of it is left to be moved; its results are read here");
    if (!header.sealed())
      return refuse(header, "is open for more tasks; seal it first (fanfold cluster seal), then push it");
    if (header.parent)
      return refuse(header, "is the child of a task of cluster " + header.parent->cluster_id +
                                ", which waits for it: let it end here, and push that cluster then");
    if (header.round > 0)
      return refuse(header, "is in round " + std::to_string(header.round) +
                                ", a retry: let it end here, where its earlier rounds are; what fails then (fanfold "
                                "tasks --status failed) can be a new cluster there");
    return {};
  }

  // What has to be there is looked for before anything is changed.

  Result<void> find_target(const ClusterHeader& header) {
    auto url = with_patience(target_, [&] { return target_.queue().resolve(header.queue_url); });
    if (!url) return std::move(url).error();
    queue_url_ = finish_queue_url_ = std::move(*url);
    if (!header.finish_queue_url.empty() && header.finish_queue_url != header.queue_url) {
      auto finish_url = with_patience(target_, [&] { return target_.queue().resolve(header.finish_queue_url); });
      if (!finish_url) return std::move(finish_url).error();
      finish_queue_url_ = std::move(*finish_url);
    }
    auto there = find_there(header);
    if (!there) return std::move(there).error();
    auto globals = read_globals(header);
    if (!globals) return std::move(globals).error();
    if (*globals && target_.globals().location(id_).bucket.empty())
      return refuse(header, "has globals, for which the target has no bucket");
    return {};
  }

  /// The cluster as an earlier push made it; empty where there is none.
  Result<std::optional<ClusterHeader>> find_there(const ClusterHeader& header) const {
    auto there = target_.header_strong(id_);
    if (!there && there.error().code == ErrorCode::not_found) return std::optional<ClusterHeader>();
    if (!there) return std::move(there).error();
    const bool is_same = header.moving() && there->created_at == header.created_at &&
                         there->task_count == header.task_count && there->name == header.name;
    if (is_same) return std::optional<ClusterHeader>(std::move(*there));
    return Error{ErrorCode::already_exists, "the target has another cluster " + id_, {}};
  }

  Result<std::optional<Json>> read_globals(const ClusterHeader& header) const {
    const BucketParams where = header.bucket_params.value_or(source_.globals().location(id_));
    if (where.bucket.empty()) return std::optional<Json>();
    auto globals = with_patience(source_, [&] { return source_.globals().read(where); });
    if (globals) return std::optional<Json>(std::move(globals->value));
    if (globals.error().code == ErrorCode::not_found) return std::optional<Json>();
    return std::move(globals).error();
  }

  // Pause, and wait for what runs.

  Result<void> still(const ClusterHeader& header) {
    const Time until = source_.now() + options_.wait_max;
    if (!header.paused) {
      tell(PushStep::pause, header.task_count);
      auto paused = modify_header(source_, id_, [&](ClusterHeader& stored) -> Result<HeaderChange> {
        if (auto checked = check(stored); !checked) return checked.error();
        if (stored.paused) return HeaderChange::leave;
        stored.paused = true;
        return HeaderChange::write;
      });
      if (!paused) return std::move(paused).error();
      // Until then a worker may go by the header as it was.
      source_.clock().sleep_until(source_.now() + source_.backend.header_age_max, options_.stop);
    }
    std::uint64_t told = 0;
    while (true) {
      auto recount = with_patience(source_, [&] { return source_.ledger().recount(id_, source_.now()); });
      if (!recount) return std::move(recount).error();
      const std::uint64_t running = recount->leased_count + recount->waiting_count;
      if (options_.stop.stop_requested()) return Error{ErrorCode::cancelled, still_paused("stopped"), {}};
      if (running == 0) return {};
      if (source_.now() >= until)
        return Error{ErrorCode::not_finished, still_paused(std::to_string(running) + " of its tasks still run"), {}};
      if (running != told) tell(PushStep::wait, running);
      told = running;
      source_.clock().sleep_until(source_.now() + look_pause, options_.stop);
    }
  }

  [[nodiscard]] std::string still_paused(const std::string& why) const {
    return "cluster " + id_ + " is not moved: " + why + ". It is paused; push it again, or resume it here";
  }

  // From here on there is no way back.

  /// `moving`, by which workers leave messages alone and nobody steers the cluster any more. Then every task that has
  /// not ended is taken from whoever holds it and leased by nobody for as long as the cluster lives, so that even a
  /// process that did not see `moving` changes nothing here after it was copied.
  Result<ClusterHeader> freeze() {
    tell(PushStep::freeze, 0);
    auto header = modify_header(source_, id_, [&](ClusterHeader& stored) -> Result<HeaderChange> {
      if (auto checked = check(stored); !checked) return checked.error();
      if (stored.moving()) return HeaderChange::leave;
      stored.moved_to = moving_to(options_.target);
      stored.paused = true;
      return HeaderChange::write;
    });
    if (!header) return header;
    auto taken = take_all(*header);
    if (!taken) return std::move(taken).error();
    return header;
  }

  Result<void> take_all(const ClusterHeader& header) {
    std::optional<std::uint64_t> next = 0;
    while (next) {
      auto page = with_patience(source_, [&] {
        return source_.ledger().list_open_tasks(id_, *next, source_.backend.batch_count_max, source_.now());
      });
      if (!page) return std::move(page).error();
      std::vector<EndRequest> requests;
      for (const Ledger::OpenTask& task : page->tasks) {
        if (task.waiting) {
          auto ended = end_with_child(header, task);
          if (!ended) return ended;
          continue;
        }
        if (task.not_before >= header.expires_at) continue;  // By an earlier push.
        EndRequest& request = requests.emplace_back();
        request.ref = {.type = RecordType::task, .id = id_, .round = header.round, .position = task.position};
        request.index = task.index;
        request.condition = NotEnded{};
        request.verdict = Verdict::retry;
        request.retry_at = header.expires_at;
      }
      if (!requests.empty()) {
        auto ended = with_patience(source_, [&] { return source_.ledger().end(requests, source_.now()); });
        if (!ended) return std::move(ended).error();
      }
      next = page->next_position;
    }
    return {};
  }

  /// A task that began to wait in the moment of `moving`: its child ends here.
  Result<void> end_with_child(const ClusterHeader& header, const Ledger::OpenTask& task) {
    const RecordRef ref{.type = RecordType::task, .id = id_, .round = header.round, .position = task.position};
    auto child = end_if_child_finished(source_, ref, task.index, task.child_id);
    if (!child) return std::move(child).error();
    if (*child == ChildState::finished) return {};
    return refuse(header, "waits for child cluster " + task.child_id + ", which has to end here; push it again then");
  }

  // The same cluster at the target: paused until all is there.

  Result<void> copy(const ClusterHeader& header) {
    tell(PushStep::copy, header.task_count);
    auto there = find_there(header);
    if (!there) return std::move(there).error();
    if (*there && !is_in_the_making(**there)) return count(false);
    if (!*there) {
      if (auto written = write_globals(header); !written) return written;
      if (auto written = write_payloads(header); !written) return written;
      auto created = with_patience(target_, [&] { return target_.ledger().create_cluster(header_there(header)); });
      if (!created && created.error().code != ErrorCode::already_exists) return std::move(created).error();
    }
    auto sealed = with_patience(target_, [&] { return target_.ledger().seal(id_, target_.now()); });
    if (!sealed) return std::move(sealed).error();
    if (auto completed = complete_finished(target_, sealed->finished); !completed) return completed;
    return count(true);
  }

  /// Nothing was sent there yet.
  [[nodiscard]] static bool is_in_the_making(const ClusterHeader& there) {
    return there.paused && there.sent_at == Time{} && !there.finished() && !there.tombstone;
  }

  [[nodiscard]] Result<void> check_stop() const {
    if (!options_.stop.stop_requested()) return {};
    return Error{ErrorCode::cancelled, "cluster " + id_ + " is on its way; push it again, which goes on", {}};
  }

  /// What is there is from an earlier try, or was changed since: it stays.
  Result<void> write_globals(const ClusterHeader& header) {
    auto value = read_globals(header);
    if (!value) return std::move(value).error();
    if (!*value) return {};
    const StoredGlobals globals{
        .value = std::move(**value), .version = {}, .write_ids = {make_identifier(target_.now())}};
    const BucketParams where = target_.globals().location(id_);
    auto written = with_patience(target_, [&] { return target_.globals().write(where, globals, {}); });
    if (written || written.error().code == ErrorCode::conflict) return {};
    return std::move(written).error();
  }

  /// Of all tasks, so that indexes stay what they are and everything about the cluster can be read in one place.
  Result<void> write_payloads(const ClusterHeader& header) {
    for (std::uint64_t first = 0; first < header.task_count;) {
      if (auto going_on = check_stop(); !going_on) return going_on;
      const auto count = static_cast<std::size_t>(
          std::min<std::uint64_t>(header.task_count - first, std::max(task_page_count, target_.backend.bulk_count())));
      auto tasks = with_patience(source_, [&] { return source_.ledger().read_tasks(id_, first, count); });
      if (!tasks) return std::move(tasks).error();
      if (tasks->empty())
        return Error{
            ErrorCode::damaged, "cluster " + id_ + " lacks payloads from task " + std::to_string(first) + " on", {}};
      auto stored = with_patience(target_, [&] { return target_.ledger().put_tasks(id_, first, *tasks); });
      if (!stored) return stored;
      first += tasks->size();
    }
    return {};
  }

  [[nodiscard]] ClusterHeader header_there(const ClusterHeader& header) const {
    ClusterHeader there = header;
    const Time now = target_.now();
    there.queue_url = queue_url_;
    there.finish_queue_url = finish_queue_url_;
    there.bucket_params.reset();
    if (auto where = target_.globals().location(id_); !where.bucket.empty()) there.bucket_params = std::move(where);
    there.marked = false;
    there.paused = true;
    there.moved_to.clear();
    there.updated_at = now;
    there.expires_at = std::max(header.expires_at, now + life_least);
    there.due.clear();
    there.sender.clear();
    there.sender_until = there.sent_at = there.sweeper_until = {};
    there.sweeper.clear();
    there.version = 0;
    return there;
  }

  /// Counts the tasks by what they are here; with `writes`, notes that at the target too.
  Result<void> count(bool writes) {
    report_.total_count = report_.done_count = report_.failed_count = report_.open_count = 0;
    for (std::uint64_t first = 0;;) {
      auto states = read_states(source_, id_, first, task_page_count, writes ? TaskParts::whole : TaskParts::states);
      if (!states) return std::move(states).error();
      if (states->empty()) return {};
      for (const TaskState& task : *states) {
        ++report_.total_count;
        ++(task.status == Status::complete ? report_.done_count
           : task.status == Status::error  ? report_.failed_count
                                           : report_.open_count);
      }
      if (writes) {
        if (auto going_on = check_stop(); !going_on) return going_on;
        if (auto noted = note_states(first, *states); !noted) return noted;
      }
      first += states->size();
    }
  }

  Result<void> note_states(std::uint64_t first, const std::vector<TaskState>& states) {
    auto there = read_states(target_, id_, first, states.size(), TaskParts::states);
    if (!there) return std::move(there).error();
    auto results = read_results(first, states.size());
    if (!results) return std::move(results).error();
    std::vector<EndRequest> requests;
    for (std::size_t i = 0; i < states.size(); ++i) {
      const TaskState& task = states[i];
      const bool is_new = !has_ended(task) && task.attempt_count == 0;
      const bool is_noted =
          i < there->size() &&
          (has_ended((*there)[i]) || (!has_ended(task) && (*there)[i].attempt_count >= task.attempt_count));
      if (is_new || is_noted) continue;
      requests.push_back(end_there(task, *results));
      if (requests.size() < target_.backend.bulk_count()) continue;
      if (auto ended = end_all(requests); !ended) return ended;
    }
    return end_all(requests);
  }

  using Results = std::vector<TaskResult<Json>>;

  Result<Results> read_results(std::uint64_t first, std::size_t count) {
    Results results;
    std::optional<std::uint64_t> next = first;
    while (next && *next < first + count) {
      auto page = with_patience(source_, [&] {
        return source_.ledger().read_results(id_, *next, static_cast<std::size_t>(first + count - *next));
      });
      if (!page) return std::move(page).error();
      std::ranges::move(page->results, std::back_inserter(results));
      next = page->next_index;
    }
    return results;
  }

  EndRequest end_there(const TaskState& task, const Results& results) const {
    EndRequest request;
    request.ref = {.type = RecordType::task, .id = id_, .round = 0, .position = task.index};
    request.index = task.index;
    request.condition = NotEnded{};
    request.attempt = task.attempt_count;
    request.retry_at = target_.now();
    switch (task.status) {
      case Status::complete: request.verdict = Verdict::done; break;
      case Status::error: request.verdict = Verdict::failed; break;
      default: request.verdict = Verdict::retry;
    }
    if (request.verdict == Verdict::done) {
      const auto result = std::ranges::lower_bound(results, task.index, {}, &TaskResult<Json>::index);
      if (result != results.end() && result->index == task.index) request.result = result->result;
    } else if (!task.error.empty()) {
      request.error = task.error.back();
    }
    return request;
  }

  Result<void> end_all(std::vector<EndRequest>& requests) {
    if (requests.empty()) return {};
    auto ended = with_patience(target_, [&] { return target_.ledger().end(requests, target_.now()); });
    if (!ended) return std::move(ended).error();
    requests.clear();
    return complete_finished(target_, ended->finished);
  }

  /// The target's one repair sends what is open; its mark lets the sweep there go on where this is cut off.
  Result<void> resume() {
    auto header = target_.header_strong(id_);
    if (!header) return std::move(header).error();
    // Its last task had ended before anybody could take it.
    if (header->finished()) return complete_finished(target_, std::span(&*header, 1));
    // Sending was begun by a push that was cut off, unless somebody has paused it there since.
    const bool was_cut_off = !header->due.empty() && !header->paused;
    if (header->tombstone || !(is_in_the_making(*header) || was_cut_off)) return {};
    tell(PushStep::resume, report_.open_count);
    auto sent = resend(target_, id_, ResendReason::resume);
    if (!sent) return std::move(sent).error();
    return {};
  }

  Result<void> note_moved() {
    auto header = modify_header(source_, id_, [&](ClusterHeader& stored) -> Result<HeaderChange> {
      if (stored.moved_to == options_.target) return HeaderChange::leave;
      stored.moved_to = options_.target;
      return HeaderChange::write;
    });
    if (!header) return std::move(header).error();
    return {};
  }

  Store& source_;
  Store& target_;
  const std::string& id_;
  const PushOptions& options_;
  std::string queue_url_{};
  std::string finish_queue_url_{};
  PushReport report_{};
};

}  // namespace

Result<PushReport> push_cluster(Store& source, Store& target, const std::string& id, const PushOptions& options) {
  return Push(source, target, id, options).run();
}

}  // namespace fanfold::engine
