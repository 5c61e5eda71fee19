#pragma once

#include <string>
#include <string_view>

namespace fanfold::aws {

/// SQS takes the characters of XML alone: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF, in
/// UTF-8. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
[[nodiscard]] bool is_sendable(std::string_view text) noexcept;

/// JSON text with U+FFFE and U+FFFF, the only characters of valid JSON that SQS refuses, as escapes.
[[nodiscard]] std::string sendable_json(std::string text);

}  // namespace fanfold::aws
