#include "backends/aws/rounds.hpp"

#include "backends/aws/headers.hpp"
#include "backends/aws/keys.hpp"
#include "support/hash.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::string_view list_sort = "list";

/// Differences of a growing sequence, seven bits a byte, low ones first; the high bit says that more follow.
std::string pack(std::span<const std::uint64_t> numbers) {
  std::string bytes;
  std::uint64_t before = 0;
  for (const std::uint64_t number : numbers) {
    std::uint64_t rest = number - before;
    before = number;
    while (rest >= 0x80U) {
      bytes += static_cast<char>((rest & 0x7fU) | 0x80U);
      rest >>= 7U;
    }
    bytes += static_cast<char>(rest);
  }
  return bytes;
}

std::optional<std::vector<std::uint64_t>> unpack(std::string_view bytes) {
  std::vector<std::uint64_t> numbers;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    std::uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (i == bytes.size() || shift > 63) return std::nullopt;
      const auto byte = static_cast<unsigned char>(bytes[i++]);
      number |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) break;
    }
    before += number;
    numbers.push_back(before);
  }
  return numbers;
}

Error damaged_round() { return {ErrorCode::damaged, "the list of a round is unreadable", {}}; }
Error no_round(std::uint32_t round) {
  return {ErrorCode::not_found, "the cluster has no round " + std::to_string(round), {}};
}

}  // namespace

Result<void> Rounds::put(std::string_view cluster_id, std::uint32_t round, std::string_view hash,
                         std::span<const std::uint64_t> indexes, std::uint64_t ttl) {
  const std::string partition = round_partition(cluster_id, round, hash);
  std::vector<Item> pages;
  std::vector<std::uint64_t> firsts;
  for (std::size_t begin = 0; begin < indexes.size(); begin += page_count) {
    const auto some = indexes.subspan(begin, std::min(page_count, indexes.size() - begin));
    firsts.push_back(some.front());
    Item page{{partition, round_page_sort(begin / page_count)}, {}};
    page.set("indexes", Value::of_binary(pack(some)));
    page.set(ttl_name, Value::of_number(ttl));
    pages.push_back(std::move(page));
  }
  std::string digest;
  for (const Item& page : pages) digest = digest_text(digest + std::string(page.text("indexes")));

  auto there = table_.get({partition, std::string(list_sort)}, Consistency::strong);
  if (!there) return std::move(there).error();
  if (!*there) {
    if (auto written = write_items(table_, clock_, pages, {}); !written) return written;
    PutRequest request{{{partition, std::string(list_sort)}, {}}, {Clause::absent(partition_name)}};
    request.item.set("size", Value::of_number(indexes.size()));
    request.item.set("firsts", Value::of_binary(pack(firsts)));
    request.item.set("digest", Value::of(digest));
    request.item.set(ttl_name, Value::of_number(ttl));
    auto answer = std::move(table_.put(std::span(&request, 1)).front());
    if (!answer) return std::move(answer).error();
    if (!answer->refused) return {};
    there = table_.get(request.item.key, Consistency::strong);
    if (!there) return std::move(there).error();
  }
  const bool is_same = *there && (*there)->text("digest") == digest && (*there)->number("size") == indexes.size();
  if (is_same) return {};
  return Error{ErrorCode::conflict, "another list of this round is stored under the same hash", {}};
}

Result<void> Rounds::note_winner(const ClusterHeader& header) {
  Item item{{rounds_partition(header.id), round_sort(header.round)}, {}};
  item.set("hash", Value::of(header.round_hash));
  item.set(ttl_name, Value::of_number(ttl_of(header.expires_at)));
  return write_items(table_, clock_, std::span(&item, 1), {});
}

Result<Rounds::List> Rounds::read_list(std::string_view cluster_id, std::uint32_t round, std::string_view hash) {
  auto item = table_.get({round_partition(cluster_id, round, hash), std::string(list_sort)}, Consistency::strong);
  if (!item) return std::move(item).error();
  if (!*item) return no_round(round);
  auto firsts = unpack((*item)->text("firsts"));
  if (!firsts) return damaged_round();
  return List{round, std::string(hash), (*item)->number("size"), std::move(*firsts)};
}

