#include "recorder.hpp"

#include <fanfold/json.hpp>

#include <algorithm>

namespace fanfold::simulation {

namespace {

constexpr std::size_t violation_count_max = 20;
constexpr std::chrono::hours finish_delay_max{90};  // So that it needs no re-send of what retention took, after 96.

std::string task_name(const std::string& cluster_id, std::uint32_t round, std::uint64_t index) {
  return "task " + cluster_id + "#" + std::to_string(index) + " round " + std::to_string(round);
}

}  // namespace

Recorder::Run::~Run() {
  if (recorder_ != nullptr) recorder_->active_.erase(number_);
}

void Recorder::violation(const std::string& what) {
  if (violations_.size() < violation_count_max) violations_.push_back(what);
}

Recorder::Run Recorder::start(const std::string& what, Time lease_end, std::optional<TaskPlace> task) {
  world_.trace("RUN " + what + " until " + to_iso8601(lease_end) + " at " + to_iso8601(world_.clock().now()));
  for (const auto& [number, other] : active_) {
    // A holder whose lease is over may be frozen and not know it; two live leases may never be.
    if (other.what == what && deduplicates_ && is_live(other.lease_end) && is_live(lease_end))
      violation(what + ": two at a time");
  }
  active_[++run_count_] = {what, lease_end, std::move(task)};
  ++runs_[what];
  return Run(this, run_count_);
}

void Recorder::note_attempt(const std::string& what, std::uint32_t attempt) {
  if (!deduplicates_) return;
  if (!attempts_.insert(what + " @ " + std::to_string(attempt)).second)
    violation(what + ": attempt " + std::to_string(attempt) + " ran twice");
}

Recorder::Run Recorder::task_starts(const RecordRef& ref, std::uint64_t index, std::uint32_t attempt, Time lease_end) {
  const std::string& cluster_id = ref.id;
  const std::string what = task_name(cluster_id, ref.round, index);
  // Its holder's claim was void, and nobody told it.
  if (by_hand_.contains({cluster_id, index})) lease_end = Time();
  const auto header = look_.ledger->read_cluster(cluster_id, Consistency::strong);
  if (!header) {
    violation("a task of the unknown cluster " + cluster_id + " runs");
    return start(what, lease_end);
  }
  if (header->tombstone) {
    const bool is_wrong = deduplicates_ && is_live(lease_end) && !deleted_by_force_.contains(cluster_id);
    if (is_wrong) violation(what + ": runs although the cluster was deleted");
    return start(what, lease_end);
  }
  note_attempt(what, attempt);
  // Claimed by a process that stood still while its cluster was stopped, and retried since: not strict, by nature.
  if (ref.round < header->round) return start(what, lease_end);
  TaskQuery query;
  query.cluster_id = cluster_id;
  query.first_index = index;
  query.count_max = 1;
  const TaskPage page = look_.ledger->list_tasks(query).value();
  const TaskState& task = page.tasks.at(0);
  const bool has_ended = task.status == Status::complete || task.status == Status::error;
  // A copy may start late that had claimed the task before it ended, if its lease is over; with a live lease nobody
  // else ends it.
  if (deduplicates_ && has_ended && is_live(lease_end)) violation(what + ": starts although it has ended");
  return start(what, lease_end, TaskPlace{cluster_id, index});
}

Recorder::Run Recorder::message_starts(const std::string& id, std::uint32_t attempt, Time lease_end) {
  const std::string what = "message " + id;
  const auto stored = look_.ledger->read_record({id, std::nullopt}, Consistency::strong);
  const bool has_ended =
      stored.has_value() && (stored->record.status == Status::complete || stored->record.status == Status::error);
  if (deduplicates_ && has_ended && is_live(lease_end)) violation(what + ": starts although it has ended");
  note_attempt(what, attempt);
  return start(what, lease_end);
}

Recorder::Run Recorder::finish_starts(const std::string& cluster_id, std::uint32_t attempt, Time lease_end) {
  const auto header = look_.ledger->read_cluster(cluster_id, Consistency::strong);
  if (!header || header->tombstone) {
    if (is_live(lease_end)) violation("the finish handler of the deleted cluster " + cluster_id + " runs");
    return start("finish " + cluster_id, lease_end);
  }
  const std::string what = "finish " + cluster_id + " round " + std::to_string(header->round);
  if (!header->finished()) {
    if (is_live(lease_end)) violation(what + ": runs before the cluster is finished");
    return start(what, lease_end);
  }
  const auto recount = look_.ledger->recount(cluster_id, world_.clock().now()).value();
  if (!header->stopped() && recount.free_count + recount.leased_count + recount.waiting_count > 0)
    violation(what + ": runs although tasks are open");
  check_stop(*header, recount);
  const std::string outcome = std::string(to_string(header->status)) + " " +
                              std::to_string(header->failed_total_count()) + " " +
                              to_iso8601(header->completed_at.value_or(Time()));
  const auto [seen, is_new] = outcomes_.emplace(what, outcome);
  if (!is_new && seen->second != outcome)
    violation(what + ": decided twice, as " + seen->second + " and as " + outcome);
  for (const auto& [number, other] : active_) {
    const bool counts = other.task && other.task->first == cluster_id && !by_hand_.contains(*other.task);
    if (deduplicates_ && counts && is_live(other.lease_end) && is_live(lease_end))
      violation(what + ": runs beside " + other.what);
  }
  if (is_live(lease_end)) note_attempt(what, attempt);
  return start(what, lease_end);
}

Time Recorder::lease_end_of(const std::string& cluster_id, std::uint64_t index) {
  TaskQuery query;
  query.cluster_id = cluster_id;
  query.first_index = index;
  query.count_max = 1;
  const auto page = look_.ledger->list_tasks(query);
  return page && !page->tasks.empty() ? page->tasks.front().lease_end.value_or(Time()) : Time();
}

void Recorder::check_cluster(const std::string& id) {
  const auto header = look_.ledger->read_cluster(id, Consistency::strong);
  if (!header) return;
  // A tombstone keeps what was so when it was made.
  if (!header->finished() || !header->finish_done || !header->parent_ended)
    return violation("cluster " + id + (header->tombstone ? " was deleted before it was over" : " is not over"));
  if (header->tombstone) return;
  check_finish(*header);
  check_counts(*header);
  check_tasks(*header);
  check_globals(*header);
  const auto verified = world_.client.verify(MessageKey::of_message(id));
  if (!verified) return violation("verify " + id + ": " + to_string(verified.error()));
  for (const auto& check : verified->checks) {
    if (!check.holds) violation("verify " + id + ": " + check.promise + ": " + check.found);
  }
}

void Recorder::check_finish(const ClusterHeader& header) {
  const std::string round = std::to_string(header.round);
  const auto record =
      look_.ledger->read_record({header.id + "." + round + ".finish", std::nullopt}, Consistency::strong);
  if (!record) return violation("cluster " + header.id + ": its finish message has no record");
  const bool ended = record->record.status == Status::complete || record->record.status == Status::error;
  if (!ended) violation("cluster " + header.id + ": its finish message counts as done and is not");
  if (record->record.status == Status::complete && runs_["finish " + header.id + " round " + round] == 0)
    violation("cluster " + header.id + ": its finish handler never ran");
}

void Recorder::check_counts(const ClusterHeader& header) {
  const Progress progress = look_.ledger->progress(header.id).value();
  const Recount recount = look_.ledger->recount(header.id, world_.clock().now()).value();
  if (progress.done_count != recount.done_count || progress.failed_count != recount.failed_count)
    violation("cluster " + header.id + ": progress and recount differ");
  check_stop(header, recount);
  if (header.stopped()) return;
  const auto asked = expected_counts_.find(header.id);
  if (asked != expected_counts_.end() && asked->second != header.task_count) {
    violation("cluster " + header.id + ": has " + std::to_string(header.task_count) + " tasks, and " +
              std::to_string(asked->second) + " were asked for");
  }
  if (recount.done_count + recount.failed_count != header.task_count)
    violation("cluster " + header.id + ": finished with open tasks");
  if (recount.failed_count != header.failed_total_count()) {
    violation("cluster " + header.id + ": " + std::to_string(recount.failed_count) + " failed, its record says " +
              std::to_string(header.failed_total_count()));
  }
  if (header.status != header.outcome()) violation("cluster " + header.id + ": its status is not its outcome");
}

/// What stopped it has to be of this round.
void Recorder::check_stop(const ClusterHeader& header, const Recount& recount) {
  if (!header.stopped()) {
    if (stopped_by_hand_.contains(header.id)) violation("cluster " + header.id + ": goes on after a stop by hand");
    return;
  }
  const auto cause =
      std::find_if(header.error.rbegin(), header.error.rend(), [](const ErrorEntry& entry) { return entry.final; });
  if (cause == header.error.rend()) return violation("cluster " + header.id + ": stopped by nobody");
  if (cause->code == "fail_fast" && recount.failed_count <= header.failed_carried_count)
    violation("cluster " + header.id + ": stopped by fail_fast, and nothing of its round has failed");
  if (cause->code == "deadline_exceeded" && header.deadline_reported)
    violation("cluster " + header.id + ": stopped for a deadline that was over before its round began");
}

void Recorder::check_tasks(const ClusterHeader& header) {
  TaskQuery query;
  query.cluster_id = header.id;
  query.count_max = 1'000;
  const TaskPage page = look_.ledger->list_tasks(query).value();
  for (const TaskState& task : page.tasks) check_task(header, task);
  check_delay(header, page);
  std::uint64_t expected = 0;
  for (const TaskState& task : page.tasks) {
    if (task.status != Status::complete) continue;
    const bool has_result =
        look_.ledger->read_record({header.id, task.index}, Consistency::strong).value().result.has_value();
    if (has_result) ++expected;
    if (!has_result && gives_result_.contains({header.id, task.index}))
      violation("task " + header.id + "#" + std::to_string(task.index) + ": done, and its result is lost");
  }
  std::uint64_t found = 0;
  for (auto& result : world_.client.results(MessageKey::of_message(header.id))) {
    if (!result || result->result.text() != std::to_string(result->index))
      return violation("cluster " + header.id + ": a result is wrong");
    ++found;
  }
  if (found != expected)
    violation("cluster " + header.id + ": " + std::to_string(found) + " results instead of " +
              std::to_string(expected));
}

void Recorder::check_delay(const ClusterHeader& header, const TaskPage& page) {
  if (!loses_no_messages_ || header.stopped() || !header.completed_at || !sealed_at_.contains(header.id)) return;
  Time last = sealed_at_[header.id];
  for (const TaskState& task : page.tasks) last = std::max(last, task.completed_at.value_or(Time()));
  if (*header.completed_at - last > finish_delay_max)
    violation("cluster " + header.id + ": finished long after its last task, at " + to_iso8601(*header.completed_at));
}

void Recorder::check_task(const ClusterHeader& header, const TaskState& task) {
  std::uint64_t run_count = 0;
  std::uint64_t newest_round_count = 0;
  for (std::uint32_t round = 0; round <= header.round; ++round) {
    const auto found = runs_.find(task_name(header.id, round, task.index));
    if (found == runs_.end()) continue;
    run_count += found->second;
    newest_round_count = found->second;
  }
  const std::string what = "task " + header.id + "#" + std::to_string(task.index);
  if (task.status == Status::complete && run_count == 0) violation(what + ": done, and its handler never ran");
  if (task.status == Status::error) {
    const bool is_child_failure = !task.error.empty() && task.error.back().code == "child_failed";
    const std::uint32_t attempts_max = header.attempts_max.value_or(AttemptOptions{}.attempts_max);
    const bool allowed = said_fail_.contains({header.id, task.index}) || by_hand_.contains({header.id, task.index}) ||
                         is_child_failure || task.attempt_count >= attempts_max;
    if (!allowed)
      violation(what + ": failed after " + std::to_string(task.attempt_count) + " attempts, and nobody said so");
    const bool used_up = !task.error.empty() && task.error.back().code == "attempts_used_up";
    if (used_up && attempts_max == 1 && run_count == 0 && deduplicates_ && look_.ledger->notes_begins() &&
        !by_hand_.contains({header.id, task.index}))
      violation(what + ": its only attempt is used up, and no handler ever saw it");
  }
  if (deduplicates_ && task.attempt_count < newest_round_count && header.round == 0)
    violation(what + ": ran more often than it was claimed");
  // Nothing failed in this world: what is done ran once, whatever was delivered twice or late.
  if (calm_ && deduplicates_ && !by_hand_.contains({header.id, task.index}) && task.status == Status::complete &&
      newest_round_count != task.attempt_count)
    violation(what + ": an attempt was lost without a fault");
}

void Recorder::check_globals(const ClusterHeader& header) {
  const auto known = globals_.find(header.id);
  if (known == globals_.end()) return;
  const auto ids = world_.client.get_cluster_globals<std::vector<std::string>>(MessageKey::of_message(header.id));
  if (!ids) {
    if (!known->second.acknowledged.empty()) violation("globals of " + header.id + ": " + to_string(ids.error()));
    return;
  }
  std::map<std::string, int> counts;
  for (const std::string& id : *ids) ++counts[id];
  for (const std::string& id : known->second.acknowledged) {
    if (counts[id] != 1)
      violation("globals of " + header.id + ": update " + id + " is there " + std::to_string(counts[id]) + " times");
  }
  for (const auto& [id, count] : counts) {
    if (count > 1) violation("globals of " + header.id + ": update " + id + " was applied twice");
    if (count == 1 && !known->second.asked.contains(id))
      violation("globals of " + header.id + ": update " + id + " comes from nowhere");
  }
}

void Recorder::check_message(const std::string& id) {
  const auto stored = look_.ledger->read_record({id, std::nullopt}, Consistency::strong);
  if (!stored) return violation("message " + id + " was acknowledged and is lost");
  if (stored->record.status == Status::complete && runs_["message " + id] == 0)
    violation("message " + id + ": done, and its handler never ran");
}

void Recorder::check_explained() {
  for (const ClusterHeader& header :
       look_.ledger->list_clusters({.unfinished_only = true, .count_max = 1'000}).value().clusters) {
    const auto reasons = world_.client.why(MessageKey::of_message(header.id));
    if (!reasons) return violation("why " + header.id + ": " + to_string(reasons.error()));
    if (reasons->empty()) violation("why " + header.id + ": nothing explains why it is open");
    if (header.finished()) continue;
    const Recount recount = look_.ledger->recount(header.id, world_.clock().now()).value();
    std::uint64_t explained_count = 0;
    for (const OpenReason& reason : *reasons) explained_count += reason.index ? reason.count : 0;
    const std::uint64_t open_count = recount.free_count + recount.leased_count + recount.waiting_count;
    if (explained_count < open_count)
      violation("why " + header.id + ": " + std::to_string(explained_count) + " of " + std::to_string(open_count) +
                " open tasks are explained");
  }
}

bool Recorder::all_is_over() {
  ClusterQuery unfinished;
  unfinished.unfinished_only = true;
  unfinished.count_max = 1;
  if (!look_.ledger->list_clusters(unfinished).value().clusters.empty()) return false;
  for (const std::string& id : messages_) {
    const auto stored = look_.ledger->read_record({id, std::nullopt}, Consistency::strong);
    if (stored && stored->record.status != Status::complete && stored->record.status != Status::error) return false;
  }
  const auto queues = look_.queue->list().value();
  return std::ranges::all_of(queues, [&](const std::string& url) {
    const QueueCounts counts = look_.queue->counts(url).value();
    return counts.visible_count + counts.in_flight_count + counts.delayed_count == 0;
  });
}

void Recorder::check_all() {
  for (const ClusterHeader& header : look_.ledger->list_clusters({.count_max = 1'000}).value().clusters)
    check_cluster(header.id);
  for (const std::string& id : messages_) check_message(id);
}

std::string Recorder::why() {
  std::string text;
  for (const ClusterHeader& header :
       look_.ledger->list_clusters({.unfinished_only = true, .count_max = 1'000}).value().clusters) {
    text += "\n  cluster " + header.id + " (" + header.name + ")";
    const auto reasons = world_.client.why(MessageKey::of_message(header.id));
    if (!reasons) {
      text += ": " + to_string(reasons.error());
      continue;
    }
    if (reasons->empty()) text += ": NOT EXPLAINED";
    for (const OpenReason& reason : *reasons)
      text += "\n    " + std::to_string(reason.count) + " x " + reason.cause + "; " + reason.remedy;
  }
  for (const std::string& id : messages_) {
    const auto stored = look_.ledger->read_record({id, std::nullopt}, Consistency::strong);
    if (stored && stored->record.status != Status::complete && stored->record.status != Status::error)
      text += "\n  message " + id + " is " + std::string(to_string(stored->record.status));
  }
  for (const std::string& url : look_.queue->list().value()) {
    const QueueCounts counts = look_.queue->counts(url).value();
    text += "\n  queue " + url + ": " + std::to_string(counts.visible_count) + " visible, " +
            std::to_string(counts.in_flight_count) + " in flight, " + std::to_string(counts.delayed_count) + " delayed";
  }
  return text;
}

}  // namespace fanfold::simulation
