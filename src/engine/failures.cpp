#include "engine/failures.hpp"

#include "engine/completion.hpp"

namespace fanfold::engine {

Result<std::vector<EndOutcome>> end_and_follow(Store& store, std::span<const EndRequest> requests) {
  auto answers = with_patience(store, [&] { return store.ledger().end(requests, store.now()); });
  if (!answers) return std::move(answers).error();
  std::vector<FailedRound> failed;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].ref.type != RecordType::task || requests[i].verdict != Verdict::failed) continue;
    const EndOutcome outcome = answers->outcomes[i];
    bool has_failed = outcome == EndOutcome::ended;
    // Perhaps by this very call, whose first answer was lost: the cluster's count tells whether anything failed.
    if (outcome == EndOutcome::already) {
      auto progress = with_patience(store, [&] { return store.ledger().progress(requests[i].ref.id); });
      has_failed = progress && progress->failed_count > 0;
    }
    if (has_failed) failed.push_back({requests[i].ref.id, requests[i].ref.round});
  }
  auto followed = follow_failures(store, failed);
  if (!followed) return std::move(followed).error();
  auto completed = complete_finished(store, answers->finished);
  if (!completed) return std::move(completed).error();
  return std::move(answers->outcomes);
}

}  // namespace fanfold::engine
