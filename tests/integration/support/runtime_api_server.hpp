#pragma once

#include "scripted_http_server.hpp"

#include <fanfold/detail/json_writer.hpp>
#include <fanfold/sqs_event.hpp>

#include <deque>

namespace fanfold::test {

/// Lambda's side of the Runtime API: gives out the events it was told, keeps what came back. When it has no more it
/// answers 500, at which a runtime has to end.
class RuntimeApiServer {
 public:
  struct Answer {
    std::string request_id;
    bool is_error = false;
    std::string error_type;
    std::string body;
  };

  RuntimeApiServer() : server_([this](const ReceivedRequest& request) { return reply_to(request); }) {
    ::setenv("AWS_LAMBDA_RUNTIME_API", address().c_str(), 1);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  [[nodiscard]] ScriptedHttpServer& http() noexcept { return server_; }

  /// An event as Lambda gives it; the request ids count up from "request-1".
  void give(std::string event, std::chrono::milliseconds time_left = std::chrono::minutes(1)) {
    const auto deadline = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now() + time_left);
    ScriptedReply reply = ScriptedReply::of(200, std::move(event));
    reply.headers = {{"Lambda-Runtime-Aws-Request-Id", "request-" + std::to_string(++event_count_)},
                     {"Lambda-Runtime-Deadline-Ms", std::to_string(deadline.time_since_epoch().count())},
                     {"Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419"},
                     {"Content-Type", "application/json"}};
    give_reply(std::move(reply));
  }
  /// Any reply to the next call of "next".
  void give_reply(ScriptedReply reply) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(reply));
  }
  /// The next call that brings an answer gets this; without, 202.
  void on_answer(ScriptedReply reply) {
    const std::lock_guard lock(mutex_);
    replies_.push_back(std::move(reply));
  }

  [[nodiscard]] std::vector<Answer> answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  ScriptedReply reply_to(const ReceivedRequest& request) {
    const std::lock_guard lock(mutex_);
    const std::string base = "/2018-06-01/runtime/";
    if (request.method == "GET" && request.target == base + "invocation/next") {
      if (events_.empty()) return ScriptedReply::of(500, R"({"errorMessage":"no more events","errorType":"Over"})");
      ScriptedReply reply = std::move(events_.front());
      events_.pop_front();
      return reply;
    }
    if (request.method != "POST" || !request.target.starts_with(base)) return ScriptedReply::of(404, "");
    Answer answer{request.target.substr(base.size()), false, request.header("lambda-runtime-function-error-type"),
                  request.body};
    if (answer.request_id.starts_with("invocation/")) answer.request_id.erase(0, 11);
    answer.is_error = answer.request_id.ends_with("/error");
    answer.request_id.resize(answer.request_id.rfind('/'));
    answers_.push_back(std::move(answer));
    if (replies_.empty()) return ScriptedReply::of(202, R"({"status":"OK"})");
    ScriptedReply reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }

  std::size_t event_count_ = 0;
  mutable std::mutex mutex_;
  std::deque<ScriptedReply> events_;   // guarded by mutex_
  std::deque<ScriptedReply> replies_;  // guarded by mutex_
  std::vector<Answer> answers_;        // guarded by mutex_
  ScriptedHttpServer server_;          // last: its threads use the others
};

/// The event that Lambda makes of records, as
/// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html shows it.
inline std::string event_of(const std::vector<SqsRecord>& records, const std::string& arn) {
  std::string text;
  detail::JsonWriter writer(text);
  const auto member = [&](std::string_view key, std::string_view value) {
    writer.key(key);
    writer.string(value);
  };
  writer.begin_object();
  writer.plain_key("Records");
  writer.begin_array();
  for (const SqsRecord& record : records) {
    writer.begin_object();
    member("messageId", record.message_id);
    member("receiptHandle", record.receipt_handle);
    member("body", record.body);
    writer.plain_key("attributes");
    writer.begin_object();
    for (const auto& [key, value] : record.attributes) member(key, value);
    member("SenderId", "AIDAIENQZJOLO23YVJ4VO");
    writer.end_object();
    writer.plain_key("messageAttributes");
    writer.begin_object();
    writer.plain_key("trace");
    writer.json(Json::parse(R"({"binaryValue":"AP8Q","stringListValues":[],"binaryListValues":[],)"
                            R"("dataType":"Binary"})")
                    .value());
    for (const auto& [name, attribute] : record.message_attributes) {
      writer.key(name);
      writer.begin_object();
      member("stringValue", attribute.string_value);
      member("dataType", attribute.data_type);
      writer.end_object();
    }
    writer.end_object();
    member("md5OfBody", "e4e68fb7bd0e697a0ae8f1bb342846b3");
    member("eventSource", "aws:sqs");
    member("eventSourceARN", arn);
    member("awsRegion", "us-east-2");
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return text;
}

}  // namespace fanfold::test
