#include "engine/globals.hpp"

#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <cxxabi.h>
#include <algorithm>

namespace fanfold::engine {

namespace {

bool& inside_update_function() noexcept {
  static thread_local bool inside = false;
  return inside;
}

/// The write may have been applied although its answer is an error.
bool is_ambiguous(ErrorCode code) noexcept { return is_passing_fault(code) || code == ErrorCode::outcome_unknown; }

}  // namespace

bool is_inside_update_function() noexcept { return inside_update_function(); }

UpdateFunctionScope::UpdateFunctionScope() noexcept : outer_(std::exchange(inside_update_function(), true)) {}
UpdateFunctionScope::~UpdateFunctionScope() { inside_update_function() = outer_; }

Result<Json> read_globals(Store& store, const BucketParams& where) {
  auto stored = with_patience(store, [&] { return store.globals().read(where); });
  if (!stored) return std::move(stored).error();
  return std::move(stored->value);
}

/// Applies some requests to one cluster's globals and stores the outcome in one swap.
class GlobalsUpdater::Swap {
 public:
  Swap(Store& store, const std::string& cluster_id, const BucketParams& where, std::span<Request* const> requests)
      : store_(store), cluster_id_(cluster_id), where_(where), requests_(requests) {}

  /// One settlement per request, in order.
  std::vector<Settlement> run() {
    auto settled = swap();
    if (!may_have_created_ || !was_deleted()) return settled;
    return settle_all({ErrorCode::deleted, "cluster " + cluster_id_ + " was deleted", {}});
  }

 private:
  /// Whoever makes globals where there are none may come after those who deleted the cluster, who remove them after its
  /// header says so: then they are removed here.
  bool was_deleted() {
    const auto header = store_.header_strong(cluster_id_);
    if (!header || !header->tombstone) return false;
    // Of a cluster that is gone nothing can be told but that; who deletes it again removes what is left.
    static_cast<void>(with_patience(store_, [&] { return store_.globals().remove(where_); }));
    return true;
  }

  std::vector<Settlement> swap() {
    for (std::size_t count = 1; count <= globals_swap_count_max; ++count) {
      auto stored = read();
      if (!stored) return settle_all(possibly_applied_ ? unknown() : stored.error());
      if (auto settled = look_for_own_writes(*stored)) return std::move(*settled);
      Try attempt = apply(*stored);
      if (attempt.applied_count == 0) return settle(attempt, std::string());
      may_have_created_ = may_have_created_ || stored->version.empty();
      auto written = store_.globals().write(where_, attempt.globals, stored->version);
      if (written) return settle(attempt, std::move(*written));
      const ErrorCode code = written.error().code;
      attempt.ambiguous = is_ambiguous(code);
      if (!attempt.ambiguous && code != ErrorCode::conflict) return settle(attempt, std::move(written).error());
      possibly_applied_ = possibly_applied_ || attempt.ambiguous;
      attempt.globals = {};
      tries_.push_back(std::move(attempt));
      pause_with_jitter(store_, count, swap_pause_initial, swap_pause_most);
    }
    if (possibly_applied_) return settle_all(unknown());
    return settle_all({ErrorCode::conflict,
                       "the globals changed under every one of " + std::to_string(globals_swap_count_max) + " swaps",
                       {}});
  }

  /// One write, and whom it carried. Kept until it is certain that it was not applied.
  struct Try {
    std::string id{};
    std::string predecessor_id{};  // Newest in the list that it was appended to; empty where that had none.
    std::string expected_version{};
    StoredGlobals globals{};
    std::vector<Settlement> refused{};  // Per request; nothing where its effect is in the write.
    std::size_t applied_count = 0;
    bool ambiguous = false;
  };

  static Error unknown() {
    return {ErrorCode::outcome_unknown,
            "an answer was lost, and later writes pushed the trace of this one out of the globals",
            {}};
  }

  /// Nothing stored is an empty version.
  Result<StoredGlobals> read() {
    auto stored = with_patience(store_, [&] { return store_.globals().read(where_); });
    if (!stored && stored.error().code == ErrorCode::not_found) return StoredGlobals{};
    return stored;
  }

  Try apply(const StoredGlobals& stored) {
    Try attempt;
    attempt.id = make_identifier(store_.now());
    attempt.expected_version = stored.version;
    if (!stored.write_ids.empty()) attempt.predecessor_id = stored.write_ids.back();
    std::optional<Json> value;
    if (!stored.version.empty()) value = stored.value;
    for (Request* request : requests_) {
      attempt.refused.push_back(apply_one(*request->function, value));
      if (!attempt.refused.back().there()) ++attempt.applied_count;
    }
    if (attempt.applied_count == 0) return attempt;
    attempt.globals.value = std::move(*value);
    attempt.globals.write_ids = stored.write_ids;
    attempt.globals.write_ids.push_back(attempt.id);
    const std::size_t count = attempt.globals.write_ids.size();
    if (count > global_write_id_count_max) {
      attempt.globals.write_ids.erase(attempt.globals.write_ids.begin(),
                                      attempt.globals.write_ids.end() - global_write_id_count_max);
    }
    return attempt;
  }

  /// Changes `value`, or leaves it alone and says why.
  static Settlement apply_one(const detail::JsonFunction& function, std::optional<Json>& value) {
    const UpdateFunctionScope scope;
    Settlement refused;
    try {
      auto changed = function(value);
      if (!changed) {
        refused.answer.emplace(std::move(changed).error());
      } else if (changed->text().size() > json_size_bytes_max) {
        refused.answer.emplace(
            Error{ErrorCode::too_large, "globals have at most " + std::to_string(json_size_bytes_max) + " bytes", {}});
      } else {
        value = std::move(*changed);
      }
    } catch (const abi::__forced_unwind&) {
      throw;  // The thread is cancelled.
    } catch (...) {
      refused.thrown = std::current_exception();  // It comes out of its own caller's update.
    }
    return refused;
  }

