#pragma once

#include <string>
#include <string_view>

namespace fanfold::aws {

/// RFC 1321, 16 bytes.
[[nodiscard]] std::string md5_bytes(std::string_view bytes);
/// The same as 32 hexadecimal digits. SQS answers it for bodies, so that what got damaged on the way is found; it
/// defends nothing.
[[nodiscard]] std::string md5_text(std::string_view bytes);

}  // namespace fanfold::aws
