#pragma once

#include <fanfold/trace_context.hpp>

#include "aws/call.hpp"

#include <map>

/// The operations of SQS that the queue needs, one class each:
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
namespace fanfold::aws {

inline constexpr std::size_t sqs_batch_count_max = 10;
/// Of one message and of one batch, attributes included.
inline constexpr std::size_t sqs_bytes_max = std::size_t{1} << 20U;

/// What became of one entry of a batch.
struct EntryAnswer {
  std::string message_id{};  ///< SendMessageBatch
  std::string md5{};         ///< SendMessageBatch, of the body
  std::optional<Error> error{};
  std::string service_code{};
  bool is_of_call = false;  ///< The whole call was refused, which says nothing about this entry.
};

/// A call whose answer tells for each entry, by its id "0", "1", …, whether it succeeded. An entry of which it says
/// nothing failed.
class BatchCall : public JsonCall {
 public:
  BatchCall(Service& sqs, std::string_view operation, std::string body, std::size_t entry_count,
            std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000))
      : JsonCall(sqs, "AmazonSQS", operation, std::move(body), timeout), entry_count_(entry_count) {}

  /// One for each entry; where the call failed as a whole, its error for each.
  [[nodiscard]] std::vector<EntryAnswer> take();

 private:
  Result<void> decode_json(detail::JsonValue root) override;

  std::size_t entry_count_;
  std::vector<EntryAnswer> entries_;
};

struct SendEntry {
  std::string_view body{};
  std::chrono::seconds delay{0};  ///< 0 leaves it to the queue.
  std::string_view group_id{};
  std::string_view deduplication_id{};
  std::size_t extended_bytes = 0;   ///< Not 0: the body is a pointer to so many.
  std::string_view trace_header{};  ///< AWSTraceHeader
};
[[nodiscard]] std::unique_ptr<BatchCall> make_send_call(Service& sqs, std::string_view url,
                                                        std::span<const SendEntry> entries);
[[nodiscard]] std::unique_ptr<BatchCall> make_delete_call(Service& sqs, std::string_view url,
                                                          std::span<const std::string_view> receipts);
struct VisibilityEntry {
  std::string_view receipt{};
  std::chrono::seconds visibility{0};
};
[[nodiscard]] std::unique_ptr<BatchCall> make_visibility_call(Service& sqs, std::string_view url,
                                                              std::span<const VisibilityEntry> entries);

struct ReceivedMessage {
  std::string id{};
  std::string receipt{};
  std::string body{};
  std::string md5{};
  std::uint32_t receive_count = 1;
  std::int64_t sent_at_milliseconds = 0;
  std::string group_id{};
  bool has_attributes = false;  ///< The three above are as the service tells.
  bool has_extended_size = false;
  TraceContext trace{};  ///< As it came, right or not.
};

class ReceiveCall final : public JsonCall {
 public:
  /// Servers that do not know MessageSystemAttributeNames are asked by the older AttributeNames too.
  ReceiveCall(Service& sqs, std::string_view url, std::size_t count_max, std::chrono::seconds wait,
              std::chrono::seconds visibility, bool asks_by_older_name = false);
  std::vector<ReceivedMessage> messages{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
};

/// The calls that take and answer a few texts. `result` is the member that is wanted.
class TextCall final : public JsonCall {
 public:
  using Members = std::vector<std::pair<std::string_view, std::string>>;
  TextCall(Service& sqs, std::string_view operation, const Members& members, std::string_view result = {});
  std::string text{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
  std::string_view result_;
};

using AttributeMap = std::map<std::string, std::string, std::less<>>;

class CreateQueueCall final : public JsonCall {
 public:
  CreateQueueCall(Service& sqs, std::string_view name, const AttributeMap& attributes);
  std::string url{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
};

class GetQueueAttributesCall final : public JsonCall {
 public:
  GetQueueAttributesCall(Service& sqs, std::string_view url, std::initializer_list<std::string_view> names);
  AttributeMap attributes{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
};

/// ListQueues and ListDeadLetterSourceQueues.
class ListCall final : public JsonCall {
 public:
  ListCall(Service& sqs, std::string_view operation, const TextCall::Members& members, std::string_view next_token,
           std::string_view result);
  std::vector<std::string> urls{};
  std::string next_token{};

 private:
  Result<void> decode_json(detail::JsonValue root) override;
  std::string_view result_;
};

}  // namespace fanfold::aws
