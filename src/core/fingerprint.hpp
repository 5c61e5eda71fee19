#pragma once

#include <string>
#include <string_view>

namespace fanfold::core {

/// Longest message that an error keeps; what is behind is cut and said so.
inline constexpr std::size_t error_message_bytes_max = 4'096;

/// 8 hex digits, equal for errors that differ only in numbers, UUIDs, hex strings and paths.
[[nodiscard]] std::string error_fingerprint(std::string_view code, std::string_view message);

/// What the fingerprint sees of a message: each number, UUID, hex string and path replaced by one sign.
[[nodiscard]] std::string normalized_message(std::string_view message);

/// Valid UTF-8 of at most `error_message_bytes_max`: handlers throw whatever bytes a library gave them.
[[nodiscard]] std::string presentable_message(std::string_view message);

/// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace fanfold::core
