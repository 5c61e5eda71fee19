#pragma once

#include <fanfold/backends/aws.hpp>

#include "aws/session.hpp"
#include "backends/aws/blobs.hpp"
#include "backends/aws/dynamodb_table.hpp"
#include "backends/aws/s3_objects.hpp"

#include <fanfold/ports/clock.hpp>

namespace fanfold::aws {

/// The services' time, so that leases mean the same to all. Thread-safe.
class AwsClock final : public Clock {
 public:
  /// Outlives this object.
  explicit AwsClock(const ServiceTime& time) : time_(time) {}
  Time now() override { return time_.now(); }
  void sleep_until(Time time, std::stop_token stop) override;

 private:
  const ServiceTime& time_;
};

/// What the ports of one store share.
struct Store {
  std::string table_name{};
  std::string bucket{};
  std::shared_ptr<Usage> usage{};  // Shared with whoever opened the store.
  std::unique_ptr<Session> session{};
  std::unique_ptr<Service> sqs{};
  std::unique_ptr<Service> dynamodb{};
  std::unique_ptr<Service> s3{};
  std::unique_ptr<AwsClock> clock{};
  std::unique_ptr<DynamoDbTable> table{};
  std::unique_ptr<S3Objects> objects{};
  std::unique_ptr<Blobs> blobs{};

  /// Null without a bucket.
  [[nodiscard]] ObjectStore* bucket_objects() const noexcept { return bucket.empty() ? nullptr : objects.get(); }
};

/// Errors: those of open. `variables` is the environment.
[[nodiscard]] Result<std::shared_ptr<Store>> open_store(const Options& options, const Variables& variables);

}  // namespace fanfold::aws
