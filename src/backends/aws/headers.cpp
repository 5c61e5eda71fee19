#include "backends/aws/headers.hpp"

#include "backends/aws/header_item.hpp"
#include "backends/aws/keys.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::chrono::milliseconds swap_pause_initial{2};
constexpr std::chrono::milliseconds swap_pause_most{500};

std::string fresh_write_id() {
  std::array<char, 16> text{};
  constexpr int hexadecimal = 16;
  const auto [end, code] = std::to_chars(text.data(), text.data() + text.size(), random_bits(), hexadecimal);
  static_cast<void>(code);  // 64 bits have at most 16 digits.
  return {text.data(), end};
}

bool is_header(const Item& item) { return item.text(type_name) == to_string(RecordType::cluster); }

Error changed(std::string_view id) {
  return {ErrorCode::conflict, "cluster " + std::string(id) + " changed meanwhile", {}};
}

}  // namespace

Error no_cluster(std::string_view id) { return {ErrorCode::not_found, "no cluster is called " + std::string(id), {}}; }

Error only_tombstone(std::string_view id) {
  return {ErrorCode::deleted, "the cluster " + std::string(id) + " was deleted", {}};
}

bool has_open_end(const ClusterHeader& header) noexcept {
  return header.finished() && !header.tombstone &&
         (!header.parent_ended || !header.finish_sent_at || !header.finish_done);
}

std::uint64_t ttl_of(Time expires_at) noexcept {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(expires_at).time_since_epoch().count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds));
}

Item Headers::item_of(const ClusterHeader& header, std::string_view write_id) {
  Item item = write_header(header);
  item.attributes.push_back({std::string(write_id_name), Value::of(write_id)});
  return item;
}

Condition Headers::unchanged(const ClusterHeader& header) {
  if (support::mutant("header_without_version")) return {};
  return {Clause::equals(version_name, Value::of_number(header.version))};
}

void Headers::note(const ClusterHeader& header) {
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= known_count_max) known_.erase(known_.begin());
  known_.insert_or_assign(header.id, Known{header.expires_at, header.task_count, header.round, header.tombstone});
}

Result<ClusterHeader> Headers::read(std::string_view id, Consistency consistency) {
  const ItemKey key = record_key(id);
  auto item = table_.get(key, consistency);
  if (!item) return std::move(item).error();
  const bool looks_again = consistency == Consistency::eventual && (!*item || !is_header(**item));
  if (looks_again) {
    item = table_.get(key, Consistency::strong);
    if (!item) return std::move(item).error();
  }
  if (!*item || !is_header(**item)) return no_cluster(id);
  auto header = read_header(**item);
  if (header) note(*header);
  return header;
}

Result<ClusterHeader> Headers::create(const ClusterHeader& header) {
  ClusterHeader created = header;
  created.version = 1;
  const std::string write_id = fresh_write_id();
  const PutRequest request{item_of(created, write_id), {Clause::absent(partition_name)}};
  auto answer = std::move(table_.put(std::span(&request, 1)).front());
  if (!answer) return std::move(answer).error();
  if (!answer->refused) {
    note(created);
    return created;
  }
  auto item = answer->item ? Result<std::optional<Item>>(std::move(answer->item))
                           : table_.get(request.item.key, Consistency::strong);
  if (!item) return std::move(item).error();
  if (*item && (*item)->text(write_id_name) == write_id) return created;
  if (*item && (*item)->flag("tombstone")) return only_tombstone(header.id);
  return Error{ErrorCode::already_exists, "the cluster " + header.id + " is there", {}};
}

Result<ClusterHeader> Headers::swap(const ClusterHeader& header) {
  ClusterHeader next = header;
  ++next.version;
  const std::string write_id = fresh_write_id();
  const PutRequest request{item_of(next, write_id), unchanged(header)};
  auto answer = std::move(table_.put(std::span(&request, 1)).front());
  if (!answer) return std::move(answer).error();
  if (answer->refused) {
    auto item = answer->item ? Result<std::optional<Item>>(std::move(answer->item))
                             : table_.get(request.item.key, Consistency::strong);
    if (!item) return std::move(item).error();
    if (!*item || !is_header(**item)) return no_cluster(header.id);
    // A copy of this very write may have come before this one.
    if ((*item)->text(write_id_name) != write_id) return changed(header.id);
  }
  note(next);
  return next;
}

Result<ClusterHeader> Headers::change(std::string_view id,
                                      const std::function<Result<Change>(ClusterHeader&)>& function) {
  for (std::size_t count = 1; count <= header_swap_count_max; ++count) {
    auto header = read(id, Consistency::strong);
    if (!header) return header;
    auto change = function(*header);
    if (!change) return std::move(change).error();
    if (*change == Change::leave) return header;
    auto written = swap(*header);
    if (written || written.error().code != ErrorCode::conflict) return written;
    pause_with_jitter(clock_, count, swap_pause_initial, swap_pause_most);
  }
  return changed(id);
}

Result<std::optional<ClusterHeader>> Headers::finish(std::string_view id, std::uint32_t round,
                                                     std::uint64_t failed_count, Time now, bool marks) {
  auto header = change(id, [&](ClusterHeader& stored) -> Result<Change> {
    const bool other_round = stored.round != round && !support::mutant("finish_of_any_round");
    if (stored.tombstone || other_round || !stored.sealed() || !stored.moved_to.empty()) return Change::leave;
    const bool finishes = !stored.finished() || support::mutant("finish_decides_again");
    if (!finishes && (!marks || stored.marked)) return Change::leave;
    if (finishes) {
      stored.failed_count = failed_count;
      stored.status = stored.outcome();
      stored.status_code = stored.status == Status::complete ? StatusCode::complete : StatusCode::error;
      stored.completed_at = now;
    }
    stored.marked = stored.marked || marks;
    stored.updated_at = now;
    return Change::write;
  });
  if (!header) {
    // Nothing is left to be finished where the header expired or was removed by hand.
    if (header.error().code == ErrorCode::not_found) return std::optional<ClusterHeader>();
    return std::move(header).error();
  }
  if (header->round != round || !has_open_end(*header)) return std::optional<ClusterHeader>();
  return std::optional<ClusterHeader>(std::move(*header));
}

Result<Headers::Known> Headers::known(std::string_view id) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(id);
    if (found != known_.end()) return found->second;
  }
  return known_now(id);
}

Result<Headers::Known> Headers::known_now(std::string_view id) {
  auto header = read(id, Consistency::strong);
  if (!header) return std::move(header).error();
  return Known{header->expires_at, header->task_count, header->round, header->tombstone};
}

}  // namespace fanfold::aws
