#pragma once

#include "backends/aws/bulk.hpp"
#include "backends/aws/object_store.hpp"

#include <memory>

namespace fanfold::aws {

/// Texts of any length under names, each written once: pages of payloads, long bodies. Thread-safe; calls block.
class Blobs {
 public:
  virtual ~Blobs() = default;

  /// Answers what was there already; empty where this call wrote it. `ttl`: seconds since 1970, where the store can
  /// forget by itself.
  virtual Result<std::optional<std::string>> put(const std::string& name, std::string_view bytes,
                                                 std::uint64_t ttl) = 0;
  /// In order; empty where there is none.
  virtual Result<std::vector<std::optional<std::string>>> get(std::span<const std::string> names) = 0;
  /// Idempotent.
  virtual Result<void> remove(std::span<const std::string> names) = 0;
};

/// As objects of a bucket. All three outlive it.
[[nodiscard]] std::unique_ptr<Blobs> make_object_blobs(ObjectStore& objects, std::string bucket, Clock& clock);
/// As items of the table, in as many as it takes. Both outlive it.
[[nodiscard]] std::unique_ptr<Blobs> make_item_blobs(Table& table, Clock& clock);

}  // namespace fanfold::aws
