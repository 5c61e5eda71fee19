#pragma once

#include <fanfold/result.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The few operations of S3 that are needed, on one bucket or on one that is named.
namespace fanfold::aws {

struct ObjectRef {
  std::string bucket{};
  std::string key{};
};

struct StoredObject {
  std::string body{};
  std::string etag{};                                           ///< As the service gives it, quotes included.
  std::vector<std::pair<std::string, std::string>> metadata{};  ///< Names in lower case, without "x-amz-meta-".
};

struct PutObject {
  ObjectRef where{};
  std::string body{};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> metadata{};
  bool if_absent = false;  ///< If-None-Match: *
  std::string if_match{};  ///< An ETag; empty for none.
};

/// Thread-safe; calls block. Errors: unavailable, throttled (may have been applied), permission_denied, cancelled.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Errors: not_found.
  virtual std::vector<Result<StoredObject>> get(std::span<const ObjectRef> objects) = 0;
  /// The answer is the new ETag. Errors: conflict (the condition does not hold, or another conditional write is under
  /// way: nothing was applied); too_large.
  virtual Result<std::string> put(const PutObject& object) = 0;
  /// Idempotent.
  virtual Result<void> remove(const ObjectRef& object) = 0;
};

}  // namespace fanfold::aws
