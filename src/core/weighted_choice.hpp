#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fanfold::core {

/// Takes turns by weight, smoothly: of weights 3 and 1 it chooses a a b a, never a a a b a a a b. Those that are not
/// eligible are passed over and get nothing back later. Not thread-safe.
class WeightedChoice {
 public:
  explicit WeightedChoice(std::vector<std::uint32_t> weights)
      : weights_(std::move(weights)), credits_(weights_.size(), 0) {}

  /// The index of the chosen one; `count` of weights where none is eligible.
  [[nodiscard]] std::size_t choose(std::span<const bool> eligible) noexcept;
  [[nodiscard]] std::size_t count() const noexcept { return weights_.size(); }

 private:
  std::vector<std::uint32_t> weights_;
  std::vector<std::int64_t> credits_;
};

}  // namespace fanfold::core
