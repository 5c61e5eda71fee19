#include "engine/completion.hpp"

#include "core/delivery.hpp"
#include "core/outcome.hpp"
#include "engine/sender.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"

#include <algorithm>
#include <array>

namespace fanfold::engine {

namespace {

/// A mark on the header, set once, on condition that it is still about this round.
template <class Mark>
Result<void> mark_round(Store& store, std::string_view id, std::uint32_t round, Mark mark) {
  auto marked = modify_header(store, id, [&](ClusterHeader& header) -> Result<HeaderChange> {
    const bool other_round = header.round != round && !support::mutant("marks_without_round");
    if (other_round || header.tombstone) return HeaderChange::leave;
    return mark(header);
  });
  if (!marked) return std::move(marked).error();
  return {};
}

std::string_view finish_url_of(const ClusterHeader& header) {
  return header.finish_queue_url.empty() ? header.queue_url : header.finish_queue_url;
}

/// One of the cluster's own messages, behind its record.
Result<void> send_cluster_message(Store& store, const ClusterHeader& header, bool first_failure,
                                  std::chrono::milliseconds delay) {
  if (auto put = put_cluster_record(store, header, first_failure); !put) return put;
  const std::string_view url = finish_url_of(header);
  OutgoingMessage message;
  message.content.type = RecordType::cluster;
  message.content.id = header.id;
  message.content.name = header.name;
  message.content.round = header.round;
  message.content.first_failure = first_failure;
  message.content.bucket_params = header.bucket_params;
  message.content.expires_at = header.expires_at;
  message.content.trace = header.trace;
  if (support::is_fifo(url)) {
    message.group_id = header.id;
    message.deduplication_id = make_identifier(store.now());
  } else {
    message.delay = std::min(delay, send_delay_max);
  }
  auto sent = with_patience(store, [&] { return store.queue().send(url, std::span(&message, 1)); });
  if (!sent) return std::move(sent).error();
  if (!sent->front()) return sent->front().error();
  return {};
}

ErrorEntry child_error(const std::string& child_id, const ClusterHeader* child, Time now) {
  std::string message = "child cluster " + child_id;
  if (child == nullptr) {
    message += " is gone, and its outcome with it";
  } else if (child->stopped()) {
    message += " was stopped";
  } else {
    message += " failed: " + std::to_string(child->failed_total_count()) + " of its tasks";
  }
  return core::error_entry(0, "child_failed", message, now, true);
}

/// Follows clusters from child to parent, one after the other instead of by recursion, since chains may be long.
class Follower {
 public:
  explicit Follower(Store& store) : store_(store) {}

  void add_finished(std::span<const ClusterHeader> headers) {
    finished_.insert(finished_.end(), headers.begin(), headers.end());
  }
  void add_failed(FailedRound round) { failed_.push_back(std::move(round)); }

  Result<void> run() {
    for (std::size_t count = 0; count < completion_chain_max && !(finished_.empty() && failed_.empty()); ++count)
      step();
    if (first_error_) return *std::move(first_error_);
    return {};
  }

  /// Ends the task that waits for `child_id`; `child` is null where nothing is left of it. True where it has ended, now
  /// or before.
  Result<EndOutcome> end_waiting_task(const RecordRef& task, std::uint64_t index, const std::string& child_id,
                                      const ClusterHeader* child, bool fails_with_child) {
    const Time now = store_.now();
    EndRequest end;
    end.ref = task;
    end.index = index;
    end.condition = WaitingFor{child_id};
    const bool succeeded = child != nullptr && child->status == Status::complete;
    end.verdict = succeeded || !fails_with_child ? Verdict::done : Verdict::failed;
    if (end.verdict == Verdict::failed) end.error = child_error(child_id, child, now);
    auto ended = with_patience(store_, [&] { return store_.ledger().end(std::span(&end, 1), now); });
    if (!ended) return std::move(ended).error();
    add_finished(ended->finished);
    const EndOutcome outcome = ended->outcomes.front();
    if (end.verdict == Verdict::failed) {
      auto as = ended_as(store_, task, outcome);
      if (!as) return std::move(as).error();
      if (*as == EndedAs::failed) add_failed({task.id, task.round});
    }
    return outcome;
  }

