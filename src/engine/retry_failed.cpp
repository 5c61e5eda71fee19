#include "engine/completion.hpp"
#include "engine/creation_options.hpp"
#include "engine/resend.hpp"
#include "engine/round_keys.hpp"
#include "engine/sender.hpp"
#include "engine/steering.hpp"
#include "support/hash.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

std::string digest_of(std::span<const std::uint64_t> indexes) {
  std::string bytes;
  bytes.reserve(indexes.size() * sizeof(std::uint64_t));
  for (const std::uint64_t index : indexes) {
    for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>((index >> shift) & 0xffU);
  }
  return digest_text(bytes);
}

KeyedRound latest_round(const ClusterHeader& header) noexcept { return {header.round, header.round_size.value_or(0)}; }

/// One call of retry_failed or retry_finish.
class Retry {
 public:
  Retry(Store& store, std::string_view id, const RetryOptions& options)
      : store_(store), id_(id), options_(options), holder_(new_holder(store)) {
    if (!options.idempotency_key.empty()) key_ = digest_text(options.idempotency_key);
  }

  Result<std::uint64_t> run() {
    if (!options_.idempotency_key.empty()) {
      auto checked = check_key_text("idempotency_key", options_.idempotency_key);
      if (!checked) return std::move(checked).error();
    }
    auto header = live_header(store_, id_);
    if (!header) return std::move(header).error();
    if (auto begun = begun_before(*header)) return *std::move(begun);
    auto allowed = check(*header);
    if (!allowed) return std::move(allowed).error();
    auto chosen = header->stopped() ? choose_of_stopped() : choose();
    if (!chosen) return std::move(chosen).error();
    if (chosen->indexes.empty())
      return Error{ErrorCode::not_found, "no failed task of cluster " + std::string(id_) + " matches", {}};
    auto started = start(*header, chosen->indexes, chosen->carried_count);
    if (!started && started.error().code == ErrorCode::conflict) {
      header = live_header(store_, id_);
      if (!header) return std::move(header).error();
      if (auto begun = begun_before(*header)) return *std::move(begun);
    }
    if (!started) return std::move(started).error();
    return started->sender == holder_ ? send_all(*started, chosen->indexes.size()) : go_on(*started);
  }

  /// A round of no task: all that has ended stays as it ended, and the cluster finishes once more.
  Result<void> run_finish(const Progress& progress) {
    auto header = live_header(store_, id_);
    if (!header) return std::move(header).error();
    if (header->stopped()) return was_stopped();
    if (!progress.finished)
      return Error{ErrorCode::not_finished, "cluster " + std::string(id_) + " is not finished", {}};
    if (!progress.finish_failed || header->round != progress.round || !header->finish_done)
      return Error{ErrorCode::not_found, "the finish handler of cluster " + std::string(id_) + " has not failed", {}};
    auto started = start(*header, {}, progress.failed_count);
    if (!started) return std::move(started).error();
    auto sent = started->sender == holder_ ? send_all(*started, 0) : go_on(*started);
    if (!sent) return std::move(sent).error();
    return {};
  }

 private:
  [[nodiscard]] Error was_stopped() const {
    return {ErrorCode::stopped, "cluster " + std::string(id_) + " was stopped, and that is final", {}};
  }

  /// What a call with this key answers whose round was begun by an earlier one; empty where there was none.
  std::optional<Result<std::uint64_t>> begun_before(const ClusterHeader& header) {
    const auto begun = round_with_key(header.round_key, key_, latest_round(header));
    if (!begun) return std::nullopt;
    return begun->round == header.round ? go_on(header) : Result<std::uint64_t>(begun->task_count);
  }

  Result<void> check(const ClusterHeader& header) const {
    if (is_stopped_for_good(header)) return was_stopped();
    if (header.finished() && header.finish_done) return {};
    return Error{
        ErrorCode::not_finished,
        "failed tasks of cluster " + header.id + " are retried once it is finished and its finish message is done",
        {}};
  }

