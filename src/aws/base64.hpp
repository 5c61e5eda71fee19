#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanfold::aws {

/// RFC 4648, section 4, with padding.
void append_base64(std::string& out, std::string_view bytes);
/// Empty where it is anything else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace fanfold::aws
