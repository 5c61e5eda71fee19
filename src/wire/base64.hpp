#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanfold::wire {

/// Strict base64 with padding (RFC 4648, section 4); empty where it is anything else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

/// The same way back, with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace fanfold::wire
