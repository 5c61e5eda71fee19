#include "engine/sweep.hpp"

#include "core/outcome.hpp"
#include "core/sweep_plan.hpp"
#include "engine/completion.hpp"
#include "engine/resend.hpp"
#include "engine/sender.hpp"
#include "engine/steering.hpp"

#include <algorithm>
#include <set>

namespace fanfold::engine {

namespace {

constexpr std::size_t cluster_page_count = 100;
constexpr std::string_view deadline_code = "deadline_exceeded";

/// One sweep over all unfinished clusters.
class Sweep {
 public:
  Sweep(Store& store, const SweepLimits& limits) : store_(store), limits_(limits), holder_(new_holder(store)) {}

  Result<SweepReport> run() {
    auto released = with_patience(store_, [&] { return store_.ledger().release_dead_holders(store_.now()); });
    if (!released) return std::move(released).error();
    DeadLetterLimits dead_letters{.deadline = limits_.deadline};
    if (somebody_swept()) {
      dead_letters.left_count_max = left_count_out_of_turn;
      dead_letters.rests = false;
    } else {
      auto swept = sweep_clusters();
      if (!swept) return std::move(swept).error();
    }
    for (std::string& url : store_.queues_known.all()) urls_.insert(std::move(url));
    for (const std::string& url : urls_) {
      if (is_over()) break;
      if (!denied_.contains(url)) sweep_dead_letters_of(url, dead_letters);
    }
    for (const auto& [url, error] : denied_) {
      add_report(report_, denied_line(url, error));
      report_.denied.push_back(denied_line(url, error));
    }
    if (is_over()) add_report(report_, "the time for this sweep is over: the next one goes on");
    if (first_error_ && succeeded_count_ == 0) return *std::move(first_error_);
    return std::move(report_);
  }

 private:
  /// A note is a hint: whoever can't read it, wrote it himself, or reads one of a clock that is ahead, sweeps.
  bool somebody_swept() {
    if (limits_.shared_within == std::chrono::milliseconds::zero()) return false;
    const auto began_at = store_.ledger().noted_sweep();
    if (!began_at || !*began_at || store_.sweep_place.noted(**began_at)) return false;
    const Time now = store_.now();
    return **began_at <= now && now < **began_at + limits_.shared_within;
  }

  /// Nothing rests on it: without it, the next worker sweeps too.
  void note_sweep(Time began_at) {
    if (first_error_) return;
    const auto noted = store_.ledger().note_sweep(began_at);
    if (noted)
      store_.sweep_place.keep_noted(began_at);
    else if (noted.error().code == ErrorCode::permission_denied)
      add_report(report_, "this sweep may write nothing, and noted for no worker that it was there: " +
                              to_string(noted.error()));
  }

  void sweep_dead_letters_of(const std::string& url, const DeadLetterLimits& limits) {
    const auto swept = sweep_dead_letters(store_, url, report_, limits);
    const std::string what = "dead-letter queue of " + url;
    if (!swept && swept.error().code == ErrorCode::permission_denied)
      report_.denied.push_back(what + ": " + to_string(swept.error()));
    note(swept, what);
  }

  static std::string denied_line(const std::string& url, const Error& error) {
    return "queue " + url + ": " + to_string(error) + ": its clusters and dead letters are left";
  }

  /// A queue that this caller may not ask for is told of once, not for each of its clusters.
  void note_cluster(const ClusterHeader& header, const Result<void>& swept) {
    for (const std::string& url : {header.queue_url, header.finish_queue_url}) {
      const auto denied = denied_.find(url);
      if (denied == denied_.end()) continue;
      const Error& error = denied->second;
      if (!first_error_) first_error_ = Error{error.code, "queue " + url + ": " + error.message, error.remote_detail};
      return;
    }
    note(swept, "cluster " + header.id);
  }

  Result<void> sweep_clusters() {
    const Time began_at = store_.now();
    // Where there are more than one sweep looks at, the next one goes on behind them, so that each has its turn.
    ClusterQuery query{
        .unfinished_only = true, .name = {}, .cursor = store_.sweep_place.take(), .count_max = cluster_page_count};
    const bool from_the_start = query.cursor.empty();
    while (report_.cluster_count < limits_.cluster_count_max) {
      auto page = with_patience(store_, [&] { return store_.ledger().list_clusters(query); });
      if (!page) return std::move(page).error();
      for (const ClusterHeader& header : page->clusters) {
        if (is_over()) {  // The next sweep looks at this page again: what was repaired is done.
          store_.sweep_place.keep(std::move(query.cursor));
          return {};
        }
        ++report_.cluster_count;
        note_cluster(header, sweep_cluster(header));
      }
      if (page->next_cursor.empty()) {
        if (from_the_start) note_sweep(began_at);
        return {};
      }
      query.cursor = std::move(page->next_cursor);
    }
    store_.sweep_place.keep(std::move(query.cursor));
    return {};
  }