  Result<std::vector<std::uint64_t>> indexes_with(TaskFilter filter) {
    std::vector<std::uint64_t> indexes;
    TaskQuery query{.cluster_id = std::string(id_),
                    .filter = std::move(filter),
                    .first_index = 0,
                    .count_max = task_page_count,
                    .parts = TaskParts::states};
    while (true) {
      auto page = with_patience(store_, [&] { return store_.ledger().list_tasks(query); });
      if (!page) return std::move(page).error();
      for (const TaskState& task : page->tasks) indexes.push_back(task.index);
      if (indexes.size() > round_count_max) {
        return Error{ErrorCode::too_large,
                     "one retry takes at most " + std::to_string(round_count_max) + " tasks: retry by filter",
                     {}};
      }
      if (!page->next_index) return indexes;
      query.first_index = *page->next_index;
    }
  }

  /// What is tried again, sorted, and how many failures stay as they are.
  struct Chosen {
    std::vector<std::uint64_t> indexes{};
    std::uint64_t carried_count = 0;
  };

  Result<std::vector<std::uint64_t>> failed_that_match() {
    return indexes_with({.status = Status::error, .fingerprint = options_.fingerprint, .contains = options_.contains});
  }

  Result<Chosen> choose() {
    auto indexes = failed_that_match();
    if (!indexes) return std::move(indexes).error();
    auto progress = with_patience(store_, [&] { return store_.ledger().progress(id_); });
    if (!progress) return std::move(progress).error();
    const std::uint64_t retried_count = std::min<std::uint64_t>(progress->failed_count, indexes->size());
    return Chosen{std::move(*indexes), progress->failed_count - retried_count};
  }

  /// What fail_fast kept from running is part of the new round, or the cluster would finish without it. Whoever had a
  /// task then may still end it: what is open is listed first, so that what fails meanwhile is in this list or the
  /// next, and what stays as it is is counted by the lists, not by a look of its own.
  Result<Chosen> choose_of_stopped() {
    Chosen chosen;
    for (const Status status : {Status::in_progress, Status::pre_flight, Status::in_progress}) {
      auto open = indexes_with({.status = status});
      if (!open) return std::move(open).error();
      chosen.indexes.insert(chosen.indexes.end(), open->begin(), open->end());
    }
    auto failed = indexes_with({.status = Status::error});
    if (!failed) return std::move(failed).error();
    const bool all_match = options_.fingerprint.empty() && options_.contains.empty();
    auto matching = all_match ? failed : failed_that_match();
    if (!matching) return std::move(matching).error();
    chosen.indexes.insert(chosen.indexes.end(), matching->begin(), matching->end());
    std::ranges::sort(chosen.indexes);
    chosen.indexes.erase(std::unique(chosen.indexes.begin(), chosen.indexes.end()), chosen.indexes.end());
    const auto stays = [&](std::uint64_t index) { return !std::ranges::binary_search(chosen.indexes, index); };
    chosen.carried_count = static_cast<std::uint64_t>(std::ranges::count_if(*failed, stays));
    return chosen;
  }

  [[nodiscard]] ClusterHeader next_round(ClusterHeader header, std::span<const std::uint64_t> indexes,
                                         std::uint64_t carried_count) {
    const Time now = store_.now();
    header.round_key = with_round_key(header.round_key, key_, {header.round + 1, indexes.size()}, latest_round(header));
    header.round += 1;
    header.round_size.reset();
    header.round_hash = digest_of(indexes);
    header.failed_carried_count = carried_count;
    header.failed_count = 0;
    header.marked = false;
    header.status = Status::in_progress;
    header.status_code = StatusCode::in_progress;
    header.completed_at.reset();
    header.first_failure_sent = false;
    header.finish_sent_at.reset();
    header.finish_done = false;
    header.paused = false;
    // The time that the deadline meant is over: it is not to stop what is retried at once.
    if (header.deadline && *header.deadline <= now) header.deadline_reported = true;
    header.due = {{.kind = DueMark::Kind::round, .id = holder_, .round = header.round, .since = now}};
    header.sender = holder_;
    header.sender_until = now + holder_lease;
    header.sent_at = now;
    header.updated_at = now;
    return header;
  }