Result<Rounds::List> Rounds::list(const ClusterHeader& header, std::uint32_t round) {
  if (round == 0 || round > header.round) return no_round(round);
  if (round == header.round) return read_list(header.id, round, header.round_hash);
  auto item = table_.get({rounds_partition(header.id), round_sort(round)}, Consistency::strong);
  if (!item) return std::move(item).error();
  if (!*item) return no_round(round);
  return read_list(header.id, round, (*item)->text("hash"));
}

Result<std::vector<Rounds::List>> Rounds::lists(const ClusterHeader& header) {
  std::vector<List> lists;
  for (std::uint32_t round = 1; round <= header.round; ++round) {
    auto one = list(header, round);
    if (!one) return std::move(one).error();
    lists.push_back(std::move(*one));
  }
  return lists;
}

Result<std::vector<std::uint64_t>> Rounds::read_page(std::string_view cluster_id, const List& list,
                                                     std::uint64_t page) {
  auto item =
      table_.get({round_partition(cluster_id, list.round, list.hash), round_page_sort(page)}, Consistency::strong);
  if (!item) return std::move(item).error();
  auto indexes = *item ? unpack((*item)->text("indexes")) : std::nullopt;
  if (!indexes) return damaged_round();
  return std::move(*indexes);
}

Result<std::vector<std::uint64_t>> Rounds::read(std::string_view cluster_id, const List& list,
                                                std::uint64_t first_position, std::size_t count) {
  std::vector<std::uint64_t> indexes;
  while (indexes.size() < count && first_position + indexes.size() < list.size) {
    const std::uint64_t position = first_position + indexes.size();
    auto page = read_page(cluster_id, list, position / page_count);
    if (!page) return page;
    const std::size_t offset = position % page_count;
    if (page->size() <= offset) return damaged_round();
    const std::size_t taken = std::min(count - indexes.size(), page->size() - offset);
    const auto begin = page->begin() + static_cast<std::ptrdiff_t>(offset);
    indexes.insert(indexes.end(), begin, begin + static_cast<std::ptrdiff_t>(taken));
  }
  return indexes;
}

Result<std::vector<Rounds::Member>> Rounds::find(std::string_view cluster_id, const List& list,
                                                 std::uint64_t first_index, std::uint64_t count) {
  std::vector<Member> members;
  const auto after = std::ranges::upper_bound(list.firsts, first_index);
  auto page = static_cast<std::uint64_t>(after == list.firsts.begin() ? 0 : after - list.firsts.begin() - 1);
  for (; page < list.firsts.size() && list.firsts[page] < first_index + count; ++page) {
    auto indexes = read_page(cluster_id, list, page);
    if (!indexes) return std::move(indexes).error();
    for (auto at = std::ranges::lower_bound(*indexes, first_index); at != indexes->end() && *at < first_index + count;
         ++at) {
      members.push_back({page * page_count + static_cast<std::uint64_t>(at - indexes->begin()), *at});
    }
  }
  return members;
}

Result<void> Rounds::remove(const ClusterHeader& header) {
  std::vector<ItemKey> keys;
  for (std::uint32_t round = 1; round <= header.round; ++round) {
    auto one = list(header, round);
    if (!one && one.error().code == ErrorCode::not_found) continue;
    if (!one) return std::move(one).error();
    const std::string partition = round_partition(header.id, round, one->hash);
    for (std::uint64_t page = 0; page < one->firsts.size(); ++page) keys.push_back({partition, round_page_sort(page)});
    keys.push_back({partition, std::string(list_sort)});
    keys.push_back({rounds_partition(header.id), round_sort(round)});
  }
  return write_items(table_, clock_, {}, keys);
}

}  // namespace fanfold::aws
