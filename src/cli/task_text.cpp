#include "cli/task_text.hpp"

#include "cli/text.hpp"
#include "wire/base64.hpp"

#include <fanfold/json.hpp>

namespace fanfold::cli {
namespace {

constexpr std::string_view bytes_begin = R"({"$bytes":")";
constexpr std::string_view bytes_end = R"("})";

bool looks_like_json(std::string_view task) { return task.starts_with('{') || task.starts_with('['); }

std::string text_body(std::string_view task) {
  std::string body;
  if (is_utf8(task)) {
    body.reserve(task.size() + 2);
    detail::JsonWriter writer(body);
    writer.string(task);
  } else {
    body.append(bytes_begin).append(wire::encode_base64(task)).append(bytes_end);
  }
  return body;
}

std::optional<std::string> bytes_of(std::string_view body) {
  if (!body.starts_with(bytes_begin) || !body.ends_with(bytes_end)) return std::nullopt;
  body.remove_prefix(bytes_begin.size());
  if (body.size() < bytes_end.size()) return std::nullopt;
  body.remove_suffix(bytes_end.size());
  return wire::decode_base64(body);
}

/// Whether a string's text stands for itself between its quotes.
bool is_plain_string(std::string_view json) {
  return json.size() >= 2 && json.front() == '"' && json.find('\\') == std::string_view::npos;
}

}  // namespace

Result<std::string> task_body(std::string_view task, TaskFormat format) {
  if (task.find('\0') != std::string_view::npos) {
    return Error{ErrorCode::bad_input, "a task cannot hold a NUL byte; with -0 tasks are separated by NUL", {}};
  }
  if (format == TaskFormat::text || !looks_like_json(task)) return text_body(task);
  auto json = Json::parse(task);
  if (!json) {
    return Error{
        ErrorCode::bad_input,
        "a task that begins with { or [ must be JSON (with --text every line is plain text): " + json.error().message,
        {}};
  }
  if (bytes_of(task)) {
    return Error{ErrorCode::bad_input,
                 R"({"$bytes":…} is how bytes that are no text are stored; give the bytes themselves)",
                 {}};
  }
  return std::string(task);
}

Result<std::string> task_text(const Json& body) {
  const std::string& text = body.text();
  std::string task;
  if (is_plain_string(text)) {
    task = text.substr(1, text.size() - 2);
  } else if (text.starts_with('"')) {
    auto decoded = Codec<std::string>::decode(body);
    if (!decoded) return std::move(decoded).error();
    task = std::move(*decoded);
  } else if (auto bytes = bytes_of(text)) {
    task = std::move(*bytes);
  } else {
    task = text;
  }
  if (task.find('\0') != std::string::npos) {
    return Error{ErrorCode::bad_input, "the task holds a NUL byte, which no argument can", {}};
  }
  return task;
}

std::string task_label(const Json& body) {
  auto text = task_text(body);
  return printable(text ? *text : body.text(), Newlines::escape);
}

}  // namespace fanfold::cli