  /// Settles where an earlier write turns out to have been applied, or where nobody can tell any more.
  std::optional<std::vector<Settlement>> look_for_own_writes(const StoredGlobals& stored) {
    const auto& ids = stored.write_ids;
    const auto has = [&](const std::string& id) { return std::ranges::find(ids, id) != ids.end(); };
    for (Try& earlier : tries_) {
      if (has(earlier.id) && !support::mutant("globals_without_write_ids")) return settle(earlier, stored.version);
    }
    for (const Try& earlier : tries_) {
      if (!earlier.ambiguous || earlier.expected_version == stored.version) continue;
      const bool list_reaches_back =
          earlier.predecessor_id.empty() ? ids.size() < global_write_id_count_max : has(earlier.predecessor_id);
      if (!list_reaches_back) return settle_all(unknown());
    }
    // What was not applied until now still may be while the version that it asks for is there.
    std::erase_if(tries_,
                  [&](const Try& earlier) { return !earlier.ambiguous || earlier.expected_version != stored.version; });
    possibly_applied_ = !tries_.empty();
    return std::nullopt;
  }

  static std::vector<Settlement> settle(Try& attempt, Result<std::string> answer) {
    for (Settlement& settlement : attempt.refused) {
      if (!settlement.there()) settlement.answer = answer;
    }
    return std::move(attempt.refused);
  }

  [[nodiscard]] std::vector<Settlement> settle_all(const Error& error) const {
    Settlement settlement;
    settlement.answer.emplace(error);
    return std::vector<Settlement>(requests_.size(), settlement);
  }

  Store& store_;
  const std::string& cluster_id_;
  const BucketParams& where_;
  std::span<Request* const> requests_;
  std::vector<Try> tries_;
  bool possibly_applied_ = false;
  bool may_have_created_ = false;
};

/// One request's stay in its group, however the call ends.
class GlobalsUpdater::Membership {
 public:
  /// Under the updater's lock.
  Membership(GlobalsUpdater& updater, const std::string& cluster_id, Request& request,
             std::unique_lock<std::mutex>& lock)
      : updater_(updater), entry_(updater.groups_.try_emplace(cluster_id).first), request_(request), lock_(lock) {
    ++group().user_count;
    group().waiting.push_back(&request_);
  }
  ~Membership() {
    if (!lock_.owns_lock()) lock_.lock();
    std::erase(group().waiting, &request_);
    if (--group().user_count == 0) updater_.groups_.erase(entry_);
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  [[nodiscard]] Group& group() const { return entry_->second; }

 private:
  GlobalsUpdater& updater_;
  std::map<std::string, Group, std::less<>>::iterator entry_;
  Request& request_;
  std::unique_lock<std::mutex>& lock_;
};

Result<std::string> GlobalsUpdater::update(const std::string& cluster_id, const detail::JsonFunction& function) {
  if (is_inside_update_function()) {
    return Error{ErrorCode::invalid_argument, "an update inside an update function would wait for itself", {}};
  }
  auto checked = check_cluster(cluster_id);
  if (!checked) return std::move(checked).error();
  const BucketParams where = store_.globals().location(cluster_id);
  if (where.bucket.empty()) return Error{ErrorCode::invalid_argument, "this store has no place for globals", {}};

  Request request{.function = &function};
  std::unique_lock lock(mutex_);
  const Membership membership(*this, cluster_id, request, lock);
  while (!request.settlement.there()) {
    if (membership.group().led) {
      membership.group().changed.wait(lock);
    } else {
      lead(lock, membership.group(), cluster_id, where);
    }
  }
  if (request.settlement.thrown) std::rethrow_exception(request.settlement.thrown);
  return std::move(*request.settlement.answer);
}

void GlobalsUpdater::lead(std::unique_lock<std::mutex>& lock, Group& group, const std::string& cluster_id,
                          const BucketParams& where) {
  /// Gives the lead up, and what is not settled back, however the swap ends.
  struct Lead {
    std::unique_lock<std::mutex>& held;
    Group& led_group;
    std::vector<Request*> taken{};
    ~Lead() {
      if (!held.owns_lock()) held.lock();
      std::erase_if(taken, [](const Request* request) { return request->settlement.there(); });
      led_group.waiting.insert(led_group.waiting.begin(), taken.begin(), taken.end());
      led_group.led = false;
      led_group.changed.notify_all();
    }
  };
  group.led = true;
  Lead leading{lock, group};
  const std::size_t count = std::min(group.waiting.size(), globals_group_count_max);
  leading.taken.assign(group.waiting.begin(), group.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  group.waiting.erase(group.waiting.begin(), group.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  lock.unlock();
  auto settlements = Swap(store_, cluster_id, where, leading.taken).run();
  lock.lock();
  for (std::size_t i = 0; i < leading.taken.size(); ++i) leading.taken[i]->settlement = std::move(settlements[i]);
}

Result<void> GlobalsUpdater::check_cluster(const std::string& cluster_id) {
  auto header = store_.header(cluster_id);
  if (!header) return std::move(header).error();
  if ((*header)->tombstone) return Error{ErrorCode::deleted, "cluster " + cluster_id + " was deleted", {}};
  return {};
}

}  // namespace fanfold::engine
