#pragma once

#include <fanfold/types.hpp>

#include <map>

namespace fanfold {

struct SqsMessageAttribute {
  std::string data_type{};
  std::string string_value{};
  std::string binary_value{};  ///< Decoded from the event's base64.
};

/// One record of a Lambda SQS event, and what `Client::receive` returns on any engine.
struct SqsRecord {
  std::string message_id{};
  std::string receipt_handle{};
  std::string body{};                               ///< As on the wire.
  std::map<std::string, std::string> attributes{};  ///< ApproximateReceiveCount, SentTimestamp (ms), MessageGroupId,
                                                    ///< AWSTraceHeader, …
  std::map<std::string, SqsMessageAttribute> message_attributes{};
  std::string event_source_arn{};  ///< `arn:<partition>:sqs:<region>:<account>:<queue>`, or the embedded queue's name.
  std::string aws_region{};
  /// Of an event's record that lacks something or is otherwise not as Lambda writes it: what. The other fields hold
  /// what could be read. Nobody processes it, and `process_batch` leaves its message in the queue.
  std::optional<Error> error{};
};

/// A Lambda invocation's event.
struct SqsEvent {
  std::vector<SqsRecord> records{};

  /// Bad input in a record is that record's `error`, e.g. `/Records/3/body: missing`: the others are read. Errors:
  /// bad_input with the path where it is no event of records, or one has no messageId, so that nobody could say that it
  /// stays in its queue.
  [[nodiscard]] static Result<SqsEvent> parse(std::string_view json);
};

/// Why a message could not be read.
struct BatchItemError {
  std::string message_id{};
  Error error{};
};

/// A task or message that failed for good.
struct BatchItemFailed {
  std::string what{};      ///< "task 7 of SQSMessage$…", "SQSMessage$…"
  std::string reason{};    ///< What the handler said, or what its input lacks.
  std::string trace_id{};  ///< Of its message's trace; empty where it has none.
};

/// Lambda's partial-batch response.
struct BatchResponse {
  std::vector<std::string> batch_item_failures{};  ///< SQS message ids that stay in the queue.
  /// Of those that stay because they could not be read: their record in the event is wrong (its path is in the error's
  /// message), or their payload is kept in a bucket and could not be fetched (the bucket and the key are). To be
  /// logged, no part of the answer to Lambda.
  std::vector<BatchItemError> unread{};
  /// What failed for good in this call; its messages leave the queue. To be logged as well.
  std::vector<BatchItemFailed> failed{};
  [[nodiscard]] std::string to_json() const;  ///< `{"batchItemFailures":[{"itemIdentifier":"…"}]}`
};

}  // namespace fanfold
