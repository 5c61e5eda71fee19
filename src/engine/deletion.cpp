#include "core/outcome.hpp"
#include "engine/completion.hpp"
#include "engine/steering.hpp"
#include "support/mutant.hpp"

namespace fanfold::engine {

namespace {

constexpr std::string_view unhandled_code = "deleted_by_hand";

/// What a cluster that is not over still waits for.
std::string what_is_open(const ClusterHeader& header) {
  if (!header.finished()) return "is not finished: let its tasks end, or stop it";
  if (!header.finish_done)
    return "is finished, but its finish message is not done: a worker on queue " + header.finish_queue_url +
           " handles it, or the cluster is deleted without that";
  return "is finished, but the task that waits for it has not been ended yet: sweep ends it";
}

Error cannot_be_deleted(const ClusterHeader& header) {
  return {ErrorCode::not_finished, "cluster " + header.id + " cannot be deleted yet: it " + what_is_open(header), {}};
}

Error is_handled_now(const ClusterHeader& header, Time until) {
  return {ErrorCode::conflict,
          "cluster " + header.id + " cannot be deleted yet: its finish handler runs, or is to be tried again, until " +
              to_iso8601(until),
          {}};
}

/// Ends the finish message as a worker would whose handler failed for good, but calls none. Whoever handles it at this
/// moment keeps it. Idempotent; where it had ended, nothing is left but to say so.
class FinishMessage {
 public:
  FinishMessage(Store& store, const ClusterHeader& header)
      : store_(store),
        header_(header),
        ref_{.type = RecordType::cluster, .id = header.id, .round = header.round, .position = 0} {}

  Result<void> give_up() {
    // Whoever finished the cluster may have died before the message was sent.
    if (auto put = put_cluster_record(store_, header_, false); !put) return put;
    auto seen = look_at(store_, ref_);
    if (!seen) return std::move(seen).error();
    const bool has_ended = seen->outcome == ClaimOutcome::done || seen->outcome == ClaimOutcome::failed;
    const bool is_handled = seen->outcome == ClaimOutcome::in_progress && !support::mutant("gives_up_what_is_handled");
    if (is_handled) return is_handled_now(header_, seen->busy_until);
    if (!has_ended) {
      if (auto ended = end(*seen); !ended) return ended;
    }
    return mark_finish_done(store_, header_.id, header_.round);
  }

 private:
  Result<void> end(const ClaimAnswer& seen) {
    const Time now = store_.now();
    EndRequest request;
    request.ref = ref_;
    request.condition = seen.seen;
    request.verdict = Verdict::failed;
    request.error = core::error_entry(seen.attempt, unhandled_code, "the cluster was deleted before", now, true);
    auto answers = with_patience(store_, [&] { return store_.ledger().end(std::span(&request, 1), now); });
    if (!answers) return std::move(answers).error();
    if (answers->outcomes.front() == EndOutcome::lease_lost) return is_handled_now(header_, now);
    return {};
  }

  Store& store_;
  const ClusterHeader& header_;
  RecordRef ref_;
};

/// Its finish message is given up. After a stop, tasks may still begin elsewhere until the header in the caches is too
/// old to be used: what is deleted then must not come into being again.
Result<ClusterHeader> give_up_finish(Store& store, const ClusterHeader& header) {
  if (header.stopped() && header.completed_at)
    store.clock().sleep_until(*header.completed_at + store.backend.header_age_max, {});
  if (!header.parent_ended) {
    if (auto followed = complete_finished(store, std::span(&header, 1)); !followed) return std::move(followed).error();
  }
  if (auto given_up = FinishMessage(store, header).give_up(); !given_up) return std::move(given_up).error();
  return store.header_strong(header.id);
}

}  // namespace

Result<void> delete_cluster(Store& store, const std::string& id, const DeleteOptions& options) {
  auto header = store.header_strong(id);
  if (!header) return std::move(header).error();
  const bool is_pending = !header->is_over() && header->finished() && !header->finish_done;
  if (is_pending && options.without_finish_handler) {
    header = give_up_finish(store, *header);
    if (!header) return std::move(header).error();
  }
  if (!header->is_over()) return cannot_be_deleted(*header);
  // Again for a tombstone: a call that was cut off is finished by the next one.
  auto removed = with_patience(store, [&] { return store.ledger().remove_cluster(id, store.now()); });
  if (!removed && removed.error().code == ErrorCode::not_finished) {  // Retried meanwhile.
    header = store.header_strong(id);
    return header ? cannot_be_deleted(*header) : std::move(header).error();
  }
  if (!removed) return removed;
  store.headers.forget(id);
  const BucketParams where = header->bucket_params.value_or(store.globals().location(id));
  if (where.bucket.empty()) return {};
  return with_patience(store, [&] { return store.globals().remove(where); });
}

}  // namespace fanfold::engine
