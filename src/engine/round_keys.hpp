#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanfold::engine {

/// Of so many rounds, the newest, the keys of the calls that began them are known.
inline constexpr std::size_t round_key_count_max = 8;

/// A round that was begun by a call of retry_failed with an idempotency key.
struct KeyedRound {
  std::uint32_t round = 0;
  std::uint64_t task_count = 0;
};

/// `ClusterHeader::round_key` with one more: "hash/round/count", the newest first, separated by spaces. A hash alone is
/// an older fanfold's, of `latest`, the cluster's latest round.
[[nodiscard]] std::string with_round_key(std::string_view keys, std::string_view hash, const KeyedRound& next,
                                         const KeyedRound& latest);
/// The round that was begun with this key; empty where none is known.
[[nodiscard]] std::optional<KeyedRound> round_with_key(std::string_view keys, std::string_view hash,
                                                       const KeyedRound& latest);

}  // namespace fanfold::engine
