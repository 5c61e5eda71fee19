#include "backends/aws/bulk.hpp"

#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <algorithm>
#include <map>

namespace fanfold::aws {
namespace {

constexpr std::size_t doublings_max = 16;
constexpr std::chrono::milliseconds unprocessed_pause_initial{20};
constexpr std::chrono::milliseconds unprocessed_pause_most{2'000};

Error left_unprocessed() {
  return {ErrorCode::throttled, "the table leaves items of batches unprocessed again and again", {}};
}

}  // namespace

void pause_with_jitter(Clock& clock, std::size_t try_count, std::chrono::milliseconds initial,
                       std::chrono::milliseconds most) {
  const auto bound = std::min(most, initial * (std::int64_t{1} << std::min(try_count, doublings_max)));
  const auto length =
      std::chrono::milliseconds(static_cast<std::int64_t>(random_unit() * static_cast<double>(bound.count() + 1)));
  clock.sleep_until(clock.now() + length, {});
}

Result<std::vector<std::optional<Item>>> read_items(Table& table, Clock& clock, std::span<const ItemKey> keys,
                                                    Consistency consistency, std::size_t batch_count_max) {
  std::vector<std::optional<Item>> items(keys.size());
  if (keys.size() == 1) {
    auto item = table.get(keys.front(), consistency);
    if (!item) return std::move(item).error();
    items.front() = std::move(*item);
    return items;
  }
  std::map<ItemKey, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < keys.size(); ++i) places[keys[i]].push_back(i);
  std::vector<ItemKey> waiting;
  waiting.reserve(places.size());
  for (const auto& [key, where] : places) waiting.push_back(key);
  for (std::size_t tries = 0; !waiting.empty();) {
    const std::size_t count = std::min(waiting.size(), batch_count_max);
    const std::vector<ItemKey> some(waiting.end() - static_cast<std::ptrdiff_t>(count), waiting.end());
    auto answer = table.batch_get(some, consistency);
    if (!answer) return std::move(answer).error();
    waiting.resize(waiting.size() - count);
    for (Item& item : answer->items) {
      const auto place = places.find(item.key);
      if (place == places.end()) continue;
      for (const std::size_t i : place->second) items[i] = item;
    }
    const bool has_progress = answer->unprocessed.size() < count;
    std::ranges::move(answer->unprocessed, std::back_inserter(waiting));
    if (has_progress) {
      tries = 0;
      continue;
    }
    if (++tries == unprocessed_try_count_max) return left_unprocessed();
    pause_with_jitter(clock, tries, unprocessed_pause_initial, unprocessed_pause_most);
  }
  return items;
}

Result<void> write_items(Table& table, Clock& clock, std::span<const Item> puts, std::span<const ItemKey> removes) {
  std::size_t put_count = 0;
  std::size_t remove_count = 0;
  BatchWriteRequest rest;
  for (std::size_t tries = 0;
       put_count < puts.size() || remove_count < removes.size() || !rest.puts.empty() || !rest.removes.empty();) {
    BatchWriteRequest request = std::exchange(rest, {});
    const auto room = [&] { return request.puts.size() + request.removes.size() < batch_write_count_max; };
    while (room() && put_count < puts.size()) request.puts.push_back(puts[put_count++]);
    while (room() && remove_count < removes.size()) request.removes.push_back(removes[remove_count++]);
    const std::size_t count = request.puts.size() + request.removes.size();
    auto answer = table.batch_write(request);
    if (!answer) return std::move(answer).error();
    rest = std::move(*answer);
    if (support::mutant("unprocessed_is_dropped")) rest = {};
    if (rest.puts.size() + rest.removes.size() < count) {
      tries = 0;
      continue;
    }
    if (++tries == unprocessed_try_count_max) return left_unprocessed();
    pause_with_jitter(clock, tries, unprocessed_pause_initial, unprocessed_pause_most);
  }
  return {};
}

Result<std::vector<std::vector<Item>>> query_items(Table& table, std::span<const QueryRequest> requests) {
  std::vector<std::vector<Item>> items(requests.size());
  std::vector<QueryRequest> open(requests.begin(), requests.end());
  std::vector<std::size_t> places(requests.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  while (!open.empty()) {
    auto answers = table.query(open);
    std::vector<QueryRequest> more;
    std::vector<std::size_t> more_places;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i]) return std::move(answers[i]).error();
      std::ranges::move(answers[i]->items, std::back_inserter(items[places[i]]));
      if (!answers[i]->next) continue;
      more.push_back(std::move(open[i]));
      more.back().after = std::move(answers[i]->next);
      more_places.push_back(places[i]);
    }
    open = std::move(more);
    places = std::move(more_places);
  }
  return items;
}

}  // namespace fanfold::aws