  /// Answers the header as it is in the new round, begun by this call or by one with the same list.
  Result<ClusterHeader> start(const ClusterHeader& finished, std::span<const std::uint64_t> indexes,
                              std::uint64_t carried_count) {
    ClusterHeader header = finished;
    for (std::size_t count = 1; count <= header_swap_count_max; ++count) {
      const ClusterHeader next = next_round(header, indexes, carried_count);
      auto started = store_.ledger().start_round(next, indexes);
      if (started) {
        store_.headers.put(*started, store_.now());
        return started;
      }
      const ErrorCode code = started.error().code;
      if (code != ErrorCode::conflict && !is_passing_fault(code)) return started;
      // Lost to another write, or the answer was: what is stored now tells.
      auto stored = live_header(store_, id_);
      if (!stored) return stored;
      if (stored->round == finished.round + 1 && stored->round_hash == next.round_hash &&
          stored->round_key == next.round_key)
        return stored;
      if (stored->round != finished.round) {
        return Error{
            ErrorCode::conflict, "another retry of cluster " + std::string(id_) + " began with another list", {}};
      }
      if (auto allowed = check(*stored); !allowed) return std::move(allowed).error();  // Stopped by hand meanwhile.
      header = std::move(*stored);
      pause_with_jitter(store_, count, std::chrono::milliseconds{2}, std::chrono::milliseconds{500});
    }
    return Error{ErrorCode::conflict, "the header of cluster " + std::string(id_) + " changed under every write", {}};
  }

  Result<std::uint64_t> send_all(const ClusterHeader& header, std::uint64_t size) {
    auto sent = seal_and_send(header, size);
    if (!sent) give_back_lease(store_, id_, holder_);
    return sent;
  }

  Result<std::uint64_t> seal_and_send(const ClusterHeader& header, std::uint64_t size) {
    auto sealed = seal();
    if (!sealed) return std::move(sealed).error();
    TaskSender sender(store_, header, holder_);
    for (std::uint64_t first = 0; first < size && !sender.lost(); first += task_page_count) {
      auto indexes =
          with_patience(store_, [&] { return store_.ledger().read_round(id_, header.round, first, task_page_count); });
      if (!indexes) return std::move(indexes).error();
      for (std::size_t i = 0; i < indexes->size(); ++i) {
        auto sent = sender.send(first + i, (*indexes)[i], std::chrono::milliseconds{0});
        if (!sent) return std::move(sent).error();
      }
    }
    auto sent = sender.flush();
    if (!sent) return std::move(sent).error();
    if (!sender.lost()) {
      auto cleared = clear_marks(store_, id_, header.round, header.due, holder_);
      if (!cleared) return std::move(cleared).error();
    }
    return size;
  }

  Result<void> seal() {
    auto sealed = with_patience(store_, [&] { return store_.ledger().seal(id_, store_.now()); });
    if (!sealed) return std::move(sealed).error();
    return complete_finished(store_, sealed->finished);
  }

  /// The round was begun before, by a call whose answer was lost or that another made: sees that its sends are out.
  Result<std::uint64_t> go_on(const ClusterHeader& header) {
    if (header.finished()) return header.round_size.value_or(0);
    if (!header.marked) {
      auto sealed = seal();
      if (!sealed) return std::move(sealed).error();
    }
    auto now_sealed = live_header(store_, id_);
    if (!now_sealed) return std::move(now_sealed).error();
    const std::uint64_t size = now_sealed->round_size.value_or(0);
    auto awaited = await_sender(store_, header, DueMark::Kind::round);
    if (!awaited) return std::move(awaited).error();
    if (!is_marked(*awaited, DueMark::Kind::round) || awaited->round != header.round) return size;
    auto sent = resend(store_, id_, ResendReason::creation_cut_off);
    if (!sent) return std::move(sent).error();
    return size;
  }

  Store& store_;
  std::string_view id_;
  const RetryOptions& options_;
  std::string holder_;
  std::string key_;
};

}  // namespace

Result<std::uint64_t> retry_failed(Store& store, const std::string& id, const RetryOptions& options) {
  return Retry(store, id, options).run();
}

Result<void> retry_finish(Store& store, const std::string& id, const Progress& progress) {
  const RetryOptions no_filter;
  return Retry(store, id, no_filter).run_finish(progress);
}

}  // namespace fanfold::engine
