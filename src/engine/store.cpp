#include "engine/store.hpp"

#include "support/identifier.hpp"

#include <algorithm>

namespace fanfold::engine {

namespace {

constexpr std::size_t doublings_max = 16;

}  // namespace

std::shared_ptr<const ClusterHeader> HeaderCache::find(std::string_view id, Time now,
                                                       std::chrono::milliseconds age_max) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return nullptr;
  // A clock that was set back makes the age negative; such an entry's age is not known.
  const auto age = now - entry->second.read_at;
  const bool fresh = age >= age.zero() && age <= age_max;
  return fresh ? entry->second.header : nullptr;
}

std::shared_ptr<const ClusterHeader> HeaderCache::put(ClusterHeader header, Time read_at) {
  auto shared = std::make_shared<const ClusterHeader>(std::move(header));
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(shared->id);
  if (known != entries_.end()) {
    if (known->second.header->version <= shared->version) known->second = {shared, read_at};
    return known->second.header;
  }
  if (entries_.size() >= header_cache_count_max) {
    entries_.erase(std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.read_at; }));
  }
  entries_.emplace(shared->id, Entry{shared, read_at});
  return shared;
}

void HeaderCache::forget(std::string_view id) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry != entries_.end()) entries_.erase(entry);
}

void KnownQueues::note(std::string_view url) {
  const std::scoped_lock lock(mutex_);
  if (urls_.size() < known_queue_count_max && !urls_.contains(url)) urls_.emplace(url);
}

std::vector<std::string> KnownQueues::all() const {
  const std::scoped_lock lock(mutex_);
  return {urls_.begin(), urls_.end()};
}

Result<std::shared_ptr<const ClusterHeader>> Store::header(std::string_view id) {
  if (auto cached = headers.find(id, now(), backend.header_age_max)) return cached;
  // The threads of a worker find it too old at the same moment, and each read is paid for: one reads, the others wait
  // for its answer. Where it gets none, each goes on by itself.
  std::unique_lock reading(headers.reading(id), std::try_to_lock);
  if (!reading.owns_lock()) {
    reading.lock();
    reading.unlock();
  }
  const Time read_at = now();
  if (auto cached = headers.find(id, read_at, backend.header_age_max)) return cached;
  auto read = with_patience(*this, [&] { return ledger().read_cluster(id, Consistency::strong); });
  if (!read) return std::move(read).error();
  return headers.put(std::move(*read), read_at);
}

Result<ClusterHeader> Store::header_strong(std::string_view id) {
  const Time read_at = now();
  auto read = with_patience(*this, [&] { return ledger().read_cluster(id, Consistency::strong); });
  if (read) headers.put(*read, read_at);
  return read;
}

Result<ClusterHeader> modify_header(Store& store, std::string_view id, const HeaderFunction& function) {
  for (std::size_t count = 1; count <= header_swap_count_max; ++count) {
    auto header = store.header_strong(id);
    if (!header) return header;
    auto change = function(*header);
    if (!change) return std::move(change).error();
    if (*change == HeaderChange::leave) return header;

    const Time written_at = store.now();
    header->updated_at = written_at;
    auto written = store.ledger().update_cluster(*header);
    if (written) {
      store.headers.put(*written, written_at);
      return written;
    }
    const ErrorCode code = written.error().code;
    if (code != ErrorCode::conflict && !is_passing_fault(code)) return written;
    pause_with_jitter(store, count, swap_pause_initial, swap_pause_most);
  }
  return Error{ErrorCode::conflict,
               "the cluster's header changed under every one of " + std::to_string(header_swap_count_max) + " writes",
               {}};
}

Result<ClusterHeader> live_header(Store& store, std::string_view id) {
  auto header = store.header_strong(id);
  if (header && header->tombstone) return Error{ErrorCode::deleted, "cluster " + header->id + " was deleted", {}};
  return header;
}

Result<ClaimAnswer> look_at(Store& store, const RecordRef& ref) {
  const Time now = store.now();
  ClaimRequest request;
  request.ref = ref;
  request.token = store.ledger().new_token();
  request.lease_end = now;
  request.attempts_max = 0;
  request.first_delivery = false;
  auto answers = with_patience(store, [&] { return store.ledger().claim(std::span(&request, 1), now); });
  if (!answers) return std::move(answers).error();
  return std::move(answers->front());
}

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Result<void> fetch_payload(const Store& store, Delivery& delivery) {
  if (!delivery.is_pointer) return {};
  return std::move(store.queue().fetch_payloads(std::span(&delivery, 1)).front());
}

Result<void> check_is_here(const ClusterHeader& header) {
  if (header.moved_to.empty()) return {};
  const std::string state = header.moving() ? "is " + header.moved_to : "was moved to " + header.moved_to;
  return Error{ErrorCode::sealed, "cluster " + header.id + " " + state + "; it is steered there", {}};
}

void pause_with_jitter(Store& store, std::size_t try_count, std::chrono::milliseconds initial,
                       std::chrono::milliseconds most) {
  const std::size_t doublings = std::min(try_count, doublings_max);
  const auto bound = std::min(most, initial * (std::int64_t{1} << doublings));
  const auto length =
      std::chrono::milliseconds(static_cast<std::int64_t>(random_unit() * static_cast<double>(bound.count() + 1)));
  store.clock().sleep_until(store.now() + length, {});
}

}  // namespace fanfold::engine
