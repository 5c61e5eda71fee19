#pragma once

#include "engine/redrive_policies.hpp"

#include <fanfold/ports/backend.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace fanfold::engine {

/// How often one change of a header is tried before it is given up as `conflict`.
inline constexpr std::size_t header_swap_count_max = 64;
/// How often a call of a port that answered with a passing fault is made in all.
inline constexpr std::size_t port_call_count_max = 5;
/// Headers kept in memory; the one read longest ago makes room.
inline constexpr std::size_t header_cache_count_max = 1'024;
inline constexpr std::size_t known_queue_count_max = 1'024;

/// Cluster headers as they were read not long ago. Thread-safe; never blocks on a port.
class HeaderCache {
 public:
  /// Null where none is kept that was read within `age_max` before `now`.
  [[nodiscard]] std::shared_ptr<const ClusterHeader> find(std::string_view id, Time now,
                                                          std::chrono::milliseconds age_max) const;
  /// `read_at` is the time before the read began, so that an answer that was long under way counts as old as it is.
  /// A header older than the one kept (by version) is dropped.
  std::shared_ptr<const ClusterHeader> put(ClusterHeader header, Time read_at);
  void forget(std::string_view id);
  /// Held by whoever finds none that is fresh and reads it, so that others can wait for that. A few clusters share one.
  [[nodiscard]] std::mutex& reading(std::string_view id) noexcept {
    return reading_[std::hash<std::string_view>{}(id) % reading_.size()];
  }

 private:
  struct Entry {
    std::shared_ptr<const ClusterHeader> header{};  // Shared with those who look at it while it is replaced.
    Time read_at{};
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // Guarded by mutex_.
  std::array<std::mutex, 64> reading_;
};

/// Queues that this process takes from; the sweep looks after their dead letters, also those of single messages, which
/// no cluster leads to. Thread-safe.
class KnownQueues {
 public:
  /// Beyond `known_queue_count_max` a new one is passed over.
  void note(std::string_view url);
  [[nodiscard]] std::vector<std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> urls_;  // Guarded by mutex_.
};

/// Where the next sweep goes on; empty: with the newest cluster.
class SweepPlace {
 public:
  void keep(std::string cursor) {
    const std::scoped_lock lock(mutex_);
    cursor_ = std::move(cursor);
  }
  [[nodiscard]] std::string take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(cursor_, {});
  }
  void keep_noted(Time began_at) {
    const std::scoped_lock lock(mutex_);
    noted_at_ = began_at;
  }
  [[nodiscard]] bool noted(Time began_at) {
    const std::scoped_lock lock(mutex_);
    return noted_at_ == began_at;
  }

 private:
  std::mutex mutex_;
  std::string cursor_;            // Guarded by mutex_, as all below.
  std::optional<Time> noted_at_;  // When the last sweep began of which a note was left here.
};

/// The ports and what the use cases share. Thread-safe; neither copied nor moved.
struct Store {
  explicit Store(Backend ports) : backend(std::move(ports)) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Backend backend;
  HeaderCache headers{};
  KnownQueues queues_known{};
  SweepPlace sweep_place{};
  RedrivePolicies redrive_policies{};

  [[nodiscard]] Queue& queue() const { return *backend.queue; }
  [[nodiscard]] Ledger& ledger() const { return *backend.ledger; }
  [[nodiscard]] GlobalStore& globals() const { return *backend.globals; }
  [[nodiscard]] Clock& clock() const { return *backend.clock; }
  [[nodiscard]] Time now() const { return backend.clock->now(); }

  /// At most `backend.header_age_max` old; read where it is older. Blocks then. Errors: not_found. A tombstone is
  /// returned as it is.
  Result<std::shared_ptr<const ClusterHeader>> header(std::string_view id);
  /// Read now, strongly; the cache keeps it.
  Result<ClusterHeader> header_strong(std::string_view id);
};

/// What a function that changes a header wants.
enum class HeaderChange : std::uint8_t {
  write,  ///< Store it, if nobody else wrote in between; else the function runs again on what they wrote.
  leave   ///< It is as it should be.
};

/// Gets the header as stored, changes it in place. Runs again after a lost swap and after a swap whose answer was lost,
/// so it has to see its own earlier effect and leave it.
using HeaderFunction = std::function<Result<HeaderChange>(ClusterHeader&)>;

/// Reads strongly, applies, compares and swaps, with jittered pauses in between. Answers the header as it now is.
/// Errors: conflict after `header_swap_count_max` lost swaps; those of the function and of the ledger.
Result<ClusterHeader> modify_header(Store& store, std::string_view id, const HeaderFunction& function);

/// The live header: errors not_found, and `deleted` for a tombstone.
Result<ClusterHeader> live_header(Store& store, std::string_view id);

/// How a record stands. Claims and writes nothing.
[[nodiscard]] Result<ClaimAnswer> look_at(Store& store, const RecordRef& ref);

/// Errors: sealed where the cluster went to another store, or is on its way: it is steered there.
[[nodiscard]] Result<void> check_is_here(const ClusterHeader& header);

[[nodiscard]] Error invalid(std::string message);

/// Completes one delivery whose text is kept elsewhere; nothing to do where it is whole. Errors: of
/// Queue::fetch_payloads.
[[nodiscard]] Result<void> fetch_payload(const Store& store, Delivery& delivery);

/// Between tries of a compare-and-swap that another writer won.
inline constexpr std::chrono::milliseconds swap_pause_initial{2};
inline constexpr std::chrono::milliseconds swap_pause_most{500};
/// Between tries of a send that the queue refused for now.
inline constexpr std::chrono::milliseconds refused_pause_initial{50};
inline constexpr std::chrono::milliseconds refused_pause_most{2'000};
/// Tasks that one read asks a ledger for.
inline constexpr std::size_t task_page_count = 1'000;

/// Full jitter: sleeps up to `initial * 2^try_count`, at most `most`, by the store's clock.
void pause_with_jitter(Store& store, std::size_t try_count, std::chrono::milliseconds initial,
                       std::chrono::milliseconds most);

/// True where a port's call is worth making again at once: throttled or unavailable.
[[nodiscard]] constexpr bool is_passing_fault(ErrorCode code) noexcept {
  return code == ErrorCode::throttled || code == ErrorCode::unavailable;
}

/// Calls `call` again, with jittered pauses, while its answer is a passing fault, `port_call_count_max` times in all;
/// not again where it took so long that the service hangs rather than refuses. Right for every call of the ports that
/// is idempotent.
template <class Call>
auto with_patience(Store& store, Call&& call) -> decltype(call()) {
  constexpr std::chrono::milliseconds pause_initial{20};
  constexpr std::chrono::milliseconds pause_most{1'000};
  constexpr std::chrono::seconds hanging{20};
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t count = 1;; ++count) {
    auto answer = call();
    if (answer.has_value() || !is_passing_fault(answer.error().code) || count == port_call_count_max) return answer;
    if (std::chrono::steady_clock::now() - begun > hanging) return answer;
    pause_with_jitter(store, count, pause_initial, pause_most);
  }
}

}  // namespace fanfold::engine