 private:
  void step() {
    Result<void> result;
    if (!failed_.empty()) {
      const FailedRound round = std::move(failed_.back());
      failed_.pop_back();
      result = follow_failure(round.cluster_id, round.round);
    } else {
      const ClusterHeader header = std::move(finished_.back());
      finished_.pop_back();
      result = follow_finish(header);
    }
    if (!result && !first_error_) first_error_ = result.error();
  }

  Result<void> follow_finish(const ClusterHeader& header) {
    if (!header.finished() || header.tombstone) return {};
    auto parent_ended = end_parent(header);
    if (!parent_ended) return parent_ended;
    if (header.finish_sent_at) return {};
    // After a stop, tasks may start elsewhere until the header in the caches is too old to be used.
    const auto delay = header.stopped() ? store_.backend.header_age_max : std::chrono::milliseconds::zero();
    auto sent = send_cluster_message(store_, header, false, delay);
    if (!sent) return sent;
    return mark_round(store_, header.id, header.round, [&](ClusterHeader& stored) {
      if (stored.finish_sent_at) return HeaderChange::leave;
      stored.finish_sent_at = store_.now();
      return HeaderChange::write;
    });
  }

  Result<void> end_parent(const ClusterHeader& header) {
    if (!header.parent || header.parent_ended) return {};
    const ParentTask& parent = *header.parent;
    const RecordRef task{.type = RecordType::task,
                         .id = parent.cluster_id,
                         .round = parent.round,
                         .position = parent.position,
                         .first_failure = false};
    auto ended = end_waiting_task(task, parent.index, header.id, &header, parent.fails_with_child);
    if (!ended) return std::move(ended).error();
    // Not waiting yet (or again): its handler is about to write `waiting` and will find this cluster finished.
    if (*ended == EndOutcome::lease_lost && !support::mutant("waiting_without_a_look")) return {};
    return mark_round(store_, header.id, header.round, [](ClusterHeader& stored) {
      if (stored.parent_ended) return HeaderChange::leave;
      stored.parent_ended = true;
      return HeaderChange::write;
    });
  }

  Result<void> follow_failure(const std::string& id, std::uint32_t round) {
    auto cached = store_.header(id);
    if (!cached) return cached.error().code == ErrorCode::not_found ? Result<void>() : Result<void>(cached.error());
    if (!(*cached)->first_failure_wanted && !(*cached)->fail_fast) return {};
    auto header = store_.header_strong(id);
    if (!header) return std::move(header).error();
    // A failure of an earlier round says nothing of this one.
    const bool other_round = header->round != round && !support::mutant("failures_of_any_round");
    if (header->tombstone || other_round) return {};
    if (header->first_failure_wanted && !header->first_failure_sent) {
      auto sent = send_first_failure(*header);
      if (!sent) return sent;
    }
    if (!header->fail_fast || header->finished()) return {};
    auto stopped = stop_header(
        store_, id, {fail_fast_code, "a task failed for good, and the cluster is to fail fast", header->round});
    if (!stopped) return std::move(stopped).error();
    finished_.push_back(std::move(*stopped));
    return {};
  }

  Result<void> send_first_failure(const ClusterHeader& header) {
    auto sent = send_cluster_message(store_, header, true, std::chrono::milliseconds::zero());
    if (!sent) return sent;
    return mark_round(store_, header.id, header.round, [](ClusterHeader& stored) {
      if (stored.first_failure_sent) return HeaderChange::leave;
      stored.first_failure_sent = true;
      return HeaderChange::write;
    });
  }

