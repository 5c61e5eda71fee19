#include "engine/inspection.hpp"

#include "engine/completion.hpp"
#include "engine/steering.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

std::string text(std::uint64_t count) { return std::to_string(count); }

/// What one pass over all tasks finds.
struct Listed {
  std::uint64_t count = 0;
  std::uint64_t out_of_order_count = 0;
  std::uint64_t failed_count = 0;
  std::uint64_t unexplained_count = 0;  ///< Failed without an entry that says why.
  std::uint64_t unattempted_count = 0;  ///< Done without an attempt.
};

template <class Look>
Result<void> for_each_task(Store& store, TaskQuery query, const Look& look) {
  while (true) {
    auto page = with_patience(store, [&] { return store.ledger().list_tasks(query); });
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) look(task);
    if (!page->next_index) return {};
    query.first_index = *page->next_index;
  }
}

Result<Listed> list_all(Store& store, const std::string& id) {
  Listed listed;
  TaskQuery query{
      .cluster_id = id, .filter = {}, .first_index = 0, .count_max = task_page_count, .parts = TaskParts::states};
  auto all = for_each_task(store, query, [&](const TaskState& task) {
    if (task.index != listed.count) ++listed.out_of_order_count;
    ++listed.count;
    if (task.status == Status::complete && task.attempt_count == 0) ++listed.unattempted_count;
  });
  if (!all) return std::move(all).error();
  query.filter.status = Status::error;
  query.parts = TaskParts::errors;
  auto failed = for_each_task(store, query, [&](const TaskState& task) {
    ++listed.failed_count;
    if (task.error.empty()) ++listed.unexplained_count;
  });
  if (!failed) return std::move(failed).error();
  return listed;
}

bool between(std::uint64_t low, std::uint64_t value, std::uint64_t high) { return low <= value && value <= high; }

/// The checks of `verify`, each a promise and the counts that keep or break it. What moves while it is counted is read
/// before and after, and has to lie in between; of a finished cluster nothing moves.
class Verifier {
 public:
  Verifier(Store& store, const ClusterHeader& header) : store_(store), before_(header) {}

  Result<Verification> run() {
    auto progress_before = with_patience(store_, [&] { return store_.ledger().progress(before_.id); });
    if (!progress_before) return std::move(progress_before).error();
    auto recount = with_patience(store_, [&] { return store_.ledger().recount(before_.id, store_.now()); });
    if (!recount) return std::move(recount).error();
    auto listed = list_all(store_, before_.id);
    if (!listed) return std::move(listed).error();
    auto progress = with_patience(store_, [&] { return store_.ledger().progress(before_.id); });
    if (!progress) return std::move(progress).error();
    auto after = live_header(store_, before_.id);
    if (!after) return std::move(after).error();
    header_ = std::move(*after);
    result_.progress = *progress;
    result_.recount = *recount;
    check_counts(*listed, *progress_before);
    check_finish();
    auto message = check_finish_message();
    if (!message) return std::move(message).error();
    check_reasons(*listed);
    return std::move(result_);
  }

 private:
  void check(std::string promise, bool holds, std::string found) {
    result_.checks.push_back({.promise = std::move(promise), .holds = holds, .found = std::move(found)});
  }

  void check_counts(const Listed& listed, const Progress& progress_before) {
    const Recount& counted = result_.recount;
    const std::uint64_t sum =
        counted.free_count + counted.leased_count + counted.waiting_count + counted.done_count + counted.failed_count;
    check("every task of the cluster is there once, and in one state",
          between(before_.task_count, sum, header_.task_count) &&
              between(before_.task_count, listed.count, header_.task_count) && listed.out_of_order_count == 0,
          text(header_.task_count) + " tasks in the header, " + text(listed.count) + " listed, states add up to " +
              text(sum));
    check_progress(progress_before);
    check("a handler ran at least once for every task that is done", listed.unattempted_count == 0,
          text(counted.attempt_count) + " attempts in round " + std::to_string(header_.round) + "; " +
              text(listed.unattempted_count) + " tasks done without one");
  }

