#pragma once

#include <fanfold/backends/aws.hpp>

#include "aws/call.hpp"
#include "backends/aws/object_store.hpp"

namespace fanfold::aws {

/// The ObjectStore on S3. Thread-safe.
class S3Objects final : public ObjectStore {
 public:
  /// `service` and `usage` outlive this object. `addressing_style` as Config has it.
  S3Objects(Service& service, std::string addressing_style, Usage& usage)
      : service_(service), addressing_style_(std::move(addressing_style)), usage_(usage) {}

  std::vector<Result<StoredObject>> get(std::span<const ObjectRef> objects) override;
  Result<std::string> put(const PutObject& object) override;
  Result<void> remove(const ObjectRef& object) override;

 private:
  Result<ServiceRequest> request_for(std::string_view operation, std::string_view method,
                                     const ObjectRef& object) const;

  Service& service_;
  std::string addressing_style_;
  Usage& usage_;
};

/// S3 takes at most 5 GB in one PUT; what is kept here is far below.
inline constexpr std::size_t object_bytes_max = std::size_t{512} << 20U;

}  // namespace fanfold::aws
