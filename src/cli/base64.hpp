#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// RFC 4648 with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Empty where `text` is not exactly what to_base64 writes.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace fanfold::cli
