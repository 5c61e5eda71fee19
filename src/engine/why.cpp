#include "engine/completion.hpp"
#include "engine/inspection.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

/// Collects lines; equal ones become one with a count.
class Reasons {
 public:
  void add(std::optional<std::uint64_t> index, std::string cause, std::string remedy, std::uint64_t count = 1) {
    const auto same = std::ranges::find_if(lines_, [&](const OpenReason& line) {
      return line.cause == cause && line.remedy == remedy && line.index.has_value() == index.has_value();
    });
    if (same != lines_.end()) {
      same->count += count;
    } else if (lines_.size() < why_line_count_max) {
      lines_.push_back({.index = index, .count = count, .cause = std::move(cause), .remedy = std::move(remedy)});
    }
  }
  [[nodiscard]] std::vector<OpenReason> take() && { return std::move(lines_); }

 private:
  std::vector<OpenReason> lines_;  // In the order of their first task.
};

class Why {
 public:
  Why(Store& store, std::string_view id) : store_(store), id_(id) {}

  Result<std::vector<OpenReason>> run() {
    auto header = store_.header_strong(id_);
    if (!header) return std::move(header).error();
    now_ = store_.now();
    if (header->tombstone) {
      reasons_.add({}, "the cluster was deleted", "nothing to do: only its outcome is kept until it expires");
      return std::move(reasons_).take();
    }
    if (!header->moved_to.empty()) {
      explain_move(*header);
      return std::move(reasons_).take();
    }
    explain_cluster(*header);
    if (header->finished() && header->finish_sent_at) {
      auto finish = explain_finish(*header);
      if (!finish) return std::move(finish).error();
    }
    if (!header->finished()) {
      auto tasks = explain_tasks(*header);
      if (!tasks) return std::move(tasks).error();
    }
    auto parent = explain_parent(*header);
    if (!parent) return std::move(parent).error();
    return std::move(reasons_).take();
  }

 private:
  void explain_move(const ClusterHeader& header) {
    if (header.moving()) {
      reasons_.add({}, "it is " + header.moved_to + ", or that was cut off", "push it there again: that goes on");
    } else {
      reasons_.add({}, "it was moved to " + header.moved_to, "ask there: what is open is done there");
    }
  }

  void explain_cluster(const ClusterHeader& header) {
    if (!header.finished()) {
      if (header.paused)
        reasons_.add({}, "the cluster is paused", "resume_cluster ends the pause and sends every open task again");
      if (!header.sealed()) explain_open(header);
      if (header.sealed() && !header.marked)
        reasons_.add({}, "its size is not marked everywhere: whoever sealed it was cut off", "sweep repeats it");
      if (header.deadline && *header.deadline <= now_)
        reasons_.add({}, "its deadline was " + to_iso8601(*header.deadline), "stop_cluster, if it is to end");
      if (header.expires_at <= now_)
        reasons_.add({}, "its life ended " + to_iso8601(header.expires_at) + ": its messages are refused",
                     "stop_cluster, then create it anew");
      for (const DueMark& mark : header.due) explain_mark(mark);
    } else if (!header.finish_sent_at) {
      reasons_.add({}, "it is finished, and its finish message is not sent yet", "sweep sends it");
    }
  }

  /// The finish message has a record of its own, which says what became of its handler.
  Result<void> explain_finish(const ClusterHeader& header) {
    const KeyParts key{.id = finish_record_id(id_, header.round), .index = std::nullopt};
    auto read = with_patience(store_, [&] { return store_.ledger().read_record(key, Consistency::strong); });
    if (!read && read.error().code != ErrorCode::not_found) return std::move(read).error();
    const std::vector<ErrorEntry> errors = read ? read->record.error : std::vector<ErrorEntry>{};
    if (!header.finish_done) {
      std::string cause = "its finish message, sent " + to_iso8601(*header.finish_sent_at) + " to " +
                          header.finish_queue_url + ", is not done";
      if (!errors.empty())
        cause += "; attempt " + std::to_string(errors.back().attempt) + " failed: " + errors.back().message;
      reasons_.add({}, std::move(cause),
                   header.finish_handler_required ? "run a worker with a finish handler on that queue"
                                                  : "run a worker on that queue");
    } else if (read && read->record.status == Status::error && !errors.empty()) {
      reasons_.add({},
                   "its finish handler failed for good, after attempt " + std::to_string(errors.back().attempt) + ": " +
                       errors.back().message,
                   "retry_finish runs it anew; what it printed is kept under the cluster's key");
    }
    return {};
  }

  void explain_open(const ClusterHeader& header) {
    const Time last = std::max(header.created_at, header.last_add_at);
    reasons_.add({}, "it is open for more tasks; the last came " + to_iso8601(last), "add the rest, then seal it");
  }

  void explain_mark(const DueMark& mark) {
    switch (mark.kind) {
      case DueMark::Kind::creation:
        return reasons_.add({}, "its creation is under way, or was cut off",
                            "create it again with the same key, or wait for the sweep");
      case DueMark::Kind::add:
        return reasons_.add({}, "tasks of an add are being sent, or that was cut off",
                            "add them again with the same add key, or wait for the sweep");
      case DueMark::Kind::resend:
        return reasons_.add({}, "a re-send is under way, or was cut off", "wait for the sweep, or resume_cluster");
      case DueMark::Kind::round:
        return reasons_.add({}, "a retry of failed tasks is being sent, or that was cut off",
                            "wait for the sweep, or resume_cluster");
    }
  }

