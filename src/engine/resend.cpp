#include "engine/resend.hpp"

#include "engine/completion.hpp"
#include "engine/sender.hpp"
#include "engine/steering.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

// `leaf_width`: ended tasks next to each other of which one is enough to hand all of them up, the width of a leaf of
// the completion tree. `open_page_count`: tasks between two looks at the deadline, after which one goes on where it
// was.
#ifdef FANFOLD_TREE_RADIX
constexpr std::uint64_t leaf_width = FANFOLD_TREE_RADIX;  // Of a build of tests/simulation.
constexpr std::size_t open_page_count = 2;
#else
constexpr std::uint64_t leaf_width = 32;
constexpr std::size_t open_page_count = 1'000;
#endif

Error deleted(std::string_view id) { return {ErrorCode::deleted, "cluster " + std::string(id) + " was deleted", {}}; }

/// One re-send of one cluster's round.
class Resend {
 public:
  Resend(Store& store, std::string_view id, ResendReason reason, std::optional<Time> deadline)
      : store_(store), id_(id), reason_(reason), deadline_(deadline), holder_(new_holder(store)) {}

  Result<std::uint64_t> run() {
    auto begun = begin();
    if (!begun) return std::move(begun).error();
    if (begun->sender != holder_) return std::uint64_t{0};
    auto sent = send(*begun);
    if (!sent) give_back_lease(store_, id_, holder_);
    return sent;
  }

 private:
  Result<std::uint64_t> send(const ClusterHeader& begun) {
    TaskSender sender(store_, begun, holder_);
    auto sent = send_open_tasks(begun, sender);
    if (!sent) return std::move(sent).error();
    if (left_off_at_ && !sender.lost()) {
      auto left = leave_off(begun, *left_off_at_);
      if (!left) return std::move(left).error();
    } else if (!sender.lost()) {
      auto cleared = clear_marks(store_, id_, begun.round, begun.due, holder_);
      if (!cleared) return std::move(cleared).error();
    }
    return sender.sent_count();
  }

  /// Becomes the sender, in the same write as the mark and the time that guards the next re-send.
  Result<ClusterHeader> begin() {
    auto queue = read_times();
    if (!queue) return std::move(queue).error();
    return modify_header(store_, id_, [&](ClusterHeader& header) -> Result<HeaderChange> {
      if (header.tombstone) return deleted(id_);
      if (header.sender == holder_) return HeaderChange::leave;
      const Time now = store_.now();
      auto wanted = is_wanted(header, now, queue->pause);
      if (!wanted) return std::move(wanted).error();
      if (*wanted == HeaderChange::leave) return HeaderChange::leave;
      const Time sent_at = std::max(header.created_at, header.sent_at);
      header.paused = false;
      header.sender = holder_;
      header.sender_until = now + holder_lease;
      header.sent_at = now;
      // All anew where a pause ends, in which messages of tasks may have been deleted, and where retention took what
      // the re-send that was cut off had sent.
      if (reason_ == ResendReason::resume || sent_at + queue->retention <= now) put_place_of_resend(header, 0, now);
      header.due.push_back({.kind = DueMark::Kind::resend, .id = holder_, .round = header.round, .since = now});
      return HeaderChange::write;
    });
  }

  struct QueueTimes {
    std::chrono::milliseconds pause{0};  ///< The least between two re-sends.
    std::chrono::milliseconds retention{0};
  };
  Result<QueueTimes> read_times() {
    auto header = store_.header(id_);
    if (!header) return std::move(header).error();
    auto queue = with_patience(store_, [&] { return store_.queue().attributes((*header)->queue_url); });
    if (!queue) return std::move(queue).error();
    const auto pause = reason_ == ResendReason::repair ? repair_pause(*queue) : std::chrono::milliseconds{0};
    return QueueTimes{pause, queue->retention};
  }

  Result<HeaderChange> is_wanted(const ClusterHeader& header, Time now, std::chrono::milliseconds pause) {
    if (reason_ == ResendReason::resume) {
      if (header.stopped()) return Error{ErrorCode::stopped, "cluster " + header.id + " was stopped", {}};
      if (header.finished()) return is_finished(header.id);
      if (auto here = check_is_here(header); !here) return here.error();
      return HeaderChange::write;
    }
    const bool is_open_here = !header.finished() && !header.paused && header.moved_to.empty();
    if (!is_open_here || !is_free(store_, header.sender, header.sender_until, now)) return HeaderChange::leave;
    return now < header.sent_at + pause ? HeaderChange::leave : HeaderChange::write;
  }

