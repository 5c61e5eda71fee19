#pragma once

#include "backends/aws/dynamodb_table.hpp"

#include <optional>

/// The operations of DynamoDB that are used. How to add one: call.hpp.
namespace fanfold::aws {

inline constexpr std::string_view dynamodb_target = "DynamoDB_20120810";

/// What all calls of one table share. All of it outlives them.
struct TableContext {
  Service& service;
  const std::string& table;
  Usage& usage;
  bool asks_capacity;
};

/// A call that notes what it was charged.
class TableCall : public JsonCall {
 public:
  enum class Charge : std::uint8_t { read, write };
  TableCall(const TableContext& context, std::string_view operation, Charge charge, std::string body,
            std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000));

  /// A table that is not there is a mistake of whoever configured it; as not_found it would look like a record that is
  /// not there, on which decisions are made.
  [[nodiscard]] std::optional<Error> failure() const;

 protected:
  Result<void> decode_json(detail::JsonValue root) final;
  virtual Result<void> decode_answer(detail::JsonValue root) = 0;

 private:
  void note_capacity(const detail::JsonValue& root);
  void add(const detail::JsonValue& consumed);

  Usage& usage_;
  const std::string& table_;
  Charge charge_;
};

/// UpdateItem or PutItem.
class WriteCall final : public TableCall {
 public:
  WriteCall(const TableContext& context, const UpdateRequest& request);
  WriteCall(const TableContext& context, const PutRequest& request);
  Result<WriteAnswer> take();

 private:
  Result<void> decode_answer(detail::JsonValue root) override;
  Result<WriteAnswer> refused();
  bool answers_item_;
  std::optional<Item> item_;
};

class GetCall final : public TableCall {
 public:
  GetCall(const TableContext& context, const ItemKey& key, Consistency consistency);
  std::optional<Item> item{};

 private:
  Result<void> decode_answer(detail::JsonValue root) override;
};

class BatchGetCall final : public TableCall {
 public:
  BatchGetCall(const TableContext& context, std::span<const ItemKey> keys, Consistency consistency);
  BatchGetAnswer batch{};

 private:
  Result<void> decode_answer(detail::JsonValue root) override;
};

class BatchWriteCall final : public TableCall {
 public:
  BatchWriteCall(const TableContext& context, const BatchWriteRequest& request);
  BatchWriteRequest rest{};  ///< What was left unprocessed.

 private:
  Result<void> decode_answer(detail::JsonValue root) override;
  Result<void> read_request(const detail::JsonValue& request);
};

class QueryCall final : public TableCall {
 public:
  QueryCall(const TableContext& context, const QueryRequest& request);
  QueryAnswer page{};

 private:
  Result<void> decode_answer(detail::JsonValue root) override;
};

/// TransactWriteItems.
class TransactCall final : public TableCall {
 public:
  TransactCall(const TableContext& context, std::span<const PutRequest> puts);
  Result<TransactAnswer> take();

 private:
  Result<void> decode_answer(detail::JsonValue) override { return {}; }
};

}  // namespace fanfold::aws
