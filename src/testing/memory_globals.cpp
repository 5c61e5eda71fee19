#include "testing/memory_state.hpp"

namespace fanfold::testing::memory {
namespace {

class MemoryGlobalStore final : public GlobalStore {
 public:
  explicit MemoryGlobalStore(std::shared_ptr<State> state) : state_(std::move(state)) {}

  BucketParams location(std::string_view cluster_id) const override {
    return {"memory", std::string(key_prefix).append(cluster_id).append("-globals.json")};
  }

  Result<StoredGlobals> read(const BucketParams& where) override {
    const std::scoped_lock lock(state_->mutex);
    const auto found = state_->globals.find(where.key);
    if (found == state_->globals.end()) return Error{ErrorCode::not_found, "no globals at " + where.key, {}};
    return found->second;
  }

  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    const std::scoped_lock lock(state_->mutex);
    const auto found = state_->globals.find(where.key);
    const std::string_view version = found == state_->globals.end() ? std::string_view() : found->second.version;
    if (version != expected_version) return Error{ErrorCode::conflict, "the globals have another version", {}};
    StoredGlobals& stored = state_->globals[where.key];
    stored = globals;
    if (stored.write_ids.size() > global_write_id_count_max) {
      stored.write_ids.erase(stored.write_ids.begin(), stored.write_ids.end() - global_write_id_count_max);
    }
    stored.version = "v" + std::to_string(++state_->globals_version);
    return stored.version;
  }

  Result<void> remove(const BucketParams& where) override {
    const std::scoped_lock lock(state_->mutex);
    state_->globals.erase(where.key);
    return {};
  }

 private:
  std::shared_ptr<State> state_;  // Shared with the store and its other ports.
};

}  // namespace

std::unique_ptr<GlobalStore> make_global_store(std::shared_ptr<State> state) {
  return std::make_unique<MemoryGlobalStore>(std::move(state));
}

}  // namespace fanfold::testing::memory
