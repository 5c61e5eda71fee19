#pragma once

#include "backends/aws/table.hpp"

#include <fanfold/ports/clock.hpp>

/// Reads and writes of any number of items, in the batches of the service.
namespace fanfold::aws {

/// How often what the service left unprocessed is asked for again before that is `throttled`.
inline constexpr std::size_t unprocessed_try_count_max = 12;

/// Full jitter: sleeps up to `initial * 2^try_count`, at most `most`, by the clock.
void pause_with_jitter(Clock& clock, std::size_t try_count, std::chrono::milliseconds initial,
                       std::chrono::milliseconds most);

/// One item per key, in order; empty where there is none. A key may come twice.
[[nodiscard]] Result<std::vector<std::optional<Item>>> read_items(Table& table, Clock& clock,
                                                                  std::span<const ItemKey> keys,
                                                                  Consistency consistency,
                                                                  std::size_t batch_count_max = batch_get_count_max);

/// Unconditional. Each item at most once.
[[nodiscard]] Result<void> write_items(Table& table, Clock& clock, std::span<const Item> puts,
                                       std::span<const ItemKey> removes);

/// All pages of each query, in the order of the requests.
[[nodiscard]] Result<std::vector<std::vector<Item>>> query_items(Table& table, std::span<const QueryRequest> requests);

}  // namespace fanfold::aws
