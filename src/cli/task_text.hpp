#pragma once

#include <fanfold/codec.hpp>

#include <string>
#include <string_view>

namespace fanfold::cli {

/// How the text of a task becomes a message's body.
enum class TaskFormat : std::uint8_t {
  automatic,  ///< What begins with { or [ must be JSON and is kept as it is; anything else is text.
  text        ///< Every task is text.
};

/// The body of a task: its JSON as it is, or a JSON string. Bytes that are no UTF-8 (file names on Linux may be any)
/// become `{"$bytes":"<base64>"}`, so that nothing is lost.
/// Errors: bad_input (not JSON; a JSON object that would be taken for such bytes; a NUL byte, which no argument can
/// hold).
[[nodiscard]] Result<std::string> task_body(std::string_view task, TaskFormat format);

/// The reverse: what {task} stands for. The text of a JSON string, the bytes of a `$bytes` object, other JSON as it is.
/// Errors: bad_input where the text holds a NUL character.
[[nodiscard]] Result<std::string> task_text(const Json& body);

/// For people: the text on one line, with everything that a terminal might act upon escaped.
[[nodiscard]] std::string task_label(const Json& body);

}  // namespace fanfold::cli
