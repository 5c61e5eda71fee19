#pragma once

#include "backends/aws/object_store.hpp"

#include <fanfold/ports/global_store.hpp>

namespace fanfold::aws {

/// Globals as JSON objects `<pKey>-globals.json` of a bucket, swapped by ETag; the ids of the last writes are in the
/// object's metadata.
///
/// An ETag is made from the body alone: a value that comes back would bring its old ETag back, and a swap on it would
/// overwrite the write ids of those in between. So each write ends its body with white space that no other one has.
class AwsGlobalStore : public GlobalStore {
 public:
  /// `objects` outlives this object. Without a bucket there are no globals.
  AwsGlobalStore(ObjectStore& objects, std::string bucket) : objects_(objects), bucket_(std::move(bucket)) {}

  [[nodiscard]] BucketParams location(std::string_view cluster_id) const override;
  Result<StoredGlobals> read(const BucketParams& where) override;
  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override;
  Result<void> remove(const BucketParams& where) override;

 private:
  ObjectStore& objects_;
  std::string bucket_;
};

}  // namespace fanfold::aws