  /// Within a round, counts only grow; a retry between the two looks is a new round.
  void check_progress(const Progress& before) {
    const Recount& counted = result_.recount;
    const Progress& after = result_.progress;
    const bool comparable = before.round == after.round && !before.estimated && !after.estimated;
    std::string found = text(counted.done_count) + " done and " + text(counted.failed_count) + " failed recounted; ";
    if (before.estimated || after.estimated)
      found += "not compared, since progress is an estimate while so large a cluster runs";
    else
      found += "progress says " + text(after.done_count) + " and " + text(after.failed_count) +
               (before.done_count == after.done_count ? "" : ", before it " + text(before.done_count));
    check(
        "the effect on the cluster happened exactly once per task: done and failed as recounted are what progress says",
        !comparable || (between(before.done_count, counted.done_count, after.done_count) &&
                        between(before.failed_count, counted.failed_count, after.failed_count)),
        std::move(found));
  }

  void check_finish() {
    const Recount& counted = result_.recount;
    const bool all_ended = before_.sealed() && counted.done_count + counted.failed_count == before_.task_count;
    const bool only_when = !before_.finished() || before_.stopped() || all_ended;
    const bool when = !all_ended || before_.round != header_.round || header_.finished();
    check("the cluster is finished when, and only when, every task is complete or failed for good, or it was stopped",
          when && only_when,
          std::string(header_.finished() ? "finished" : "not finished") + (header_.stopped() ? ", stopped" : "") +
              "; " + text(counted.free_count + counted.leased_count + counted.waiting_count) + " tasks open" +
              (header_.sealed() ? "" : ", open for more"));
    if (!before_.finished() || before_.stopped() || before_.round != header_.round) return;
    check("its failures are counted as they are", header_.failed_total_count() == counted.failed_count,
          text(header_.failed_total_count()) + " in the header, " + text(counted.failed_count) + " recounted");
    check("its status follows from its failures", header_.status == header_.outcome(),
          std::string(to_string(header_.status)) + " with " + text(header_.failed_total_count()) + " failed, " +
              text(header_.failures_allowed_count) + " allowed");
  }

  Result<void> check_finish_message() {
    if (!header_.finished()) {
      check("nothing of the finish happened before the cluster was finished",
            !header_.finish_sent_at && !header_.finish_done, "no finish message marked");
      return {};
    }
    const std::string record_id = finish_record_id(header_.id, header_.round);
    auto record = with_patience(store_, [&] {
      return store_.ledger().read_record({.id = record_id, .index = std::nullopt}, Consistency::strong);
    });
    if (!record && record.error().code != ErrorCode::not_found) return std::move(record).error();
    const bool there = record.has_value();
    const Status status = there ? record->record.status : Status::pre_flight;
    const bool ended = status == Status::complete || status == Status::error;
    check("its finish was decided once: one finish message of this round, with a stable id",
          header_.finish_sent_at.has_value() ? there : !header_.finish_done,
          there ? record_id + ", " + std::string(to_string(status)) + ", " +
                      std::to_string(record->record.consumption_count) +
                      (record->record.consumption_count == 1 ? " attempt" : " attempts")
                : record_id + " does not exist yet");
    check("a finish message that is marked as done has ended", !header_.finish_done || ended,
          header_.finish_done ? "marked as done" : "not done yet");
    if (header_.parent) {
      const bool in_order = header_.parent_ended || !header_.finish_done;
      check("its parent's task ended before its finish message", in_order,
            header_.parent_ended ? "the parent's task has ended" : "the parent's task has not ended yet");
    }
    return {};
  }

  void check_reasons(const Listed& listed) {
    check("no task failed without a record that says why", listed.unexplained_count == 0,
          text(listed.failed_count) + " failed, " + text(listed.unexplained_count) + " of them without an error entry");
  }