  Store& store_;
  std::vector<ClusterHeader> finished_;
  std::vector<FailedRound> failed_;
  std::optional<Error> first_error_;
};

}  // namespace

Result<void> put_cluster_record(Store& store, const ClusterHeader& header, bool first_failure) {
  const NewMessage record{.id = first_failure ? first_failure_record_id(header.id, header.round)
                                              : finish_record_id(header.id, header.round),
                          .url = std::string(finish_url_of(header)),
                          .type = RecordType::cluster,
                          .body = {},
                          .meta = std::nullopt,
                          .created_at = store.now(),
                          .expires_at = header.expires_at};
  auto put = with_patience(store, [&] { return store.ledger().put_messages(std::span(&record, 1)); });
  if (!put) return std::move(put).error();
  return put->front();
}

std::string finish_record_id(std::string_view cluster_id, std::uint32_t round) {
  return std::string(cluster_id) + '.' + std::to_string(round) + ".finish";
}

std::string first_failure_record_id(std::string_view cluster_id, std::uint32_t round) {
  return std::string(cluster_id) + '.' + std::to_string(round) + ".first-failure";
}

Result<void> complete_finished(Store& store, std::span<const ClusterHeader> finished) {
  if (finished.empty()) return {};
  Follower follower(store);
  follower.add_finished(finished);
  return follower.run();
}

Result<EndedAs> ended_as(Store& store, const RecordRef& ref, EndOutcome outcome) {
  if (outcome == EndOutcome::ended) return EndedAs::failed;
  if (outcome != EndOutcome::already) return EndedAs::other;
  if (support::mutant("already_is_failed")) return EndedAs::failed;
  auto seen = look_at(store, ref);
  if (!seen) return std::move(seen).error();
  return seen->outcome == ClaimOutcome::failed ? EndedAs::failed : EndedAs::other;
}

Result<void> follow_failures(Store& store, std::span<const FailedRound> rounds) {
  if (rounds.empty()) return {};
  std::vector<FailedRound> unique(rounds.begin(), rounds.end());
  std::ranges::sort(unique);
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  Follower follower(store);
  for (FailedRound& round : unique) follower.add_failed(std::move(round));
  return follower.run();
}

Result<void> mark_finish_done(Store& store, std::string_view cluster_id, std::uint32_t round) {
  auto marked = mark_round(store, cluster_id, round, [&](ClusterHeader& header) {
    if (header.finish_done || !header.finished()) return HeaderChange::leave;
    header.finish_done = true;
    if (!header.finish_sent_at) header.finish_sent_at = store.now();  // It was: its sender died before it said so.
    return HeaderChange::write;
  });
  if (!marked && marked.error().code == ErrorCode::not_found) return {};
  return marked;
}

Result<ChildState> end_if_child_finished(Store& store, const RecordRef& task, std::uint64_t index,
                                         const std::string& child_id) {
  if (support::mutant("waiting_without_a_look")) return ChildState::running;
  auto child = store.header_strong(child_id);
  const bool gone = !child && child.error().code == ErrorCode::not_found;
  if (!child && !gone) return std::move(child).error();
  if (!gone && !child->finished()) return ChildState::running;

  Follower follower(store);
  const bool fails_with_child = gone || !child->parent || child->parent->fails_with_child;
  auto ended = follower.end_waiting_task(task, index, child_id, gone ? nullptr : &*child, fails_with_child);
  if (!ended) return std::move(ended).error();
  if (!gone) follower.add_finished(std::span(&*child, 1));  // Its own marks: the parent has ended.
  auto followed = follower.run();
  if (!followed) return std::move(followed).error();
  return ChildState::finished;
}

bool is_stopped_for_good(const ClusterHeader& header) {
  if (!header.stopped()) return false;
  const auto last =
      std::find_if(header.error.rbegin(), header.error.rend(), [](const ErrorEntry& entry) { return entry.final; });
  return last == header.error.rend() || last->code != fail_fast_code;
}

void add_error(ClusterHeader& header, ErrorEntry entry) {
  // The first and the newest are kept.
  if (header.error.size() >= error_count_max) header.error.erase(header.error.begin() + 1);
  header.error.push_back(std::move(entry));
}

Result<ClusterHeader> stop_header(Store& store, std::string_view cluster_id, const StopCause& cause) {
  return modify_header(store, cluster_id, [&](ClusterHeader& header) -> Result<HeaderChange> {
    if (header.tombstone) return Error{ErrorCode::deleted, "cluster " + header.id + " was deleted", {}};
    if (cause.round.value_or(header.round) != header.round) return HeaderChange::leave;
    const Time now = store.now();
    if (cause.is_for_good() && header.stopped() && !is_stopped_for_good(header)) {
      add_error(header, core::error_entry(0, cause.code, cause.reason, now, true));
      return HeaderChange::write;
    }
    if (header.finished()) return HeaderChange::leave;
    if (auto here = check_is_here(header); !here) return here.error();
    header.status = Status::error;
    header.status_code = StatusCode::stopped;
    header.completed_at = now;
    add_error(header, core::error_entry(0, cause.code, cause.reason, now, true));
    return HeaderChange::write;
  });
}

}  // namespace fanfold::engine
