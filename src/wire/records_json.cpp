#include <fanfold/detail/json_writer.hpp>
#include <fanfold/records_json.hpp>

namespace fanfold {
namespace {

using detail::JsonWriter;

void write_time(JsonWriter& writer, std::string_view key, Time time) {
  writer.plain_key(key);
  writer.plain_string(to_iso8601(time));
}

void write_text(JsonWriter& writer, std::string_view key, std::string_view text) {
  writer.plain_key(key);
  writer.string(text);
}

void write_json(JsonWriter& writer, std::string_view key, const std::optional<Json>& json) {
  if (!json) return;
  writer.plain_key(key);
  writer.json_unchecked(json->text());
}

/// `error` is left out where there is none, as the stored type says.
void write_errors(JsonWriter& writer, const std::vector<ErrorEntry>& errors) {
  if (errors.empty()) return;
  writer.plain_key("error");
  writer.begin_array();
  for (const ErrorEntry& error : errors) {
    writer.begin_object();
    writer.plain_key("attempt");
    writer.unsigned_integer(error.attempt);
    write_text(writer, "code", error.code);
    write_text(writer, "message", error.message);
    write_text(writer, "fingerprint", error.fingerprint);
    write_time(writer, "at", error.at);
    writer.plain_key("final");
    writer.boolean(error.final);
    writer.end_object();
  }
  writer.end_array();
}

/// What both kinds of record have, in the stored order.
template <class Record>
void write_common(JsonWriter& writer, const Record& record) {
  writer.plain_key("status");
  writer.plain_string(to_string(record.status));
  writer.plain_key("statusCode");
  writer.unsigned_integer(static_cast<std::uint64_t>(record.status_code));
  write_errors(writer, record.error);
  write_time(writer, "startedAt", record.started_at);
  writer.plain_key("completedAt");
  if (record.completed_at) {
    writer.plain_string(to_iso8601(*record.completed_at));
  } else {
    writer.null();
  }
  write_json(writer, "meta", record.meta);
  write_time(writer, "updatedAt", record.updated_at);
  write_time(writer, "expiresAt", record.expires_at);
}

void write_tasks(JsonWriter& writer, std::string_view key, const std::vector<Task<Json>>& tasks) {
  writer.plain_key(key);
  writer.begin_array();
  for (const Task<Json>& task : tasks) {
    writer.begin_object();
    write_json(writer, "meta", task.meta);
    writer.plain_key("type");
    writer.plain_string(to_string(RecordType::task));
    write_text(writer, "id", task.id);
    writer.plain_key("status");
    writer.plain_string(to_string(task.status));
    writer.end_object();
  }
  writer.end_array();
}

void write_keys(JsonWriter& writer, const std::string& url, const std::string& p_key, const std::string& r_key,
                RecordType type) {
  writer.plain_key("type");
  writer.plain_string(to_string(type));
  write_text(writer, "url", url);
  write_text(writer, "pKey", p_key);
  write_text(writer, "rKey", r_key);
}

}  // namespace

Json to_json(const MessageRecord<Json, Json>& record) {
  std::string text;
  JsonWriter writer(text);
  writer.begin_object();
  write_keys(writer, record.url, record.p_key, record.r_key, record.type);
  write_text(writer, "id", record.id);
  write_json(writer, "body", record.body);
  write_common(writer, record);
  writer.plain_key("consumtion_count");
  writer.unsigned_integer(record.consumption_count);
  writer.end_object();
  return Json::from_valid_text(std::move(text));
}

Json to_json(const MessageClusterRecord<Json, Json>& record) {
  std::string text;
  JsonWriter writer(text);
  writer.begin_object();
  write_keys(writer, record.url, record.p_key, record.r_key, record.type);
  if (!record.name.empty()) write_text(writer, "name", record.name);
  write_common(writer, record);
  if (record.bucket_params) {
    writer.plain_key("bucketParams");
    writer.begin_object();
    write_text(writer, "Bucket", record.bucket_params->bucket);
    write_text(writer, "Key", record.bucket_params->key);
    writer.end_object();
  }
  write_tasks(writer, "completedTasks", record.completed_tasks);
  write_tasks(writer, "incompleteTasks", record.incomplete_tasks);
  writer.end_object();
  return Json::from_valid_text(std::move(text));
}

}  // namespace fanfold