  Result<void> send_open_tasks(const ClusterHeader& header, TaskSender& sender) {
    std::optional<std::uint64_t> next = place_of_resend(header);
    std::uint64_t looked_until = *next;
    while (next && !sender.lost()) {
      const Time now = store_.now();
      if (deadline_ && now >= *deadline_) {
        left_off_at_ = *next;
        return {};
      }
      sender.set_place(*next);
      auto page =
          with_patience(store_, [&] { return store_.ledger().list_open_tasks(id_, *next, open_page_count, now); });
      if (!page) return std::move(page).error();
      for (const Ledger::OpenTask& task : page->tasks) {
        note_ended(header, looked_until, task.position);
        looked_until = task.position + 1;
        auto sent =
            task.waiting ? end_with_child(header, task) : sender.send(task.position, task.index, task.not_before - now);
        if (!sent) return sent;
      }
      if (auto flushed = sender.flush(); !flushed) return flushed;
      next = page->next_position;
      if (next) note_ended(header, looked_until, *next);
      if (next) looked_until = *next;
      auto handed_up = hand_up_ended();
      if (!handed_up) return handed_up;
    }
    if (sender.lost()) return {};
    note_ended(header, looked_until, header.round_size.value_or(header.task_count));
    return hand_up_ended();
  }

  /// The time is over: the next one goes on from here, once it may. The marks of what was to be sent stay.
  Result<void> leave_off(const ClusterHeader& begun, std::uint64_t position) {
    auto left = modify_header(store_, id_, [&](ClusterHeader& header) -> Result<HeaderChange> {
      const bool is_ours = header.sender == holder_ && header.round == begun.round && !header.tombstone;
      if (!is_ours) return HeaderChange::leave;
      header.sender.clear();
      header.sender_until = {};
      std::erase_if(header.due, [&](const DueMark& mark) {
        return mark.kind == DueMark::Kind::resend && mark.id == holder_ && position > 0;
      });
      put_place_of_resend(header, position, store_.now());
      return HeaderChange::write;
    });
    if (!left) return std::move(left).error();
    return {};
  }

  void note_ended(const ClusterHeader& header, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t position = begin; position < end; position = (position / leaf_width + 1) * leaf_width) {
      ended_.push_back({.type = RecordType::task, .id = header.id, .round = header.round, .position = position});
    }
  }

  Result<void> hand_up_ended() {
    const std::size_t batch = store_.backend.bulk_count();
    for (std::size_t begin = 0; begin < ended_.size(); begin += batch) {
      const auto refs = std::span(ended_).subspan(begin, std::min(batch, ended_.size() - begin));
      auto answers = with_patience(store_, [&] { return store_.ledger().propagate(refs, store_.now()); });
      if (!answers) return std::move(answers).error();
      auto completed = complete_finished(store_, answers->finished);
      if (!completed) return completed;
    }
    ended_.clear();
    return {};
  }

  /// A task that waits for a child cluster has no message that could be lost: it is the child that may have ended
  /// unnoticed.
  Result<void> end_with_child(const ClusterHeader& header, const Ledger::OpenTask& task) {
    const RecordRef ref{.type = RecordType::task, .id = header.id, .round = header.round, .position = task.position};
    auto child = end_if_child_finished(store_, ref, task.index, task.child_id);
    if (!child) return std::move(child).error();
    return {};
  }

  Store& store_;
  std::string_view id_;
  ResendReason reason_;
  std::optional<Time> deadline_;
  std::string holder_;
  std::optional<std::uint64_t> left_off_at_;  // The position, where the deadline was met.
  std::vector<RecordRef> ended_;
};

}  // namespace

Result<std::uint64_t> resend(Store& store, std::string_view cluster_id, ResendReason reason,
                             std::optional<Time> deadline) {
  return Resend(store, cluster_id, reason, deadline).run();
}

}  // namespace fanfold::engine