  Store& store_;
  const ClusterHeader& before_;
  ClusterHeader header_{};  // After all was read.
  Verification result_;
};

}  // namespace

Result<Verification> verify(Store& store, const std::string& id) {
  auto header = live_header(store, id);
  if (!header) return std::move(header).error();
  return Verifier(store, *header).run();
}

void ErrorGroups::add(const TaskState& task) {
  const ErrorEntry entry = task.error.empty()
                               ? ErrorEntry{.code = "unknown", .message = "failed without an error entry"}
                               : task.error.back();
  const bool full = groups_.size() == error_group_count_max && !groups_.contains(entry.fingerprint);
  ErrorGroup& group = full ? others_ : groups_[entry.fingerprint];
  if (group.count == 0 && !full)
    group = {.fingerprint = entry.fingerprint,
             .code = entry.code,
             .message = entry.message,
             .count = 0,
             .first_index = task.index};
  if (group.count == 0) group.first_index = task.index;
  ++group.count;
}

std::vector<ErrorGroup> ErrorGroups::sorted() && {
  std::vector<ErrorGroup> sorted;
  for (auto& [fingerprint, group] : groups_) sorted.push_back(std::move(group));
  if (others_.count > 0) sorted.push_back(std::move(others_));
  std::ranges::stable_sort(sorted, std::greater{}, &ErrorGroup::count);
  return sorted;
}

Result<std::vector<ErrorGroup>> group_errors(Store& store, const std::string& id) {
  ErrorGroups groups;
  const TaskQuery query{.cluster_id = id,
                        .filter = {.status = Status::error},
                        .first_index = 0,
                        .count_max = task_page_count,
                        .parts = TaskParts::errors};
  auto listed = for_each_task(store, query, [&](const TaskState& task) { groups.add(task); });
  if (!listed) return std::move(listed).error();
  return std::move(groups).sorted();
}

namespace {

/// A cluster's own key means its finish messages: each round has one, which is there once the round has ended.
/// Errors: not_found where none is.
template <class Read>
Result<std::vector<AttemptOutput>> read_finish_outputs(const Read& read, const std::string& id, std::uint32_t rounds) {
  std::vector<AttemptOutput> all;
  std::optional<Error> missing;
  for (std::uint32_t round = 0; round <= rounds; ++round) {
    auto outputs = read({.type = RecordType::cluster, .id = id, .round = round});
    if (!outputs && outputs.error().code == ErrorCode::not_found) {
      missing = std::move(outputs).error();
      continue;
    }
    if (!outputs) return std::move(outputs).error();
    for (AttemptOutput& output : *outputs) {
      output.round = round;
      all.push_back(std::move(output));
    }
  }
  if (all.empty() && missing) return std::move(*missing);
  return all;
}

}  // namespace

Result<std::vector<AttemptOutput>> read_outputs(Store& store, const KeyParts& key) {
  const auto read = [&](const RecordRef& ref) {
    auto outputs = with_patience(store, [&] { return store.ledger().read_outputs(ref, key.index.value_or(0)); });
    if (outputs) std::ranges::stable_sort(*outputs, {}, &AttemptOutput::at);
    return outputs;
  };
  std::optional<Result<std::vector<AttemptOutput>>> own;
  if (!key.index) {
    own = read({.type = RecordType::message, .id = key.id});
    if (*own ? !(*own)->empty() : own->error().code != ErrorCode::not_found) return std::move(*own);
  }
  auto header = live_header(store, key.id);
  if (!header && own && header.error().code == ErrorCode::not_found) return std::move(*own);
  if (!header) return std::move(header).error();
  if (!key.index) return read_finish_outputs(read, key.id, header->round);
  auto position = position_in_round(store, *header, *key.index);
  if (!position) return std::move(position).error();
  // A task that is not part of this round is found under its place in the first one, where each has its own.
  return read({.type = RecordType::task,
               .id = key.id,
               .round = *position ? header->round : 0,
               .position = position->value_or(*key.index)});
}

}  // namespace fanfold::engine
