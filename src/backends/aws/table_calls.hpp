#pragma once

#include "aws/call.hpp"

/// DynamoDB's calls that set-up makes: a table as the ledger needs it, described and created.
namespace fanfold::aws {

class DescribeTableCall final : public JsonCall {
 public:
  DescribeTableCall(Service& service, std::string_view table);
  std::string status{};
  std::string keys{};  ///< "pKey:HASH rKey:RANGE"
  std::string index_keys{};
  std::string index_status{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
};

/// On demand, with the index over clusters. `warm_write_units`: 0 for what a table has by itself.
class CreateTableCall final : public JsonCall {
 public:
  CreateTableCall(Service& service, std::string_view table, std::uint64_t warm_write_units);

 private:
  Result<void> decode_json(detail::JsonValue) override { return {}; }
};

class DescribeTtlCall final : public JsonCall {
 public:
  DescribeTtlCall(Service& service, std::string_view table);
  std::string status{};
  std::string attribute{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
};

class EnableTtlCall final : public JsonCall {
 public:
  EnableTtlCall(Service& service, std::string_view table);

 private:
  Result<void> decode_json(detail::JsonValue) override { return {}; }
};

}  // namespace fanfold::aws
