#include "core/weighted_choice.hpp"

namespace fanfold::core {

std::size_t WeightedChoice::choose(std::span<const bool> eligible) noexcept {
  std::size_t best = weights_.size();
  std::int64_t total = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (!eligible[i]) {
      credits_[i] = 0;
      continue;
    }
    credits_[i] += weights_[i];
    total += weights_[i];
    if (best == weights_.size() || credits_[i] > credits_[best]) best = i;
  }
  if (best != weights_.size()) credits_[best] -= total;
  return best;
}

}  // namespace fanfold::core
