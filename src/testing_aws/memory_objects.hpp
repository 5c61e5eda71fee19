#pragma once

#include "backends/aws/object_store.hpp"

#include <map>
#include <mutex>

namespace fanfold::testing_aws {

/// A bucket in memory with S3's semantics: an ETag is made from the body alone, conditions are checked. Thread-safe.
class MemoryObjects final : public aws::ObjectStore {
 public:
  std::vector<Result<aws::StoredObject>> get(std::span<const aws::ObjectRef> objects) override;
  Result<std::string> put(const aws::PutObject& object) override;
  Result<void> remove(const aws::ObjectRef& object) override;

  [[nodiscard]] std::size_t object_count() const;
  [[nodiscard]] std::uint64_t put_count() const;
  [[nodiscard]] std::uint64_t get_count() const;

 private:
  using Key = std::pair<std::string, std::string>;
  mutable std::mutex mutex_;
  std::map<Key, aws::StoredObject> objects_;  // Guarded by mutex_.
  std::uint64_t put_count_ = 0;               // Guarded by mutex_.
  std::uint64_t get_count_ = 0;               // Guarded by mutex_.
};

}  // namespace fanfold::testing_aws