  Result<void> explain_tasks(const ClusterHeader& header) {
    auto counts = with_patience(store_, [&] { return store_.queue().counts(header.queue_url); });
    if (!counts && counts.error().code == ErrorCode::not_found) {
      reasons_.add({}, "its queue " + header.queue_url + " is not there", "make the queue again, then resume_cluster");
      counts = QueueCounts{};
    }
    if (!counts) return std::move(counts).error();
    std::optional<std::uint64_t> next = 0;
    std::size_t looked_at_count = 0;
    while (next && looked_at_count < why_task_count_max) {
      auto page =
          with_patience(store_, [&] { return store_.ledger().list_open_tasks(id_, *next, task_page_count, now_); });
      if (!page) return std::move(page).error();
      for (const Ledger::OpenTask& task : page->tasks) {
        auto explained = explain_task(header, task, *counts);
        if (!explained) return explained;
      }
      looked_at_count += page->tasks.size();
      next = page->next_position;
    }
    // Where a tree does in steps what one transaction does elsewhere.
    if (looked_at_count == 0 && header.sealed() && header.marked)
      reasons_.add({}, "every task has ended, and the cluster has not been told of the last one",
                   "wait until the message of that task is delivered again, or resume_cluster");
    if (next)
      reasons_.add({}, "more than " + std::to_string(looked_at_count) + " tasks are open", "list_tasks shows them all");
    return {};
  }

  Result<void> explain_task(const ClusterHeader& header, const Ledger::OpenTask& task, const QueueCounts& counts) {
    if (task.waiting) return explain_waiting(task);
    if (task.abandoned) {
      has_dead_worker_ = true;
      reasons_.add(task.index, "its worker died while it had it",
                   header.paused ? "resume_cluster" : "run a worker on that queue: it goes on at once");
    } else if (task.not_before > now_) {
      reasons_.add(task.index, "a worker has it, or it backs off after a failure, until " + to_iso8601(task.not_before),
                   "wait; a dead worker's lease ends then");
    } else if (header.paused) {
      reasons_.add(task.index, "the cluster is paused", "resume_cluster");
    } else if (counts.visible_count > 0) {
      reasons_.add(
          task.index,
          "it is not started; " + std::to_string(counts.visible_count) + " messages wait in " + header.queue_url,
          "run more workers on that queue");
    } else if (counts.in_flight_count + counts.delayed_count > 0) {
      // What a dead worker had received shows up with the next process that opens the store.
      reasons_.add(task.index,
                   has_dead_worker_ ? "its message is delivered or delayed; a worker that died may have it"
                                    : "its message is delivered or delayed",
                   has_dead_worker_ ? "run a worker on that queue" : "wait until it shows up again");
    } else {
      reasons_.add(task.index, "its message is gone from " + header.queue_url,
                   "resume_cluster sends it again; so does the sweep, in time");
    }
    return {};
  }

  Result<void> explain_waiting(const Ledger::OpenTask& task) {
    auto child = store_.header(task.child_id);
    if (child) {
      const bool ended = (*child)->finished() || (*child)->tombstone;
      reasons_.add(task.index, "it waits for child cluster " + task.child_id + (ended ? ", which is finished" : ""),
                   ended ? "sweep ends it" : "why " + task.child_id + " says what that waits for");
      return {};
    }
    if (child.error().code != ErrorCode::not_found) return std::move(child).error();
    reasons_.add(task.index, "it waits for child cluster " + task.child_id + ", of which nothing is left",
                 "fail_task, then retry_failed");
    return {};
  }

  /// A late holder may have made a child for which nobody waits.
  Result<void> explain_parent(const ClusterHeader& header) {
    if (!header.parent || header.parent_ended) return {};
    const ParentTask& parent = *header.parent;
    const std::string task = "task " + std::to_string(parent.index) + " of cluster " + parent.cluster_id;
    TaskQuery query{.cluster_id = parent.cluster_id,
                    .filter = {},
                    .first_index = parent.index,
                    .count_max = 1,
                    .parts = TaskParts::states};
    auto page = with_patience(store_, [&] { return store_.ledger().list_tasks(query); });
    const bool gone = !page && (page.error().code == ErrorCode::not_found || page.error().code == ErrorCode::deleted);
    if (!page && !gone) return std::move(page).error();
    const bool waits = page && !page->tasks.empty() && page->tasks.front().index == parent.index &&
                       page->tasks.front().waiting_for_child;
    if (waits && header.finished()) {
      reasons_.add({}, task + " waits for it and has not been ended yet", "sweep ends it");
    } else if (!waits) {
      reasons_.add({}, task + " created it and does not wait for it: its holder came late, or is about to say so",
                   "stop_cluster, if it stays so");
    }
    return {};
  }

  Store& store_;
  std::string_view id_;
  Time now_{};
  Reasons reasons_;
  bool has_dead_worker_ = false;  // Of a task that was looked at.
};

}  // namespace

Result<std::vector<OpenReason>> why(Store& store, const std::string& id) { return Why(store, id).run(); }

}  // namespace fanfold::engine