  [[nodiscard]] bool is_over() const { return limits_.deadline && store_.now() >= *limits_.deadline; }

  void note(const Result<void>& swept, const std::string& what) {
    if (swept) {
      ++succeeded_count_;
      return;
    }
    add_report(report_, what + ": " + to_string(swept.error()));
    if (!first_error_) first_error_ = swept.error();
  }

  Result<void> sweep_cluster(const ClusterHeader& listed) {
    urls_.insert(listed.queue_url);
    urls_.insert(listed.finish_queue_url);
    auto facts = read_facts(listed);
    if (!facts) return std::move(facts).error();
    const auto first_plan = core::plan_sweep(listed, *facts);
    if (first_plan.follow_failures) {
      auto followed = follow_first_failure(listed);
      if (!followed) return followed;
    }
    if (!first_plan.writes()) {
      report(listed, first_plan);
      return {};
    }
    auto header = take_lease(listed.id);
    if (!header) return std::move(header).error();
    if (header->sweeper != holder_) return {};
    const auto plan = core::plan_sweep(*header, *facts);
    report(*header, plan);
    auto repaired = repair(*header, plan);
    auto released = release_lease(listed.id);
    return repaired ? released : repaired;
  }

  Result<core::SweepFacts> read_facts(const ClusterHeader& header) {
    auto queue = attributes(header.queue_url);
    if (!queue) return std::move(queue).error();
    auto finish_queue = attributes(header.finish_queue_url);
    if (!finish_queue) return std::move(finish_queue).error();
    return core::SweepFacts{.now = store_.now(),
                            .repair_pause = repair_pause(*queue),
                            .retention = queue->retention,
                            .finish_retention = finish_queue->retention};
  }

  Result<QueueAttributes> attributes(const std::string& url) {
    const auto known = attributes_.find(url);
    if (known != attributes_.end()) return known->second;
    if (const auto denied = denied_.find(url); denied != denied_.end()) return denied->second;
    auto read = with_patience(store_, [&] { return store_.queue().attributes(url); });
    if (read)
      attributes_.emplace(url, *read);
    else if (read.error().code == ErrorCode::permission_denied)
      denied_.emplace(url, read.error());
    return read;
  }

  Result<ClusterHeader> take_lease(const std::string& id) {
    return modify_header(store_, id, [&](ClusterHeader& header) -> Result<HeaderChange> {
      const Time now = store_.now();
      if (header.tombstone || header.sweeper == holder_ || !is_free(store_, header.sweeper, header.sweeper_until, now))
        return HeaderChange::leave;
      header.sweeper = holder_;
      header.sweeper_until = now + holder_lease;
      return HeaderChange::write;
    });
  }

  Result<void> release_lease(const std::string& id) {
    auto released = modify_header(store_, id, [&](ClusterHeader& header) -> Result<HeaderChange> {
      if (header.sweeper != holder_) return HeaderChange::leave;
      header.sweeper.clear();
      header.sweeper_until = {};
      return HeaderChange::write;
    });
    if (!released) return std::move(released).error();
    return {};
  }

  void report(const ClusterHeader& header, const core::SweepPlan& plan) {
    const std::string name = "cluster " + header.id + (header.name.empty() ? "" : " (" + header.name + ")");
    if (plan.stop || plan.note_deadline)
      add_report(report_, name + " is past its deadline, " + to_iso8601(*header.deadline));
    if (plan.report_idle) {
      add_report(report_, name + " is open and got no tasks since " +
                              to_iso8601(std::max(header.created_at, header.last_add_at)) +
                              ": add the rest and seal it");
    }
    if (plan.report_expired) add_report(report_, name + " expired unfinished " + to_iso8601(header.expires_at));
  }

