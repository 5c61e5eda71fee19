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
    auto as = ended_as(store, requests[i].ref, outcome);
    if (!as) return std::move(as).error();
    if (*as == EndedAs::failed) failed.push_back({requests[i].ref.id, requests[i].ref.round});
  }
  auto followed = follow_failures(store, failed);
  if (!followed) return std::move(followed).error();
  auto completed = complete_finished(store, answers->finished);
  if (!completed) return std::move(completed).error();
  return std::move(answers->outcomes);
}

}  // namespace fanfold::engine
