// What the server of constant answers says.
#include "aws_constant.hpp"

#include "aws/md5.hpp"
#include "backends/aws/cell.hpp"
#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/header_item.hpp"
#include "backends/aws/keys.hpp"
#include "wire/envelope_text.hpp"

#include <fanfold/detail/json_writer.hpp>

namespace bench {

namespace {

using fanfold::detail::JsonWriter;

constexpr std::size_t batch_count = 10;
constexpr std::uint64_t header_task_count = 1'000'000;
constexpr std::uint64_t positions_apart = 32;
constexpr std::size_t receive_count = 2'000;
constexpr std::size_t receipt_bytes = 412;  // As SQS makes them.

fanfold::Time far() { return fanfold::Time(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1)); }

template <class Fill>
std::string object(Fill&& fill) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  fill(out);
  out.end_object();
  return text;
}

std::string received(std::size_t number) {
  return object([number](JsonWriter& out) {
    out.plain_key("Messages");
    out.begin_array();
    for (std::size_t i = 0; i < batch_count; ++i) {
      const std::string text = constant_message(number * batch_count + i);
      out.begin_object();
      out.plain_key("MessageId");
      out.plain_string("0f1b8b5e-4f4c-4a6f-8a55-00000000000" + std::to_string(i));
      out.plain_key("ReceiptHandle");
      out.plain_string(std::string(receipt_bytes, static_cast<char>('A' + i)));
      out.plain_key("MD5OfBody");
      out.plain_string(fanfold::aws::md5_text(text));
      out.plain_key("Body");
      out.string(text);
      out.plain_key("Attributes");
      out.begin_object();
      out.plain_key("ApproximateReceiveCount");
      out.plain_string("1");
      out.plain_key("SentTimestamp");
      out.plain_string("1795860000000");
      out.end_object();
      out.end_object();
    }
    out.end_array();
  });
}

std::string batch_answer(std::size_t count, bool sent) {
  return object([&](JsonWriter& out) {
    out.plain_key("Successful");
    out.begin_array();
    for (std::size_t i = 0; i < count; ++i) {
      out.begin_object();
      out.plain_key("Id");
      out.plain_string(std::to_string(i));
      if (sent) {
        out.plain_key("MessageId");
        out.plain_string("0f1b8b5e-4f4c-4a6f-8a55-00000000000" + std::to_string(i));
      }
      out.end_object();
    }
    out.end_array();
    out.plain_key("Failed");
    out.begin_array();
    out.end_array();
  });
}

/// A leaf with half of its tasks claimed, as it is on average.
std::string updated() {
  fanfold::aws::Item leaf{{"c#" + std::string(constant_cluster) + "#0.0.0", std::string(fanfold::aws::node_sort)}, {}};
  leaf.set(fanfold::aws::ttl_name, fanfold::aws::Value::of_number(4'102'444'800));
  const fanfold::aws::Cell cell{
      .state = fanfold::aws::Cell::State::leased, .attempt = 1, .time = far(), .token = 0x123456789abcdef0};
  for (unsigned slot = 0; slot < fanfold::aws::tree_radix; slot += 2)
    leaf.set(fanfold::aws::cell_name(slot), fanfold::aws::Value::of_binary(fanfold::aws::encode_cell(cell)));
  return object([&](JsonWriter& out) {
    out.plain_key("Attributes");
    write_item(out, leaf);
  });
}

std::string header() {
  fanfold::ClusterHeader header;
  header.id = constant_cluster;
  header.queue_url = header.finish_queue_url = constant_queue;
  header.task_count = header_task_count;
  header.round_size = header_task_count;
  header.marked = true;
  header.parent_ended = true;
  header.version = 3;
  header.created_at = header.updated_at = fanfold::Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 24));
  header.expires_at = far();
  return object([&](JsonWriter& out) {
    out.plain_key("Item");
    write_item(out, fanfold::aws::write_header(header));
  });
}

}  // namespace

std::uint64_t constant_position(std::size_t number) { return number * positions_apart; }

std::string constant_message(std::size_t number) {
  fanfold::Envelope content;
  content.type = fanfold::RecordType::task;
  content.id = constant_cluster;
  content.position = content.index = constant_position(number);
  content.body = fanfold::Json::from_valid_text("\"" + std::string(198, 'x') + "\"");
  content.expires_at = far();
  return fanfold::wire::write_envelope(content);
}

Answers constant_answers() {
  Answers answers{
      {"AmazonSQS.GetQueueUrl", {object([](JsonWriter& out) {
         out.plain_key("QueueUrl");
         out.plain_string(constant_queue);
       })}},
      {"AmazonSQS.GetQueueAttributes", {object([](JsonWriter& out) {
         out.plain_key("Attributes");
         out.begin_object();
         out.plain_key("VisibilityTimeout");
         out.plain_string("30");
         out.plain_key("MessageRetentionPeriod");
         out.plain_string("345600");
         out.end_object();
       })}},
      {"DynamoDB_20120810.UpdateItem", {updated()}},
      {"DynamoDB_20120810.UpdateItemNONE", {"{}"}},
      {"DynamoDB_20120810.GetItem", {header()}},
      {"DynamoDB_20120810.Query", {R"({"Items":[]})"}},
  };
  for (std::size_t number = 0; number < receive_count; ++number)
    answers["AmazonSQS.ReceiveMessage"].push_back(received(number));
  for (std::size_t count = 1; count <= batch_count; ++count) {
    const std::string suffix = std::to_string(count);
    answers["AmazonSQS.SendMessageBatch" + suffix] = {batch_answer(count, true)};
    answers["AmazonSQS.DeleteMessageBatch" + suffix] = {batch_answer(count, false)};
    answers["AmazonSQS.ChangeMessageVisibilityBatch" + suffix] = {batch_answer(count, false)};
  }
  return answers;
}

}  // namespace bench