  /// Every step is idempotent, and the next sweep plans anew: an error ends this cluster's turn.
  Result<void> repair(const ClusterHeader& header, const core::SweepPlan& plan) {
    if (plan.stop) return stop(header);
    if (plan.note_deadline) {
      auto noted = note_deadline(header);
      if (!noted) return noted;
    }
    if (plan.seal) {
      auto sealed = with_patience(store_, [&] { return store_.ledger().seal(header.id, store_.now()); });
      if (!sealed) return std::move(sealed).error();
      auto completed = complete(sealed->finished);
      if (!completed) return completed;
    }
    if (plan.resend) {
      auto resent = resend(store_, header.id, ResendReason::repair, limits_.deadline);
      if (!resent) return std::move(resent).error();
      report_.resent_count += *resent;
    }
    if (plan.send_finish_again) return send_finish_again(header);
    if (plan.follow_finish) return follow_finish(header);
    return {};
  }

  Result<void> stop(const ClusterHeader& header) {
    const std::string reason = "the deadline, " + to_iso8601(*header.deadline) + ", is over";
    auto stopped = stop_header(store_, header.id, {deadline_code, reason, header.round});
    if (!stopped) return std::move(stopped).error();
    if (stopped->stopped()) ++report_.stopped_count;
    return complete(std::span(&*stopped, 1));
  }

  Result<void> note_deadline(const ClusterHeader& header) {
    auto noted = modify_header(store_, header.id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
      if (stored.tombstone || stored.finished() || stored.deadline_reported) return HeaderChange::leave;
      stored.deadline_reported = true;
      add_error(stored,
                core::error_entry(0, deadline_code, "the deadline, " + to_iso8601(*header.deadline) + ", is over",
                                  store_.now(), false));
      return HeaderChange::write;
    });
    if (!noted) return std::move(noted).error();
    return {};
  }

  Result<void> follow_first_failure(const ClusterHeader& header) {
    auto progress = with_patience(store_, [&] { return store_.ledger().progress(header.id); });
    if (!progress) return std::move(progress).error();
    if (progress->failed_count <= header.failed_carried_count) return {};
    const FailedRound round{header.id, header.round};
    return follow_failures(store_, std::span(&round, 1));
  }

  Result<void> send_finish_again(const ClusterHeader& header) {
    auto cleared = modify_header(store_, header.id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
      const bool same = stored.round == header.round && stored.finish_sent_at == header.finish_sent_at &&
                        !stored.finish_done && !stored.tombstone;
      if (!same) return HeaderChange::leave;
      stored.finish_sent_at.reset();
      return HeaderChange::write;
    });
    if (!cleared) return std::move(cleared).error();
    return complete(std::span(&*cleared, 1));
  }

  Result<void> follow_finish(const ClusterHeader& header) {
    auto completed = complete(std::span(&header, 1));
    if (!completed || header.parent_ended) return completed;
    return give_up_parent(header);
  }

  /// A parent that can't change any more never ends the task that this child is of: late holders leave such orphans.
  Result<void> give_up_parent(const ClusterHeader& header) {
    auto parent = store_.header_strong(header.parent->cluster_id);
    if (!parent && parent.error().code != ErrorCode::not_found) return std::move(parent).error();
    const bool is_over = !parent || parent->tombstone || parent->round != header.parent->round ||
                         (parent->finished() && parent->finish_done);
    if (!is_over) return {};
    auto marked = modify_header(store_, header.id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
      if (stored.tombstone || stored.parent_ended) return HeaderChange::leave;
      stored.parent_ended = true;
      return HeaderChange::write;
    });
    if (!marked) return std::move(marked).error();
    return {};
  }

  Result<void> complete(std::span<const ClusterHeader> finished) {
    for (const ClusterHeader& header : finished) {
      if (header.finished() && !header.tombstone && !header.finish_sent_at) ++report_.finish_message_count;
    }
    return complete_finished(store_, finished);
  }

  Store& store_;
  SweepLimits limits_;
  std::string holder_;
  SweepReport report_;
  std::set<std::string> urls_;  // Of the queues of unfinished clusters, and of those that this process takes from.
  std::map<std::string, QueueAttributes> attributes_;
  std::map<std::string, Error> denied_;  // Queues that this caller may not ask for.
  std::optional<Error> first_error_;
  std::size_t succeeded_count_ = 0;
};

}  // namespace

void add_report(SweepReport& report, std::string line) {
  if (report.reports.size() < sweep_report_count_max) report.reports.push_back(std::move(line));
}

Result<SweepReport> sweep(Store& store, const SweepLimits& limits) { return Sweep(store, limits).run(); }

}  // namespace fanfold::engine
