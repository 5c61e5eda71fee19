#pragma once

#include <fanfold/backends/aws.hpp>

#include "aws/call.hpp"
#include "backends/aws/table.hpp"

namespace fanfold::aws {

/// The Table on DynamoDB. Thread-safe.
class DynamoDbTable final : public Table {
 public:
  /// `service` and `usage` outlive this object. With `asks_capacity` the service tells what each call costs.
  DynamoDbTable(Service& service, std::string name, Usage& usage, bool asks_capacity)
      : service_(service), name_(std::move(name)), usage_(usage), asks_capacity_(asks_capacity) {}

  std::vector<Result<WriteAnswer>> update(std::span<const UpdateRequest> requests) override;
  std::vector<Result<WriteAnswer>> put(std::span<const PutRequest> requests) override;
  std::vector<Result<QueryAnswer>> query(std::span<const QueryRequest> requests) override;
  Result<std::optional<Item>> get(const ItemKey& key, Consistency consistency) override;
  Result<BatchGetAnswer> batch_get(std::span<const ItemKey> keys, Consistency consistency) override;
  Result<BatchWriteRequest> batch_write(const BatchWriteRequest& request) override;
  Result<TransactAnswer> transact(std::span<const PutRequest> puts) override;

 private:
  Service& service_;
  std::string name_;
  Usage& usage_;
  bool asks_capacity_;
};

}  // namespace fanfold::aws
